"""Alarms that watch their metrics, and tell their topics and EventBridge of it when their state changes."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

from moto.cloudwatch.models import Alarm, CloudWatchBackend, cloudwatch_backends

from include.local_aws.clock import clock
from include.local_aws.cloudwatch.evaluation import NO_DATA, evaluate
from include.local_aws.events import bus
from include.local_aws.runtime import ACCOUNT_ID, Runtime

log = logging.getLogger(__name__)

TICK_SECONDS = 5.0
# Taken for whatever looks at an alarm's state in order to change it.
_lock = threading.RLock()


# Those of this process.
_all: list[Alarms] = []


def look(backend: CloudWatchBackend) -> None:
    """Bring the alarms of a region up to date."""
    for alarms in _all:
        alarms.look(backend)


class Alarms:
    """
    The alarms of an embedded AWS.

    :param runtime: where their topics are.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        _all[:] = [self]

    def watch(self) -> None:
        """Look at all of them time and again, in a thread of its own."""
        threading.Thread(target=self._run, name="alarms", daemon=True).start()

    def look(self, backend: CloudWatchBackend) -> None:
        """Bring the alarms of a region up to date."""
        for alarm in tuple(backend.alarms.values()):
            with _lock:
                self._look_at(backend, alarm)

    def _run(self) -> None:
        while True:
            clock.wait(TICK_SECONDS)
            for backend in tuple(cloudwatch_backends[ACCOUNT_ID].values()):
                try:
                    self.look(backend)
                except Exception:
                    log.exception("alarms")

    def _look_at(self, backend: CloudWatchBackend, alarm: Alarm) -> None:
        state, points = evaluate(alarm, tuple(backend.metric_data), clock.now())
        # What SetAlarmState has said stands until the metric says something else than it did before.
        before, vars(alarm)["evaluated"] = vars(alarm).get("evaluated"), state
        if state in (None, before, alarm.state_value):
            return
        known = [point for point in points if point is not None]
        reason = f"Threshold Crossed: {len(known)} datapoints {known} were compared to {alarm.threshold}."
        if state == NO_DATA:
            reason = "Insufficient Data: no datapoints were received."
        was = alarm.state_value
        alarm.update_state(
            reason, json.dumps({"recentDatapoints": known, "threshold": alarm.threshold}), state
        )
        self.tell(alarm, was)

    def tell(self, alarm: Alarm, before: str) -> None:
        """Tell of the state that an alarm is in, if it was in another before."""
        if alarm.state_value == before:
            return
        log.info("alarm %s: %s, was %s", alarm.name, alarm.state_value, before)
        state = {"value": alarm.state_value, "reason": alarm.state_reason}
        detail = {"alarmName": alarm.name, "state": state, "previousState": {"value": before}}
        bus.publish(
            "aws.cloudwatch",
            "CloudWatch Alarm State Change",
            detail,
            [alarm.alarm_arn],
            region=alarm.region_name,
        )
        actions = {"ALARM": alarm.alarm_actions, "OK": alarm.ok_actions}
        if not alarm.actions_enabled:
            return
        for topic in actions.get(alarm.state_value, alarm.insufficient_data_actions):
            threading.Thread(target=self._publish, args=(topic, alarm, before), daemon=True).start()

    def _publish(self, topic: str, alarm: Alarm, before: str) -> None:
        subject = f'{alarm.state_value}: "{alarm.name}" in {alarm.region_name}'
        try:
            self._runtime.client("sns", alarm.region_name).publish(
                TopicArn=topic, Subject=subject[:100], Message=json.dumps(_message(alarm, before))
            )
        except Exception as error:  # noqa: BLE001 - whatever the topic answers
            log.warning("alarm %s: topic %s was not reached: %s", alarm.name, topic, error)


def _message(alarm: Alarm, before: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html"""
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": ACCOUNT_ID,
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": alarm.state_updated_timestamp.isoformat(),
        "Region": alarm.region_name,
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": before,
        "Trigger": {
            "MetricName": alarm.metric_name,
            "Namespace": alarm.namespace,
            "StatisticType": "ExtendedStatistic" if alarm.extended_statistic else "Statistic",
            "Statistic": (alarm.statistic or alarm.extended_statistic).upper(),
            "Unit": alarm.unit,
            "Dimensions": [{"value": found.value, "name": found.name} for found in alarm.dimensions],
            "Period": alarm.period,
            "EvaluationPeriods": alarm.evaluation_periods,
            "ComparisonOperator": alarm.comparison_operator,
            "Threshold": alarm.threshold,
            "TreatMissingData": alarm.treat_missing_data or "missing",
        },
    }
