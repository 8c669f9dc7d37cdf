"""Looks at the AWS account: what a retrain of a model needs, and whether it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from retraining.errors import StackError
from retraining.hooks.aws_errors import AwsUnavailableError, clear_aws_errors
from retraining.hooks.clients import ClientsHook
from retraining.hooks.stack import Stack
from retraining.model.spec import ModelSpec
from retraining.preflight import findings
from retraining.preflight.findings import Finding, State

_REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_ABSENT = {
    "NoSuchEntity",
    "NoSuchBucket",
    "EntityNotFoundException",
    "ResourceNotFoundException",
}
RESTORE = "`make deploy-aws` restores it"


class PreflightHook(ClientsHook):
    """Looks at one account through one connection; changes nothing."""

    def look(self, spec: ModelSpec, stack_name: str) -> Iterator[Finding]:
        """Look at everything that the model's retrains use, one finding at a time.

        :param stack_name: the CloudFormation stack.
        """
        try:
            with clear_aws_errors(self.aws_conn_id):
                identity = self.client("sts").get_caller_identity()
        except (AwsUnavailableError, ClientError) as error:
            todo = f"set up Airflow's connection {self.aws_conn_id}: credentials, region_name"
            yield Finding("credentials", State.PROBLEM, str(error), todo)
            return
        yield Finding(
            "credentials",
            State.FINE,
            f"{identity['Arn']} in {self.conn.meta.region_name} ({self.aws_conn_id})",
        )
        stack: Stack | None = None
        try:
            yield findings.stack_status(
                stack_name, self.conn.describe_stacks(StackName=stack_name)["Stacks"][0]["StackStatus"]
            )
            stack = self.read(stack_name)
        except StackError as error:
            yield Finding("stack", State.PROBLEM, str(error), "`make deploy-aws` updates it")
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                region = self.conn.meta.region_name
                detail = f"there is no stack {stack_name!r} in {region}"
                yield Finding("stack", State.PROBLEM, detail, "`make deploy-aws` makes it, or set stack_name")
            else:
                yield _not_seen("stack", stack_name, error)
        if stack is not None:
            yield from self._parts(stack, spec)
        yield from self._quotas(spec)

    def _parts(self, stack: Stack, spec: ModelSpec) -> Iterator[Finding]:
        for role, service in ((stack.state_machine_role, "states"), (stack.training_role, "sagemaker")):
            name = role.rpartition("/")[2]
            yield self._seen("role", name, self._role, f"{service}.amazonaws.com")
        yield self._seen("Glue job", stack.glue_job, self._glue_job)
        for function in (stack.metrics_function, stack.endpoint_test_function, stack.deployment_function):
            yield self._seen("function", function, self._function)
        yield self._seen("deployments", stack.deployments_table, self._table)
        yield self._seen("data", stack.bucket, self._data, spec)
        yield from findings.encryption(spec, stack.kms_key)

    def _seen(self, what: str, name: str, look: Callable[..., Finding], *arguments: Any) -> Finding:
        try:
            return look(name, *arguments)
        except (ClientError, BotoCoreError) as error:
            return _not_seen(what, name, error)

    def _role(self, name: str, service: str) -> Finding:
        iam = self.client("iam")
        return findings.role_trust(
            name, iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"], service
        )

    def _glue_job(self, name: str) -> Finding:
        glue = self.client("glue")
        job = glue.get_job(JobName=name)["Job"]
        return Finding("Glue job", State.FINE, f"{name} ({job['Command']['Name']})")

    def _function(self, name: str) -> Finding:
        functions = self.client("lambda")
        found = functions.get_function_configuration(FunctionName=name)
        state, update = found.get("State", "Active"), found.get("LastUpdateStatus", "Successful")
        # Inactive is what AWS makes of one that was not called for long; a call wakes it.
        if state not in ("Active", "Inactive") or update != "Successful":
            reason = found.get("StateReason") or found.get("LastUpdateStatusReason") or "no reason given"
            return Finding("function", State.PROBLEM, f"{name} is {state}, {update}: {reason}", RESTORE)
        return Finding("function", State.FINE, name)

    def _table(self, name: str) -> Finding:
        tables = self.client("dynamodb")
        status = tables.describe_table(TableName=name)["Table"]["TableStatus"]
        state = State.FINE if status in ("ACTIVE", "UPDATING") else State.PROBLEM
        return Finding("deployments", state, f"table {name} is {status}")

    def _data(self, bucket: str, spec: ModelSpec) -> Finding:
        objects = self.client("s3")
        prefix = f"data/{spec.dataset}/date="
        pages = objects.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
        partitions = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])]
        values = [name[len(prefix) :].rstrip("/") for name in partitions]
        return findings.data(spec, values, datetime.now(UTC).date())

    def _quotas(self, spec: ModelSpec) -> Iterator[Finding]:
        quotas = self.client("service-quotas")

        def values(listing: str) -> dict[str, float]:
            pages = quotas.get_paginator(listing).paginate(ServiceCode="sagemaker")
            return {item["QuotaName"]: item["Value"] for page in pages for item in page["Quotas"]}

        try:
            found = values("list_service_quotas")
            # The account's own leave out those that have AWS's default alone.
            if any(name not in found for name in findings.quota_names(spec)):
                found = values("list_aws_default_service_quotas") | found
        except (ClientError, BotoCoreError) as error:
            yield Finding(
                "quota", State.UNKNOWN, f"not checked: {error}", "look in Service Quotas, SageMaker"
            )
            return
        yield from findings.quotas(spec, found)


def _not_seen(what: str, name: str, error: Exception) -> Finding:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    if code in _ABSENT or code == "404":
        return Finding(what, State.PROBLEM, f"{name} does not exist", RESTORE)
    if code in _REFUSED:
        todo = "attach the stack's AirflowPolicyArn to Airflow's role or user"
        return Finding(what, State.UNKNOWN, f"{name} not checked: {error}", todo)
    return Finding(what, State.PROBLEM, f"{name}: {error}")
