"""CloudWatch: moto's metrics, and alarms that watch them; what else it only records is refused."""

from __future__ import annotations

from typing import Any

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import Alarm, CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.scheduler.responses import EventBridgeSchedulerResponse

from include.local_aws.clock import clock
from include.local_aws.cloudwatch.alarms import Alarms
from include.local_aws.cloudwatch.evaluation import COMPARISONS, NO_DATA
from include.local_aws.runtime import Runtime

# What moto keeps and nothing acts on: nothing here would scale, and no schedule of EventBridge Scheduler go
# off. Left out, they are refused as not supported.
REFUSED: dict[type, tuple[str, ...]] = {
    CloudWatchResponse: (
        *("put_insight_rule", "describe_insight_rules", "delete_insight_rules"),
        *("disable_insight_rules", "enable_insight_rules"),
    ),
    ApplicationAutoScalingResponse: (
        *("register_scalable_target", "deregister_scalable_target", "put_scaling_policy"),
        *("delete_scaling_policy", "put_scheduled_action", "delete_scheduled_action"),
    ),
    EventBridgeSchedulerResponse: (
        *("create_schedule", "update_schedule", "delete_schedule", "create_schedule_group"),
        "delete_schedule_group",
    ),
}
TREATMENTS = (None, "breaching", "notBreaching", "ignore", "missing")


def install(runtime: Runtime) -> None:
    """Let alarms be what their metrics say."""
    for response, names in REFUSED.items():
        for name in names:
            delattr(response, name)
    alarms, put = Alarms(runtime), CloudWatchBackend.put_metric_alarm
    set_state, put_data = CloudWatchBackend.set_alarm_state, CloudWatchBackend.put_metric_data
    describe, of_metric = CloudWatchResponse.describe_alarms, CloudWatchResponse.describe_alarms_for_metric

    def put_metric_alarm(backend: CloudWatchBackend, **request: Any) -> Alarm:
        _check(request)
        before = backend.alarms.get(request["name"])
        alarm: Alarm = put(backend, **request)
        # "The alarm's state is left unchanged" by an update, and a new one has no data yet:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
        alarm.state_value = before.state_value if before else NO_DATA
        alarms.look(backend)
        return alarm

    def put_metric_data(
        backend: CloudWatchBackend, namespace: str, metric_data: list[dict[str, Any]]
    ) -> None:
        # When it came, by the clock that alarms go by.
        now = clock.now().replace(tzinfo=None)
        timed = [{**datum, "Timestamp": datum.get("Timestamp") or now} for datum in metric_data]
        put_data(backend, namespace, timed)

    def describe_alarms(response: CloudWatchResponse) -> Any:
        alarms.look(response.cloudwatch_backend)
        return describe(response)

    def describe_alarms_for_metric(response: CloudWatchResponse) -> Any:
        alarms.look(response.cloudwatch_backend)
        return of_metric(response)

    def set_alarm_state(
        backend: CloudWatchBackend, alarm_name: str, reason: str, reason_data: str, state_value: str
    ) -> None:
        alarm = backend.alarms.get(alarm_name)
        before = alarm.state_value if alarm else ""
        set_state(backend, alarm_name, reason, reason_data, state_value)
        alarms.tell(alarm, before)

    CloudWatchBackend.put_metric_alarm = put_metric_alarm
    CloudWatchBackend.put_metric_data = put_metric_data
    CloudWatchBackend.set_alarm_state = set_alarm_state
    CloudWatchResponse.describe_alarms = describe_alarms
    CloudWatchResponse.describe_alarms_for_metric = describe_alarms_for_metric
    alarms.watch()


def _check(request: dict[str, Any]) -> None:
    if request.get("rule") or request.get("metric_data_queries"):
        raise ValidationError(
            "PutMetricAlarm: the embedded AWS supports alarms on one metric, neither composite ones nor math"
        )
    if request["comparison_operator"] not in COMPARISONS:
        raise ValidationError(f"ComparisonOperator: {request['comparison_operator']} is not supported here")
    if request.get("treat_missing_data") not in TREATMENTS:
        raise ValidationError(f"Option {request['treat_missing_data']} is not supported.")
    actions = ("alarm_actions", "ok_actions", "insufficient_data_actions")
    for action in (arn for name in actions for arn in request.get(name) or ()):
        if not action.startswith("arn:") or action.split(":")[2] != "sns":
            raise ValidationError(f"Action {action}: the embedded AWS tells topics of SNS only")
