"""Plots gate reports: the metric against the threshold, over data time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from scripts.report_rows import MISSING, NO_REPORT, Row

# Colours that colour-blind people tell apart (Okabe and Ito), and a marker each for those who print in grey.
STYLES = {
    "deployed": ("#0072B2", "D"),
    "accepted": ("#009E73", "o"),
    "stale": ("#999999", "s"),
    "held": ("#E69F00", "^"),
    "rejected": ("#D55E00", "X"),
}
# What has no metric is marked at the plot's lower edge.
WITHOUT_METRIC = {
    "failed": ("#000000", "v"),
    "timed_out": ("#000000", "<"),
    "aborted": ("#000000", ">"),
    NO_REPORT: ("#CC79A7", "P"),
    MISSING: ("#CC79A7", "|"),
}


def plot(rows: Sequence[Row], model: str, path: Path) -> None:
    """
    Plot to a file.

    :param path: its suffix says the format, ``.svg`` or ``.png``
    """
    with rc_context({"date.converter": "concise"}):
        figure = _figure(rows, model)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)


def _figure(rows: Sequence[Row], model: str) -> Figure:
    figure = Figure(figsize=(11, 5), layout="constrained")
    axes = figure.subplots()
    judged = [row for row in rows if row.told("value") is not None]
    metric = next((row.told("metric") for row in judged), "metric")
    _draw_threshold(axes, judged)
    for outcome, (colour, marker) in (STYLES | WITHOUT_METRIC).items():
        of_it = [row for row in judged if row.outcome == outcome]
        if of_it:
            axes.plot(
                [row.end for row in of_it],
                [row.told("value") for row in of_it],
                **_points(colour, marker),
                label=f"{outcome} ({len(of_it)})",
            )
        without = [row for row in rows if row.outcome == outcome and row.told("value") is None]
        if without:
            axes.plot(
                [row.end for row in without],
                [0.02] * len(without),
                transform=axes.get_xaxis_transform(),
                **_points(colour, marker),
                label=f"{outcome} ({len(without)})",
            )
    axes.margins(y=0.15)
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.set_xlabel("end of the data interval, UTC")
    axes.set_ylabel(str(metric))
    axes.set_title(f"{model}: {metric} of each retrain, against the gate's threshold")
    figure.legend(loc="outside lower center", ncols=5, frameon=False)
    return figure


def _draw_threshold(axes: Any, judged: Sequence[Row]) -> None:
    """A run may have a threshold of its own, so that the line has steps."""
    if judged:
        ends, thresholds = [row.end for row in judged], [row.told("threshold") for row in judged]
        axes.plot(ends, thresholds, color="#444444", linestyle="--", drawstyle="steps-mid", label="threshold")
        if len(judged) == 1:
            axes.axhline(thresholds[0], color="#444444", linestyle="--")
        axes.plot(ends, [row.told("value") for row in judged], color="#bbbbbb", linewidth=1, zorder=1)


def _points(colour: str, marker: str) -> dict[str, Any]:
    return {"color": colour, "marker": marker, "linestyle": "none", "markersize": 7, "markeredgewidth": 1.5}
