"""What somebody changed on the endpoint survives a deployment; what changed in model.yaml wins."""

from __future__ import annotations

from typing import Any

import pytest

from include.lambdas.deployment.serving import Live, Serving, is_resized, live, merge, unkept, written

SAID = {"instance_type": "ml.m5.large", "instance_count": 1}
NOWHERE = "s3://a-bucket/capture"
BLUE = {
    "VariantName": "blue",
    "ModelName": "older",
    "InstanceType": "ml.m5.large",
    "InitialInstanceCount": 3,
    "InitialVariantWeight": 1.0,
    "VolumeSizeInGB": 20,
}
SERVERLESS = {
    "VariantName": "blue",
    "ModelName": "older",
    "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5},
}
CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 50,
    "DestinationS3Uri": "s3://theirs/captured",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}


LIVE = Live(BLUE, CAPTURE)


def merged(
    now: dict[str, Any] = SAID, *, before: dict[str, Any] = SAID, found: Live | None = LIVE
) -> Serving:
    return merge(before, now, found, model="mine", nowhere=NOWHERE)


def test_what_somebody_changed_survives_and_is_said() -> None:
    serving = merged()
    assert serving.variant == {**BLUE, "ModelName": "mine"}
    assert serving.capture == CAPTURE
    count, capture = serving.notes
    assert count == "serving.instance_count: stays 3, as somebody set it; model.yaml says 1"
    assert capture.endswith("as somebody set it; model.yaml says nothing")


def test_what_changed_in_model_yaml_wins_and_the_rest_survives() -> None:
    serving = merged({"instance_type": "ml.c5.large", "instance_count": 1})
    assert serving.variant == {**BLUE, "ModelName": "mine", "InstanceType": "ml.c5.large"}
    assert "serving.instance_type: ml.m5.large becomes ml.c5.large, as model.yaml now says" in serving.notes
    assert merged({**SAID, "instance_count": 2}).variant["InitialInstanceCount"] == 2


def test_both_changed_alike_is_nothing_to_say() -> None:
    serving = merged({**SAID, "instance_count": 3}, found=Live(BLUE))
    assert (serving.variant["InitialInstanceCount"], serving.notes) == (3, [])


def test_what_is_live_survives_where_nobody_knows_what_model_yaml_said() -> None:
    assert merged(before={}).variant["InitialInstanceCount"] == 3


def test_a_new_endpoint_is_as_model_yaml_says() -> None:
    serving = merged(found=None)
    assert serving.variant == {
        "VariantName": "AllTraffic",
        "ModelName": "mine",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    assert serving.capture["EnableCapture"] is False
    assert serving.notes == []


WANTED = {"percentage": 20, "place": "s3://a-bucket/capture/m"}


def test_data_capture_that_model_yaml_asks_for_is_of_what_somebody_chose_to_capture() -> None:
    serving = merged({**SAID, "data_capture": WANTED})
    assert serving.capture == {
        **CAPTURE,
        "InitialSamplingPercentage": 20,
        "DestinationS3Uri": "s3://a-bucket/capture/m",
    }
    assert (
        merged({**SAID, "data_capture": WANTED}, before={**SAID, "data_capture": WANTED}).capture == CAPTURE
    )


def test_data_capture_that_model_yaml_asks_for_no_more_ends() -> None:
    asked = {**SAID, "data_capture": {"percentage": 50, "place": "s3://theirs/captured"}}
    serving = merged(before=asked)
    assert serving.capture["EnableCapture"] is False
    assert serving.notes[-1].endswith("becomes nothing, as model.yaml now says")


def test_what_is_captured_can_be_read() -> None:
    capture = merged({**SAID, "data_capture": WANTED}, found=None).capture
    assert capture["EnableCapture"] is True
    assert capture["CaptureContentTypeHeader"]["CsvContentTypes"] == ["text/csv"]


def test_the_number_of_instances_is_the_endpoints_and_not_its_configs() -> None:
    endpoint = {"ProductionVariants": [{"VariantName": "blue", "DesiredInstanceCount": 7}]}
    config = {"ProductionVariants": [BLUE], "DataCaptureConfig": CAPTURE}
    assert live(endpoint, config) == Live({**BLUE, "InitialInstanceCount": 7}, CAPTURE)
    assert live({}, config) == Live(BLUE, CAPTURE)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"ProductionVariants": [BLUE, {**BLUE, "VariantName": "green"}]}, "variants blue, green of c"),
        ({"ProductionVariants": [BLUE], "ShadowProductionVariants": [BLUE]}, "ShadowProductionVariants"),
        ({"ProductionVariants": [BLUE], "AsyncInferenceConfig": {"OutputConfig": {}}}, "AsyncInference"),
        ({"ProductionVariants": [BLUE], "KmsKeyId": "theirs"}, "KmsKeyId"),
        ({"ProductionVariants": [SERVERLESS]}, "has no InitialInstanceCount, InstanceType"),
    ],
)
def test_what_a_retrain_would_drop_is_said(config: dict[str, Any], why: str) -> None:
    assert why in unkept({"EndpointConfigName": "c", **config}, "ours")


def test_nothing_is_dropped_of_a_config_like_ours() -> None:
    config = {"EndpointConfigName": "c", "ProductionVariants": [BLUE], "DataCaptureConfig": CAPTURE}
    assert not unkept({**config, "ResponseMetadata": {"HTTPStatusCode": 200}}, None)
    assert not unkept({**config, "KmsKeyId": "ours", "EnableNetworkIsolation": False}, "ours")


def test_the_number_of_instances_is_retained_unless_model_yaml_changed_it() -> None:
    assert not is_resized(written(SAID), written({**SAID, "instance_type": "ml.c5.large"}))
    assert not is_resized("", written(SAID))
    assert is_resized(written(SAID), written({**SAID, "instance_count": 2}))
