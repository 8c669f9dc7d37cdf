"""Whatever the embedded AWS is asked, its answer is of AWS's kind: done, or an error that names the call."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import LocalAws, running_aws
from tests.integration.local_aws.every_operation import SERVICES, request_for

# Clients try these again: https://docs.aws.amazon.com/boto3/latest/guide/retries.html
TRIED_AGAIN = {500, 502, 503, 504}
# No body tells a client of the first two, as on AWS; moto gives none with the third either.
CODELESS = {"HeadBucket", "HeadObject", "PutBucketVersioning"}
SAMPLE = 4


@pytest.fixture(scope="module")
def bare_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """One of its own, as the calls make and remove whatever they are named after."""
    with running_aws(tmp_path_factory.mktemp("bare"), "--bare") as aws:
        yield aws


def _client(aws: LocalAws, service: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=aws.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106
        config=Config(parameter_validation=False, inject_host_prefix=False, retries={"mode": "standard"}),
    )


def _amiss(client: Any, name: str) -> str:
    """What is wrong with the answer to an operation, if anything is."""
    request = request_for(client.meta.service_model.operation_model(name))
    try:
        getattr(client, xform_name(name))(**request)
    except ClientError as refused:
        answer = refused.response["ResponseMetadata"]
        status, error = answer["HTTPStatusCode"], refused.response["Error"]
        message = error.get("Message") or ""
        unnamed = status == 501 and name not in message
        if status in TRIED_AGAIN or answer["RetryAttempts"] or unnamed or "<html" in message:
            return f"{name}: {status} {error}"
        if not error["Code"][:1].isalpha() and name not in CODELESS:
            return f"{name}: {status} has no code of AWS's"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told of
        return f"{name}: {error!r}"
    return ""


def _all_amiss(aws: LocalAws, service: str, names: list[str]) -> list[str]:
    client = _client(aws, service)
    return [amiss for name in names if (amiss := _amiss(client, name))]


@pytest.mark.parametrize("service", SERVICES)
def test_any_operation_is_answered_as_aws_would(local_aws: LocalAws, service: str) -> None:
    names = sorted(_client(local_aws, service).meta.service_model.operation_names)
    # What only looks cannot harm the other tests.
    reading = [name for name in names if name.startswith(("Describe", "Get", "List", "Lookup", "Search"))]
    chosen = random.Random(service).sample(reading, min(SAMPLE, len(reading)))  # noqa: S311
    assert _all_amiss(local_aws, service, chosen) == []


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("sagemaker", "ListActions"),
        ("lambda", "GetAccountSettings"),
        ("ec2", "GetSpotPlacementScores"),
    ],
)
def test_what_is_not_implemented_is_named(local_aws: LocalAws, service: str, name: str) -> None:
    client = _client(local_aws, service)
    request = request_for(client.meta.service_model.operation_model(name))
    with pytest.raises(ClientError, match=f"The embedded AWS does not support {service}:{name}") as refused:
        getattr(client, xform_name(name))(**request)
    assert refused.value.response["Error"]["Code"] == "NotImplementedException"


def test_a_breakdown_is_said_to_be_the_embedded_aws_own_fault(local_aws: LocalAws) -> None:
    with pytest.raises(
        ClientError, match=r"embedded AWS broke down at sts:AssumeRoleWithSAML.*own fault"
    ) as broken:
        _client(local_aws, "sts").assume_role_with_saml(
            RoleArn="arn:aws:iam::123456789012:role/name",
            PrincipalArn="arn:aws:iam::123456789012:saml/name",
            SAMLAssertion="nothing",
        )
    assert broken.value.response["Error"]["Code"] == "InternalFailure"


@pytest.mark.heavy
@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_is_answered_as_aws_would(bare_aws: LocalAws, service: str) -> None:
    names = sorted(_client(bare_aws, service).meta.service_model.operation_names)
    assert _all_amiss(bare_aws, service, names) == []


def test_paths_of_the_runtime_are_known(local_aws: LocalAws) -> None:
    runtime = _client(local_aws, "sagemaker-runtime")
    with pytest.raises(ClientError, match="does not support sagemaker-runtime:InvokeEndpointAsync"):
        runtime.invoke_endpoint_async(EndpointName="name", InputLocation="s3://bucket/key")
