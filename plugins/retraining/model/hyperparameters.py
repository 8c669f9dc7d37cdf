"""The hyperparameters of SageMaker's XGBoost: their names, types and simple ranges.

Names as in https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost_hyperparameters.html, ranges as the
container checks them (``hyperparameter_validation.py`` of github.com/aws/sagemaker-xgboost-container); what
depends on other hyperparameters is left to the training job.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from typing_extensions import TypedDict

MAX_INTEGER = 2**31 - 1
MAX_FLOAT = 3e38


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


# SageMaker's own form is strings, so numbers may be written as such: "0.2".
_INTEGER: dict[str, Any] = {"type": ["integer", "string"]}
_FLOAT: dict[str, Any] = {"type": ["number", "string"]}
_NUMBER = BeforeValidator(_no_boolean)

Flag = Annotated[int, Field(ge=0, le=1, json_schema_extra=_INTEGER), _NUMBER]
Count = Annotated[int, Field(ge=1, le=MAX_INTEGER, json_schema_extra=_INTEGER), _NUMBER]
Size = Annotated[int, Field(ge=0, le=MAX_INTEGER, json_schema_extra=_INTEGER), _NUMBER]
Classes = Annotated[int, Field(ge=2, le=MAX_INTEGER, json_schema_extra=_INTEGER), _NUMBER]
Verbosity = Annotated[int, Field(ge=0, le=3, json_schema_extra=_INTEGER), _NUMBER]
Seed = Annotated[int, Field(ge=-MAX_INTEGER, le=MAX_INTEGER - 1, json_schema_extra=_INTEGER), _NUMBER]
Share = Annotated[float, Field(ge=0, le=1, json_schema_extra=_FLOAT), _NUMBER]
Sample = Annotated[float, Field(gt=0, le=1, json_schema_extra=_FLOAT), _NUMBER]
Weight = Annotated[float, Field(ge=0, le=MAX_FLOAT, json_schema_extra=_FLOAT), _NUMBER]
Positive = Annotated[float, Field(gt=0, le=MAX_FLOAT, json_schema_extra=_FLOAT), _NUMBER]
Sketch = Annotated[float, Field(gt=0, lt=1, json_schema_extra=_FLOAT), _NUMBER]
Tweedie = Annotated[float, Field(gt=1, lt=2, json_schema_extra=_FLOAT), _NUMBER]
Word = Annotated[str, Field(min_length=1, max_length=2500)]  # SageMaker's limit of a value
Bool = Literal["true", "false"]
Metrics = Annotated[str, Field(pattern=r"^[a-z][a-z0-9@._-]*(,[a-z][a-z0-9@._-]*)*$", max_length=2500)]
Objective = Literal[
    "binary:logistic",
    "binary:logitraw",
    "binary:hinge",
    "count:poisson",
    "multi:softmax",
    "multi:softprob",
    "rank:pairwise",
    "rank:ndcg",
    "rank:map",
    "reg:linear",
    "reg:squarederror",
    "reg:logistic",
    "reg:gamma",
    "reg:pseudohubererror",
    "reg:squaredlogerror",
    "reg:tweedie",
    "survival:aft",
    "survival:cox",
]

# The functional form, because "lambda" is a keyword.
Hyperparameters = TypedDict(
    "Hyperparameters",
    {
        "num_round": Count,
        "objective": Objective,
        "eval_metric": Metrics,
        "num_class": Classes,
        "base_score": Weight,
        "seed": Seed,
        "early_stopping_rounds": Count,
        "booster": Literal["gbtree", "gblinear", "dart"],
        "eta": Share,
        "gamma": Weight,
        "max_depth": Size,
        "min_child_weight": Weight,
        "max_delta_step": Weight,
        "subsample": Sample,
        "sampling_method": Literal["uniform", "gradient_based"],
        "colsample_bytree": Sample,
        "colsample_bylevel": Sample,
        "colsample_bynode": Sample,
        "lambda": Weight,
        "alpha": Weight,
        "lambda_bias": Share,
        "tree_method": Literal["auto", "exact", "approx", "hist", "gpu_hist"],
        "sketch_eps": Sketch,
        "scale_pos_weight": Positive,
        "updater": Word,
        "refresh_leaf": Flag,
        "process_type": Literal["default", "update"],
        "grow_policy": Literal["depthwise", "lossguide"],
        "max_leaves": Size,
        "max_bin": Size,
        "num_parallel_tree": Count,
        "monotone_constraints": Word,
        "interaction_constraints": Word,
        "sample_type": Literal["uniform", "weighted"],
        "normalize_type": Literal["tree", "forest"],
        "rate_drop": Share,
        "one_drop": Flag,
        "skip_drop": Share,
        "tweedie_variance_power": Tweedie,
        "aft_loss_distribution": Literal["normal", "logistic", "extreme"],
        "aft_loss_distribution_scale": Weight,
        "csv_weights": Flag,
        "nthread": Count,
        "verbosity": Verbosity,
        "single_precision_histogram": Bool,
        "deterministic_histogram": Bool,
        "save_model_on_termination": Bool,
        "use_dask_gpu_training": Bool,
    },
    total=False,
)
Hyperparameters.__pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)  # type: ignore[attr-defined]


# For the trigger form: the names and no ranges, because Airflow checks a schema at every parse of the DAG.
JSON_SCHEMA: dict[str, Any] = {
    "type": "object",
    "propertyNames": {"enum": list(Hyperparameters.__annotations__)},
    "additionalProperties": {"type": ["number", "string"]},
}


def as_strings(hyperparameters: Mapping[str, Any]) -> dict[str, str]:
    """Write hyperparameters as CreateTrainingJob takes them: every value a string, 4.0 as ``4``."""
    return {
        name: str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
        for name, value in hyperparameters.items()
    }


def computes(hyperparameters: Mapping[str, Any], metric: str) -> bool:
    """Whether training with these computes a metric.

    :param metric: as SageMaker names it, such as ``validation:error``.
    """
    return metric.partition(":")[2] in str(hyperparameters.get("eval_metric", "")).split(",")
