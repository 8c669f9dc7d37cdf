"""The compiled state machine is valid, calls AWS as AWS wants to be called, and bakes no run into itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator

from retraining.errors import CompileError
from retraining.workflow.compiler import WorkflowCompiler
from tests.unit.conftest import FLIGHT_DELAY, PROJECT, SURROUNDINGS, write_model

ASL_VALIDATOR = PROJECT / "build" / "asl-validator" / "node_modules" / ".bin" / "asl-validator"


def tasks(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            yield name, state


def filled_in(value: Any) -> Any:
    """Replace what is chosen at run time by a sample, as Step Functions replaces it by the input's."""
    if isinstance(value, dict):
        return {
            key.removesuffix(".$"): "sample" if key.endswith(".$") else filled_in(item)
            for key, item in value.items()
        }
    return [filled_in(item) for item in value] if isinstance(value, list) else value


def test_parameters_are_what_the_called_api_takes(definition: dict[str, Any]) -> None:
    session = botocore.session.get_session()
    checked = []
    for name, state in tasks(definition):
        *_, service, action = state["Resource"].removesuffix(".sync").split(":")
        model = session.get_service_model(service)
        operations = {xform_name(operation): operation for operation in model.operation_names}
        operation = model.operation_model(operations[xform_name(action)])
        parameters = filled_in(state["Parameters"])
        if "HyperParameters" in parameters:
            parameters["HyperParameters"] = {"eta": "0.2"}
        if action == "putItem":
            parameters["Item"] = {"Endpoint": {"S": "an-endpoint"}}
        if action == "createEndpointConfig":
            parameters["ProductionVariants"] = [{"VariantName": "blue"}]
            parameters["DataCaptureConfig"] = {
                "InitialSamplingPercentage": 0,
                "DestinationS3Uri": "s3://a-bucket/capture",
                "CaptureOptions": [{"CaptureMode": "Input"}],
            }
        if action == "updateEndpoint":
            parameters["RetainAllVariantProperties"] = True
        if service == "lambda":
            parameters["Payload"] = json.dumps(parameters["Payload"])
        assert operation.input_shape is not None
        report = ParamValidator().validate(parameters, operation.input_shape)
        assert not report.has_errors(), f"{name}: {report.generate_report()}"
        unknown = set(parameters) - set(operation.input_shape.members)
        assert not unknown, f"{name}: {unknown}"
        checked.append(operation.name)
    assert Counter(checked) == {
        "StartJobRun": 1,
        "CreateTrainingJob": 1,
        "Invoke": 4,
        "CreateModel": 1,
        "CreateEndpointConfig": 1,
        "CreateEndpoint": 1,
        "UpdateEndpoint": 1,
        "DeleteEndpoint": 1,
        "PutItem": 1,
    }


def test_the_state_machine_is_readable_on_one_screen(definition: dict[str, Any]) -> None:
    assert len(definition["States"]) <= 20
    articles = {"Train", "Accuracy gate", "Create model", "Create endpoint config", "Update endpoint"}
    assert articles <= definition["States"].keys()


