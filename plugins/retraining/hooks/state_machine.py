"""What the Amazon provider's StepFunctionHook lacks: adopting, redriving and stopping executions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from airflow.providers.amazon.aws.hooks.step_function import StepFunctionHook
from botocore.exceptions import BotoCoreError, ClientError
from tenacity import (
    Retrying,
    retry,
    retry_if_exception,
    retry_if_result,
    stop_after_delay,
    wait_fixed,
)

from retraining.arns import execution_arn, name_of
from retraining.errors import RunConfigError
from retraining.execution.causes import KILLED, explain_cause, left_by_job
from retraining.execution.name import DAG_VERSION, RUN_STARTED

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

# How long AWS's reads may be behind what was done; it says that they are, and not by how much:
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
SEEN_SECONDS = 15

P = ParamSpec("P")
T = TypeVar("T")


class StateMachineHook(StepFunctionHook):
    """Starts, adopts, redrives, stops and reads executions."""

    @property
    def client(self) -> SFNClient:
        """The boto3 client."""
        return cast("SFNClient", self.conn)

    def start_or_adopt(self, state_machine_arn: str, name: str, given: Mapping[str, Any]) -> str:
        """Start an execution, or find the one that an earlier try started under this name.

        :param name: the execution's name, the same for every try.
        :param given: the execution's input.
        :return: the execution's ARN.
        :raises RunConfigError: when the name is taken by an execution with another input.
        """
        try:
            # A version that has just been published may not be there yet.
            response = seen_late("StateMachineDoesNotExist")(self.client.start_execution)(
                stateMachineArn=state_machine_arn, name=name, input=json.dumps(given, sort_keys=True)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
            return self._adopt(execution_arn(state_machine_arn, name), given)
        self.log.info("Started execution %s", response["executionArn"])
        return response["executionArn"]

    def _adopt(self, arn: str, given: Mapping[str, Any]) -> str:
        execution = self.describe(arn)
        before = json.loads(execution["input"])
        if differences := [
            f"{key}: {before.get(key)!r} there, {given.get(key)!r} here"
            for key in sorted({*before, *given} - {DAG_VERSION})
            if before.get(key) != given.get(key)
        ]:
            problem = f"{arn} exists with another input"
            if RUN_STARTED in before and before[RUN_STARTED] != given.get(RUN_STARTED):
                problem = (
                    f"{arn} was started by another DAG run of this name, in another Airflow or deleted here;"
                    " let one Airflow alone run this DAG, or give the run another ID"
                )
            raise RunConfigError(f"{problem}:\n" + "\n".join(differences))
        if before == given:
            execution = self._ended(execution)
        self.log.info("Adopted execution %s, which is %s", arn, execution["status"])
        if execution["status"] == "ABORTED" and str(execution.get("cause", "")).startswith(KILLED):
            # A worker that shuts down kills its tasks too, and then a retry comes to take the work up again.
            self.redrive(execution)
        return arn

    def _ended(self, execution: dict[str, Any]) -> dict[str, Any]:
        """Read on until it is seen how an execution ended that AWS would not start again with the same input.

        StartExecution refuses the name of an ended execution; while it runs, it answers as if it started it
        (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
        """
        read_on = Retrying(
            retry=retry_if_result(lambda found: found["status"] == "RUNNING"),
            stop=stop_after_delay(SEEN_SECONDS),
            wait=wait_fixed(1),
            retry_error_callback=lambda _: execution,
        )
        found: dict[str, Any] = read_on(self.describe_execution, execution["executionArn"])
        return found

    def describe(self, arn: str) -> dict[str, Any]:
        """Describe an execution that is known to be there; AWS may see a new one seconds late.

        :raises ClientError: also when there is none after all.
        """
        return seen_late("ExecutionDoesNotExist")(self.describe_execution)(arn)

    def find(self, arn: str) -> dict[str, Any] | None:
        """Describe an execution; None when there is none, or when it has just begun."""
        try:
            return self.describe_execution(arn)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return None
            raise

    def find_begun(self, *alternatives: Sequence[str]) -> list[dict[str, Any]]:
        """Describe executions that may have begun a moment ago, and wait a while until they are seen.

        :param alternatives: ARNs; one of each sequence is there at most.
        """

        def look() -> list[dict[str, Any] | None]:
            return [next(filter(None, map(self.find, arns)), None) for arns in alternatives]

        read_on = Retrying(
            retry=retry_if_result(lambda found: None in found),
            stop=stop_after_delay(SEEN_SECONDS),
            wait=wait_fixed(1),
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        return [execution for execution in read_on(look) if execution]

    def redrive(self, execution: Mapping[str, Any]) -> bool:
        """Take up an unsuccessful execution from the state that failed, so that finished work is kept.

        :param execution: as DescribeExecution describes it.
        :return: False where AWS does not allow it: after 14 days, or for want of anything to redo.
        """
        arn = execution["executionArn"]
        try:
            self.client.redrive_execution(executionArn=arn, clientToken=_redrive_token(execution))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionNotRedrivable":
                raise
            self.log.info("Cannot redrive %s: %s", arn, error.response["Error"]["Message"])
            return False
        self.log.info("Redrove %s from its failed state", arn)
        return True

    def start_again(self, execution: Mapping[str, Any], name: str) -> str:
        """Start an execution anew under another name, on the same version, with the same input.

        What was named after the execution (training job, model) is named after the new one.

        :return: the new execution's ARN.
        """
        before = name_of(execution["executionArn"])
        same = json.loads(execution["input"])
        given = {key: name if value == before else value for key, value in same.items()}
        target = execution.get("stateMachineVersionArn") or execution["stateMachineArn"]
        return self.start_or_adopt(target, name, given)

    def history(self, arn: str) -> list[dict[str, Any]]:
        """Read an execution's history, oldest event first."""
        pages = self.client.get_paginator("get_execution_history").paginate(
            executionArn=arn, includeExecutionData=True
        )
        return [dict(event) for page in pages for event in page["events"]]

    def explain(self, cause: str | None) -> str | None:
        """Say in one sentence why an execution failed; an ETL job's own words go before Glue's.

        :param cause: the execution's.
        """
        if place := left_by_job(cause):
            s3: Any = AwsGenericHook(
                client_type="s3",
                aws_conn_id=self.aws_conn_id,
                region_name=self._region_name,
                verify=self._verify,
                config=self._config,
            )
            bucket, key = place
            try:
                cause = s3.conn.get_object(Bucket=bucket, Key=key)["Body"].read().decode(errors="replace")
            except (BotoCoreError, ClientError) as error:
                # A job that was killed has left nothing.
                self.log.debug("s3://%s/%s: %s", bucket, key, error)
        return explain_cause(cause)

    def stop(self, arn: str, cause: str) -> None:
        """Stop an execution; no error when it has ended or never was."""
        try:
            self.client.stop_execution(executionArn=arn, cause=cause)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
                raise
            return
        self.log.info("Stopped execution %s, if it ran: %s", arn, cause)


def seen_late(code: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Repeat a call for a while that says that something is not there, which is known to be.

    :param code: of the error that says so.
    """

    def is_code(error: BaseException) -> bool:
        return isinstance(error, ClientError) and error.response["Error"]["Code"] == code

    return retry(
        retry=retry_if_exception(is_code),
        stop=stop_after_delay(SEEN_SECONDS),
        wait=wait_fixed(1),
        reraise=True,
    )


def _redrive_token(execution: Mapping[str, Any]) -> str:
    # A reply that is lost and asked for again is the same redrive (RedriveExecution's clientToken).
    return f"{name_of(execution['executionArn'])[:50]}-{execution.get('redriveCount', 0) + 1}"
