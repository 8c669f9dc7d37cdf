"""Puts a model behind an endpoint: loads it, lets it serve, and takes it back if an alarm goes off."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from moto.sagemaker.models import FakeEndpoint, FakeEndpointConfig, Model, sagemaker_backends

from include.local_aws.faults.kinds import DelayDeployment, FailDeployment
from include.local_aws.faults.lag import Past
from include.local_aws.runtime import ACCOUNT_ID, Runtime
from include.local_aws.sagemaker import telemetry
from include.local_aws.sagemaker.data_capture import DataCapture
from include.local_aws.sagemaker.deployment_config import DeploymentConfig
from include.local_aws.sagemaker.inference import Served, served_models
from include.local_aws.sagemaker.models import container_of
from include.local_aws.sagemaker.serving_container import Container, load

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1

# Taken for whatever reads an endpoint's status in order to change it.
lock = threading.Lock()


def note(endpoint: FakeEndpoint) -> None:
    """Tell what an endpoint says of itself, and keep it for reads that are behind; the lock is held."""
    vars(endpoint).setdefault("past", Past()).note(endpoint.response_object)
    telemetry.endpoint_changed(endpoint)


class RolledBackError(Exception):
    """An alarm went off while the new model was watched."""


@dataclass(frozen=True)
class Deployment:
    """
    The creation or an update of an endpoint, from its call to its end; until then the endpoint describes the
    configuration it had.

    :param config: what it is to serve.
    :param models: the models of its variants, by the variants' names.
    :param retained: the properties of its variants that stay as they are on the endpoint.
    """

    runtime: Runtime
    endpoint: FakeEndpoint
    config: FakeEndpointConfig
    models: Mapping[str, Model]
    watch: DeploymentConfig
    retained: frozenset[str] = frozenset()

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
        given = self.config.production_variants
        found: list[dict[str, Any]] = self.endpoint._process_production_variants(given)
        weights = [variant["InitialVariantWeight"] for variant in given]
        # moto leaves a weight of 0 out.
        return [
            self._retaining({**variant, "CurrentWeight": weight, "DesiredWeight": weight})
            for variant, weight in zip(found, weights, strict=True)
        ]

    def _retaining(self, variant: dict[str, Any]) -> dict[str, Any]:
        """A variant with what stays of the one of its name."""
        names = {one["VariantName"]: one for one in self.endpoint.production_variants}
        has = names.get(variant["VariantName"], {})
        for desired in self.retained & has.keys() & variant.keys():
            variant |= dict.fromkeys((desired, desired.replace("Desired", "Current")), has[desired])
        return variant

    def _run(self) -> None:
        arn, before = self.endpoint.arn, served_models.get(self.endpoint.arn)
        try:
            served = self._load()
            # Until the end the old models are only a call away.
            if before:
                for percentage in self.watch.percentages:
                    served_models[arn] = replace(served, before=before, percentage=percentage)
                    self._watch(self.watch.wait_seconds)
                self._watch(self.watch.bake_seconds)
            served_models[arn] = served
            reason = None
        except Exception as error:
            rolled_back = isinstance(error, RolledBackError)
            if not rolled_back:
                log.exception("endpoint %s", self.endpoint.endpoint_name)
            reason = str(error)
            if before:
                served_models[arn] = before
        self._end(reason)

    def _load(self) -> Served:
        name, faults = self.endpoint.endpoint_name, self.runtime.faults
        if delay := faults.take(DelayDeployment, endpoint=name):
            time.sleep(delay.seconds)
        models = ", ".join(model.model_name for model in self.models.values())
        if failure := faults.take(FailDeployment, endpoint=name):
            raise RuntimeError(f"{models}: {failure.reason}")
        try:
            containers = {variant: self._container(model) for variant, model in self.models.items()}
        except Exception as error:
            raise RuntimeError(f"{models}: the model could not be loaded: {error!r}") from error
        if not (capture := self.config.data_capture_config):
            return Served(containers)
        first = next(iter(self.models.values()))
        s3 = self.runtime.client("s3", role=first.execution_role_arn)
        return Served(containers, DataCapture(capture, name, s3))

    def _container(self, model: Model) -> Container:
        backend = sagemaker_backends[ACCOUNT_ID][self.endpoint.arn.split(":")[3]]
        container = container_of(backend, model)
        s3 = self.runtime.client("s3", role=model.execution_role_arn)
        return load(s3, container["ModelDataUrl"], container.get("Environment") or {})

    def _watch(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
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
                endpoint.data_capture_config = _capture_summary(self.config.data_capture_config)
            endpoint.failure_reason = reason
            endpoint.pending_deployment_summary = None
            endpoint.last_modified_time = datetime.now(UTC)
            # A failed update leaves the endpoint in service, with the model it had.
            endpoint.endpoint_status = "Failed" if creating and reason else "InService"
            note(endpoint)


def _capture_summary(config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What an endpoint says of the data capture that its configuration asks for."""
    if not config:
        return None
    return {
        "EnableCapture": config.get("EnableCapture", False),
        "CaptureStatus": "Started" if config.get("EnableCapture") else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
    }
