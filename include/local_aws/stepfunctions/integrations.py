"""Step Functions' service integrations: .sync for Glue and SageMaker, clients of this very server."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from moto.core.utils import camelcase_to_underscores
from moto.glue.models import glue_backends
from moto.sagemaker.models import sagemaker_backends
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk as aws_sdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_events import (
    SfnFailedEntryCountException,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_glue import (
    StateTaskServiceGlue,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_unsupported import (  # noqa: E501
    StateTaskServiceUnsupported,
)
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from include.local_aws.dynamodb.service import DynamoDbTask
from include.local_aws.glue.job_runs import UNFINISHED
from include.local_aws.runtime import ACCOUNT_ID, Runtime
from include.local_aws.stepfunctions import integration_requests, sdk_metadata, sdk_names, task_tokens
from include.local_aws.stepfunctions.integration_parameters import OPTIMISED
from include.local_aws.stepfunctions.json_times import iso_8601, json_ready, milliseconds
from include.local_aws.stepfunctions.nested_executions import NestedExecutionTask
from include.local_aws.stepfunctions.sync_job import SyncJobTask


class GlueTask(SyncJobTask, StateTaskServiceGlue):  # type: ignore[misc]
    """arn:aws:states:::glue:startJobRun[.sync]; moto's own fails as its callback endpoint is None."""

    def is_pending(self, region: str, started: dict[str, Any]) -> bool:
        run = glue_backends[ACCOUNT_ID][region].get_job_run(started["JobName"], started["JobRunId"])
        return run.status in UNFINISHED

    def describe(self, client: Any, started: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        run = client.get_job_run(JobName=started["JobName"], RunId=started["JobRunId"])["JobRun"]
        return json_ready(run, milliseconds), run["JobRunState"] == "SUCCEEDED"

    def stop(self, client: Any, started: dict[str, Any]) -> None:
        client.batch_stop_job_run(JobName=started["JobName"], JobRunIds=[started["JobRunId"]])


class SageMakerTask(SyncJobTask):
    """arn:aws:states:::sagemaker:...; moto only forwards its calls and cannot wait for them."""

    # What can be waited for, as the API names it.
    JOBS = ("TrainingJob", "TransformJob", "ProcessingJob")

    def __init__(self) -> None:
        super().__init__(supported_integration_patterns={ResourceCondition.Sync})

    def _validate_service_integration_is_supported(self) -> None:
        action, condition = self.resource.api_action, self.resource.condition
        waits = condition is not None
        if action not in OPTIMISED["sagemaker"] or (waits and self._job not in self.JOBS):
            raise ValueError(
                f"The resource {self.resource.resource_arn} is not supported by the embedded AWS; "
                f"supported are {', '.join(OPTIMISED['sagemaker'])}, and .sync for those of jobs"
            )

    def _eval_service_task(
        self,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,
        **_: Any,
    ) -> None:
        client = self.client(resource_runtime_part.region, state_credentials)
        response = getattr(client, self._get_boto_service_action())(**normalised_parameters)
        response.pop("ResponseMetadata", None)
        env.stack.append(response)

    @property
    def _job(self) -> str:
        return str(self.resource.api_action).removeprefix("create")

    def is_pending(self, region: str, started: dict[str, Any]) -> bool:
        kind = camelcase_to_underscores(self._job)
        jobs = getattr(sagemaker_backends[ACCOUNT_ID][region], f"{kind}s")
        status: str = getattr(jobs[started[f"{self._job}Name"]], f"{kind}_status")
        return status in ("InProgress", "Stopping")

    def describe(self, client: Any, started: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        job = self._call(client, "describe", started)
        job.pop("ResponseMetadata", None)
        return json_ready(job, milliseconds), job[f"{self._job}Status"] == "Completed"

    def stop(self, client: Any, started: dict[str, Any]) -> None:
        self._call(client, "stop", started)

    def _call(self, client: Any, verb: str, started: dict[str, Any]) -> dict[str, Any]:
        name = f"{self._job}Name"
        operation = getattr(client, f"{verb}_{camelcase_to_underscores(self._job)}")
        answer: dict[str, Any] = operation(**{name: started[name]})
        return answer

    def _from_error(self, env: Any, ex: Exception) -> FailureEvent:
        if isinstance(ex, HTTPClientError):
            # Named as Lambda's is, whose errors are documented.
            return self.failure(env, "SageMaker.SdkClientException", str(ex))
        if not isinstance(ex, ClientError):
            return super()._from_error(env=env, ex=ex)
        code, message = ex.response["Error"]["Code"], ex.response["Error"]["Message"]
        modelled = type(ex).__name__ != "ClientError"
        name = f"{code.removesuffix('Exception')}Exception" if modelled else "AmazonSageMakerException"
        metadata = ex.response["ResponseMetadata"]
        cause = (
            f"{message} (Service: AmazonSageMaker; Status Code: {metadata['HTTPStatusCode']}; "
            f"Error Code: {code}; Request ID: {metadata['RequestId']}; Proxy: null)"
        )
        return self.failure(env, f"SageMaker.{name}", cause)


OWN: dict[str, Callable[[], Any]] = {
    "glue": GlueTask,
    "sagemaker": SageMakerTask,
    "dynamodb": DynamoDbTask,
    "states": NestedExecutionTask,
}


# Nothing here runs containers; moto would keep a record of a job, or of a task, that never ends. Nor does
# anything answer at the addresses that moto calls for an API Gateway.
MISSING = ("apigateway", "batch", "ecs")


def install(runtime: Runtime) -> None:
    """Put the integrations in place, and let every other one reach this server."""
    SyncJobTask.runtime = runtime
    make = state_task_factory.state_task_service_for

    def state_task_service_for(service_name: str) -> Any:
        own = OWN.get(service_name)
        task = own() if own else make(service_name)
        if isinstance(task, StateTaskServiceUnsupported) or service_name in MISSING:
            # moto would forward the call, and not wait for what it starts.
            raise ValueError(f"the embedded AWS does not support arn:aws:states:::{service_name}")
        return sdk_metadata.add(task, service_name)

    state_task_factory.state_task_service_for = state_task_service_for
    integration_requests.install()
    task_tokens.install()

    sdk_names.install()
    # A cause is a string; moto gives the answer itself, at which DescribeExecution breaks down.
    failed_entries = SfnFailedEntryCountException.__init__

    def keep_answer(error: SfnFailedEntryCountException, cause: dict[str, Any]) -> None:
        failed_entries(error, cause)
        error.cause = to_json_str(cause, separators=(",", ":"))

    SfnFailedEntryCountException.__init__ = keep_answer
    # The aws-sdk integration writes times in ISO 8601.
    evaluate = aws_sdk.StateTaskServiceAwsSdk._eval_service_task
    name_error = aws_sdk.StateTaskServiceAwsSdk._from_error

    def from_error(task: aws_sdk.StateTaskServiceAwsSdk, env: Any, ex: Exception) -> FailureEvent:
        if isinstance(ex, HTTPClientError):
            # No answer: as where the integration is the service's own.
            service = task._normalise_service_error_name(task.resource.api_name)
            return task._get_task_failure_event(env=env, error=f"{service}.SdkClientException", cause=str(ex))
        return name_error(task, env=env, ex=ex)

    def eval_service_task(task: Any, env: Any, **request: Any) -> None:
        evaluate(task, env, **request)
        env.stack.append(json_ready(env.stack.pop(), iso_8601))

    aws_sdk.StateTaskServiceAwsSdk._eval_service_task = eval_service_task
    aws_sdk.StateTaskServiceAwsSdk._from_error = from_error

    # moto makes a client for every call, of localhost (IPv6 first) and without checking parameters.
    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        role = state_credentials.role_arn if state_credentials else ""
        return sdk_metadata.remember(runtime.client(service, region, role=role))

    for module in list(sys.modules.values()):
        if (
            getattr(module, "boto_client_for", None) is boto_client_for
            and module is not sys.modules[__name__]
        ):
            module.boto_client_for = client_for  # type: ignore[attr-defined]
