"""Brings a model's state machine up to date."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowFailException

from retraining import settings
from retraining.errors import CompileInterruptedError, ModelSpecError, RetrainingError
from retraining.hooks.aws_errors import clear_aws_errors
from retraining.hooks.stack import Stack, StackHook
from retraining.hooks.workflow import WorkflowHook, definition_diff
from retraining.model.folders import load_spec
from retraining.model.local_storage import spec_problems
from retraining.workflow.compiler import WorkflowCompiler
from retraining.workflow.definition_cache import DefinitionCache
from retraining.workflow.surroundings import Surroundings

if TYPE_CHECKING:
    from airflow.sdk import Context

# The limit of a compile grows twofold with each try, up to so much of the first.
MAX_GROWTH = 8


class DeployWorkflowOperator(AwsBaseOperator[WorkflowHook]):
    """Create or update a model's state machine, only when something changed since it was deployed.

    Returns what an execution of it needs to know: ``state_machine`` (the version's ARN), ``fingerprint`` of
    its sources, and the stack's ``glue_job``, ``metrics_function``, ``endpoint_test_function``,
    ``deployment_function`` and ``deployments_table``, all names, and ``kms_key``, an ARN or empty.

    :param model_folder: folder with ``model.yaml`` and ``transform.sql``.
    :param stack_name: the CloudFormation stack (default: ``[retraining] stack_name``).
    """

    aws_hook_class = WorkflowHook
    template_fields: Sequence[str] = aws_template_fields("model_folder", "stack_name")
    ui_color = "#e6f0ff"

    def __init__(self, *, model_folder: Path | str, stack_name: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_folder = str(model_folder)
        self.stack_name = stack_name or settings.stack_name()

    def execute(self, context: Context) -> dict[str, str]:
        """Compare fingerprints, and deploy when they differ."""
        with clear_aws_errors(self.aws_conn_id):
            stack = StackHook(**self._hook_parameters).read(self.stack_name)
            try:
                version, fingerprint = self._deploy(stack, context["ti"].try_number)
            except CompileInterruptedError:
                # A busy worker's, which passes; the task's next try has more time.
                raise
            except RetrainingError as error:
                raise AirflowFailException(str(error)) from None
        return {
            "state_machine": version,
            "fingerprint": fingerprint,
            "glue_job": stack.glue_job,
            "metrics_function": stack.metrics_function,
            "endpoint_test_function": stack.endpoint_test_function,
            "deployment_function": stack.deployment_function,
            "deployments_table": stack.deployments_table,
            "kms_key": stack.kms_key or "",
        }

    def _deploy(self, stack: Stack, try_number: int) -> tuple[str, str]:
        folder = Path(self.model_folder)
        spec = load_spec(folder)
        if problems := spec_problems(spec, stack.kms_key):
            raise ModelSpecError("\n".join(f"{folder / 'model.yaml'}: {problem}" for problem in problems))
        compiler = WorkflowCompiler(
            settings.sdk_python(),
            settings.PROJECT,
            settings.compile_timeout_seconds() * min(2 ** (try_number - 1), MAX_GROWTH),
            DefinitionCache(settings.compile_cache()),
        )
        aws = Surroundings(
            stack=stack.name,
            region=stack.region,
            bucket=stack.bucket,
            training_role=stack.training_role,
            subnets=stack.subnets,
            security_groups=stack.security_groups,
            kms_key=stack.kms_key or "",
        )
        fingerprint = compiler.fingerprint(folder, aws)
        arn = stack.state_machine_arn(spec.name)
        deployed = self.hook.deployed(arn)
        unchanged = deployed is not None and deployed.fingerprint == fingerprint
        if deployed and deployed.version and unchanged and not deployed.drifted:
            self.log.info("%s is up to date", deployed.version)
            return deployed.version, fingerprint
        self.log.info("Compiling %s with the SDK interpreter", folder)
        transform = (folder / "transform.sql").read_bytes()
        key = f"workflow/{spec.name}/{hashlib.sha256(transform).hexdigest()[:16]}/transform.sql"
        definition = json.loads(compiler.compile(folder, aws, f"s3://{stack.bucket}/{key}"))
        if deployed and deployed.drifted:
            self.log.warning(
                "%s was edited by hand and is restored:\n%s",
                arn,
                definition_diff(deployed.definition, definition),
            )
        from airflow.providers.amazon.aws.hooks.s3 import S3Hook  # only for what changed, not to parse a DAG

        S3Hook(**self._hook_parameters).load_bytes(transform, key, stack.bucket, replace=True)
        version = self.hook.deploy(arn, definition, stack.state_machine_role, fingerprint)
        self.log.info("Deployed %s", version)
        return version, fingerprint