def test_asl_validator_accepts_the_definition(definition: dict[str, Any], tmp_path: Path) -> None:
    if not ASL_VALIDATOR.exists() or not shutil.which("node"):
        pytest.skip("npm's asl-validator is not installed: `make setup` installs it where npm is there")
    file = tmp_path / "definition.json"
    file.write_text(json.dumps(definition))
    done = subprocess.run([ASL_VALIDATOR, "--json-path", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_gate_compares_the_named_metric_with_the_inputs_threshold(definition: dict[str, Any]) -> None:
    gate = definition["States"]["Accuracy gate"]
    assert gate["Choices"] == [
        {
            "Variable": "$.Metrics.Payload.Value",
            "NumericLessThanPath": "$.Threshold",
            "Next": "Create model",
        }
    ]
    rejected = definition["States"][gate["Default"]]
    assert (rejected["Type"], rejected["Error"]) == ("Fail", "ModelAccuracyTooLow")
    assert "BeatChampionBy" not in json.dumps(definition)


def test_gate_compares_with_the_bound_where_a_champion_is_to_be_beaten(
    compiler: WorkflowCompiler, tmp_path: Path, model_yaml: dict[str, Any]
) -> None:
    model_yaml["gate"]["beat_champion_by"] = 0.015
    model = write_model(tmp_path, model_yaml)
    compiled = compiler.compile(model, SURROUNDINGS, "s3://b/t.sql")
    states = json.loads(compiled)["States"]
    assert states["Accuracy gate"]["Choices"][0]["NumericLessThanPath"] == "$.Metrics.Payload.Bound"
    payload = states["Read metrics"]["Parameters"]["Payload"]
    assert payload["BeatChampionBy.$"] == "$$.Execution.Input['BeatChampionBy']"
    assert payload["Threshold.$"] == "$$.Execution.Input['Threshold']"
    assert payload["Comparison"] == "less_than"
    assert "0.015" not in compiled


def test_what_a_run_may_vary_of_training_comes_from_the_input(definition: dict[str, Any]) -> None:
    parameters = definition["States"]["Train"]["Parameters"]
    assert parameters["HyperParameters.$"] == "$$.Execution.Input['Hyperparameters']"
    assert parameters["ResourceConfig"]["InstanceType.$"] == "$$.Execution.Input['TrainingInstanceType']"
    assert "InstanceType" not in parameters["ResourceConfig"]


def test_names_and_threshold_come_from_the_input(definition: dict[str, Any]) -> None:
    text = json.dumps(definition["States"])
    assert "flight-delay" not in text
    assert "0.1" not in text.replace("0.15", "")
    for key in ("TrainingJobName", "ModelName", "EndpointName", "EndpointConfigName", "JobName"):
        assert f'"{key}": "' not in text
        assert f'"{key}.$": "' in text


def test_the_stacks_region_decides_image_and_partition(definition: dict[str, Any]) -> None:
    image = definition["States"]["Train"]["Parameters"]["AlgorithmSpecification"]["TrainingImage"]
    assert ".dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:" in image


def test_failed_work_can_be_redriven(definition: dict[str, Any]) -> None:
    """An execution that was caught into a Fail state can only be redriven into that Fail state again."""
    fails = {name for name, state in definition["States"].items() if state["Type"] == "Fail"}
    caught = {catch["Next"] for _, state in tasks(definition) for catch in state.get("Catch", [])}
    assert not fails & caught


def test_every_task_is_retried_when_aws_is_busy(definition: dict[str, Any]) -> None:
    retried = {name for name, state in tasks(definition) if state.get("Retry")}
    # These are tried again after a look at how the endpoint serves, and what, by now.
    decided = {name for name, _ in tasks(definition)} - retried
    assert decided == {"Create endpoint config", "Create endpoint", "Update endpoint", "Delete endpoint"}
    for name in decided:
        assert leads_to(definition, name, "Wait for endpoint")


def leads_to(definition: dict[str, Any], start: str, goal: str) -> bool:
    """Whether an error of one state is followed by another state at some time."""
    states = definition["States"]
    seen: set[str] = set()
    ahead = [catch["Next"] for catch in states[start]["Catch"]]
    while ahead:
        name = ahead.pop()
        if name in seen:
            continue
        seen.add(name)
        state = states[name]
        ahead += [choice["Next"] for choice in state.get("Choices", [])]
        ahead += [state[key] for key in ("Next", "Default") if key in state]
    return goal in seen


def test_alarms_watch_the_new_fleet_where_the_model_names_them(
    compiler: WorkflowCompiler, definition: dict[str, Any], tmp_path: Path, model_yaml: dict[str, Any]
) -> None:
    assert "DeploymentConfig" not in json.dumps(definition)
    model_yaml["serving"] |= {"bake_seconds": 300, "alarms": ["too-many-5xx"]}
    compiled = compiler.compile(write_model(tmp_path, model_yaml), SURROUNDINGS, "s3://b/t.sql")
    states = json.loads(compiled)["States"]
    update = states["Update endpoint"]
    assert update["Resource"].endswith(":aws-sdk:sagemaker:updateEndpoint")
    # The decision leaves it out where the endpoint goes back: nothing must keep it from that, least of all an
    # alarm of the bad model's.
    assert update["Parameters"]["DeploymentConfig.$"] == "$.Next.DeploymentConfig"
    assert states["Decide what is next"]["Parameters"]["Payload"]["DeploymentConfig"] == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
            "TerminationWaitInSeconds": 300,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "too-many-5xx"}]},
    }


def test_serving_is_as_the_model_says(
    compiler: WorkflowCompiler, tmp_path: Path, model_yaml: dict[str, Any]
) -> None:
    shifting = {"type": "linear", "percentage": 20, "wait_seconds": 300}
    model_yaml["serving"] |= {"data_capture": {"percentage": 20}, "traffic_shifting": shifting}
    compiled = compiler.compile(write_model(tmp_path, model_yaml), SURROUNDINGS, "s3://b/t.sql")
    states = json.loads(compiled)["States"]
    payload = states["Decide what is next"]["Parameters"]["Payload"]
    place = f"s3://{SURROUNDINGS.bucket}/capture/{model_yaml['name']}"
    assert payload["Serving"]["data_capture"] == {"percentage": 20, "place": place}
    assert payload["DeploymentConfig"]["BlueGreenUpdatePolicy"] == {
        "TrafficRoutingConfiguration": {
            "Type": "LINEAR",
            "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 20},
            "WaitIntervalInSeconds": 300,
        },
        "TerminationWaitInSeconds": 0,
        "MaximumExecutionTimeoutInSeconds": 3300,
    }


