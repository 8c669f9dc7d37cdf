"""
The training program: what runs inside the SageMaker XGBoost container, run as a process of its own.

Called with the folder that SageMaker mounts as /opt/ml. Reads input/config/hyperparameters.json and
input/data/<channel>/*.csv (no header, label first), writes model/xgboost-model; on an error writes
output/failure and exits with 1. Prints one line a round: [round], and for every metric a tab and
<channel>-<metric>:<value>.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CONTENT = "text/csv without header or empty fields, label first"

# Type and closed range of each hyperparameter, as the algorithm documents them:
# https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost_hyperparameters.html
INFINITY = float("inf")
NUMBERS: dict[str, tuple[Callable[[str], float], float, float]] = {
    "num_round": (int, 1, INFINITY),
    "early_stopping_rounds": (int, 1, INFINITY),
    "nthread": (int, 1, INFINITY),
    "verbosity": (int, 0, 3),
    "seed": (int, -(2**31), 2**31 - 1),
    "num_class": (int, 2, INFINITY),
    "num_parallel_tree": (int, 1, INFINITY),
    "max_depth": (int, 0, INFINITY),
    "max_leaves": (int, 0, INFINITY),
    "max_bin": (int, 0, INFINITY),
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
    "scale_pos_weight": (float, 0, INFINITY),
    "base_score": (float, 0, INFINITY),
}
WORDS = ("booster", "objective", "eval_metric", "tree_method", "grow_policy")


class UserError(Exception):
    """What the algorithm reports as a ClientError: the job's input is wrong."""


def parse_hyperparameters(strings: dict[str, str]) -> dict[str, Any]:
    """
    Hyperparameters as xgboost takes them.

    :param strings: as SageMaker hands them over, every value a string.
    :raises UserError: naming the hyperparameter, its value and what is allowed.
    """
    parsed: dict[str, Any] = {}
    for name, text in strings.items():
        if name in WORDS:
            parsed[name] = text
        elif name in NUMBERS:
            parsed[name] = _number(name, text)
        else:
            allowed = ", ".join(sorted((*NUMBERS, *WORDS)))
            raise UserError(f"Extraneous hyperparameter found: {name}; supported are {allowed}")
    if "num_round" not in parsed:
        raise UserError("Missing required hyperparameter: num_round")
    if "eval_metric" in parsed:
        parsed["eval_metric"] = [metric.strip() for metric in parsed["eval_metric"].split(",")]
    return parsed


def _number(name: str, text: str) -> float:
    convert, low, high = NUMBERS[name]
    try:
        value = convert(text)
    except ValueError:
        raise UserError(f"Hyperparameter {name}: could not parse {text!r} as {convert.__name__}") from None
    if not low <= value <= high:
        raise UserError(f"Hyperparameter {name}: {text} is not in [{low}, {high}]")
    return value


def read_channel(folder: Path) -> Any:
    """
    A channel's files, in the order of their names, as one matrix.

    :raises UserError: when they are not CSV as the algorithm takes it.
    """
    import numpy as np
    import xgboost as xgb

    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    if not files:
        raise UserError(f"Channel {folder.name}: no data; expected {CONTENT}")
    parts = []
    for path in files:
        try:
            parts.append(np.loadtxt(path, delimiter=",", dtype=np.float32, ndmin=2))
        except ValueError as error:
            raise UserError(f"Channel {folder.name}, {path.name}: expected {CONTENT}: {error}") from error
    if len({part.shape[1] for part in parts}) != 1:
        raise UserError(f"Channel {folder.name}: its files differ in their number of columns")
    rows = np.concatenate(parts)
    if rows.shape[1] < 2:
        raise UserError(f"Channel {folder.name}: one column only; expected {CONTENT}")
    return xgb.DMatrix(rows[:, 1:], label=rows[:, 0])


def train(root: Path) -> None:
    """
    Train on the channels below ``root`` and save the model there.

    :raises UserError: when hyperparameters or data are not what the algorithm takes.
    """
    import xgboost as xgb

    class PrintEvaluation(xgb.callback.TrainingCallback):  # type: ignore[misc]
        """Prints every digit, where xgboost's own monitor rounds to five."""

        def after_iteration(
            self, _model: Any, epoch: int, evals_log: dict[str, dict[str, list[float]]]
        ) -> bool:
            values = (
                f"\t{channel}-{metric}:{history[-1]!r}"
                for channel, metrics in evals_log.items()
                for metric, history in metrics.items()
            )
            print(f"[{epoch}]{''.join(values)}", flush=True)  # noqa: T201 - the job's log
            return False

    parameters = parse_hyperparameters(json.loads((root / "input/config/hyperparameters.json").read_text()))
    rounds = parameters.pop("num_round")
    early_stopping = parameters.pop("early_stopping_rounds", None)
    data = root / "input" / "data"
    if not (data / "train").exists():
        raise UserError("Missing required channel: train")
    watched = {name: read_channel(data / name) for name in ("train", "validation") if (data / name).exists()}
    widths = {name: matrix.num_col() for name, matrix in watched.items()}
    if len(set(widths.values())) != 1:
        raise UserError(f"The channels differ in their number of features: {widths}")
    try:
        booster = xgb.train(
            parameters,
            watched["train"],
            num_boost_round=rounds,
            evals=[(matrix, name) for name, matrix in watched.items()],
            early_stopping_rounds=early_stopping,
            callbacks=[PrintEvaluation()],
            verbose_eval=False,
        )
    except xgb.core.XGBoostError as error:
        # The rest of its message is a trace of machine addresses.
        reason = str(error).partition("\nStack trace")[0].strip()
        raise UserError(f"xgboost refused to train: {reason}") from error
    (root / "model" / "xgboost-model").write_bytes(booster.save_raw("ubj"))


def main(root: Path) -> int:
    try:
        train(root)
    except Exception as error:  # noqa: BLE001 - every error is the job's failure
        import traceback

        traceback.print_exc()
        kind = "ClientError" if isinstance(error, UserError) else "AlgorithmError"
        (root / "output" / "failure").write_text(f"{kind}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
