"""CloudFormation's alarms, which moto lacks."""

from __future__ import annotations

from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.common_models import CloudFormationModel

from include.local_aws.cloudformation.resource_type import ResourceType

# CloudFormation's name for each argument of moto's put_metric_alarm.
PROPERTIES = {
    "namespace": "Namespace",
    "metric_name": "MetricName",
    "comparison_operator": "ComparisonOperator",
    "evaluation_periods": "EvaluationPeriods",
    "period": "Period",
    "threshold": "Threshold",
    "statistic": "Statistic",
    "description": "AlarmDescription",
    "dimensions": "Dimensions",
    "alarm_actions": "AlarmActions",
    "ok_actions": "OKActions",
    "treat_missing_data": "TreatMissingData",
}
NUMBERS = {"evaluation_periods": int, "period": int, "threshold": float}


class MetricAlarm(ResourceType, CloudFormationModel):  # type: ignore[misc]
    """AWS::CloudWatch::Alarm."""

    TYPE, NAME = "AWS::CloudWatch::Alarm", "AlarmName"

    @classmethod
    def put(cls, name: str, properties: dict[str, Any], account_id: str, region_name: str) -> None:
        if unknown := properties.keys() - set(PROPERTIES.values()) - {cls.NAME}:
            raise ValidationError(message=f"{cls.TYPE}: unsupported properties {sorted(unknown)}")
        arguments = {argument: properties.get(key) for argument, key in PROPERTIES.items()}
        # CloudFormation hands every number over as it was written, which may be as a string.
        arguments |= {argument: kind(arguments[argument]) for argument, kind in NUMBERS.items()}
        cloudwatch_backends[account_id][region_name].put_metric_alarm(name=name, **arguments)

    @classmethod
    def delete(cls, name: str, account_id: str, region_name: str) -> None:
        cloudwatch_backends[account_id][region_name].delete_alarms([name])
