"""Keeps a state machine's deployed definition what it was compiled to."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from retraining.arns import stack_of
from retraining.hooks.state_machine import StateMachineHook
from retraining.hooks.tags import STACK_TAG

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import TagTypeDef

FINGERPRINT_TAG = "retraining:fingerprint"
KEPT_VERSIONS = 20
# At the end of the definition's Comment, so that one DescribeStateMachine tells all there is to know.
_STAMP = re.compile(r" \[(?P<fingerprint>[0-9a-f]{64}) (?P<digest>[0-9a-f]{64}) v(?P<version>\d+)\]$")


@dataclass(frozen=True)
class Deployed:
    """What is deployed now.

    :param definition: the definition, without the stamp in its comment.
    :param fingerprint: of the sources that the stamp names, ``version`` the published version it names;
        both None where there is no stamp.
    :param drifted: whether somebody changed the definition since it was deployed.
    """

    arn: str
    definition: dict[str, Any]
    fingerprint: str | None
    version: str | None
    drifted: bool


class WorkflowHook(StateMachineHook):
    """Deploys state machines: created or updated when their sources changed, restored when edited by hand."""

    def deployed(self, state_machine_arn: str) -> Deployed | None:
        """Describe what is deployed; one AWS call.

        :return: None when there is no such state machine.
        """
        try:
            found = self.client.describe_state_machine(stateMachineArn=state_machine_arn)
        except ClientError as error:
            if error.response["Error"]["Code"] == "StateMachineDoesNotExist":
                return None
            raise
        definition = json.loads(found["definition"])
        stamp = _STAMP.search(definition.get("Comment", ""))
        if stamp is None:
            return Deployed(state_machine_arn, definition, None, None, drifted=True)
        definition["Comment"] = definition["Comment"][: stamp.start()]
        return Deployed(
            state_machine_arn,
            definition,
            stamp["fingerprint"],
            f"{state_machine_arn}:{stamp['version']}",
            drifted=stamp["digest"] != _digest(definition),
        )

    def deploy(self, arn: str, definition: dict[str, Any], role_arn: str, fingerprint: str) -> str:
        """Create or update the state machine and publish a version.

        Runs that deploy at once end with one definition: who comes second to create, updates. The stamp comes
        last: a deployment that was cut short is done again, and publishing it again changes nothing.

        :return: the version's ARN.
        """
        name = arn.rpartition(":")[2]
        owner: TagTypeDef = {"key": STACK_TAG, "value": stack_of(arn)}
        plain = json.dumps(definition)
        try:
            version = self.client.create_state_machine(
                name=name, definition=plain, roleArn=role_arn, type="STANDARD", publish=True, tags=[owner]
            )["stateMachineVersionArn"]
            self.log.info("Created state machine %s", name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "StateMachineAlreadyExists":
                raise
            version = self.client.update_state_machine(
                stateMachineArn=arn, definition=plain, roleArn=role_arn, publish=True
            )["stateMachineVersionArn"]
            self.log.info("Updated state machine %s", name)
        number = version.rpartition(":")[2]
        comment = f"{definition.get('Comment', '')} [{fingerprint} {_digest(definition)} v{number}]"
        stamped = json.dumps(definition | {"Comment": comment})
        self.client.update_state_machine(stateMachineArn=arn, definition=stamped, roleArn=role_arn)
        self.client.tag_resource(
            resourceArn=arn, tags=[owner, {"key": FINGERPRINT_TAG, "value": fingerprint}]
        )
        self._delete_old_versions(arn)
        return version

    def _delete_old_versions(self, arn: str) -> None:
        """AWS allows 1,000 versions; deleting one does not touch the executions that run on it."""
        versions: list[str] = []
        request: dict[str, Any] = {"stateMachineArn": arn, "maxResults": 1000}
        while True:
            page = self.client.list_state_machine_versions(**request)
            versions += [item["stateMachineVersionArn"] for item in page["stateMachineVersions"]]
            if "nextToken" not in page:
                break
            request["nextToken"] = page["nextToken"]
        newest_first = sorted(versions, key=lambda version: -int(version.rpartition(":")[2]))
        for version in newest_first[KEPT_VERSIONS:]:
            self.client.delete_state_machine_version(stateMachineVersionArn=version)
            self.log.info("Deleted old version %s", version)


def definition_diff(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Show how two definitions differ, as a unified diff of their JSON."""
    old, new = (json.dumps(it, indent=2, sort_keys=True).splitlines() for it in (before, after))
    return "\n".join(difflib.unified_diff(old, new, "deployed", "compiled", lineterm="", n=2))


def _digest(definition: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()
