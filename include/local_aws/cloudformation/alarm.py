"""CloudFormation's alarms, which moto lacks."""

from __future__ import annotations

from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.cloudwatch.models import Alarm, cloudwatch_backends
from moto.core.common_models import CloudFormationModel

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


class MetricAlarm(CloudFormationModel):  # type: ignore[misc]
    """AWS::CloudWatch::Alarm; moto finds it among the subclasses of its base."""

    def __init__(self, alarm: Alarm) -> None:
        self.alarm = alarm

    @property
    def physical_resource_id(self) -> str:
        return str(self.alarm.name)

    @staticmethod
    def cloudformation_name_type() -> str:
        return "AlarmName"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::CloudWatch::Alarm"

    @classmethod
    def has_cfn_attr(cls, _attr: str) -> bool:
        return False

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **_: Any,
    ) -> MetricAlarm:
        properties = cloudformation_json["Properties"]
        if unknown := properties.keys() - set(PROPERTIES.values()) - {"AlarmName"}:
            raise ValidationError(message=f"AWS::CloudWatch::Alarm: unsupported properties {sorted(unknown)}")
        arguments = {name: properties.get(key) for name, key in PROPERTIES.items()}
        # CloudFormation hands every number over as it was written, which may be as a string.
        arguments |= {name: kind(arguments[name]) for name, kind in NUMBERS.items()}
        backend = cloudwatch_backends[account_id][region_name]
        return cls(backend.put_metric_alarm(name=resource_name, **arguments))

    @classmethod
    def update_from_cloudformation_json(
        cls,
        _original_resource: MetricAlarm,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> MetricAlarm:
        return cls.create_from_cloudformation_json(
            new_resource_name, cloudformation_json, account_id, region_name
        )

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, _cloudformation_json: dict[str, Any], account_id: str, region_name: str
    ) -> None:
        cloudwatch_backends[account_id][region_name].delete_alarms([resource_name])
