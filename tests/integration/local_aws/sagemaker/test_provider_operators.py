"""The Amazon provider's SageMaker operators and sensors, against the embedded AWS: done or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from airflow.providers.amazon.aws.operators.s3 import (
    S3CreateBucketOperator,
    S3CreateObjectOperator,
    S3DeleteBucketOperator,
)
from airflow.providers.amazon.aws.operators.sagemaker import (
    SageMakerAutoMLOperator,
    SageMakerCreateExperimentOperator,
    SageMakerCreateNotebookOperator,
    SageMakerDeleteModelOperator,
    SageMakerEndpointConfigOperator,
    SageMakerEndpointOperator,
    SageMakerModelOperator,
    SageMakerProcessingOperator,
    SageMakerRegisterModelVersionOperator,
    SageMakerStartPipelineOperator,
    SageMakerTrainingOperator,
    SageMakerTransformOperator,
    SageMakerTuningOperator,
)
from airflow.providers.amazon.aws.sensors.sagemaker import (
    SageMakerEndpointSensor,
    SageMakerProcessingSensor,
    SageMakerTrainingSensor,
    SageMakerTransformSensor,
)
from botocore.exceptions import ClientError

from tests.integration.airflow_side import CONN_ID, FakeContext, connect
from tests.integration.embedded_aws import LocalAws
from tests.integration.local_aws.sagemaker.test_processing import SKLEARN, mounts
from tests.integration.sagemaker_requests import IMAGE, rows

TRAINING = {
    "HyperParameters": {"num_round": "5", "objective": "multi:softmax", "num_class": "3"},
    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 360},
}
IRISES = "0,4.9,2.5,4.5,1.7\n1,7.0,3.2,4.7,1.4\n0,7.3,2.9,6.3,1.8\n2,5.1,3.5,1.4,0.2\n"
# Not looked for by the hook, as an S3 prefix is.
FILE_SYSTEM = {
    "FileSystemDataSource": {
        "FileSystemId": "fs-0123456789",
        "FileSystemAccessMode": "ro",
        "FileSystemType": "EFS",
        "DirectoryPath": "/data",
    }
}
PREPROCESS = """
import os
import pandas as pd
data = pd.read_csv("/opt/ml/processing/input/input.csv")
train, test = data[: int(0.7 * len(data))], data[int(0.7 * len(data)) :]
out = "/opt/ml/processing/output"
train.to_csv(f"{out}/train.csv", index=False, header=False)
test.drop(columns="class").to_csv(f"{out}/test.csv", index=False, header=False)
os.makedirs(f"{out}/evaluation", exist_ok=True)
with open(f"{out}/evaluation/evaluation.json", "w") as file:
    file.write('{"metrics": {"mse": {"value": 5.332878}}}')
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws) -> Callable[..., Any]:
    """Executes an operator or a sensor, given by its class, as a task would."""
    connect(monkeypatch, local_aws)
    # For the clients that operators make of the session alone.
    monkeypatch.setenv("AWS_ENDPOINT_URL", local_aws.endpoint_url)

    def execute(kind: Any, **arguments: Any) -> Any:
        task = kind(task_id=f"task_{uuid4().hex}", aws_conn_id=CONN_ID, **arguments)
        return task.execute(FakeContext("manual__1"))

    return execute


