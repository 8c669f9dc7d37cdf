"""
Selectable inference: what a model's SAGEMAKER_INFERENCE_OUTPUT asks of every prediction.

https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html and algorithm_mode/serve_utils.py in
github.com/aws/sagemaker-xgboost-container.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

SCORES = ("raw_score", "raw_scores")
LABELS = ("predicted_label", "labels")
PROBABILITIES = ("probability", "probabilities")
KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("reg:squarederror", "reg:logistic", "reg:gamma", "reg:absoluteerror", "reg:tweedie"),
        ("predicted_score",),
    ),
    **dict.fromkeys(("binary:logistic", "multi:softprob"), (*LABELS, *PROBABILITIES, *SCORES)),
    **dict.fromkeys(("binary:logitraw", "binary:hinge", "multi:softmax"), (*LABELS, *SCORES)),
}
Selected = list[dict[str, Any]]


def selected(booster: Any, predictions: Any, keys: str) -> Selected:
    """
    What is selected of each prediction; NaN is what its objective does not have.

    :param keys: the value of the environment variable.
    :raises ValueError: when the model's objective has none of it.
    """
    learner = json.loads(booster.save_config())["learner"]
    objective, classes = learner["objective"]["name"], int(learner["learner_model_param"]["num_class"])
    if objective not in KEYS:
        raise ValueError(f"Objective `{objective}` unsupported for selectable inference predictions.")
    take = _taker(objective, classes)
    return [
        {key: take(key, one) if key in KEYS[objective] else float("nan") for key in _names(keys)}
        for one in predictions.tolist()
    ]


def encoded(chosen: Selected, keys: str, accept: str) -> str:
    """
    The answer's body.

    :raises ValueError: for what it is not written in.
    """
    if accept == "application/json":
        return json.dumps({"predictions": chosen})
    if accept == "application/jsonlines":
        return "".join(f"{json.dumps(one)}\n" for one in chosen)
    if accept == "text/csv":
        return "\n".join(",".join(_field(one[key]) for key in _names(keys)) for one in chosen)
    raise ValueError(f"The embedded AWS does not encode selected predictions as {accept}")


def _names(keys: str) -> list[str]:
    return keys.replace(" ", "").lower().split(",")


def _field(value: Any) -> str:
    return f'"{value}"' if isinstance(value, list) else str(value)


def _taker(objective: str, classes: int) -> Callable[[str, Any], Any]:
    def label(one: Any) -> Any:
        if objective == "multi:softprob":
            return one.index(max(one))
        if objective in ("binary:hinge", "multi:softmax"):
            return one
        return int(one > (0.5 if objective == "binary:logistic" else 0))

    takers: dict[str, Callable[[Any], Any]] = {
        "predicted_score": lambda one: one,
        "predicted_label": label,
        "labels": lambda _: list(range(classes or 2)),
        **dict.fromkeys(("probability", "raw_score"), lambda one: max(one) if isinstance(one, list) else one),
        **dict.fromkeys(
            ("probabilities", "raw_scores"), lambda one: one if isinstance(one, list) else [1.0 - one, one]
        ),
    }
    return lambda key, one: takers[key](one)
