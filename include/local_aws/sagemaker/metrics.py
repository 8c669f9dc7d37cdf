"""The metrics of SageMaker XGBoost: their names, and the patterns that find them in a training log."""

from __future__ import annotations

import re

# The metrics that the algorithm knows: https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost-tuning.html
EVAL_METRICS = (
    "accuracy",
    "auc",
    "balanced_accuracy",
    "error",
    "f1",
    "logloss",
    "mae",
    "map",
    "merror",
    "mlogloss",
    "mse",
    "ndcg",
    "precision",
    "r2",
    "recall",
    "rmse",
)

# As the algorithm declares them, for a log in which the log driver writes a tab as #011.
METRIC_DEFINITIONS = [
    {
        "Name": f"{channel}:{metric}",
        "Regex": rf".*\[[0-9]+\].*#011{channel}-{metric}:([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*",
    }
    for channel in ("train", "validation")
    for metric in EVAL_METRICS
]


def last_values(log: str) -> dict[str, float]:
    """
    What FinalMetricDataList holds: for every metric that the log has, the value printed last.

    :param log: the output of a training job.
    """
    escaped = log.replace("\t", "#011")
    values = {}
    for definition in METRIC_DEFINITIONS:
        found = re.findall(definition["Regex"], escaped)
        if found:
            values[definition["Name"]] = float(found[-1])
    return values
