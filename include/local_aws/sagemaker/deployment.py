"""Puts a model behind an endpoint: loads it, lets it serve, and takes it back if an alarm goes off."""

from __future__ import annotations

import io
import logging
import tarfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.sagemaker.models import FakeEndpoint, FakeEndpointConfig, Model

from include.local_aws.faults.kinds import DelayDeployment, FailDeployment
from include.local_aws.faults.lag import Past
from include.local_aws.runtime import ACCOUNT_ID, Runtime
from include.local_aws.s3.uris import split_uri
from include.local_aws.sagemaker.deployment_config import DeploymentConfig
from include.local_aws.sagemaker.inference import Served, served_models

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1

# Taken for whatever reads an endpoint's status in order to change it.
lock = threading.Lock()


def note(endpoint: FakeEndpoint) -> None:
    """Keep what an endpoint says of itself now, for reads that are behind; the caller holds the lock."""
    vars(endpoint).setdefault("past", Past()).note(endpoint.response_object)


class RolledBackError(Exception):
    """An alarm went off while the new model was watched."""


@dataclass(frozen=True)
class Deployment:
    """
    The creation or an update of an endpoint, from its call to its end; until then the endpoint describes the
    configuration it had.

    :param config: what it is to serve.
    :param model: the model of the configuration's one variant.
    """

    runtime: Runtime
    endpoint: FakeEndpoint
    config: FakeEndpointConfig
    model: Model
    watch: DeploymentConfig

    def begin(self, status: str) -> None:
        """Enter Creating or Updating and go on in a thread; the caller holds the lock."""
        endpoint, now = self.endpoint, datetime.now(UTC)
        endpoint.endpoint_status, endpoint.failure_reason = status, None
        endpoint.last_modified_time = now
        endpoint.pending_deployment_summary = {
            "EndpointConfigName": self.config.endpoint_config_name,
            "ProductionVariants": self._variants(),
            "StartTime": now,
        }
        note(endpoint)
        name = f"deploy-{endpoint.endpoint_name}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _variants(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.endpoint._process_production_variants(
            self.config.production_variants
        )
        return found

    def _run(self) -> None:
        arn, before = self.endpoint.arn, served_models.get(self.endpoint.arn)
        try:
            booster = self._load()
            # All traffic at once goes to the new model; until the end the old one is only a call away.
            served_models[arn] = Served(booster, self.config.production_variants[0]["VariantName"])
            if before:
                self._bake()
            reason = None
        except Exception as error:
            log.exception("endpoint %s", self.endpoint.endpoint_name)
            rolled_back = isinstance(error, RolledBackError)
            reason = str(error) if rolled_back else f"{self.model.model_name}: {error}"
            if before:
                served_models[arn] = before
        self._end(reason)

    def _load(self) -> Any:
        name, faults = self.endpoint.endpoint_name, self.runtime.faults
        if delay := faults.take(DelayDeployment, endpoint=name):
            time.sleep(delay.seconds)
        if failure := faults.take(FailDeployment, endpoint=name):
            raise RuntimeError(failure.reason)
        container = self.model.primary_container or (self.model.containers or [{}])[0]
        try:
            s3 = self.runtime.client("s3", role=self.model.execution_role_arn)
            return _load_booster(s3, container["ModelDataUrl"])
        except Exception as error:
            raise RuntimeError(f"the model could not be loaded: {error!r}") from error

    def _bake(self) -> None:
        deadline = time.monotonic() + self.watch.bake_seconds
        while True:
            if alarms := self.watch.alarming(ACCOUNT_ID, self.endpoint.arn.split(":")[3]):
                raise RolledBackError(
                    f"The update was rolled back, as these alarms are in ALARM: {', '.join(alarms)}"
                )
            if (left := deadline - time.monotonic()) <= 0:
                return
            time.sleep(min(left, POLL_SECONDS))

    def _end(self, reason: str | None) -> None:
        endpoint = self.endpoint
        with lock:
            creating = endpoint.endpoint_status == "Creating"
            if reason is None:
                endpoint.endpoint_config_name = self.config.endpoint_config_name
                endpoint.production_variants = self._variants()
            endpoint.failure_reason = reason
            endpoint.pending_deployment_summary = None
            endpoint.last_modified_time = datetime.now(UTC)
            # A failed update leaves the endpoint in service, with the model it had.
            endpoint.endpoint_status = "Failed" if creating and reason else "InService"
            note(endpoint)


def _load_booster(s3: Any, uri: str) -> Any:
    import xgboost as xgb

    bucket, key = split_uri(uri)
    archive = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        content = tar.extractfile("xgboost-model")
        assert content is not None  # noqa: S101 - None is what tarfile gives for folders
        return xgb.Booster(model_file=bytearray(content.read()))
