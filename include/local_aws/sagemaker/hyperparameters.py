"""
The hyperparameters of SageMaker XGBoost: their types, ranges and words.

https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost_hyperparameters.html, and what the container itself
checks: algorithm_mode/hyperparameter_validation.py in github.com/aws/sagemaker-xgboost-container.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

INFINITY = float("inf")
# Type and closed range of each number.
NUMBERS: dict[str, tuple[Callable[[str], float], float, float]] = {
    "num_round": (int, 1, INFINITY),
    "csv_weights": (int, 0, 1),
    "early_stopping_rounds": (int, 1, INFINITY),
    "nthread": (int, 1, INFINITY),
    "verbosity": (int, 0, 3),
    "seed": (int, -(2**31), 2**31 - 1),
    "num_class": (int, 2, INFINITY),
    "num_parallel_tree": (int, 1, INFINITY),
    "max_depth": (int, 0, INFINITY),
    "max_leaves": (int, 0, INFINITY),
    "max_bin": (int, 0, INFINITY),
    "refresh_leaf": (int, 0, 1),
    "one_drop": (int, 0, 1),
    "eta": (float, 0, 1),
    "gamma": (float, 0, INFINITY),
    "min_child_weight": (float, 0, INFINITY),
    "max_delta_step": (float, 0, INFINITY),
    "subsample": (float, 0, 1),
    "colsample_bytree": (float, 0, 1),
    "colsample_bylevel": (float, 0, 1),
    "colsample_bynode": (float, 0, 1),
    "lambda": (float, 0, INFINITY),
    "alpha": (float, 0, INFINITY),
    "lambda_bias": (float, 0, 1),
    "rate_drop": (float, 0, 1),
    "skip_drop": (float, 0, 1),
    "scale_pos_weight": (float, 0, INFINITY),
    "base_score": (float, 0, INFINITY),
    "tweedie_variance_power": (float, 1, 2),
    "aft_loss_distribution_scale": (float, 0, INFINITY),
}
WORDS: dict[str, tuple[str, ...]] = {
    "booster": ("gbtree", "gblinear", "dart"),
    "tree_method": ("auto", "exact", "approx", "hist"),
    "grow_policy": ("depthwise", "lossguide"),
    "process_type": ("default",),
    "sample_type": ("uniform", "weighted"),
    "normalize_type": ("tree", "forest"),
    "sampling_method": ("uniform", "gradient_based"),
    "aft_loss_distribution": ("normal", "logistic", "extreme"),
    "objective": (
        *("binary:hinge", "binary:logistic", "binary:logitraw", "count:poisson", "multi:softmax"),
        *("multi:softprob", "rank:map", "rank:ndcg", "rank:pairwise", "reg:absoluteerror", "reg:gamma"),
        *("reg:linear", "reg:logistic", "reg:pseudohubererror", "reg:squarederror", "reg:squaredlogerror"),
        *("reg:tweedie", "survival:aft", "survival:cox"),
    ),
}
# Lists, which xgboost reads itself.
LISTS = ("eval_metric", "monotone_constraints", "interaction_constraints")
ALIASES = {"learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha"}
# Those that the container adds to xgboost's own, and does not pass on.
OWN_METRICS = (
    *("accuracy", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "mse", "precision", "precision_macro"),
    *("precision_micro", "r2", "recall", "recall_macro", "recall_micro"),
)


class UserError(Exception):
    """What the algorithm reports as a ClientError: the job's input is wrong."""


def parse_hyperparameters(strings: dict[str, str]) -> dict[str, Any]:
    """
    Hyperparameters as xgboost takes them.

    :param strings: as SageMaker hands them over, every value a string.
    :raises UserError: naming the hyperparameter, its value and what is allowed.
    """
    parsed: dict[str, Any] = {}
    for given, text in strings.items():
        name = ALIASES.get(given, given)
        if name in NUMBERS:
            parsed[name] = _number(name, text)
        elif name in WORDS:
            if text not in WORDS[name]:
                raise UserError(f"Hyperparameter {name}: {text} is not in {list(WORDS[name])}")
            parsed[name] = text
        elif name in LISTS:
            parsed[name] = text
        else:
            allowed = ", ".join(sorted((*NUMBERS, *WORDS, *LISTS, *ALIASES)))
            raise UserError(f"Extraneous hyperparameter found: {name}; supported are {allowed}")
    if "num_round" not in parsed:
        raise UserError("Missing required hyperparameter: num_round")
    if str(parsed.get("objective")).startswith("multi:") and "num_class" not in parsed:
        raise UserError("Require input for parameter 'num_class' for multi-classification")
    if "eval_metric" in parsed:
        parsed["eval_metric"] = _metrics(parsed["eval_metric"])
    return parsed


def _metrics(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if own := [name for name in names if name in OWN_METRICS]:
        raise UserError(
            f"Hyperparameter eval_metric: the embedded AWS computes xgboost's own metrics, and not {own[0]}"
        )
    return names


def _number(name: str, text: str) -> float:
    convert, low, high = NUMBERS[name]
    try:
        value = convert(text)
    except ValueError:
        raise UserError(f"Hyperparameter {name}: could not parse {text!r} as {convert.__name__}") from None
    if not low <= value <= high:
        raise UserError(f"Hyperparameter {name}: {text} is not in [{low}, {high}]")
    return value
