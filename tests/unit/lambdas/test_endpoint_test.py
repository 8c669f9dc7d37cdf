"""The Lambda that calls an endpoint to see whether it answers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from include.lambdas.endpoint_test import handler as endpoint_test

EVENT = {"EndpointName": "flight-delay", "Rows": "s3://lake/runs/a-run/validation/"}
LIST = {"Bucket": "lake", "Prefix": "runs/a-run/validation/"}


@dataclass(frozen=True)
class Aws:
    s3: Stubber
    runtime: Stubber

    def files(self, *contents: bytes) -> None:
        """Files below the prefix; each one is expected to be read."""
        keys = [f"runs/a-run/validation/part-{number}.csv" for number in range(len(contents))]
        self.s3.add_response("list_objects_v2", {"Contents": [{"Key": key} for key in keys]}, LIST)
        for key, content in zip(keys, contents, strict=True):
            self.s3.add_response("get_object", {"Body": body(content)}, {"Bucket": "lake", "Key": key})

    def answer(self, content: bytes, row: str) -> None:
        self.runtime.add_response(
            "invoke_endpoint",
            {"Body": body(content), "InvokedProductionVariant": "all"},
            {"EndpointName": "flight-delay", "ContentType": "text/csv", "Body": row},
        )


def body(content: bytes) -> StreamingBody:
    return StreamingBody(io.BytesIO(content), len(content))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    clients: dict[str, Any] = {
        name: boto3.client(name, region_name="us-east-1") for name in ("s3", "sagemaker-runtime")
    }
    monkeypatch.setattr(endpoint_test, "client", clients.__getitem__)
    with Stubber(clients["s3"]) as s3, Stubber(clients["sagemaker-runtime"]) as runtime:
        yield Aws(s3, runtime)


def test_a_run_without_rows_is_named(aws: Aws) -> None:
    aws.s3.add_response("list_objects_v2", {}, LIST)
    with pytest.raises(
        endpoint_test.EndpointTestFailed, match="s3://lake/runs/a-run/validation/: there is no row"
    ):
        endpoint_test.handler(EVENT, None)


def test_files_without_features_have_no_rows(aws: Aws) -> None:
    aws.files(b"", b"\n1\n")
    with pytest.raises(endpoint_test.EndpointTestFailed, match="there is no row"):
        endpoint_test.handler(EVENT, None)


@pytest.mark.parametrize("code", ["ModelError", "ValidationError", "ModelNotReadyException"])
def test_an_error_of_the_endpoint_fails_the_test_with_its_reason(aws: Aws, code: str) -> None:
    aws.files(b"1,2,3\n")
    aws.runtime.add_client_error("invoke_endpoint", code, "out of memory")
    with pytest.raises(endpoint_test.EndpointTestFailed, match=r"endpoint flight-delay: .*out of memory"):
        endpoint_test.handler(EVENT, None)


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException"])
def test_an_error_that_says_nothing_of_the_endpoint_is_not_taken_for_one(aws: Aws, code: str) -> None:
    aws.files(b"1,2,3\n")
    aws.runtime.add_client_error("invoke_endpoint", code, "no")
    with pytest.raises(ClientError, match=code):
        endpoint_test.handler(EVENT, None)


def test_an_endpoint_that_does_not_answer_in_time_fails_the_test(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        def invoke_endpoint(self, **_: str) -> None:
            raise ReadTimeoutError(endpoint_url="https://runtime")

    monkeypatch.setattr(endpoint_test, "client", lambda _: Silent())
    monkeypatch.setattr(endpoint_test, "first_row", lambda _: "2,3")
    with pytest.raises(endpoint_test.EndpointTestFailed, match="flight-delay did not answer"):
        endpoint_test.handler(EVENT, None)


@pytest.mark.parametrize("answer", [b"", b"nan", b"inf", b"0.1,-inf", b"<html>", b'{"predictions": []}'])
def test_anything_but_finite_numbers_fails_the_test(aws: Aws, answer: bytes) -> None:
    aws.files(b"1,2,3\n")
    aws.answer(answer, "2,3")
    with pytest.raises(endpoint_test.EndpointTestFailed, match=r"answered .*; expected finite numbers"):
        endpoint_test.handler(EVENT, None)


@pytest.mark.parametrize(
    ("answer", "prediction"), [(b"0.25", [0.25]), (b"0.25\n", [0.25]), (b"0.5,1e-3", [0.5, 0.001])]
)
def test_the_first_row_is_asked_without_its_label(aws: Aws, answer: bytes, prediction: list[float]) -> None:
    aws.files(b"", b"1,2.5,-3\n0,4,5\n")
    aws.answer(answer, "2.5,-3")
    assert endpoint_test.handler(EVENT, None) == {"Prediction": prediction, "Row": "2.5,-3", "Variant": "all"}
    aws.runtime.assert_no_pending_responses()


@pytest.mark.parametrize("key", EVENT)
def test_incomplete_event_names_what_is_missing(aws: Aws, key: str) -> None:
    with pytest.raises(KeyError, match=key):
        endpoint_test.handler({name: value for name, value in EVENT.items() if name != key}, None)
