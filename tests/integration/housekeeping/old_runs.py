"""What retrains have left, made without retraining."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from retraining.execution.name import execution_name
from retraining.execution.window import iso
from tests.integration.embedded_aws import PROJECT, LocalAws
from tests.integration.sagemaker_requests import IMAGE, rows, stored_artifact

EPOCH = datetime(2013, 5, 1, tzinfo=UTC)


def model_folder(folder: Path, name: str = "", **changes: Any) -> Path:
    """
    A model of a name of its own, so that no other test's runs are its.

    :param name: one that is always the same is compiled once, for all embedded AWSs of a test run.
    """
    name = name or f"tidy_{uuid4().hex[:8]}"
    shutil.copytree(PROJECT / "include" / "models" / "flight_delay", folder / name)
    file = folder / name / "model.yaml"
    content = yaml.safe_load(file.read_text())
    file.write_text(
        yaml.safe_dump({**content, "name": name, "endpoint": f"endpoint-{name}".replace("_", "-"), **changes})
    )
    return folder / name


@dataclass(frozen=True)
class OldRuns:
    """
    Makes what runs of one model leave.

    :param artifact: ``s3://`` URI of a trained model.
    """

    aws: LocalAws
    model: str
    endpoint: str
    artifact: str = ""

    def name(self, run: str, dag: str = "retraining") -> str:
        """What everything of a run is called."""
        return execution_name(f"{self.model}_{dag}", run, state_machine=f"{self.aws.stack}-{self.model}")

    def accepted(self, hours: Iterable[int]) -> list[str]:
        """Accepted runs, one for each hour since the epoch; their names."""
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(self.accept, hours))

    def accept(self, hour: int) -> str:
        """One accepted run: model, endpoint config, and for every third hour ETL and training output."""
        name = self.name(f"scheduled__{iso(EPOCH + timedelta(hours=hour))}")
        self.create_model(name, hour)
        self.create_config(name, name, hour)
        if hour % 3 == 0:
            self.write_objects(name)
        return name

    def create_model(self, name: str, hour: int, tags: dict[str, str] | None = None) -> None:
        self.aws.client("sagemaker").create_model(
            ModelName=name,
            ExecutionRoleArn=self.aws.outputs["TrainingRoleArn"],
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": self.artifact or stored_artifact(self.aws)},
            Tags=self.tags(name, hour) if tags is None else _listed(tags),
        )

    def create_config(self, name: str, model: str, hour: int, tags: dict[str, str] | None = None) -> None:
        """An endpoint config, of a model that may be another run's."""
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": model,
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large",
            "InitialVariantWeight": 1.0,
        }
        self.aws.client("sagemaker").create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[variant],
            Tags=self.tags(model, hour) if tags is None else _listed(tags),
        )

    def write_objects(self, name: str) -> None:
        """ETL output, and the output of its first training job."""
        put, bucket = self.aws.client("s3").put_object, self.aws.outputs["Bucket"]
        put(Bucket=bucket, Key=f"runs/{name}/validation/part-0.csv", Body=rows(10, 1).encode())
        put(Bucket=bucket, Key=f"runs/{name}-0/output/model.tar.gz", Body=b"model")

    def tags(self, run: str, hour: int) -> list[dict[str, str]]:
        """As the state machine tags."""
        end = EPOCH + timedelta(hours=hour)
        return _listed(
            {
                "retraining:stack": self.aws.stack,
                "retraining:model": self.model,
                "retraining:dag-id": f"{self.model}_retraining",
                "retraining:run-id": f"scheduled__{iso(end)}",
                "retraining:window-start": iso(end - timedelta(days=28)),
                "retraining:window-end": iso(end),
                "retraining:endpoint": self.endpoint,
                "retraining:training-job-name": run,
                "retraining:fingerprint": "f" * 64,
            }
        )

    def models(self) -> set[str]:
        """Names of the models that are left."""
        return set(self._listed("list_models", "Models", "ModelName"))

    def configs(self) -> set[str]:
        """Names of the endpoint configs that are left."""
        return set(self._listed("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"))

    def _listed(self, operation: str, result: str, field: str) -> Iterator[str]:
        pages = self.aws.client("sagemaker").get_paginator(operation)
        prefix = self.name("").rpartition("retraining-")[0]
        for page in pages.paginate(NameContains=prefix, PaginationConfig={"PageSize": 100}):
            yield from (item[field] for item in page[result])

    def folders(self) -> set[str]:
        """Folders below runs/ that are left."""
        pages = self.aws.client("s3").get_paginator("list_objects_v2")
        prefix = f"runs/{self.name('').rpartition('retraining-')[0]}"
        found = pages.paginate(Bucket=self.aws.outputs["Bucket"], Prefix=prefix)
        return {item["Key"].split("/")[1] for page in found for item in page.get("Contents", [])}


def _listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
