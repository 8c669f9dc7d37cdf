"""Parts of the Amazon States Language that the SDK (2.3.0) has no words for."""

from __future__ import annotations

from typing import Any

from stepfunctions.inputs import Placeholder
from stepfunctions.steps import GlueStartJobRunStep, LambdaStep, Retry


class Intrinsic(Placeholder):  # type: ignore[misc]
    """An intrinsic function, or a path of the context object, where the SDK takes a placeholder."""

    def __init__(self, expression: str) -> None:
        super().__init__()
        self.expression = expression

    def to_jsonpath(self) -> str:
        """Give the expression, which stands where a path may stand."""
        return self.expression


class PatientRetry(Retry):  # type: ignore[misc]
    """A retry whose pauses stop growing, and are shuffled so that those who wait do not come back at once.

    :param max_delay_seconds: the longest pause, in seconds.
    """

    def __init__(self, *, max_delay_seconds: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_delay_seconds = max_delay_seconds

    def to_dict(self) -> dict[str, Any]:
        """Give the block as the Amazon States Language has it."""
        return {
            **super().to_dict(),
            "MaxDelaySeconds": self.max_delay_seconds,
            "JitterStrategy": "FULL",
        }


class AnsweringLambda(LambdaStep):  # type: ignore[misc]
    """A call of a Lambda function whose result is what the function returned, and nothing of the call.

    :param fields: names of what it returns.
    """

    def __init__(self, state_id: str, *, fields: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(state_id, **kwargs)
        self.selected = fields

    def to_dict(self) -> dict[str, Any]:
        """Give the state as the Amazon States Language has it."""
        selector = {f"{name}.$": f"$.Payload.{name}" for name in self.selected}
        return {**super().to_dict(), "ResultSelector": selector}


class NumberingGlueJob(GlueStartJobRunStep):  # type: ignore[misc]
    """A Glue job of which nothing is kept: its result is what the trainings after it are numbered from."""

    def to_dict(self) -> dict[str, Any]:
        """Give the state as the Amazon States Language has it."""
        numbers = {"Number": 0, "Redrives.$": "$$.Execution.RedriveCount", "Capacity": 0}
        return {**super().to_dict(), "ResultSelector": numbers}
