"""What the demo prints: the gate reports as one table, and predictions beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scripts.demo_runs import Retrain

_NONE = "-"
_NOTABLE_S = 0.05


def reports_table(retrains: Sequence[Retrain], execution_seconds: Sequence[float]) -> str:
    """
    Lay the gate reports side by side, a row a field; the states are those that took time.

    :param retrains: what ran
    :param execution_seconds: how long each one's execution took
    """
    fields = [key for key in retrains[0].report if key not in ("durations", "cause", "outcome")]
    rows = [["", *(retrain.report["outcome"].upper() for retrain in retrains)]]
    rows += [[field, *(_text(retrain.report[field]) for retrain in retrains)] for field in fields]
    states = dict.fromkeys(state for retrain in retrains for state in retrain.report["durations"])
    for state in states:
        seconds = [retrain.report["durations"].get(state, 0.0) for retrain in retrains]
        if max(seconds) >= _NOTABLE_S:
            rows.append([f"  {state}", *(f"{value:.1f} s" if value else _NONE for value in seconds)])
    rows.append(["execution", *(f"{seconds:.1f} s" for seconds in execution_seconds)])
    rows.append(["DAG run", *(f"{retrain.seconds:.1f} s" for retrain in retrains)])
    rows.append(["cause", *(_text(retrain.report["cause"]) for retrain in retrains)])
    return table(rows)


def predictions_table(check: dict[str, Any], count: int = 4) -> str:
    """
    Show predictions beside the truth.

    :param check: what ``scripts/endpoint_check.py`` printed
    :param count: how many flights that came late, and how many that did not; they are spread over the day
    """
    rows = [["carrier", "from", "to", "left", "P(late)", "predicted", "truth", ""]]
    for late in (False, True):
        indices = [index for index, label in enumerate(check["labels"]) if bool(label) is late]
        for index in indices[:: max(1, len(indices) // count)][:count]:
            flight = dict(zip(check["features"], check["flights"][index], strict=True))
            probability = check["endpoint"][index]
            rows.append(
                [
                    *(_code(flight[name]) for name in ("carrier_code", "origin_code", "dest_code")),
                    f"{flight['dep_delay']:+d} min",
                    f"{probability:.3f}",
                    _word(probability > 0.5),
                    _word(late),
                    "" if (probability > 0.5) is late else "wrong",
                ]
            )
    return table(rows)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows in columns, the first row a header."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(f"  {line}".rstrip() for line in lines)


def _text(value: Any) -> str:
    if value is None:
        return _NONE
    if isinstance(value, float):
        return f"{value:.6f}"
    # Of an ARN, what tells two of them apart; the whole is in the JSON report.
    return str(value).rpartition(":")[2] if str(value).startswith("arn:") else str(value)


def _word(late: bool) -> str:
    return "late" if late else "on time"


def _code(number: int) -> str:
    """Read an airport or airline code back from its number, two digits a character (transform.sql)."""
    digits = str(number)
    return "".join(chr(int(digits[at : at + 2])) for at in range(0, len(digits), 2))
