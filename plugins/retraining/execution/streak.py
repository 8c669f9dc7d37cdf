"""How many models in a row were rejected, by the order of their data, told from what each run leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

# A row that nobody added to for so long has ended.
MONTHS = 12


@dataclass(frozen=True, order=True)
class Judged:
    """What a run leaves of the model that it judged; in the order of the data, whenever the runs were.

    :param window_end: where the window of its data ends, ISO 8601 UTC to the second.
    :param ended: when its execution ended, ISO 8601 UTC; tells the models of one window apart.
    :param rejections: models rejected in a row, up to this one; 0 for one that passed.
    """

    window_end: str
    ended: str
    rejections: int = field(default=0, compare=False)

    @classmethod
    def at(cls, window_end: str, ended: datetime, rejections: int = 0) -> Judged:
        """Make one of the moment when the execution ended."""
        return cls(window_end, ended.astimezone(UTC).isoformat(timespec="milliseconds"), rejections)

    @property
    def month(self) -> str:
        """The month that the window ends in, such as ``2013-05``."""
        return self.window_end[:7]

    def months(self) -> Iterator[str]:
        """Give this month and those before it, as far back as a row is followed."""
        year, month = (int(part) for part in self.month.split("-"))
        for _ in range(MONTHS + 1):
            yield f"{year:04}-{month:02}"
            year, month = (year, month - 1) if month > 1 else (year - 1, 12)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON can hold it."""
        return asdict(self)


def rejections_before(this: Judged, month: Iterable[Mapping[str, Any]]) -> int | None:
    """Count the models in a row that were rejected just before this one.

    They are counted anew, as runs may end out of order, or train again; only what is beyond the month is
    taken from the first of its models.

    :param month: what the runs of this or an earlier month left.
    :return: None when no run of the month is before this one.
    """
    before = sorted(judged for judged in (Judged(**left) for left in month) if judged < this)
    if not before:
        return None
    row = 0
    for judged in reversed(before):
        if not judged.rejections:
            return row
        row += 1
    return row - 1 + before[0].rejections