def test_network_and_key_are_the_stacks(compiler: WorkflowCompiler, definition: dict[str, Any]) -> None:
    plain = json.dumps(definition)
    assert "VpcConfig" not in plain
    assert "Kms" not in plain.replace('"KmsKeyId": ""', "")
    key = "arn:aws:kms:eu-west-1:123456789012:key/a"
    aws = replace(SURROUNDINGS, subnets=("subnet-1", "subnet-2"), security_groups=("sg-1",), kms_key=key)
    states = json.loads(compiler.compile(FLIGHT_DELAY, aws, "s3://b/t.sql"))["States"]
    network = {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    train, model = states["Train"]["Parameters"], states["Create model"]["Parameters"]
    assert train["VpcConfig"] == model["VpcConfig"] == network
    assert train["ResourceConfig"]["VolumeKmsKeyId"] == train["OutputDataConfig"]["KmsKeyId"] == key
    assert states["Create endpoint config"]["Parameters"]["KmsKeyId"] == key
    assert compiler.fingerprint(FLIGHT_DELAY, aws) != compiler.fingerprint(FLIGHT_DELAY, SURROUNDINGS)


def test_what_a_run_leaves_in_sagemaker_leads_back_to_it(definition: dict[str, Any]) -> None:
    for name in ("Train", "Create model", "Create endpoint config"):
        tags = definition["States"][name]["Parameters"]["Tags"]
        keys = {tag["Key"].removeprefix("retraining:") for tag in tags}
        assert keys >= {"model", "dag-id", "run-id", "window-end", "fingerprint", "training-job-name"}


def test_another_comparison_and_metric(
    compiler: WorkflowCompiler, tmp_path: Path, model_yaml: dict[str, Any]
) -> None:
    model_yaml["gate"] = {"metric": "validation:auc", "threshold": 0.9, "comparison": "greater_than"}
    model_yaml["hyperparameters"]["eval_metric"] = "error,auc"
    model = write_model(tmp_path, model_yaml)
    states = json.loads(compiler.compile(model, SURROUNDINGS, "s3://b/t.sql"))["States"]
    choice = states["Accuracy gate"]["Choices"][0]
    assert choice["Variable"] == "$.Metrics.Payload.Value"
    assert states["Read metrics"]["Parameters"]["Payload"]["MetricName"] == "validation:auc"
    assert choice["NumericGreaterThanPath"] == "$.Threshold"


def test_graph_is_rendered_to_a_file_from_no_more_than_the_fingerprint_covers(
    compiler: WorkflowCompiler, tmp_path: Path
) -> None:
    graph = tmp_path / "graph.html"
    environment = {"PYTHONPATH": f"{PROJECT}:{PROJECT / 'plugins'}", "HOME": str(tmp_path)}
    done = subprocess.run(
        [compiler.python, "-X", "importtime", "-m", "include.workflow"],
        input=json.dumps({"model": str(FLIGHT_DELAY), "graph": str(graph)}),
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Extract and transform" in graph.read_text()
    # Else a change would be taken for none, and a state machine that was kept for up to date.
    imported = re.findall(r"^import time:.*\| +((?:retraining|include)\.\S+)$", done.stderr, re.MULTILINE)
    files = {path for path in compiler.sources(FLIGHT_DELAY) if path.suffix == ".py"}
    dotted = {".".join(path.relative_to(PROJECT).with_suffix("").parts) for path in files}
    covered = {name.removeprefix("plugins.").removesuffix(".__init__") for name in dotted}
    assert {"include.workflow.steps", "retraining.model.gate_spec"} <= set(imported) <= covered


def test_missing_interpreter_is_said(tmp_path: Path) -> None:
    compiler = WorkflowCompiler(tmp_path / "python", PROJECT)
    with pytest.raises(CompileError, match=r"sdk_python: .*python does not exist"):
        compiler.compile(FLIGHT_DELAY, SURROUNDINGS, "s3://b/t.sql")


def test_broken_model_is_said_by_the_compiler(
    compiler: WorkflowCompiler, tmp_path: Path, model_yaml: dict[str, Any]
) -> None:
    model = write_model(tmp_path, model_yaml | {"window_days": 0})
    with pytest.raises(CompileError, match=r"model\.yaml: window_days: .*but is 0"):
        compiler.compile(model, SURROUNDINGS, "s3://b/t.sql")


def test_fingerprint_follows_what_decides_the_definition(
    compiler: WorkflowCompiler, tmp_path: Path, model_yaml: dict[str, Any]
) -> None:
    model = write_model(tmp_path, model_yaml)
    before = compiler.fingerprint(model, SURROUNDINGS)
    assert before == compiler.fingerprint(model, SURROUNDINGS)
    (model / "transform.sql").write_text("SELECT 2")
    changed = compiler.fingerprint(model, SURROUNDINGS)
    assert changed != before
    (model / "model.yaml").write_text("name: other")
    assert compiler.fingerprint(model, SURROUNDINGS) not in (before, changed)
