"""Prints figures side by side."""

from __future__ import annotations

from collections.abc import Sequence


def table(heads: Sequence[str], rows: Sequence[tuple[str, ...]]) -> str:
    """Lay out a table: names to the left, figures to the right.

    :param heads: over the columns; the first column's head is the table's title.
    :param rows: a name and a figure for each further column.
    """
    lines = [tuple(heads), *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    ruled = [lines[0], tuple("-" * width for width in widths), *lines[1:]]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True))]
        )
        for line in ruled
    )


def verdicts(goals: Sequence[tuple[bool, str]]) -> str:
    """List goals and whether they hold."""
    return "\n".join(f"  {'ok    ' if held else 'MISSED'}  {goal}" for held, goal in goals)
