"""A Step Functions task that starts a job, waits for it (.sync), and stops it when it ends early itself."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name import states_error_name_type
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (  # noqa: E501
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from include.local_aws.runtime import Runtime
from include.local_aws.stepfunctions import sdk_metadata

POLL_SECONDS = 0.1


class TaskEndedEarlyError(Exception):
    """The execution, or the state's time, was over before the job was."""


class SyncJobTask(StateTaskServiceCallback):  # type: ignore[misc]
    """A task that starts a job and, with .sync, waits for it; ended early, it stops the job as AWS does."""

    runtime: Runtime

    @abstractmethod
    def is_pending(self, region: str, started: dict[str, Any]) -> bool:
        """
        Whether the job is still on its way; asked of the service itself, as a call for each look would keep
        the processor busy when many executions wait.

        :param started: the request that started the job, and the response.
        """

    @abstractmethod
    def describe(self, client: Any, started: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """The description of a job that has ended, and whether it succeeded."""

    @abstractmethod
    def stop(self, client: Any, started: dict[str, Any]) -> None:
        """Stop the job."""

    def client(self, region: str, state_credentials: Any) -> Any:
        """A client of the job's service that calls with the execution's role."""
        client = self.runtime.client(self._get_boto_service_name(), region, role=state_credentials.role_arn)
        return sdk_metadata.remember(client)

    def _eval_integration_pattern(
        self,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,
        **request: Any,
    ) -> None:
        if self.resource.condition == ResourceCondition.WaitForTaskToken:
            super()._eval_integration_pattern(
                env=env,
                resource_runtime_part=resource_runtime_part,
                normalised_parameters=normalised_parameters,
                state_credentials=state_credentials,
                **request,
            )
            return
        region = resource_runtime_part.region
        client = self.client(region, state_credentials)
        started = {**normalised_parameters, **env.stack.pop()}
        while env.is_running():
            if self.is_pending(region, started):
                # Set whenever the state of the program changes, so that a stop need not wait for a poll.
                env.program_state_event.wait(POLL_SECONDS)
                continue
            details, succeeded = self.describe(client, started)
            if not succeeded:
                raise FailureEventException(self.failure(env, "States.TaskFailed", to_json_str(details)))
            env.stack.append(details)
            return
        try:
            self.stop(client, started)
        except ClientError as error:
            # It may have ended just now; AWS too makes a best effort only.
            raise TaskEndedEarlyError(f"the job could not be stopped: {error}") from error
        raise TaskEndedEarlyError("the job was stopped")

    def failure(self, env: Any, error: str, cause: str) -> FailureEvent:
        """The event of a failed task."""
        name = (
            StatesErrorName(typ=states_error_name_type.StatesErrorNameType.StatesTaskFailed)
            if error == "States.TaskFailed"
            else CustomErrorName(error)
        )
        details = TaskFailedEventDetails(
            error=error,
            cause=cause,
            resource=self._get_sfn_resource(),
            resourceType=self._get_sfn_resource_type(),
        )
        return FailureEvent(
            env=env,
            error_name=name,
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(taskFailedEventDetails=details),
        )
