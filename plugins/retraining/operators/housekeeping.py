"""Removes what a model's old runs left in AWS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from retraining import settings
from retraining.errors import RetrainingError
from retraining.hooks.aws_errors import clear_aws_errors
from retraining.hooks.stack import StackHook
from retraining.model.folders import load_spec

if TYPE_CHECKING:
    from airflow.sdk import Context

LOGGED_RUNS = 100
SHOWN_ERRORS = 20


class HousekeepingError(AirflowException):
    """Some of what is beyond the retention could not be removed; doing it again is safe."""


class HousekeepingOperator(AwsBaseOperator[StackHook]):
    """Remove models, endpoint configs, ETL output and training output beyond the model's retention.

    What an endpoint serves or is to serve, what runs, and what rolling back would choose stays whatever its
    age. Returns how many of what went, and how many runs were kept for which reason.

    :param model_folder: folder with ``model.yaml``, which says the retention.
    :param plan_only: a dry run: only say what would go.
    :param stack_name: the CloudFormation stack (default: ``[retraining] stack_name``).
    """

    aws_hook_class = StackHook
    template_fields: Sequence[str] = aws_template_fields("model_folder", "plan_only", "stack_name")
    ui_color = "#f3f3f3"

    def __init__(
        self,
        *,
        model_folder: Path | str,
        plan_only: bool | str = False,
        stack_name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model_folder = str(model_folder)
        self.plan_only = plan_only
        self.stack_name = stack_name or settings.stack_name()

    def execute(self, context: Context) -> dict[str, Any]:
        """Find, judge, and remove.

        :raises HousekeepingError: when something could not be removed; the rest was.
        """
        from retraining.housekeeping.aws.housekeeper import Housekeeper
        from retraining.housekeeping.report import lines, report

        if not isinstance(self.plan_only, bool):
            raise AirflowFailException(f"plan_only: {self.plan_only!r} must be true or false")
        with clear_aws_errors(self.aws_conn_id):
            try:
                spec = load_spec(Path(self.model_folder))
                stack = self.hook.read(self.stack_name)
            except RetrainingError as error:
                raise AirflowFailException(str(error)) from None
            housekeeper = Housekeeper(spec, stack, **self._hook_parameters)
            plan = housekeeper.plan()
            for line in lines(plan.verdicts, plan.strangers, plan.now, limit=LOGGED_RUNS):
                self.log.info("%s", line)
            result = {"model": spec.name, "dry_run": self.plan_only, **report(plan.verdicts, plan.strangers)}
            if self.plan_only:
                self.log.info("Nothing is removed: this is a dry run")
                return result
            removal = housekeeper.carry_out(plan)
        removed = {**removal.counts, "bytes": removal.size}
        self.log.info("Removed %s", ", ".join(f"{count} {what}" for what, count in removed.items()))
        result |= {"removed": removed, "errors": removal.errors}
        if removal.errors:
            context["ti"].xcom_push(key="return_value", value=result)
            raise HousekeepingError(
                f"{len(removal.errors)} could not be removed:\n" + "\n".join(removal.errors[:SHOWN_ERRORS])
            )
        return result
