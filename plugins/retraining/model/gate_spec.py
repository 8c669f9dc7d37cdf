"""What ``model.yaml`` says about the accuracy gate, and about who hears of its outcomes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from retraining.model.strict_model import StrictModel
from retraining.outcome import Outcome

METRIC_NAME = r"^(train|validation):[a-z0-9@_.-]+$"
DOTTED_PATH = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$"

OnRejected = Literal["skip", "fail", "succeed"]


class Gate(StrictModel):
    """The accuracy gate: which training metric is compared with which threshold.

    :param metric: the metric's name as the algorithm reports it, such as ``validation:error``.
    :param threshold: accepted when the metric is on the right side of it, never when equal.
    :param comparison: the right side: ``less_than`` for errors, ``greater_than`` for scores.
    :param beat_champion_by: the candidate must also be better than the champion, the model that the endpoint
        serves, by more than this margin in the metric's unit; 0 asks for any improvement, None for none.
        Each metric is from its own window: the champion's was measured on the data of its day.
    :param on_rejected: what becomes of the gate's task: skipped, failed or a success.
    :param max_consecutive_rejections: so many rejections in a row fail the task whatever ``on_rejected``.
    """

    metric: Annotated[str, Field(pattern=METRIC_NAME)] = "validation:error"
    threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.10
    comparison: Literal["less_than", "greater_than"] = "less_than"
    beat_champion_by: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    on_rejected: OnRejected = "skip"
    max_consecutive_rejections: Annotated[int, Field(ge=1)] | None = None


class Notify(StrictModel):
    """A message for some outcomes, sent by a notifier of Airflow's own kind.

    Secrets do not belong here: ``arguments`` name an Airflow connection (``aws_conn_id``,
    ``slack_conn_id``, ``smtp_conn_id``), which holds them.

    :param outcomes: outcomes that it is sent for.
    :param notifier: dotted path of the class, such as
        ``airflow.providers.amazon.aws.notifications.sns.SnsNotifier``.
    :param arguments: what it is made with; templates see the gate report as ``gate_report``.
    """

    outcomes: Annotated[list[Outcome], Field(min_length=1)]
    notifier: Annotated[str, Field(pattern=DOTTED_PATH)]
    arguments: dict[str, Any] = Field(default_factory=dict)
