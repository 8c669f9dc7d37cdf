"""
Which state a metric alarm is in.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html. Its periods end with the
moment of the evaluation, where AWS's end with whole minutes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from operator import ge, gt, le, lt
from typing import Any

from moto.cloudwatch.models import Alarm, MetricDatum, Statistics

OK, ALARM, NO_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": ge,
    "GreaterThanThreshold": gt,
    "LessThanThreshold": lt,
    "LessThanOrEqualToThreshold": le,
}
# moto's two kinds of data: single values, and sets of statistics.
Datum = Any


def evaluate(alarm: Alarm, data: Sequence[Datum], now: datetime) -> tuple[str | None, list[float | None]]:
    """
    Look at an alarm's metric.

    :param data: everything that is known of metrics.
    :return: the state, None where the one it has is to be kept; and what each period has, the newest first.
    """
    period, periods = timedelta(seconds=alarm.period), alarm.evaluation_periods
    mine = [datum for datum in data if _is_of(datum, alarm)]
    seen: list[list[Datum]] = [[] for _ in range(periods)]
    for datum in mine:
        age = now - _utc(datum.timestamp)
        if timedelta() <= age < period * periods:
            seen[int(age / period)].append(datum)
    points = [_statistic(alarm, found, now) if found else None for found in seen]
    return _state(alarm, points), points


def _state(alarm: Alarm, points: list[float | None]) -> str | None:
    needed, missing = alarm.datapoints_to_alarm or len(points), points.count(None)
    treat, present = alarm.treat_missing_data or "missing", len(points) - missing
    beyond = COMPARISONS[alarm.comparison_operator]
    breaching = sum(beyond(point, alarm.threshold) for point in points if point is not None)
    if treat == "breaching":
        return ALARM if breaching + missing >= needed else OK
    if treat == "notBreaching":
        return ALARM if breaching >= needed else OK
    if treat == "ignore":
        if breaching >= needed:
            return ALARM
        return OK if present - breaching > len(points) - needed else None
    if not present:
        return NO_DATA
    return ALARM if breaching >= min(needed, present) else OK


def _is_of(datum: Datum, alarm: Alarm) -> bool:
    if (datum.namespace, datum.name) != (alarm.namespace, alarm.metric_name):
        return False
    if alarm.unit and datum.unit != alarm.unit:
        return False
    return _pairs(datum.dimensions) == _pairs(alarm.dimensions)


def _pairs(dimensions: list[Any]) -> set[tuple[str, str]]:
    return {(dimension.name, dimension.value) for dimension in dimensions}


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _statistic(alarm: Alarm, found: list[Datum], now: datetime) -> float | None:
    if alarm.extended_statistic:
        values = sorted(datum.value for datum in found if isinstance(datum, MetricDatum))
        rank = math.ceil(float(alarm.extended_statistic[1:]) / 100 * len(values))
        return float(values[max(0, rank - 1)]) if values else None
    statistics = Statistics([alarm.statistic], now)
    statistics.metric_data = found
    return float(statistics.get_statistics_for_type(alarm.statistic))
