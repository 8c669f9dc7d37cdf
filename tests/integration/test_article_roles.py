"""The roles of the article's example, where policies are enforced: they suffice, and hold little more."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from urllib.parse import unquote

import pytest

from include.local_aws.control import Control
from tests.integration.embedded_aws import PROJECT, running_aws
from tests.unit.cloudformation.template import granted_actions

NAME = "flights-article"
LOGS = {
    f"logs:{call}" for call in ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents")
}
# What is granted beyond what two runs do here: for runs that are stopped, and what the embedded AWS asks no
# role for: logs, metrics, images, and the events that tell Step Functions of a job's end.
NOT_USED: dict[str, set[str]] = {
    "glue": LOGS,
    "sagemaker": {
        *LOGS,
        *("s3:DeleteObject", "cloudwatch:PutMetricData", "ecr:GetAuthorizationToken"),
        *("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
    },
    "lambda": LOGS,
    "states": {
        *("glue:BatchStopJobRun", "glue:GetJobRuns", "sagemaker:StopTrainingJob"),
        # Step Functions on AWS tags the jobs that it starts, MANAGED_BY_AWS.
        *("sagemaker:AddTags", "sagemaker:ListTags"),
        *("events:DescribeRule", "events:PutRule", "events:PutTargets"),
    },
}


@pytest.mark.heavy
@pytest.mark.skipif(
    shutil.which("java") is None and "JAVA_HOME" not in os.environ,
    reason="the article's ETL is a Spark job: there is no java on PATH and no JAVA_HOME",
)
def test_two_runs_work_with_no_more_than_the_roles(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_aws(tmp_path_factory.mktemp("article"), "--enforce-iam") as aws:
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": aws.endpoint_url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        for command in ("create", "run", "run"):
            python = [str(PROJECT / ".venv-sdk" / "bin" / "python"), "-m", "docs.examples.article"]
            ran = subprocess.run(
                [*python, command, "--bucket", aws.outputs["Bucket"]],
                cwd=PROJECT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
            assert ran.returncode == 0, ran.stdout + ran.stderr
        used = Control(aws.endpoint_url).authorizations().used
        iam = aws.client("iam")
        unused = {}
        for service in NOT_USED:
            role = f"{NAME}-{service}"
            found = iam.get_role_policy(RoleName=role, PolicyName="article")["PolicyDocument"]
            policy = json.loads(unquote(found)) if isinstance(found, str) else found
            actions = used[f"arn:aws:sts::123456789012:assumed-role/{role}/service"]
            unused[service] = granted_actions([policy]) - set(actions)
        assert unused == NOT_USED
