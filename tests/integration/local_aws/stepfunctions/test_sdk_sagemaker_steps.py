"""The Data Science SDK's steps for SageMaker run in the embedded AWS, or are refused by name."""

from __future__ import annotations

import json
import subprocess
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import PROJECT, LocalAws
from tests.integration.endpoints import HIGH, LOW, predict, settled
from tests.integration.local_aws.sagemaker.test_processing import mounts
from tests.integration.sagemaker_requests import IMAGE, training_request
from tests.integration.state_machines import ended, start

MAKE = "open('/opt/ml/processing/out/made.txt', 'w').write('made')"


@mounts
@pytest.mark.heavy
def test_every_step_runs_or_is_refused_by_name(local_aws: LocalAws, models: dict[str, str]) -> None:
    s3, sagemaker = local_aws.client("s3"), local_aws.client("sagemaker")
    bucket, name = local_aws.outputs["Bucket"], f"sdk-{uuid4().hex[:8]}"
    channel = training_request(local_aws)["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    for key, content in (("rows.csv", f"{HIGH}\n{LOW}\n"), ("make.py", MAKE)):
        s3.put_object(Bucket=bucket, Key=f"runs/{name}/{key}", Body=content.encode())
    given = {
        "name": name,
        "role": local_aws.outputs["TrainingRoleArn"],
        "bucket": bucket,
        "image": IMAGE,
        "data": channel.rpartition("/")[0],
        "artifact": sagemaker.describe_model(ModelName=models["model"])["PrimaryContainer"]["ModelDataUrl"],
        "rows": f"s3://{bucket}/runs/{name}/rows.csv",
        "script": f"s3://{bucket}/runs/{name}/make.py",
    }
    python, program = (
        PROJECT / ".venv-sdk/bin/python",
        PROJECT / "tests/integration/local_aws/stepfunctions/sdk_steps.py",
    )
    printed = subprocess.run(
        [python, program, json.dumps(given)], capture_output=True, check=True, text=True
    ).stdout
    definitions = json.loads(printed.splitlines()[-1])

    def run(kind: str) -> dict[str, Any]:
        machine = local_aws.client("stepfunctions").create_state_machine(
            name=f"{name}-{kind}",
            definition=definitions[kind],
            roleArn=local_aws.outputs["StateMachineRoleArn"],
        )["stateMachineArn"]
        return ended(local_aws, start(local_aws, machine))

    def succeeded(kind: str) -> dict[str, Any]:
        found = run(kind)
        assert found["status"] == "SUCCEEDED", f"{kind}: {found.get('error')}: {found.get('cause')}"
        output: dict[str, Any] = json.loads(found["output"])
        return output

    assert succeeded("training")["TrainingJobStatus"] == "Completed"
    succeeded("model")
    succeeded("config")
    succeeded("endpoint")
    assert settled(local_aws, f"{name}-endpoint")["EndpointStatus"] == "InService"
    high, low = predict(local_aws, f"{name}-endpoint", f"{HIGH}\n{LOW}")
    assert succeeded("transform")["TransformJobStatus"] == "Completed"
    written = s3.get_object(Bucket=bucket, Key=f"runs/{name}/out/rows.csv.out")["Body"].read()
    assert [float(line) for line in written.split()] == [high, low]
    assert succeeded("processing")["ProcessingJobStatus"] == "Completed"
    assert s3.get_object(Bucket=bucket, Key=f"runs/{name}/made/made.txt")["Body"].read() == b"made"
    sagemaker.delete_endpoint(EndpointName=f"{name}-endpoint")
    with pytest.raises(ClientError, match=r"InvalidDefinition.*createHyperParameterTuningJob\.sync is not"):
        run("tuning")
