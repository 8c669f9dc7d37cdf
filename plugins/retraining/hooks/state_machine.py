"""What the Amazon provider's StepFunctionHook lacks: deploying a state machine and adopting executions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.amazon.aws.hooks.step_function import StepFunctionHook
from botocore.exceptions import ClientError

from retraining.errors import RunConfigError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

FINGERPRINT_TAG = "retraining:fingerprint"
VERSION_TAG = "retraining:version"


def execution_arn(state_machine_arn: str, name: str) -> str:
    """ARN of a state machine's (or one of its versions') execution."""
    prefix, _, rest = state_machine_arn.partition(":stateMachine:")
    return f"{prefix}:execution:{rest.partition(':')[0]}:{name}"


class StateMachineHook(StepFunctionHook):
    """Deploys state machines, and starts, adopts and reads their executions."""

    @property
    def client(self) -> SFNClient:
        """The boto3 client."""
        return cast("SFNClient", self.conn)

    def deployed_version(self, state_machine_arn: str, fingerprint: str) -> str | None:
        """Find the version that was deployed from these sources; one AWS call.

        :return: the version's ARN, or None when there is none and :meth:`deploy` is needed.
        """
        try:
            tags = self.client.list_tags_for_resource(resourceArn=state_machine_arn)["tags"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ResourceNotFound", "StateMachineDoesNotExist"):
                return None
            raise
        found = {tag["key"]: tag["value"] for tag in tags}
        if found.get(FINGERPRINT_TAG) != fingerprint or VERSION_TAG not in found:
            return None
        return f"{state_machine_arn}:{found[VERSION_TAG]}"

    def deploy(self, state_machine_arn: str, definition: str, role_arn: str, fingerprint: str) -> str:
        """Create or update the state machine and publish a version.

        Runs that deploy at once end with one definition: who comes second to create, updates.

        :return: the version's ARN.
        """
        name = state_machine_arn.rpartition(":")[2]
        try:
            version: str = self.client.create_state_machine(
                name=name, definition=definition, roleArn=role_arn, type="STANDARD", publish=True
            )["stateMachineVersionArn"]
            self.log.info("Created state machine %s", name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "StateMachineAlreadyExists":
                raise
            version = self.client.update_state_machine(
                stateMachineArn=state_machine_arn, definition=definition, roleArn=role_arn, publish=True
            )["stateMachineVersionArn"]
            self.log.info("Updated state machine %s", name)
        # Tagged last: a deployment that was cut short is simply done again.
        self.client.tag_resource(
            resourceArn=state_machine_arn,
            tags=[
                {"key": FINGERPRINT_TAG, "value": fingerprint},
                {"key": VERSION_TAG, "value": version.rpartition(":")[2]},
            ],
        )
        return version

    def start_or_adopt(self, state_machine_arn: str, name: str, given: Mapping[str, Any]) -> str:
        """Start an execution, or find the one that an earlier try started under this name.

        :param name: the execution's name, the same for every try.
        :param given: the execution's input.
        :return: the execution's ARN.
        :raises RunConfigError: when the name is taken by an execution with another input.
        """
        try:
            response = self.client.start_execution(
                stateMachineArn=state_machine_arn, name=name, input=json.dumps(given, sort_keys=True)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
            return self._adopt(execution_arn(state_machine_arn, name), given)
        self.log.info("Started execution %s", response["executionArn"])
        return str(response["executionArn"])

    def _adopt(self, arn: str, given: Mapping[str, Any]) -> str:
        execution = self.describe_execution(arn)
        before = json.loads(execution["input"])
        if differences := [
            f"{key}: {before.get(key)!r} there, {given.get(key)!r} here"
            for key in sorted({*before, *given})
            if before.get(key) != given.get(key)
        ]:
            raise RunConfigError(f"{arn} exists with another input:\n" + "\n".join(differences))
        self.log.info("Adopted execution %s, which is %s", arn, execution["status"])
        return arn

    def history(self, arn: str) -> list[dict[str, Any]]:
        """Read an execution's history, oldest event first."""
        pages = self.client.get_paginator("get_execution_history").paginate(
            executionArn=arn, includeExecutionData=True
        )
        return [dict(event) for page in pages for event in page["events"]]

    def stop(self, arn: str, cause: str) -> None:
        """Stop an execution; no error when it has ended already."""
        self.client.stop_execution(executionArn=arn, cause=cause)
        self.log.info("Stopped execution %s: %s", arn, cause)
