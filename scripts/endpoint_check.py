"""
Does the endpoint serve the model just trained, and how good is it on flights it has not seen?

Runs in the embedded AWS's interpreter, which has DuckDB and xgboost, against its S3 and endpoint only; prints
JSON: the validation error of a plain retrain of the same window, and the predictions.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import re
import subprocess
import sys
import tarfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import numpy as np
import xgboost

PROJECT = Path(__file__).resolve().parent.parent
# How long after the window flights are taken from, and how many the endpoint is asked at once.
UNSEEN = timedelta(days=1)
BATCH = 500


def main() -> None:
    """Read the arguments, check, and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--aws", "--bucket", "--endpoint", "--training-job", "--model", "--folder"):
        parser.add_argument(name, required=True)
    for name in ("--start", "--validation-start", "--end"):
        parser.add_argument(name, required=True, type=_utc)
    given = parser.parse_args()
    model = PROJECT / "include" / "models" / given.model
    session: Any = boto3.Session("local", "local", region_name="us-east-1")
    client = partial(session.client, endpoint_url=given.aws)
    folder = Path(given.folder)
    download_flights(client("s3"), given.bucket, given.start, given.end + UNSEEN, folder)
    columns, rows = unseen_flights(folder, (model / "transform.sql").read_text(), given.end)
    labels, features = [int(row[1]) for row in rows], [[int(cell) for cell in row[2:]] for row in rows]
    answers = ask(client("sagemaker-runtime"), given.endpoint, features)
    artifact = client("sagemaker").describe_training_job(TrainingJobName=given.training_job)["ModelArtifacts"]
    own = predict(client("s3"), artifact["S3ModelArtifacts"], features)
    plain = plain_error(folder, model, (given.start, given.validation_start, given.end))
    print(
        json.dumps(
            {
                "plain_error": plain,
                "features": columns[2:],
                "flights": features,
                "labels": labels,
                "endpoint": answers,
                "artifact": own,
            }
        )
    )


def download_flights(s3: Any, bucket: str, start: datetime, end: datetime, folder: Path) -> None:
    """Download the daily partitions that [start, end) touches."""
    day = start.date()
    while day <= end.date():
        prefix = f"data/flights/date={day}/"
        for entry in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ()):
            file = folder / f"date={day}" / entry["Key"].rpartition("/")[2]
            file.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, entry["Key"], str(file))
        day += timedelta(days=1)


def unseen_flights(folder: Path, sql: str, end: datetime) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Transform the flights that landed in the day after the window, as the Glue job would."""
    glue = _glue_script()
    # The rows of both splits are wanted, wherever the cut lies.
    window = glue.Window(end, end + UNSEEN / 2, end + UNSEEN)
    files = sorted(str(file) for file in folder.glob("**/*.parquet"))
    columns, rows = glue.run_duckdb(files, "flights", glue.render(sql, window, window.end))
    if not rows:
        raise SystemExit(f"no flights landed in {window}")
    return columns, rows


def ask(runtime: Any, endpoint: str, features: list[list[int]]) -> list[float]:
    """Ask the endpoint, as any caller would: CSV in, one probability a line or comma out."""
    answers: list[float] = []
    for first in range(0, len(features), BATCH):
        body = "\n".join(",".join(map(str, row)) for row in features[first : first + BATCH])
        response = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=body.encode())
        answers += [float(text) for text in re.split(r"[,\s]+", response["Body"].read().decode().strip())]
    if len(answers) != len(features):
        raise SystemExit(f"the endpoint gave {len(answers)} predictions for {len(features)} flights")
    return answers


def predict(s3: Any, artifact: str, features: list[list[int]]) -> list[float]:
    """Predict with the model.tar.gz that the training job left."""
    bucket, _, key = artifact.removeprefix("s3://").partition("/")
    with tarfile.open(fileobj=io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())) as archive:
        member = archive.extractfile("xgboost-model")
        if member is None:
            raise SystemExit(f"{artifact} holds no xgboost-model")
        booster = xgboost.Booster(model_file=bytearray(member.read()))
    matrix = xgboost.DMatrix(np.array(features, dtype=np.float32))
    return [float(probability) for probability in booster.predict(matrix)]


def plain_error(folder: Path, model: Path, window: tuple[datetime, datetime, datetime]) -> float:
    """Retrain the same window without Airflow and AWS, and return the validation error."""
    times = dict(zip(("--start", "--validation-start", "--end"), window, strict=True))
    command = [sys.executable, str(PROJECT / "benchmarks" / "plain_retrain.py")]
    command += ["--flights", str(folder), "--model", str(model)]
    command += [part for name, time in times.items() for part in (name, f"{time.isoformat()}Z")]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def _glue_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("transform", PROJECT / "include" / "glue" / "transform.py")
    if spec is None or spec.loader is None:
        raise SystemExit("include/glue/transform.py is missing")
    module = importlib.util.module_from_spec(spec)
    sys.modules["transform"] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
