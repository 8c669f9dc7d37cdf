"""
What a retrain comes down to without Airflow and AWS: transform.sql with DuckDB, then xgboost.train.

The independent check of the whole chain: of the project it uses transform.sql and model.yaml, and no code.

    python benchmarks/plain_retrain.py --flights FOLDER --start 2013-09-01T00:00:00Z \
        --validation-start 2013-09-22T00:00:00Z --end 2013-09-29T00:00:00Z
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import xgboost
import yaml

MODEL = Path(__file__).parent.parent / "include" / "models" / "flight_delay"


def plain_retrain(
    flights: Path,
    sql: str,
    start: datetime,
    validation_start: datetime,
    end: datetime,
    hyperparameters: Mapping[str, Any],
) -> float:
    """
    Train on [start, validation_start), validate on [validation_start, end).

    :param flights: folder of parquet files at any depth; all of them are read
    :param sql: the text of transform.sql
    :param start: UTC, with or without zone like the other two
    :param validation_start: UTC
    :param end: UTC
    :param hyperparameters: as in model.yaml; ``num_round`` is the number of boosting rounds
    :return: the validation error after the last round, unrounded
    """
    # The longest name first, as :validation_start would lose its end to :start.
    times = {"validation_start": validation_start, "start": start, "end": end, "as_of": end}
    for name, time in times.items():
        sql = sql.replace(f":{name}", f"TIMESTAMP '{time:%Y-%m-%d %H:%M:%S}'")
    with duckdb.connect() as connection:
        connection.read_parquet(f"{flights}/**/*.parquet", hive_partitioning=False).create_view("flights")
        rows = connection.execute(sql).fetchall()

    matrices = {}
    for split in ("train", "validation"):
        table = np.array([row[1:] for row in rows if row[0] == split], dtype=np.float32)
        if not table.size:
            raise ValueError(f"no {split} rows in [{start}, {end})")
        matrices[split] = xgboost.DMatrix(table[:, 1:], label=table[:, 0])
    parameters = {key: str(value) for key, value in hyperparameters.items()}
    rounds = int(parameters.pop("num_round"))
    history: dict[str, dict[str, list[float]]] = {}
    xgboost.train(
        parameters,
        matrices["train"],
        num_boost_round=rounds,
        evals=[(matrix, split) for split, matrix in matrices.items()],
        evals_result=history,
        verbose_eval=False,
    )
    return history["validation"]["error"][-1]


def main() -> None:
    parser = argparse.ArgumentParser(description="Retrain once, plainly, and print the validation error.")
    parser.add_argument("--flights", type=Path, required=True, help="folder of the flights' parquet files")
    parser.add_argument("--model", type=Path, default=MODEL, help="folder of model.yaml and transform.sql")
    for name in ("--start", "--validation-start", "--end"):
        parser.add_argument(name, type=datetime.fromisoformat, required=True, help="ISO 8601, UTC")
    given = parser.parse_args()
    error = plain_retrain(
        given.flights,
        (given.model / "transform.sql").read_text(),
        given.start,
        given.validation_start,
        given.end,
        yaml.safe_load((given.model / "model.yaml").read_text())["hyperparameters"],
    )
    print(repr(error))


if __name__ == "__main__":
    main()
