"""Removes what runs left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from botocore.exceptions import ClientError

from retraining.hooks.aws_errors import is_gone
from retraining.housekeeping.retention import Leftovers

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient  # noqa: F401

# The most that DeleteObjects takes.
MAX_KEYS = 1000


@dataclass
class Removal:
    """What was removed.

    :param counts: of models, endpoint configs and objects.
    :param size: bytes of the objects.
    :param errors: what AWS refused to delete, and why.
    """

    counts: Counter[str] = field(default_factory=Counter)
    size: int = 0
    errors: list[str] = field(default_factory=list)


class Kind(NamedTuple):
    """What SageMaker has and deletes by its name.

    :param plural: what to call it.
    :param delete: the operation that deletes it, ``describe`` the one that describes it.
    :param parameter: the one parameter of both.
    """

    plural: str
    delete: str
    describe: str
    parameter: str


CONFIG = Kind("endpoint configs", "delete_endpoint_config", "describe_endpoint_config", "EndpointConfigName")
MODEL = Kind("models", "delete_model", "describe_model", "ModelName")


class RemovalHook(AwsGenericHook["SageMakerClient"]):
    """Deletes; what is gone already is no error, and what cannot be deleted stops nothing else.

    :param parameters: what the hooks of all services are made with.
    """

    def __init__(self, **parameters: Any) -> None:
        super().__init__(client_type="sagemaker", **parameters)
        self._s3: Any = AwsGenericHook(client_type="s3", **parameters)

    def remove(self, leftovers: Sequence[Leftovers], bucket: str, done: Removal) -> None:
        """Delete what some runs left, and add it up.

        Objects go last, and only those of runs whose model went: a model is there with its artifact or not
        at all. Training jobs stay, as SageMaker cannot delete them.
        """
        emptied = [item for item in leftovers if self._remove_resources(item, done)]
        sizes = {key: size for item in emptied for key, size in item.objects.items()}
        keys = list(sizes)
        for start in range(0, len(keys), MAX_KEYS):
            batch = keys[start : start + MAX_KEYS]
            refused = self._remove_objects(bucket, batch)
            done.errors += [f"s3://{bucket}/{key}: {why}" for key, why in refused.items()]
            done.counts["objects"] += len(batch) - len(refused)
            done.size += sum(sizes[key] for key in batch if key not in refused)

    def _remove_resources(self, item: Leftovers, done: Removal) -> bool:
        configs = [self._remove(done, CONFIG, config) for config in item.configs]
        return all(configs) and (item.model is None or self._remove(done, MODEL, item.model))

    def _remove(self, done: Removal, kind: Kind, name: str) -> bool:
        try:
            getattr(self.conn, kind.delete)(**{kind.parameter: name})
        except ClientError as error:
            # What is gone has no tags, and the policy allows deleting by tags: AWS then denies it.
            if not (is_gone(error) or (_is_denied(error) and self._is_gone(kind, name))):
                done.errors.append(f"{name}: {error}")
                return False
        else:
            done.counts[kind.plural] += 1
        return True

    def _is_gone(self, kind: Kind, name: str) -> bool:
        try:
            getattr(self.conn, kind.describe)(**{kind.parameter: name})
        except ClientError as error:
            return is_gone(error)
        return False

    def _remove_objects(self, bucket: str, keys: Iterable[str]) -> dict[str, str]:
        """Delete objects; the reason by key of those that stay."""
        wanted = [{"Key": key} for key in keys]
        try:
            answer = self._s3.conn.delete_objects(Bucket=bucket, Delete={"Objects": wanted, "Quiet": True})
        except ClientError as error:
            return {item["Key"]: str(error) for item in wanted}
        return {item["Key"]: f"{item['Code']}: {item['Message']}" for item in answer.get("Errors", [])}


def _is_denied(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "AccessDeniedException"