@pytest.mark.parametrize(
    ("operator", "arguments", "named"),
    [
        (
            SageMakerAutoMLOperator,
            {
                "job_name": "automl",
                "s3_input": "s3://bucket/in",
                "target_attribute": "class",
                "s3_output": "s3://bucket/out",
                "role_arn": "arn:aws:iam::123456789012:role/somebody",
            },
            "CreateAutoMLJob",
        ),
        (SageMakerStartPipelineOperator, {"pipeline_name": "pipeline"}, "StartPipelineExecution"),
        (
            SageMakerCreateNotebookOperator,
            {
                "instance_name": "notebook",
                "instance_type": "ml.t3.medium",
                "role_arn": "arn:aws:iam::123456789012:role/somebody",
            },
            "CreateNotebookInstance",
        ),
        (
            SageMakerTuningOperator,
            {
                "config": {
                    "HyperParameterTuningJobName": "tuning",
                    "HyperParameterTuningJobConfig": {
                        "Strategy": "Bayesian",
                        "ResourceLimits": {"MaxParallelTrainingJobs": 1},
                    },
                    "TrainingJobDefinition": {
                        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
                        "InputDataConfig": [{"ChannelName": "train", "DataSource": FILE_SYSTEM}],
                        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
                        "RoleArn": "arn:aws:iam::123456789012:role/somebody",
                        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
                    },
                }
            },
            "CreateHyperParameterTuningJob",
        ),
    ],
)
def test_what_is_not_done_here_is_refused_by_name_and_no_task_waits_for_it(
    run: Callable[..., Any], operator: Any, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(ClientError, match=f"NotImplementedException.*{named}"):
        run(operator, **arguments)


def test_models_are_registered_and_experiments_made(
    run: Callable[..., Any], local_aws: LocalAws, models: dict[str, str]
) -> None:
    name, sagemaker = f"registered-{uuid4().hex}", local_aws.client("sagemaker")
    source = sagemaker.describe_model(ModelName=models["model"])["PrimaryContainer"]
    given = {
        "image_uri": source["Image"],
        "model_url": source["ModelDataUrl"],
        "package_group_name": name,
    }
    first, second = (run(SageMakerRegisterModelVersionOperator, **given) for _ in range(2))
    assert (first.rpartition("/")[2], second.rpartition("/")[2]) == ("1", "2")
    assert run(SageMakerCreateExperimentOperator, name=name).endswith(f"experiment/{name}")


@pytest.mark.heavy
def test_the_providers_endpoint_example(run: Callable[..., Any], local_aws: LocalAws) -> None:
    """The tasks of example_sagemaker_endpoint.py one after the other, with XGBoost in the place of k-NN."""
    name, sagemaker = f"env{uuid4().hex[:8]}", local_aws.client("sagemaker")
    bucket, role = f"{name}-sagemaker", local_aws.outputs["TrainingRoleArn"]
    source = {
        "S3DataDistributionType": "FullyReplicated",
        "S3DataType": "S3Prefix",
        "S3Uri": f"s3://{bucket}/{name}/input-data/train.csv",
    }
    channel = {
        "ChannelName": "train",
        "CompressionType": "None",
        "ContentType": "text/csv",
        "DataSource": {"S3DataSource": source},
    }
    training = {
        **TRAINING,
        "TrainingJobName": f"{name}-train",
        "RoleArn": role,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "InputDataConfig": [channel],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/{name}/results/"},
    }
    artifact = f"s3://{bucket}/{name}/results/{name}-train/output/model.tar.gz"
    container = {"Mode": "SingleModel", "Image": IMAGE, "ModelDataUrl": artifact}
    model = {"ModelName": f"{name}-model", "ExecutionRoleArn": role, "PrimaryContainer": container}
    variant = {
        "VariantName": f"{name}-demo",
        "ModelName": f"{name}-model",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    config = {"EndpointConfigName": f"{name}-config", "ProductionVariants": [variant]}
    endpoint = {"EndpointName": f"{name}-endpoint", "EndpointConfigName": f"{name}-config"}

    run(S3CreateBucketOperator, bucket_name=bucket)
    run(S3CreateObjectOperator, s3_bucket=bucket, s3_key=f"{name}/input-data/train.csv", data=IRISES)
    # The provider's hook describes a job whose log it prints every 30 seconds only.
    trained = run(SageMakerTrainingOperator, config=training, print_log=True, check_interval=1)
    assert trained["Training"]["TrainingJobStatus"] == "Completed"
    run(SageMakerModelOperator, config=model)
    run(SageMakerEndpointConfigOperator, config=config)
    run(SageMakerEndpointOperator, config=endpoint, wait_for_completion=False)
    run(SageMakerEndpointSensor, endpoint_name=f"{name}-endpoint", poke_interval=1)
    answer = local_aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=f"{name}-endpoint",
        ContentType="text/csv",
        Accept="application/json",
        Body="6.4,3.2,4.5,1.5",
    )
    (prediction,) = json.loads(answer["Body"].read())["predictions"]
    assert prediction["score"] in (0.0, 1.0, 2.0)
    sagemaker.delete_endpoint_config(EndpointConfigName=f"{name}-config")
    sagemaker.delete_endpoint(EndpointName=f"{name}-endpoint")
    run(SageMakerDeleteModelOperator, config={"ModelName": f"{name}-model"})
    run(S3DeleteBucketOperator, bucket_name=bucket, force_delete=True)
    logs = local_aws.client("logs")
    for group, prefix in (("TrainingJobs", name), (f"Endpoints/{name}-endpoint", f"{name}-demo")):
        found = logs.describe_log_streams(logGroupName=f"/aws/sagemaker/{group}", logStreamNamePrefix=prefix)
        assert len(found["logStreams"]) == 1
        logs.put_retention_policy(logGroupName=f"/aws/sagemaker/{group}", retentionInDays=1)


@mounts
@pytest.mark.heavy
def test_the_providers_example_of_jobs(run: Callable[..., Any], local_aws: LocalAws) -> None:
    """
    The tasks of example_sagemaker.py that are not refused by name, with XGBoost in the place of k-NN and a
    script in the place of an image of one's own.
    """
    name, sagemaker, s3 = f"env{uuid4().hex[:8]}", local_aws.client("sagemaker"), local_aws.client("s3")
    bucket, role = f"{name}-sagemaker-example", local_aws.outputs["TrainingRoleArn"]
    run(S3CreateBucketOperator, bucket_name=bucket)
    table = "class,x,y\n" + rows(600, 1)
    for key, data in (("preprocessing/input.csv", table), ("code/preprocess.py", PREPROCESS)):
        run(S3CreateObjectOperator, s3_bucket=bucket, s3_key=f"{name}/{key}", data=data, replace=True)
    run(SageMakerCreateExperimentOperator, name=f"{name}-experiment")

    def given(kind: str, key: str, path: str) -> dict[str, Any]:
        source = {
            "S3Uri": f"s3://{bucket}/{name}/{key}",
            "LocalPath": path,
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
            "S3CompressionType": "None",
        }
        return {"InputName": kind, "AppManaged": False, "S3Input": source}

    def output(kind: str, path: str) -> dict[str, Any]:
        target = {
            "S3Uri": f"s3://{bucket}/{name}/{kind}",
            "LocalPath": f"/opt/ml/processing/output{path}",
            "S3UploadMode": "EndOfJob",
        }
        return {"OutputName": kind, "S3Output": target, "AppManaged": False}

    code = "/opt/ml/processing/code"
    processing = {
        "ProcessingJobName": f"{name}-processing",
        "ProcessingInputs": [
            given("input", "preprocessing/input.csv", "/opt/ml/processing/input"),
            given("code", "code/preprocess.py", code),
        ],
        "ProcessingOutputConfig": {"Outputs": [output("processed", ""), output("evaluation", "/evaluation")]},
        "ProcessingResources": {"ClusterConfig": TRAINING["ResourceConfig"]},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "AppSpecification": {
            "ImageUri": SKLEARN,
            "ContainerEntrypoint": ["python3", f"{code}/preprocess.py"],
        },
        "RoleArn": role,
    }
    run(SageMakerProcessingOperator, config=dict(processing), wait_for_completion=False)
    run(SageMakerProcessingSensor, job_name=f"{name}-processing", poke_interval=1)
    report = {
        "result_name": "EvaluationReport",
        "output_name": "evaluation",
        "file_name": "evaluation.json",
    }
    again = run(
        SageMakerProcessingOperator,
        config=dict(processing),
        output_files_to_xcom=[report],
        check_interval=1,
    )
    assert again["OutputFiles"]["EvaluationReport"]["metrics"]["mse"]["value"] == 5.332878

    def source(path: str) -> dict[str, Any]:
        uri = f"s3://{bucket}/{name}/processed/{path}"
        return {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}

    channel = {"ChannelName": "train", "ContentType": "text/csv", "DataSource": source("train.csv")}
    training = {
        **TRAINING,
        "TrainingJobName": f"{name}-train",
        "RoleArn": role,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "ExperimentConfig": {"ExperimentName": f"{name}-experiment"},
        "InputDataConfig": [channel],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/{name}/results/"},
    }
    run(SageMakerTrainingOperator, config=training, wait_for_completion=False)
    run(SageMakerTrainingSensor, job_name=f"{name}-train", poke_interval=1, print_log=False)
    artifact = f"s3://{bucket}/{name}/results/{name}-train/output/model.tar.gz"
    container = {"Mode": "SingleModel", "Image": IMAGE, "ModelDataUrl": artifact}
    run(
        SageMakerModelOperator,
        config={"ModelName": f"{name}-model", "ExecutionRoleArn": role, "PrimaryContainer": container},
    )
    version = run(
        SageMakerRegisterModelVersionOperator,
        image_uri=IMAGE,
        model_url=artifact,
        package_group_name=f"{name}-group",
    )
    transform = {
        "TransformJobName": f"{name}-transform",
        "TransformInput": {
            "DataSource": source("test.csv"),
            "SplitType": "Line",
            "ContentType": "text/csv",
        },
        "TransformOutput": {"S3OutputPath": f"s3://{bucket}/{name}/transform"},
        "TransformResources": {"InstanceCount": 1, "InstanceType": "ml.m5.large"},
        "ModelName": f"{name}-model",
    }
    run(SageMakerTransformOperator, config=transform, wait_for_completion=False)
    run(SageMakerTransformSensor, job_name=f"{name}-transform", poke_interval=1)
    predicted = s3.get_object(Bucket=bucket, Key=f"{name}/transform/test.csv.out")["Body"].read()
    assert len(predicted.split()) == 180

    sagemaker.delete_model_package(ModelPackageName=version)
    sagemaker.delete_model_package_group(ModelPackageGroupName=f"{name}-group")
    run(SageMakerDeleteModelOperator, config={"ModelName": f"{name}-model"})
    run(S3DeleteBucketOperator, bucket_name=bucket, force_delete=True)
    sagemaker.delete_experiment(ExperimentName=f"{name}-experiment")
