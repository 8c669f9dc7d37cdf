"""SageMaker endpoints: they load the model they are given and answer with its predictions."""

from __future__ import annotations

import io
import logging
import tarfile
import threading
from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import FakeEndpoint, FakeEndpointConfig, Model, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from include.local_aws.inference import Served, served_models
from include.local_aws.runtime import Runtime
from include.local_aws.s3 import split_uri

log = logging.getLogger(__name__)

IN_PROGRESS = ("Creating", "Updating")

_lock = threading.Lock()


def install(runtime: Runtime) -> None:
    """Make endpoints real, and add UpdateEndpoint, which moto lacks."""
    create = SageMakerModelBackend.create_endpoint
    delete = SageMakerModelBackend.delete_endpoint

    def create_endpoint(
        backend: SageMakerModelBackend,
        endpoint_name: str,
        endpoint_config_name: str,
        tags: list[dict[str, str]],
    ) -> FakeEndpoint:
        with _lock:
            if endpoint_name in backend.endpoints:
                arn = backend.endpoints[endpoint_name].arn
                raise ValidationError(message=f'Cannot create already existing endpoint "{arn}".')
            config = _find_config(backend, endpoint_config_name)
            model = _find_model(backend, config)
            endpoint = create(backend, endpoint_name, endpoint_config_name, tags)
            endpoint.endpoint_status = "Creating"
        _deploy(runtime, endpoint, config, model)
        return endpoint

    def update_endpoint(response: SageMakerResponse) -> ActionResult:
        backend = response.sagemaker_backend
        with _lock:
            endpoint = _find(backend, response._get_param("EndpointName"))
            if endpoint.endpoint_status in IN_PROGRESS:
                raise ValidationError(message=f'Cannot update in-progress endpoint "{endpoint.arn}".')
            config = _find_config(backend, response._get_param("EndpointConfigName"))
            model = _find_model(backend, config)
            endpoint.endpoint_status, endpoint.failure_reason = "Updating", None
            endpoint.last_modified_time = datetime.now(UTC)
        _deploy(runtime, endpoint, config, model)
        return ActionResult({"EndpointArn": endpoint.arn})

    def delete_endpoint(backend: SageMakerModelBackend, endpoint_name: str) -> None:
        with _lock:
            endpoint = _find(backend, endpoint_name)
            if endpoint.endpoint_status in IN_PROGRESS:
                raise ValidationError(message=f'Cannot delete in-progress endpoint "{endpoint.arn}".')
            delete(backend, endpoint_name)
            served_models.pop(endpoint.arn, None)

    def describe_endpoint(backend: SageMakerModelBackend, endpoint_name: str) -> dict[str, Any]:
        details: dict[str, Any] = _find(backend, endpoint_name).response_object
        return details

    SageMakerModelBackend.create_endpoint = create_endpoint
    SageMakerModelBackend.delete_endpoint = delete_endpoint
    SageMakerModelBackend.describe_endpoint = describe_endpoint
    SageMakerResponse.update_endpoint = update_endpoint


def _find(backend: SageMakerModelBackend, name: str) -> FakeEndpoint:
    if name not in backend.endpoints:
        arn = FakeEndpoint.arn_formatter(name, backend.account_id, backend.region_name)
        raise ValidationError(message=f'Could not find endpoint "{arn}".')
    return backend.endpoints[name]


def _find_config(backend: SageMakerModelBackend, name: str) -> FakeEndpointConfig:
    if name not in backend.endpoint_configs:
        arn = FakeEndpointConfig.arn_formatter(name, backend.account_id, backend.region_name)
        raise ValidationError(message=f'Could not find endpoint configuration "{arn}".')
    config = backend.endpoint_configs[name]
    if len(config.production_variants) != 1:
        raise ValidationError(
            message=f"ProductionVariants: the embedded AWS serves one variant an endpoint, "
            f"got {len(config.production_variants)} in {name}"
        )
    return config


def _find_model(backend: SageMakerModelBackend, config: FakeEndpointConfig) -> Model:
    return backend.describe_model(config.production_variants[0]["ModelName"])


def _deploy(runtime: Runtime, endpoint: FakeEndpoint, config: FakeEndpointConfig, model: Model) -> None:
    variant = config.production_variants[0]
    container = model.primary_container or (model.containers or [{}])[0]

    def load() -> None:
        try:
            booster, reason = _load_booster(runtime, container["ModelDataUrl"]), None
        except Exception as error:
            booster, reason = None, f"The model {model.model_name} could not be loaded: {error!r}"
            log.exception("endpoint %s", endpoint.endpoint_name)
        with _lock:
            creating = endpoint.endpoint_status == "Creating"
            if booster is not None:
                served_models[endpoint.arn] = Served(booster, variant["VariantName"])
                endpoint.endpoint_config_name = config.endpoint_config_name
                endpoint.production_variants = endpoint._process_production_variants([variant])
            endpoint.failure_reason = reason
            endpoint.last_modified_time = datetime.now(UTC)
            # A failed update leaves the endpoint in service, with the model it had.
            endpoint.endpoint_status = "Failed" if creating and reason else "InService"

    threading.Thread(target=load, name=f"deploy-{endpoint.endpoint_name}", daemon=True).start()


def _load_booster(runtime: Runtime, uri: str) -> Any:
    import xgboost as xgb

    bucket, key = split_uri(uri)
    archive = runtime.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        content = tar.extractfile("xgboost-model")
        assert content is not None  # noqa: S101 - None is what tarfile gives for folders
        return xgb.Booster(model_file=bytearray(content.read()))
