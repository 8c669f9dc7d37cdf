"""The model registry: groups, and versions of models in them; moto forgets what an update leaves out."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.exceptions import ConflictException, ValidationError
from moto.sagemaker.models import ModelPackage, ModelPackageGroup, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

# Fields of an update, and the attributes that they set.
UPDATED = {
    "ModelApprovalStatus": "model_approval_status",
    "ApprovalDescription": "approval_description",
    "CustomerMetadataProperties": "customer_metadata_properties",
    "InferenceSpecification": "inference_specification",
}


def install() -> None:
    """Put the corrections in place, and add the deletions, which moto lacks."""
    create_group = SageMakerModelBackend.create_model_package_group
    create_package = SageMakerModelBackend.create_model_package

    def create_model_package_group(backend: SageMakerModelBackend, **request: Any) -> Any:
        name = request["model_package_group_name"]
        if existing := backend.model_package_groups.get(name):
            raise ValidationError(message=f"Model Package Group already exists: {existing.arn}")
        return create_group(backend, **request)

    def create_model_package(backend: SageMakerModelBackend, **request: Any) -> Any:
        # Its ARN stands for a group as well as its name does.
        group = (request["model_package_group_name"] or "").rpartition("/")[2]
        versions = [one.model_package_version or 0 for one in _packages(backend, group)] if group else []
        if group and not request["model_approval_status"]:
            # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
            request["model_approval_status"] = "PendingManualApproval"
        arn = create_package(backend, **{**request, "model_package_group_name": group or None})
        package = backend.model_packages[arn]
        if group and package.model_package_version != (version := max(versions, default=0) + 1):
            _renumber(backend, package, version)
        return package.arn

    SageMakerModelBackend.create_model_package_group = create_model_package_group
    SageMakerModelBackend.create_model_package = create_model_package
    SageMakerResponse.update_model_package = _update
    SageMakerResponse.delete_model_package = _delete_package
    SageMakerResponse.delete_model_package_group = _delete_group
    for kind in (ModelPackage, ModelPackageGroup):
        _without_made_up_people(kind)


def _packages(backend: SageMakerModelBackend, group: str) -> list[ModelPackage]:
    return [one for one in backend.model_packages.values() if one.model_package_group_name == group]


def _renumber(backend: SageMakerModelBackend, package: ModelPackage, version: int) -> None:
    """Count on from the last version; moto counts those that are left, and takes another's number."""
    del backend.model_packages[package.arn]
    package.model_package_version = version
    package.arn = f"{package.arn.rpartition('/')[0]}/{version}"
    backend.model_packages[package.arn] = package
    backend.model_package_name_mapping[package.arn] = package.arn


def _update(response: SageMakerResponse) -> ActionResult:
    package = response.sagemaker_backend.describe_model_package(response._get_param("ModelPackageArn"))
    for field, attribute in UPDATED.items():
        if (value := response._get_param(field)) is not None:
            setattr(package, attribute, value)
    for key in response._get_param("CustomerMetadataPropertiesToRemove") or []:
        (package.customer_metadata_properties or {}).pop(key, None)
    package.modifications_done()
    return ActionResult({"ModelPackageArn": package.arn})


def _delete_package(response: SageMakerResponse) -> EmptyResult:
    backend = response.sagemaker_backend
    package = backend.describe_model_package(response._get_param("ModelPackageName"))
    del backend.model_packages[package.arn]
    return EmptyResult()


def _delete_group(response: SageMakerResponse) -> EmptyResult:
    backend = response.sagemaker_backend
    group = backend.describe_model_package_group(response._get_param("ModelPackageGroupName"))
    if _packages(backend, group.model_package_group_name):
        raise ConflictException(f"Model Package Group {group.arn} cannot be deleted because it is not empty.")
    del backend.model_package_groups[group.model_package_group_name]
    return EmptyResult()


def _without_made_up_people(kind: type) -> None:
    """Leave out the user profile and the domain that moto makes up."""
    make: Any = kind.__init__  # type: ignore[misc]

    def initialise(thing: Any, *arguments: Any, **others: Any) -> None:
        make(thing, *arguments, **others)
        thing.created_by = {}

    kind.__init__ = initialise  # type: ignore[misc]
