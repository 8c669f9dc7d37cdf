"""
What of SageMaker's API is there. moto keeps records of nearly all of it and says Completed; what nothing here
carries out is left out, so that it is refused by its name, and so is every parameter that would be dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from moto.core.responses import BaseResponse
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.responses import SageMakerResponse

Heeded = Mapping[str, "Heeded | None"]

# Names and descriptions, on AWS too: registries, experiments, model cards. Jobs and endpoints really happen.
RECORDS = {
    *("add_tags", "delete_tags", "list_tags"),
    *("create_experiment", "describe_experiment", "delete_experiment", "list_experiments"),
    *("create_trial", "describe_trial", "delete_trial", "list_trials", "search"),
    *("create_trial_component", "describe_trial_component", "update_trial_component"),
    *("delete_trial_component", "list_trial_components"),
    *("associate_trial_component", "disassociate_trial_component"),
    *("create_model_card", "describe_model_card", "update_model_card", "delete_model_card"),
    *("list_model_cards", "list_model_card_versions"),
}
DONE = {
    *("create_model", "describe_model", "delete_model", "list_models"),
    *("create_endpoint_config", "describe_endpoint_config", "delete_endpoint_config"),
    "list_endpoint_configs",
    *("create_endpoint", "describe_endpoint", "update_endpoint", "delete_endpoint", "list_endpoints"),
    *("create_training_job", "describe_training_job", "stop_training_job", "delete_training_job"),
    *("create_transform_job", "describe_transform_job", "stop_transform_job", "list_transform_jobs"),
    *("create_processing_job", "describe_processing_job", "stop_processing_job", "list_processing_jobs"),
    *("create_model_package_group", "describe_model_package_group", "delete_model_package_group"),
    *("create_model_package", "describe_model_package", "update_model_package", "delete_model_package"),
    *("list_model_package_groups", "list_model_packages"),
    *("list_training_jobs", "update_endpoint_weights_and_capacities"),
}


def _all(*names: str) -> dict[str, Heeded | None]:
    return dict.fromkeys(names)


S3_DATA_SOURCE: Heeded = _all("S3DataType", "S3Uri", "S3DataDistributionType")
NETWORK = _all("Subnets", "SecurityGroupIds")
CONTAINER: Heeded = _all(
    *("Image", "ModelDataUrl", "Environment", "Mode", "ContainerHostname", "ModelPackageName")
)
# Parameters that are heeded; None is whatever is below.
HEEDED: Mapping[str, Heeded] = {
    "create_training_job": {
        **_all("TrainingJobName", "HyperParameters", "RoleArn", "Tags", "Environment", "ExperimentConfig"),
        # Of these nothing can be seen in what a job on one machine does.
        **_all("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "VpcConfig"),
        **_all("EnableManagedSpotTraining", "StoppingCondition", "RetryStrategy"),
        "AlgorithmSpecification": _all(
            *("TrainingImage", "TrainingInputMode", "MetricDefinitions", "EnableSageMakerMetricsTimeSeries")
        ),
        "InputDataConfig": {
            **_all("ChannelName", "ContentType", "CompressionType", "RecordWrapperType", "InputMode"),
            "DataSource": {"S3DataSource": S3_DATA_SOURCE},
        },
        "OutputDataConfig": _all("S3OutputPath", "KmsKeyId", "CompressionType"),
        "ResourceConfig": _all(
            *("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId"),
        ),
        "CheckpointConfig": _all("S3Uri", "LocalPath"),
        # The Python SDK always says where tensors and the use of the instance would be written to. Without a
        # collection or a rule nobody reads them, and the job writes none.
        "DebugHookConfig": _all("S3OutputPath"),
        "ProfilerConfig": _all("DisableProfiler", "S3OutputPath"),
    },
    "create_transform_job": {
        **_all("TransformJobName", "ModelName", "MaxPayloadInMB", "BatchStrategy", "Environment", "Tags"),
        # How many requests run at once changes nothing in what is written.
        **_all("MaxConcurrentTransforms", "ModelClientConfig", "ExperimentConfig"),
        "TransformInput": {
            **_all("ContentType", "CompressionType", "SplitType"),
            "DataSource": {"S3DataSource": S3_DATA_SOURCE},
        },
        "TransformOutput": _all("S3OutputPath", "Accept", "AssembleWith", "KmsKeyId"),
        "TransformResources": _all("InstanceType", "InstanceCount", "VolumeKmsKeyId"),
        "DataProcessing": _all("InputFilter", "OutputFilter", "JoinSource"),
    },
    "create_processing_job": {
        **_all("ProcessingJobName", "RoleArn", "Environment", "Tags", "StoppingCondition"),
        **_all("NetworkConfig", "ExperimentConfig"),
        "AppSpecification": _all("ImageUri", "ContainerEntrypoint", "ContainerArguments"),
        "ProcessingInputs": {
            "InputName": None,
            "S3Input": {
                **_all("S3Uri", "LocalPath", "S3DataType", "S3InputMode"),
                **_all("S3DataDistributionType", "S3CompressionType"),
            },
        },
        "ProcessingOutputConfig": {
            "KmsKeyId": None,
            "Outputs": {"OutputName": None, "S3Output": _all("S3Uri", "LocalPath", "S3UploadMode")},
        },
        "ProcessingResources": {
            "ClusterConfig": _all("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")
        },
    },
    "create_model_package": {
        **_all("ModelPackageName", "ModelPackageGroupName", "ModelPackageDescription", "ModelMetrics"),
        **_all("InferenceSpecification", "ModelApprovalStatus", "MetadataProperties", "Domain", "Task"),
        **_all("CustomerMetadataProperties", "DriftCheckBaselines", "SamplePayloadUrl", "Tags"),
        **_all("ClientToken", "SkipModelValidation", "AdditionalInferenceSpecifications", "SourceUri"),
    },
    "create_model": {
        **_all("ModelName", "ExecutionRoleArn", "Tags", "VpcConfig", "EnableNetworkIsolation"),
        "PrimaryContainer": CONTAINER,
        "Containers": CONTAINER,
    },
    "create_endpoint_config": {
        **_all("EndpointConfigName", "Tags", "KmsKeyId", "VpcConfig", "EnableNetworkIsolation"),
        "ProductionVariants": _all(
            *("VariantName", "ModelName", "InitialInstanceCount", "InstanceType", "InitialVariantWeight"),
            *("VolumeSizeInGB", "ModelDataDownloadTimeoutInSeconds", "EnableSSMAccess"),
            "ContainerStartupHealthCheckTimeoutInSeconds",
        ),
        "DataCaptureConfig": _all(
            *("EnableCapture", "InitialSamplingPercentage", "DestinationS3Uri", "KmsKeyId"),
            *("CaptureOptions", "CaptureContentTypeHeader"),
        ),
    },
    "update_endpoint_weights_and_capacities": {
        "EndpointName": None,
        "DesiredWeightsAndCapacities": _all("VariantName", "DesiredWeight", "DesiredInstanceCount"),
    },
}


def install() -> None:
    """Leave out what is not done, and refuse what is not heeded; everything else is in place before."""
    for name in dir(SageMakerResponse):
        public = callable(getattr(SageMakerResponse, name)) and not name.startswith("_")
        if public and not hasattr(BaseResponse, name) and name not in DONE | RECORDS:
            delattr(SageMakerResponse, name)
    for operation, heeded in HEEDED.items():
        setattr(SageMakerResponse, operation, _strict(getattr(SageMakerResponse, operation), heeded))


def _strict(method: Callable[[SageMakerResponse], Any], heeded: Heeded) -> Callable[[SageMakerResponse], Any]:
    def strict(response: SageMakerResponse) -> Any:
        if ignored := _ignored(response._get_params(), heeded):
            action = response._get_action()
            raise ValidationError(message=f"{action}: the embedded AWS does not support {ignored}")
        return method(response)

    return strict


def _ignored(given: Any, heeded: Heeded | None, path: str = "") -> str | None:
    """The first parameter that is given and would be dropped; what is empty or false asks for nothing."""
    if heeded is None:
        return None
    if isinstance(given, list):
        return next((found for item in given if (found := _ignored(item, heeded, path))), None)
    for name, value in given.items():
        if not value:
            continue
        below = f"{path}.{name}" if path else name
        if name not in heeded:
            return below
        if found := _ignored(value, heeded[name], below):
            return found
    return None
