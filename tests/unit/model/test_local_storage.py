"""No key is asked for where an instance's own disks could not be encrypted with it."""

from __future__ import annotations

import boto3
import pytest

from retraining.model.local_storage import key_problem, spec_problems
from retraining.model.spec import ModelSpec
from retraining.preflight import findings
from retraining.preflight.findings import State
from tests.unit.conftest import FLIGHT_DELAY_SPEC

KEY = "arn:aws:kms:eu-central-1:123456789012:key/a-key"
# Of the API model's families, those that EC2's documentation lists among the instance stores.
WITH_DISKS = {
    "TrainingInstanceType": "g4dn g5 g6 g6e g7 g7e p3dn p4d p4de p5 p5e p5en p6-b200 p6-b300 p6e-gb200 r5d"
    " trn1 trn1n trn2",
    "ProductionVariantInstanceType": "c5d c6gd dl1 g4dn g5 g6 g6e g7 g7e m5d m6gd p4d p4de p5 p5e p5en"
    " p6-b200 p6-b300 p6e-gb200 r5d r6gd r7gd trn1 trn1n trn2",
}


def with_disks(spec: ModelSpec) -> ModelSpec:
    training = spec.training.model_copy(update={"instance_type": "ml.g5.xlarge"})
    serving = spec.serving.model_copy(update={"instance_type": "ml.m5d.large"})
    return spec.model_copy(update={"training": training, "serving": serving})


@pytest.mark.parametrize("shape", WITH_DISKS)
def test_every_type_of_sagemaker_is_judged(shape: str) -> None:
    model = boto3.client("sagemaker", region_name="us-east-1").meta.service_model
    types: list[str] = model.shape_for(shape).enum  # type: ignore[attr-defined]
    refused = {name.split(".")[1] for name in types if key_problem("field", name, KEY)}
    assert refused == set(WITH_DISKS[shape].split())


def test_without_a_key_every_type_does() -> None:
    assert key_problem("field", "ml.g5.xlarge", None) is None
    assert key_problem("field", "ml.g5.xlarge", "") is None


def test_the_reason_names_field_type_and_key() -> None:
    training, serving = spec_problems(with_disks(FLIGHT_DELAY_SPEC), KEY)
    assert training.startswith("training.instance_type: ml.g5.xlarge has disks of its own")
    assert serving.startswith("serving.instance_type: ml.m5d.large has disks of its own")
    assert KEY in training
    assert "allowed are types without, such as ml.m5.xlarge" in training


def test_preflight_says_so() -> None:
    found = list(findings.encryption(with_disks(FLIGHT_DELAY_SPEC), KEY))
    assert [(it.what, it.state) for it in found] == [("KMS key", State.PROBLEM)] * 2
    assert [it.state for it in findings.encryption(FLIGHT_DELAY_SPEC, KEY)] == [State.FINE]
    assert not list(findings.encryption(with_disks(FLIGHT_DELAY_SPEC), None))
