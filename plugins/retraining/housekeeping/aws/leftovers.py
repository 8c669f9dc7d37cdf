"""Finds what a model's runs left in AWS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook

from retraining.arns import execution_arn
from retraining.hooks.artifacts import ArtifactsHook
from retraining.hooks.stack import Stack
from retraining.hooks.state_machine import StateMachineHook
from retraining.hooks.tags import (
    DAG_TAG,
    ENDPOINT_TAG,
    MODEL_TAG,
    RUN_TAG,
    STACK_TAG,
    WINDOW_END_TAG,
    Tags,
    TagsHook,
)
from retraining.housekeeping.retention import Leftovers, name_prefix, run_of

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient  # noqa: F401

RUNS = "runs/"
# A training job's output is written at its end, which SageMaker bounds to 28 days after its beginning.
LONGEST_TRAINING = timedelta(days=28)


@dataclass
class _Parts:
    """What belongs to one run, as it is found."""

    created: list[datetime] = field(default_factory=list)
    tags: Tags = field(default_factory=dict)
    model: str | None = None
    configs: set[str] = field(default_factory=set)
    objects: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Folder:
    """An S3 folder: bytes of its objects by key, and when the youngest was written."""

    objects: dict[str, int]
    modified: datetime


@dataclass(frozen=True)
class Found:
    """What is there.

    :param leftovers: what the model's runs left.
    :param strangers: S3 folders of that naming that no tag and no execution shows to be the model's.
    """

    leftovers: list[Leftovers]
    strangers: list[str]


class LeftoversHook(AwsGenericHook["SageMakerClient"]):
    """Lists a model's artifacts by name, and takes for the model's only what its tags say is.

    An S3 object has no tags of its own: it is the model's when a SageMaker model, endpoint config or training
    job with its run's name is, or when the model's state machine has an execution of that name. What was made
    before there were tags for stacks is the stack's whose bucket has the model's artifact.

    :param parameters: what the hooks of all services are made with.
    """

    def __init__(self, **parameters: Any) -> None:
        super().__init__(client_type="sagemaker", **parameters)
        self._tags = TagsHook(**parameters)
        self._artifacts = ArtifactsHook(**parameters)
        self._states = StateMachineHook(**parameters)
        self._s3: Any = AwsGenericHook(client_type="s3", **parameters)

    def find(self, model: str, dag_id: str, stack: Stack) -> Found:
        """List what the runs of a stack's model left.

        :param model: the model folder's name.
        :param dag_id: the DAG that retrains it; DAGs that its models' tags name are looked at as well.
        """
        tagged = {
            arn: tags
            for arn, tags in self._tags.tagged(model, "sagemaker:model", "sagemaker:endpoint-config").items()
            if tags.get(STACK_TAG, stack.name) == stack.name
        }
        dags = {dag_id, *(tags[DAG_TAG] for tags in tagged.values() if DAG_TAG in tags)}
        prefixes = sorted(name_prefix(dag) for dag in dags)
        runs: defaultdict[str, _Parts] = defaultdict(_Parts)
        folders: dict[str, _Folder] = {}
        for prefix in prefixes:
            self._add_models(runs, prefix, tagged, stack.bucket)
        for prefix in prefixes:
            self._add_configs(runs, prefix, tagged)
            folders |= self._folders(stack.bucket, prefix)
        ours = self._without_model(folders, runs, prefixes, model, stack) | runs.keys()
        strangers = []
        for name, folder in folders.items():
            run = name if name in ours else run_of(name)
            if run not in ours:
                strangers.append(f"{RUNS}{name}/")
                continue
            runs[run].objects |= folder.objects
            runs[run].created.append(folder.modified)
        return Found([_leftovers(run, parts) for run, parts in runs.items()], strangers)

    def _add_models(
        self, runs: dict[str, _Parts], prefix: str, tagged: Mapping[str, Tags], bucket: str
    ) -> None:
        for model in self._listed("list_models", NameContains=prefix):
            tags = tagged.get(model["ModelArn"])
            if tags and (STACK_TAG in tags or self._artifacts.bucket_of(model["ModelName"]) == bucket):
                parts = runs[tags.get(RUN_TAG, model["ModelName"])]
                parts.model, parts.tags = model["ModelName"], tags
                parts.created.append(model["CreationTime"])

    def _add_configs(self, runs: dict[str, _Parts], prefix: str, tagged: Mapping[str, Tags]) -> None:
        for config in self._listed("list_endpoint_configs", NameContains=prefix):
            tags = tagged.get(config["EndpointConfigArn"])
            if tags and (STACK_TAG in tags or tags.get(RUN_TAG) in runs):
                parts = runs[tags.get(RUN_TAG, config["EndpointConfigName"])]
                parts.configs.add(config["EndpointConfigName"])
                parts.tags = parts.tags or tags
                parts.created.append(config["CreationTime"])

    def _listed(self, operation: Any, **request: Any) -> Iterator[dict[str, Any]]:
        paginator: Any = self.conn.get_paginator(operation)
        return iter(paginator.paginate(PaginationConfig={"PageSize": 100}, **request).result_key_iters()[0])

    def _folders(self, bucket: str, prefix: str) -> dict[str, _Folder]:
        """Folders below ``runs/``, by name."""
        objects: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        pages = self._s3.conn.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=f"{RUNS}{prefix}"
        )
        for item in (item for page in pages for item in page.get("Contents", [])):
            objects[item["Key"].removeprefix(RUNS).partition("/")[0]].append(item)
        return {
            name: _Folder(
                {item["Key"]: item["Size"] for item in items}, max(item["LastModified"] for item in items)
            )
            for name, items in objects.items()
        }

    def _without_model(
        self,
        folders: Mapping[str, _Folder],
        runs: Collection[str],
        prefixes: Iterable[str],
        model: str,
        stack: Stack,
    ) -> set[str]:
        """Find the runs of the model that left objects only: rejected and failed ones."""
        modified = {
            run_of(name): folder.modified
            for name, folder in folders.items()
            if name not in runs and run_of(name) not in runs
        }
        if not modified:
            return set()
        # Training jobs cannot be deleted: without a bound, their list would grow for ever.
        since = min(modified.values()) - LONGEST_TRAINING
        jobs = {
            job["TrainingJobArn"]: run_of(job["TrainingJobName"])
            for prefix in prefixes
            for job in self._listed("list_training_jobs", NameContains=prefix, CreationTimeAfter=since)
            if run_of(job["TrainingJobName"]) in modified
        }
        tags = self._tags.tags_of(jobs)
        ours = {
            jobs[arn]
            for arn, found in tags.items()
            if (found.get(MODEL_TAG), found.get(STACK_TAG, stack.name)) == (model, stack.name)
        }
        others = modified.keys() - ours
        machine = stack.state_machine_arn(model)
        return ours | {run for run in others if self._states.find(execution_arn(machine, run))}


def _leftovers(run: str, parts: _Parts) -> Leftovers:
    return Leftovers(
        run=run,
        created=max(parts.created),
        window_end=parts.tags.get(WINDOW_END_TAG),
        endpoint=parts.tags.get(ENDPOINT_TAG),
        model=parts.model,
        configs=tuple(sorted(parts.configs)),
        objects=parts.objects,
    )
