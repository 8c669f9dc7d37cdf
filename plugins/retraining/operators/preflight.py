"""Looks whether everything is there that a model's retrains need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowFailException

from retraining import settings
from retraining.model.folders import load_spec
from retraining.preflight.aws.account import PreflightHook
from retraining.workflow.compiler import WorkflowCompiler

if TYPE_CHECKING:
    from airflow.sdk import Context


class PreflightOperator(AwsBaseOperator[PreflightHook]):
    """Look at credentials, stack, roles, functions, data, quotas and the SDK interpreter, from a worker.

    The log ends with a table of what was found, which is also what it returns. It fails when something
    is wrong; what could not be looked at fails nothing.

    :param model_folder: folder with ``model.yaml``.
    :param stack_name: the CloudFormation stack (default: ``[retraining] stack_name``).
    """

    aws_hook_class = PreflightHook
    template_fields: Sequence[str] = aws_template_fields("model_folder", "stack_name")
    ui_color = "#f3f3f3"

    def __init__(self, *, model_folder: Path | str, stack_name: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_folder = str(model_folder)
        self.stack_name = stack_name or settings.stack_name()

    def execute(self, context: Context) -> list[dict[str, str]]:
        """Look, and tell.

        :raises AirflowFailException: when there is a problem.
        """
        from retraining.preflight.findings import Finding, State, table
        from retraining.preflight.sdk import sdk_interpreter

        spec = load_spec(Path(self.model_folder))
        found = list(self.hook.look(spec, self.stack_name))
        compiler = WorkflowCompiler(settings.sdk_python(), settings.PROJECT)
        is_needed = compiler.needs_sdk(Path(self.model_folder))
        found.append(sdk_interpreter(compiler.python, compiler.pins, is_needed=is_needed))
        if spec.pool != "default_pool":
            todo = "`airflow pools get` says; a task cannot see it"
            found.append(Finding("pool", State.UNKNOWN, f"{spec.pool} not checked", todo))
        for line in table(found):
            self.log.info("%s", line)
        result = [asdict(finding) | {"state": str(finding.state)} for finding in found]
        if problems := [finding for finding in found if finding.state is State.PROBLEM]:
            context["ti"].xcom_push(key="return_value", value=result)
            raise AirflowFailException("\n".join(table(problems)))
        return result
