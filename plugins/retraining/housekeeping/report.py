"""What housekeeping did, or would do: as data for XCom, and as lines for the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from retraining.housekeeping.retention import Leftovers, Verdict

# XComs are kept small.
LISTED = 100
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def report(verdicts: Sequence[Verdict], strangers: Sequence[str]) -> dict[str, Any]:
    """Sum verdicts up: what goes, what stays and why.

    :param strangers: S3 folders that are not touched, because nothing shows whose they are.
    """
    gone = [verdict.leftovers for verdict in verdicts if verdict.because is None]
    return {
        "beyond_retention": {
            "runs": len(gone),
            "models": sum(item.model is not None for item in gone),
            "endpoint configs": sum(len(item.configs) for item in gone),
            "objects": sum(len(item.objects) for item in gone),
            "bytes": sum(item.size for item in gone),
        },
        "kept": dict(Counter(verdict.because for verdict in verdicts if verdict.because)),
        "not_touched": list(strangers[:LISTED]),
    }


def lines(
    verdicts: Sequence[Verdict], strangers: Sequence[str], now: datetime, limit: int | None = None
) -> Iterator[str]:
    """Write one line for each run that goes, and one for each reason to stay.

    :param limit: of runs and of folders that are named.
    """
    gone = [verdict.leftovers for verdict in verdicts if verdict.because is None]
    kept = Counter(verdict.because for verdict in verdicts if verdict.because)
    rows = [_row(item, now) for item in gone[:limit]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield (
            "goes   " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    if len(rows) < len(gone):
        yield f"goes   and {len(gone) - len(rows)} more"
    for reason, count in kept.most_common():
        yield f"stays  {count:>6}  {reason}"
    for folder in strangers[:limit]:
        yield f"stays          nothing shows whose it is: {folder}"
    if len(strangers[:limit]) < len(strangers):
        yield f"stays          nothing shows whose they are: {len(strangers) - len(strangers[:limit])} more"
    size = sum(item.size for item in gone)
    yield f"{len(gone)} of {len(verdicts)} runs are beyond the retention, with {human_size(size)} in S3"


def _row(item: Leftovers, now: datetime) -> tuple[str, ...]:
    parts = [
        "model" if item.model else "",
        f"endpoint configs: {len(item.configs)}" if item.configs else "",
        f"objects: {len(item.objects)}",
    ]
    return (
        item.run,
        f"window to {item.window_end}" if item.window_end else "no model",
        f"{(now - item.created).days} days old",
        ", ".join(filter(None, parts)),
        human_size(item.size),
    )


def human_size(size: float) -> str:
    """Write a number of bytes so that a person can read it: ``1.5 MiB``."""
    for unit in _UNITS[:-1]:
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} {_UNITS[-1]}"
