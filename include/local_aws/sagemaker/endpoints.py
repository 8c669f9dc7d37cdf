"""SageMaker's API for endpoints: which change is allowed when, and what an endpoint says of itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import FakeEndpoint, FakeEndpointConfig, Model, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from include.local_aws.faults.lag import Past, as_of, is_seen
from include.local_aws.runtime import Runtime
from include.local_aws.sagemaker import deployment_config
from include.local_aws.sagemaker.deployment import Deployment, lock, note
from include.local_aws.sagemaker.inference import served_models

IN_PROGRESS = ("Creating", "Updating")


def install(runtime: Runtime) -> None:
    """Make endpoints real, and add UpdateEndpoint, which moto lacks."""
    create = SageMakerModelBackend.create_endpoint
    delete = SageMakerModelBackend.delete_endpoint

    def create_endpoint(response: SageMakerResponse) -> ActionResult:
        backend, name = response.sagemaker_backend, response._get_param("EndpointName")
        watch = deployment_config.parse(response._get_param("DeploymentConfig"))
        with lock:
            # "The name is case-insensitive in CreateEndpoint":
            # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html
            if taken := [other for other in backend.endpoints if other.lower() == name.lower()]:
                arn = backend.endpoints[taken[0]].arn
                raise ValidationError(message=f'Cannot create already existing endpoint "{arn}".')
            config = _find_config(backend, response._get_param("EndpointConfigName"))
            models = _find_models(backend, config)
            endpoint = create(backend, name, config.endpoint_config_name, response._get_param("Tags"))
            endpoint.data_capture_config = None
            Deployment(runtime, endpoint, config, models, watch).begin("Creating")
        return ActionResult({"EndpointArn": endpoint.arn})

    def update_endpoint(response: SageMakerResponse) -> ActionResult:
        backend = response.sagemaker_backend
        if response._get_param("RetainDeploymentConfig"):
            raise ValidationError(message="RetainDeploymentConfig: the embedded AWS does not support it")
        retained = _retained(response)
        wanted = response._get_param("DeploymentConfig")
        watch = deployment_config.parse(wanted)
        with lock:
            endpoint = _find(backend, response._get_param("EndpointName"))
            if endpoint.endpoint_status in IN_PROGRESS:
                raise ValidationError(message=f'Cannot update in-progress endpoint "{endpoint.arn}".')
            if endpoint.endpoint_status == "Failed":
                # "DeleteEndpoint is the only operation that can be performed on a failed endpoint":
                # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
                raise ValidationError(message=f'Cannot update failed endpoint "{endpoint.arn}".')
            config = _find_config(backend, response._get_param("EndpointConfigName"))
            models = _find_models(backend, config)
            endpoint.last_deployment_config = wanted
            Deployment(runtime, endpoint, config, models, watch, retained).begin("Updating")
        return ActionResult({"EndpointArn": endpoint.arn})

    def delete_endpoint(backend: SageMakerModelBackend, endpoint_name: str) -> None:
        with lock:
            endpoint = _find(backend, endpoint_name)
            if endpoint.endpoint_status in IN_PROGRESS:
                raise ValidationError(message=f'Cannot delete in-progress endpoint "{endpoint.arn}".')
            delete(backend, endpoint_name)
            served_models.pop(endpoint.arn, None)

    def describe_endpoint(backend: SageMakerModelBackend, endpoint_name: str) -> dict[str, Any]:
        with lock:
            endpoint = _find(backend, endpoint_name)
            if not is_seen(endpoint.creation_time):
                raise _not_found(backend, endpoint_name)
            details: dict[str, Any] = endpoint.response_object
            past: Past = vars(endpoint)["past"]
        return (past.seen() or details) if as_of() else details

    SageMakerModelBackend.delete_endpoint = delete_endpoint
    SageMakerModelBackend.describe_endpoint = describe_endpoint
    SageMakerResponse.create_endpoint = create_endpoint
    SageMakerResponse.update_endpoint = update_endpoint
    SageMakerResponse.update_endpoint_weights_and_capacities = _update_weights


def _retained(response: SageMakerResponse) -> frozenset[str]:
    """Which properties of its variants an update keeps as they are on the endpoint."""
    if not response._get_param("RetainAllVariantProperties"):
        return frozenset()
    excluded = response._get_param("ExcludeRetainedVariantProperties") or []
    types = {excluded_property["VariantPropertyType"] for excluded_property in excluded}
    return frozenset({"DesiredInstanceCount", "DesiredWeight"} - types)


def _find(backend: SageMakerModelBackend, name: str) -> FakeEndpoint:
    if name not in backend.endpoints:
        raise _not_found(backend, name)
    return backend.endpoints[name]


def _not_found(backend: SageMakerModelBackend, name: str) -> ValidationError:
    arn = FakeEndpoint.arn_formatter(name, backend.account_id, backend.region_name)
    return ValidationError(message=f'Could not find endpoint "{arn}".')


def _find_config(backend: SageMakerModelBackend, name: str) -> FakeEndpointConfig:
    config = backend.endpoint_configs.get(name)
    if config is None or not is_seen(config.creation_time):
        arn = FakeEndpointConfig.arn_formatter(name, backend.account_id, backend.region_name)
        raise ValidationError(message=f'Could not find endpoint configuration "{arn}".')
    return config


def _find_models(backend: SageMakerModelBackend, config: FakeEndpointConfig) -> dict[str, Model]:
    """The models of a configuration's variants, by the variants' names."""
    return {
        variant["VariantName"]: backend.describe_model(variant["ModelName"])
        for variant in config.production_variants
    }


def _update_weights(response: SageMakerResponse) -> ActionResult:
    backend = response.sagemaker_backend
    with lock:
        endpoint = _find(backend, response._get_param("EndpointName"))
        if endpoint.endpoint_status != "InService":
            raise ValidationError(message=f'Cannot update in-progress endpoint "{endpoint.arn}".')
        variants = {variant["VariantName"]: variant for variant in endpoint.production_variants}
        wanted = response._get_param("DesiredWeightsAndCapacities")
        for desired in wanted:
            if desired["VariantName"] not in variants:
                raise ValidationError(
                    message=f'The variant name(s) "{desired["VariantName"]}" is/are not present within '
                    f'endpoint configuration "{endpoint.endpoint_config_name}".'
                )
        for desired in wanted:
            for field, shown in (("DesiredWeight", "Weight"), ("DesiredInstanceCount", "InstanceCount")):
                if field in desired:
                    changed = dict.fromkeys((f"Current{shown}", f"Desired{shown}"), desired[field])
                    variants[desired["VariantName"]].update(changed)
        endpoint.last_modified_time = datetime.now(UTC)
        note(endpoint)
    return ActionResult({"EndpointArn": endpoint.arn})
