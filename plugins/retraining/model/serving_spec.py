"""What ``model.yaml`` says of serving: :class:`Serving`, within SageMaker's own limits."""

from __future__ import annotations

from math import ceil
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from retraining.model.strict_model import StrictModel

INSTANCE_TYPE = r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"
# CloudWatch's names have up to 255 characters (PutMetricAlarm).
ALARM_NAME = r"^[^\x00-\x1f]{1,255}$"
# Folders whose names need no escaping in S3; DestinationS3Uri has up to 512 characters (DataCaptureConfig).
FOLDERS = r"^[a-zA-Z0-9_-][a-zA-Z0-9_.-]*(/[a-zA-Z0-9_-][a-zA-Z0-9_.-]*)*$"
# MaximumExecutionTimeoutInSeconds allows eight hours (SageMaker, BlueGreenUpdatePolicy). Starting takes some,
# and bake_seconds may take one.
TO_START = 1800
LONGEST_SHIFT = 28800 - TO_START - 3600


class DataCapture(StrictModel):
    """Writes what the endpoint is asked, and answers, to ``s3://<bucket>/capture/<folder>/``.

    :param percentage: of the requests.
    :param folder: the model's name by default; SageMaker adds endpoint, variant and hour.
    """

    percentage: Annotated[int, Field(ge=1, le=100)]
    folder: Annotated[str, Field(pattern=FOLDERS, max_length=200)] | None = None


class TrafficShifting(StrictModel):
    """How requests go over from the old fleet to the new one.

    :param type: ``canary`` in two steps, ``linear`` in equal ones.
    :param percentage: of the fleet: the first step of two, or each of the equal ones.
    :param wait_seconds: after each step; alarms are watched meanwhile.
    """

    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html
    type: Literal["all_at_once", "canary", "linear"]
    percentage: Annotated[int, Field(ge=1, le=50)] | None = None
    wait_seconds: Annotated[int, Field(ge=0, le=3600)] = 0

    @model_validator(mode="after")
    def _has_steps(self) -> TrafficShifting:
        if self.type == "all_at_once":
            if self.percentage is not None:
                raise ValueError(f"percentage: {self.percentage} must be left out with all_at_once")
        elif self.percentage is None:
            raise ValueError(f"percentage: must be given with {self.type}")
        elif self.type == "linear" and self.percentage < 10:
            raise ValueError(f"percentage: {self.percentage} must be 10 to 50 with linear")
        if self.steps * self.wait_seconds > LONGEST_SHIFT:
            raise ValueError(
                f"wait_seconds: {self.wait_seconds} after each of {self.steps} steps is more than the"
                f" {LONGEST_SHIFT} s that all may take"
            )
        return self

    @property
    def steps(self) -> int:
        """How many steps there are until all requests go to the new fleet."""
        counts = {"all_at_once": 1, "canary": 2, "linear": ceil(100 / (self.percentage or 100))}
        return counts[self.type]


class Serving(StrictModel):
    """What the endpoint runs on, and how a new model takes over: blue/green, all traffic at once by default.

    :param data_capture: what of requests and answers is kept.
    :param traffic_shifting: in which steps requests go over to a new model.
    :param bake_seconds: how long the old fleet is kept beside the new one, which the alarms watch.
    :param alarms: names of CloudWatch alarms; one that goes off meanwhile rolls the endpoint back.
    """

    instance_type: Annotated[str, Field(pattern=INSTANCE_TYPE)] = "ml.m5.large"
    instance_count: Annotated[int, Field(ge=1, le=100)] = 1
    data_capture: DataCapture | None = None
    traffic_shifting: TrafficShifting | None = None
    # TerminationWaitInSeconds allows an hour; AutoRollbackConfig ten alarms (SageMaker, UpdateEndpoint).
    bake_seconds: Annotated[int, Field(ge=0, le=3600)] = 0
    alarms: Annotated[list[Annotated[str, Field(pattern=ALARM_NAME)]], Field(max_length=10)] = Field(
        default_factory=list
    )

    @field_validator("alarms")
    @classmethod
    def _have_time_to_go_off(cls, value: list[str], info: ValidationInfo) -> list[str]:
        shifting = info.data.get("traffic_shifting")
        if value and not info.data.get("bake_seconds") and not (shifting and shifting.wait_seconds):
            raise ValueError("alarms watch for bake_seconds, which is 0 and must be more")
        return value

    @property
    def update_seconds(self) -> int:
        """How long an update waits in all."""
        shifting = self.traffic_shifting
        return self.bake_seconds + (shifting.steps * shifting.wait_seconds if shifting else 0)
