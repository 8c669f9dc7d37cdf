"""Tells people about outcomes, with notifiers of Airflow's own kind."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from airflow.sdk.bases.notifier import BaseNotifier

from retraining.airflow_internals import import_by_path
from retraining.execution.report import GateReport
from retraining.model.gate_spec import Notify

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


def make_notifier(notify: Notify) -> BaseNotifier:
    """Make the notifier that ``model.yaml`` names; it is imported now and not before.

    :raises ImportError: when there is no such class.
    :raises TypeError: when it is no notifier, or does not take the arguments.
    """
    found = import_by_path(notify.notifier)
    if not (isinstance(found, type) and issubclass(found, BaseNotifier)):
        raise TypeError(f"notify.notifier: {notify.notifier!r} must be a subclass of Airflow's BaseNotifier")
    return found(**notify.arguments)


def notify_all(
    report: GateReport, context: Context, given: Iterable[BaseNotifier], configured: Iterable[Notify]
) -> None:
    """Send every notification for the report's outcome; one that fails is logged and stops no other.

    :param context: the task's; templates also find the report in it, as ``gate_report``.
    :param given: the notifiers that the DAG's author attached for this outcome.
    :param configured: the model's, for any outcome.
    """
    for name, make in _makers(report, given, configured):
        try:
            make()({**context, "gate_report": report.to_dict()})
        except Exception:
            log.exception("Could not notify by %s; the outcome is still %s", name, report.outcome)
        else:
            log.info("Notified by %s", name)


def _makers(
    report: GateReport, given: Iterable[BaseNotifier], configured: Iterable[Notify]
) -> Iterator[tuple[str, Callable[[], BaseNotifier]]]:
    for notifier in given:
        yield type(notifier).__qualname__, partial(_same, notifier)
    for notify in configured:
        if report.outcome in notify.outcomes:
            yield notify.notifier, partial(make_notifier, notify)


def _same(notifier: BaseNotifier) -> BaseNotifier:
    return notifier
