"""InvokeEndpoint of the embedded AWS: answers as the XGBoost container has them, routes as SageMaker has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import LocalAws, until
from tests.integration.endpoints import HIGH, LOW, predict, settled


def _variant(model: str, name: str = "all", weight: float = 1.0, **others: Any) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": model,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m6i.large",
        "InitialVariantWeight": weight,
        **others,
    }


@contextmanager
def _endpoint(aws: LocalAws, *variants: dict[str, Any], **config: Any) -> Iterator[str]:
    sagemaker, name = aws.client("sagemaker"), f"endpoint-{uuid4().hex}"
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=list(variants), **config)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    description = settled(aws, name)
    assert description["EndpointStatus"] == "InService", description["FailureReason"]
    yield name
    sagemaker.delete_endpoint(EndpointName=name)


def _invoke(aws: LocalAws, name: str, body: str, **request: Any) -> Any:
    given = {"ContentType": "text/csv", "Body": body, **request}
    return aws.client("sagemaker-runtime").invoke_endpoint(EndpointName=name, **given)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"AsyncInferenceConfig": {"OutputConfig": {}}}, "AsyncInferenceConfig"),
        (
            {"ExplainerConfig": {"ClarifyExplainerConfig": {"ShapConfig": {"ShapBaselineConfig": {}}}}},
            "Explainer",
        ),
    ],
)
def test_what_endpoints_do_not_do_here_is_refused_by_name(
    local_aws: LocalAws, models: dict[str, str], config: dict[str, Any], named: str
) -> None:
    sagemaker = local_aws.client("sagemaker")
    with pytest.raises(ClientError, match=f"ValidationException.*does not support {named}"):
        sagemaker.create_endpoint_config(
            EndpointConfigName=f"c-{uuid4().hex}", ProductionVariants=[_variant(models["model"])], **config
        )


def test_serverless_and_shadow_variants_are_refused_by_name(
    local_aws: LocalAws, models: dict[str, str]
) -> None:
    create, name = local_aws.client("sagemaker").create_endpoint_config, f"c-{uuid4().hex}"
    serverless = {
        "VariantName": "all",
        "ModelName": models["model"],
        "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 1},
    }
    with pytest.raises(ClientError, match=r"does not support ProductionVariants\.ServerlessConfig"):
        create(EndpointConfigName=name, ProductionVariants=[serverless])
    both = [[_variant(models[key], key)] for key in ("model", "opposite")]
    with pytest.raises(ClientError, match="does not support ShadowProductionVariants"):
        create(EndpointConfigName=name, ProductionVariants=both[0], ShadowProductionVariants=both[1])
    with pytest.raises(ClientError, match=r"NotImplementedException.*InvokeEndpointAsync"):
        local_aws.client("sagemaker-runtime").invoke_endpoint_async(
            EndpointName=name, InputLocation="s3://b/k"
        )


def test_a_model_with_a_script_of_its_own_is_refused(local_aws: LocalAws, models: dict[str, str]) -> None:
    sagemaker = local_aws.client("sagemaker")
    source = sagemaker.describe_model(ModelName=models["model"])
    container = {**source["PrimaryContainer"], "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}}
    with pytest.raises(ClientError, match=r"ValidationException.*Environment\.SAGEMAKER_PROGRAM"):
        sagemaker.create_model(
            ModelName=f"model-{uuid4().hex}",
            ExecutionRoleArn=source["ExecutionRoleArn"],
            PrimaryContainer=container,
        )


def test_an_answer_is_of_the_type_that_is_accepted(local_aws: LocalAws, endpoint: str) -> None:
    high, low = predict(local_aws, endpoint, f"{HIGH}\n{LOW}")
    answered = _invoke(local_aws, endpoint, f"{HIGH}\n{LOW}", Accept="application/json")
    assert answered["ContentType"] == "application/json"
    assert json.loads(answered["Body"].read()) == {"predictions": [{"score": high}, {"score": low}]}
    assert _invoke(local_aws, endpoint, HIGH, Accept="*/*")["ContentType"] == "text/csv; charset=utf-8"
    svm = _invoke(local_aws, endpoint, "0:10 1:10\n0:0 1:0", ContentType="text/libsvm")
    assert svm["Body"].read().decode().split() == [str(high), str(low)]
    with pytest.raises(ClientError, match=r"client error \(406\).*Accept type image/png is not supported"):
        _invoke(local_aws, endpoint, HIGH, Accept="image/png")
    # The container takes it for one of its own, and has no encoder for it.
    with pytest.raises(ClientError, match=r"(?s)server error \(500\).*Internal Server Error"):
        _invoke(local_aws, endpoint, HIGH, Accept="application/jsonlines")


def test_what_a_model_selects_is_answered(local_aws: LocalAws, models: dict[str, str]) -> None:
    sagemaker, name = local_aws.client("sagemaker"), f"model-{uuid4().hex}"
    source = sagemaker.describe_model(ModelName=models["model"])
    environment = {
        "SAGEMAKER_INFERENCE_OUTPUT": "predicted_label, probabilities,labels",
        "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "application/jsonlines",
    }
    container = {**source["PrimaryContainer"], "Environment": environment}
    sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=source["ExecutionRoleArn"], PrimaryContainer=container
    )
    with _endpoint(local_aws, _variant(name)) as endpoint:
        first, second = _invoke(local_aws, endpoint, f"{HIGH}\n{LOW}")["Body"].read().splitlines()
        assert (json.loads(first)["predicted_label"], json.loads(second)["predicted_label"]) == (1, 0)
        assert sum(json.loads(first)["probabilities"]) == pytest.approx(1)
        line = _invoke(local_aws, endpoint, HIGH, Accept="text/csv")["Body"].read().decode()
        assert line.startswith('1,"[0.')
        assert line.endswith('"[0, 1]"')


def test_variants_share_what_is_asked_by_their_weights(local_aws: LocalAws, models: dict[str, str]) -> None:
    sagemaker = local_aws.client("sagemaker")
    variants = _variant(models["model"], "old", 1.0), _variant(models["opposite"], "new", 0.0)
    with _endpoint(local_aws, *variants) as endpoint:

        def answering() -> set[str]:
            return {_invoke(local_aws, endpoint, HIGH)["InvokedProductionVariant"] for _ in range(20)}

        assert answering() == {"old"}
        aimed = _invoke(local_aws, endpoint, HIGH, TargetVariant="new")
        assert aimed["InvokedProductionVariant"] == "new"
        assert float(aimed["Body"].read()) < 0.5
        with pytest.raises(ClientError, match=r"ValidationError.*variant with name neither"):
            _invoke(local_aws, endpoint, HIGH, TargetVariant="neither")

        shift = sagemaker.update_endpoint_weights_and_capacities
        with pytest.raises(ClientError, match=r"ValidationException.*neither.*not present"):
            shift(
                EndpointName=endpoint,
                DesiredWeightsAndCapacities=[{"VariantName": "neither", "DesiredWeight": 1}],
            )
        wanted = [
            {"VariantName": "old", "DesiredWeight": 0.0},
            {"VariantName": "new", "DesiredWeight": 2.0, "DesiredInstanceCount": 2},
        ]
        shift(EndpointName=endpoint, DesiredWeightsAndCapacities=wanted)
        _, new = sagemaker.describe_endpoint(EndpointName=endpoint)["ProductionVariants"]
        assert (new["CurrentWeight"], new["CurrentInstanceCount"]) == (2.0, 2)
        assert answering() == {"new"}


def test_what_is_asked_and_answered_is_captured(local_aws: LocalAws, models: dict[str, str]) -> None:
    s3, bucket = local_aws.client("s3"), local_aws.outputs["Bucket"]
    prefix = f"runs/captured-{uuid4().hex}"
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{bucket}/{prefix}",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    }
    with _endpoint(local_aws, _variant(models["model"]), DataCaptureConfig=capture) as endpoint:
        summary = local_aws.client("sagemaker").describe_endpoint(EndpointName=endpoint)["DataCaptureConfig"]
        assert (summary["CaptureStatus"], summary["CurrentSamplingPercentage"]) == ("Started", 100)
        answer = _invoke(local_aws, endpoint, HIGH)["Body"].read().decode()

        def files() -> list[str]:
            listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/{endpoint}/all/")
            return [item["Key"] for item in listed.get("Contents", [])]

        (key,) = until(files)
    # <endpoint>/<variant>/yyyy/mm/dd/hh/<file>.jsonl
    assert len(key.removeprefix(f"{prefix}/").split("/")) == 7
    assert key.endswith(".jsonl")
    captured = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    request, response = captured["captureData"]["endpointInput"], captured["captureData"]["endpointOutput"]
    assert request == {"observedContentType": "text/csv", "mode": "INPUT", "data": HIGH, "encoding": "CSV"}
    assert (response["data"], response["mode"], response["encoding"]) == (answer, "OUTPUT", "CSV")
