"""Finds which models and endpoint configs are in use, or are about to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from botocore.exceptions import ClientError

from retraining.execution.execution_input import ExecutionInput
from retraining.hooks.aws_errors import is_gone
from retraining.hooks.stack import Stack
from retraining.hooks.state_machine import StateMachineHook
from retraining.housekeeping.retention import Use, run_of

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient  # noqa: F401


class InUseHook(AwsGenericHook["SageMakerClient"]):
    """Asks every endpoint of the account, the deployments table, and whatever is running.

    :param parameters: what the hooks of all services are made with.
    """

    def __init__(self, **parameters: Any) -> None:
        super().__init__(client_type="sagemaker", **parameters)
        self._states = StateMachineHook(**parameters)
        self._tables: Any = AwsGenericHook(client_type="dynamodb", **parameters)

    def read(self, stack: Stack, model: str) -> Use:
        """Find what must stay, whoever uses it.

        :param model: the model folder's name, whose executions are looked at.
        """
        names: dict[str, str] = {}
        # What serves comes last, so that it is the reason that is given.
        self._add_running(names, stack.state_machine_arn(model))
        self._add_claims(names, stack.deployments_table)
        served = self._add_endpoints(names)
        return Use(names, served)

    def _add_endpoints(self, names: dict[str, str]) -> dict[str, str]:
        served: dict[str, str] = {}
        pages = self.conn.get_paginator("list_endpoints").paginate(PaginationConfig={"PageSize": 100})
        for name in [item["EndpointName"] for page in pages for item in page["Endpoints"]]:
            endpoint = self._described("describe_endpoint", EndpointName=name)
            pending = endpoint.get("PendingDeploymentSummary", {}).get("EndpointConfigName")
            for config, why in (
                (pending, f"{name} is being updated to it"),
                (endpoint.get("EndpointConfigName"), f"served by {name}"),
            ):
                if not config:
                    continue
                names[config] = why
                for model in self._models_of(config):
                    names[model] = why
                    served[name] = model
        return served

    def _models_of(self, config: str) -> list[str]:
        described = self._described("describe_endpoint_config", EndpointConfigName=config)
        variants = described.get("ProductionVariants", []) + described.get("ShadowProductionVariants", [])
        return [variant["ModelName"] for variant in variants if "ModelName" in variant]

    def _described(self, operation: str, **request: Any) -> dict[str, Any]:
        """Describe something; empty when it has gone meanwhile."""
        try:
            described: dict[str, Any] = getattr(self.conn, operation)(**request)
        except ClientError as error:
            if is_gone(error):
                return {}
            raise
        return described

    def _add_claims(self, names: dict[str, str], table: str) -> None:
        for page in self._tables.conn.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
            for item in page["Items"]:
                endpoint = item["Endpoint"]["S"]
                # What was proven last is what a deployment that fails goes back to.
                for prefix, why in (
                    ("Proven", f"proven on {endpoint}"),
                    ("", f"to be deployed to {endpoint}"),
                ):
                    for field in ("EndpointConfigName", "ModelName"):
                        if f"{prefix}{field}" in item:
                            names[item[f"{prefix}{field}"]["S"]] = why

    def _add_running(self, names: dict[str, str], state_machine: str) -> None:
        for name, arn in self._running(state_machine):
            names[name] = why = f"execution {name} is running"
            given = ExecutionInput.of(self._states.describe(arn))
            used = (given.training_job_name, given.model_name, given.endpoint_config_name)
            names |= {used_name: why for used_name in used if used_name}
        pages = self.conn.get_paginator("list_training_jobs").paginate(
            StatusEquals="InProgress", PaginationConfig={"PageSize": 100}
        )
        for job in (item["TrainingJobName"] for page in pages for item in page["TrainingJobSummaries"]):
            names[run_of(job)] = f"training job {job} is running"

    def _running(self, state_machine: str) -> list[tuple[str, str]]:
        # PENDING_REDRIVE is of the children of a Map Run: with a stateMachineArn, AWS refuses it.
        paginator = self._states.client.get_paginator("list_executions")
        try:
            pages = list(paginator.paginate(stateMachineArn=state_machine, statusFilter="RUNNING"))
        except ClientError as error:
            if error.response["Error"]["Code"] == "StateMachineDoesNotExist":
                return []
            raise
        return [(item["name"], item["executionArn"]) for page in pages for item in page["executions"]]
