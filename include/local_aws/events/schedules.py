"""
Rules that go off by the clock.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import logging
import re
import threading
from datetime import datetime, timedelta

from aws_croniter import AwsCroniter
from moto.events.exceptions import ValidationException
from moto.events.models import Rule, events_backends

from include.local_aws.clock import clock
from include.local_aws.events import bus
from include.local_aws.runtime import ACCOUNT_ID

log = logging.getLogger(__name__)

INVALID = "Parameter ScheduleExpression is not valid."
TICK_SECONDS = 1.0
_RATE = re.compile(r"rate\(([1-9]\d*) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((.+)\)")


def next_after(expression: str, at: datetime) -> datetime:
    """
    When a schedule goes off next.

    :raises ValidationException: when it is none.
    """
    if rate := _RATE.fullmatch(expression):
        number = int(rate[1])
        # "A value of 1 has a singular unit": rate(1 hours) and rate(5 hour) are not valid.
        if (number == 1) == bool(rate[3]):
            raise ValidationException(INVALID)
        return at + timedelta(**{f"{rate[2]}s": number})
    cron = _CRON.fullmatch(expression)
    if cron is None:
        raise ValidationException(INVALID)
    try:
        (following,) = AwsCroniter(cron[1]).get_next(at, 1)
    except Exception as error:
        raise ValidationException(INVALID) from error
    found: datetime = following
    return found


def start() -> None:
    """Let schedules go off, in a thread of their own."""
    threading.Thread(target=_run, name="schedules", daemon=True).start()


def _run() -> None:
    while True:
        clock.wait(TICK_SECONDS)
        for region, backend in tuple(events_backends[ACCOUNT_ID].items()):
            for rule in tuple(backend.event_buses["default"].rules.values()):
                try:
                    _tick(rule, region)
                except Exception:
                    log.exception("the schedule of rule %s", rule.name)


def _tick(rule: Rule, region: str) -> None:
    """Go off as often as the schedule has come round since it was looked at last."""
    if not rule.scheduled_expression or rule.state != "ENABLED":
        vars(rule).pop("due", None)
        return
    now = clock.now()
    due = vars(rule).setdefault("due", next_after(rule.scheduled_expression, now))
    while due <= now:
        bus.trigger(rule, bus.make("aws.events", "Scheduled Event", {}, [rule.arn], due, region))
        due = next_after(rule.scheduled_expression, due)
    vars(rule)["due"] = due
