"""The window of a retrain's data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from retraining.errors import RunConfigError
from retraining.model.spec import MAX_WINDOW_DAYS, ModelSpec


def iso(moment: datetime) -> str:
    """Write a moment as ISO 8601 in UTC, to the second: ``2013-05-01T00:00:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Window:
    """The rows of one retrain: [start, end), of which [validation_start, end) validate. UTC."""

    start: datetime
    validation_start: datetime
    end: datetime

    @classmethod
    def ending(cls, end: datetime, spec: ModelSpec, window_days: int) -> Window:
        """Lay the window that ends at ``end``.

        :raises RunConfigError: when the window is not longer than its validation part.
        """
        if not spec.validation_days < window_days <= MAX_WINDOW_DAYS:
            raise RunConfigError(
                f"window_days: {window_days} must be between {spec.validation_days + 1} and {MAX_WINDOW_DAYS}"
            )
        validation_start = end - timedelta(days=spec.validation_days)
        return cls(end - timedelta(days=window_days), validation_start, end)

    @classmethod
    def between(cls, start: datetime, end: datetime, spec: ModelSpec) -> Window:
        """Lay the window [start, end).

        :raises RunConfigError: when the window is not longer than its validation part, or over a year long.
        """
        shortest, longest = timedelta(days=spec.validation_days), timedelta(days=MAX_WINDOW_DAYS)
        if not shortest < end - start <= longest:
            raise RunConfigError(
                f"window_start: {iso(start)} must be more than {spec.validation_days} days (validation_days)"
                f" and at most {MAX_WINDOW_DAYS} days before the window's end, {iso(end)}"
            )
        return cls(start, end - shortest, end)
