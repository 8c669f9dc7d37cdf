"""
The training program: what runs inside the SageMaker XGBoost container, run as a process of its own.

Called with the folder that SageMaker mounts as /opt/ml. Reads input/config/hyperparameters.json and
input/data/<channel>/, writes model/xgboost-model, and into checkpoints/ where that is there; on an error
writes output/failure and exits with 1. Prints one line a round: [round], and for every metric a tab and
<channel>-<metric>:<value>.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from include.local_aws.sagemaker.channel_data import read_channel
from include.local_aws.sagemaker.hyperparameters import UserError, parse_hyperparameters

CHANNELS = ("train", "validation")
# How the container names its checkpoints, by the round, and how many it keeps.
CHECKPOINT = re.compile(r"xgboost-checkpoint\.([0-9]+)")
KEPT_CHECKPOINTS = 5
MAXIMIZED = ("auc", "aucpr", "map", "ndcg")


def train(root: Path) -> None:
    """
    Train on the channels below ``root`` and save the model there.

    :raises UserError: when hyperparameters or data are not what the algorithm takes.
    """
    import xgboost as xgb

    config = root / "input" / "config"
    parameters = parse_hyperparameters(json.loads((config / "hyperparameters.json").read_text()))
    rounds, early_stopping = parameters.pop("num_round"), parameters.pop("early_stopping_rounds", None)
    watched = _read(root, bool(parameters.pop("csv_weights", 0)))
    checkpoints = root / "checkpoints"
    begun, done = _latest(checkpoints)
    callbacks = [_printer(done)]
    if checkpoints.exists():
        callbacks.append(_saver(checkpoints, done))
    # The container stops early only by a metric that is given, of data that is not trained on.
    if early_stopping and "validation" in watched and "eval_metric" in parameters:
        callbacks.append(_stopper(early_stopping, parameters["eval_metric"][-1]))
    try:
        booster = xgb.train(
            parameters,
            watched["train"],
            num_boost_round=rounds - done,
            evals=[(matrix, name) for name, matrix in watched.items()],
            callbacks=callbacks,
            xgb_model=begun,
            verbose_eval=False,
        )
    except xgb.core.XGBoostError as error:
        # The rest of its message is a trace of machine addresses.
        reason = str(error).partition("\nStack trace")[0].strip()
        raise UserError(f"xgboost refused to train: {reason}") from error
    (root / "model" / "xgboost-model").write_bytes(booster.save_raw("ubj"))


def _read(root: Path, csv_weights: bool) -> dict[str, Any]:
    given = json.loads((root / "input/config/inputdataconfig.json").read_text())
    if extraneous := sorted(given.keys() - {*CHANNELS}):
        raise UserError(f"Extraneous channel found: {extraneous[0]}")
    if "train" not in given:
        raise UserError("Missing required channel: train")
    # The container reads every channel as the first of them is.
    content_type = given["train"].get("ContentType")
    data = root / "input" / "data"
    watched = {
        name: read_channel(data / name, content_type, csv_weights=csv_weights)
        for name in CHANNELS
        if name in given
    }
    widths = {name: matrix.num_col() for name, matrix in watched.items()}
    if widths.get("validation", 0) > widths["train"]:
        raise UserError(f"The channels differ in their number of features: {widths}")
    return watched


def _printer(done: int) -> Any:
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
            print(f"[{epoch + done}]{''.join(values)}", flush=True)  # noqa: T201 - the job's log
            return False

    return PrintEvaluation()


def _saver(folder: Path, done: int) -> Any:
    import xgboost as xgb

    class SaveCheckpoint(xgb.callback.TrainingCallback):  # type: ignore[misc]
        """Saves the model after every round."""

        def after_iteration(self, model: Any, epoch: int, _evals_log: Any) -> bool:
            number = epoch + done
            unfinished = folder / "unfinished"
            unfinished.write_bytes(model.save_raw("ubj"))
            unfinished.rename(folder / f"xgboost-checkpoint.{number}")
            (folder / f"xgboost-checkpoint.{number - KEPT_CHECKPOINTS}").unlink(missing_ok=True)
            return False

    return SaveCheckpoint()


def _stopper(rounds: int, metric: str) -> Any:
    import xgboost as xgb

    return xgb.callback.EarlyStopping(
        rounds=rounds,
        data_name="validation",
        metric_name=metric,
        maximize=metric.partition("@")[0] in MAXIMIZED,
        save_best=True,
    )


def _latest(folder: Path) -> tuple[Any, int]:
    """The model of the last checkpoint, and how many rounds it has; none is (None, 0)."""
    import xgboost as xgb

    paths = folder.iterdir() if folder.exists() else ()
    numbered = {int(found[1]): path for path in paths if (found := CHECKPOINT.fullmatch(path.name))}
    if not numbered:
        return None, 0
    last = max(numbered)
    return xgb.Booster(model_file=bytearray(numbered[last].read_bytes())), last + 1


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
