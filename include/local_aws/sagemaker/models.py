"""SageMaker's API for models: what they are made of has to be there, as it has on AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import FakeEndpointConfig, Model, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from include.local_aws.faults.lag import is_seen
from include.local_aws.runtime import Runtime
from include.local_aws.s3.uris import split_uri
from include.local_aws.sagemaker.images import require_xgboost
from include.local_aws.sagemaker.roles import require_execution_role


def install(runtime: Runtime) -> None:
    """Look at what a model is made of, and refuse a second model or endpoint configuration of one name."""
    create = SageMakerResponse.create_model

    def create_model(response: SageMakerResponse) -> Any:
        request = response._get_params()
        require_execution_role(request.get("ExecutionRoleArn") or "")
        container = _container(response.sagemaker_backend, request)
        if container.get("Mode", "SingleModel") != "SingleModel":
            raise ValidationError(message="PrimaryContainer.Mode: the embedded AWS supports SingleModel")
        if (container.get("Environment") or {}).get("SAGEMAKER_PROGRAM"):
            raise ValidationError(
                message="PrimaryContainer.Environment.SAGEMAKER_PROGRAM: the embedded AWS serves the "
                "algorithm's model, and runs no scripts in its place"
            )
        require_xgboost("PrimaryContainer.Image", container.get("Image") or "", response.region)
        _require_data(runtime, container.get("ModelDataUrl"), request["ExecutionRoleArn"], response.region)
        return create(response)

    SageMakerResponse.create_model = create_model
    # The API model's enumeration, which is checked before, has more types than moto knows.
    FakeEndpointConfig.validate_instance_type = lambda *_: None
    _refuse_duplicates("create_model", "model_name", "_models", "model")
    _refuse_duplicates(
        "create_endpoint_config", "endpoint_config_name", "endpoint_configs", "endpoint configuration"
    )
    _see_models_late()


def container_of(backend: SageMakerModelBackend, model: Model) -> Mapping[str, Any]:
    """Image, ModelDataUrl and Environment of a model, those of its package where it was made of one."""
    return _container(backend, {"PrimaryContainer": model.primary_container, "Containers": model.containers})


def _container(backend: SageMakerModelBackend, request: Mapping[str, Any]) -> Mapping[str, Any]:
    containers = request.get("Containers") or [request["PrimaryContainer"]]
    if len(containers) != 1:
        raise ValidationError(message=f"Containers: the embedded AWS serves one, got {len(containers)}")
    given: Mapping[str, Any] = containers[0]
    if not (package := given.get("ModelPackageName")):
        return given
    packaged = backend.describe_model_package(package).inference_specification["Containers"]
    if len(packaged) != 1:
        raise ValidationError(
            message=f"{package}: the embedded AWS serves one container, got {len(packaged)}"
        )
    # What the model says of the environment comes before what its package says.
    environment = {**packaged[0].get("Environment", {}), **given.get("Environment", {})}
    return {**packaged[0], "Environment": environment}


def _require_data(runtime: Runtime, uri: str | None, role: str, region: str) -> None:
    # The words are AWS's own, as aws/aws-step-functions-data-science-sdk-python#61 and
    # philschmid/llm-sagemaker-sample#2 quote them.
    if not uri:
        return
    try:
        bucket, key = split_uri(uri)
        runtime.client("s3", role=role).head_object(Bucket=bucket, Key=key)
    except ValueError as error:
        raise ValidationError(message=f"PrimaryContainer.ModelDataUrl: {error}") from None
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            raise ValidationError(message=f"Could not find model data at {uri}.") from None
        raise ValidationError(
            message=f'Could not access model data at {uri}. Please ensure that the role "{role}" exists and '
            'that its trust relationship policy allows the action "sts:AssumeRole" for the service principal '
            '"sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that '
            f"the object is located in {region}."
        ) from None


def _refuse_duplicates(method: str, argument: str, collection: str, noun: str) -> None:
    create: Callable[..., Any] = getattr(SageMakerModelBackend, method)

    def create_once(backend: SageMakerModelBackend, **request: Any) -> Any:
        existing = getattr(backend, collection).get(request[argument])
        if existing is not None:
            raise ValidationError(message=f'Cannot create already existing {noun} "{existing.arn}".')
        return create(backend, **request)

    setattr(SageMakerModelBackend, method, create_once)


def _see_models_late() -> None:
    """Let CreateEndpointConfig not find a model that was made a moment ago."""
    validate = SageMakerModelBackend.validate_production_variants

    def validate_seen(backend: SageMakerModelBackend, production_variants: list[dict[str, Any]]) -> None:
        validate(backend, production_variants)
        for variant in production_variants:
            # "If unspecified, it defaults to 1.0":
            # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html
            variant.setdefault("InitialVariantWeight", 1.0)
            model = backend._models[variant["ModelName"]]
            if not is_seen(model.creation_time):
                raise ValidationError(message=f'Could not find model "{model.arn}".')

    SageMakerModelBackend.validate_production_variants = validate_seen
