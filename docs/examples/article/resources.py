"""What the workflow needs in AWS: four roles, the Glue job, the function. Made, and unmade."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.exceptions import ClientError

T = TypeVar("T")
HERE = Path(__file__).parent
FUNCTION_FILE = "query_training_status.py"


@dataclass(frozen=True)
class Resources:
    """
    Names and roles.

    :param name: of the Glue job, function, state machine, rule and endpoint alike; roles begin with it.
    :param bucket: holds ``data/flights/``, and gets ``article/``.
    """

    session: boto3.Session
    name: str
    bucket: str

    @property
    def region(self) -> str:
        return str(self.session.region_name)

    @property
    def account(self) -> str:
        return str(self.session.client("sts").get_caller_identity()["Account"])

    @property
    def state_machine(self) -> str:
        return f"arn:aws:states:{self.region}:{self.account}:stateMachine:{self.name}"

    @property
    def training_role(self) -> str:
        return self.role("sagemaker")

    @property
    def workflow_role(self) -> str:
        return self.role("states")

    def role(self, service: str) -> str:
        """ARN of the role that a service takes."""
        return f"arn:aws:iam::{self.account}:role/{self.name}-{service}"


def create(resources: Resources) -> None:
    """Make the roles, the job and the function."""
    for service, statements in _statements(resources).items():
        _create_role(resources, service, statements)
    script = "article/code/glue_etl.py"
    s3 = resources.session.client("s3")
    s3.upload_file(str(HERE / "glue_etl.py"), resources.bucket, script)
    create_job = partial(
        resources.session.client("glue").create_job,
        Name=resources.name,
        Role=resources.role("glue"),
        Command={
            "Name": "glueetl",
            "ScriptLocation": f"s3://{resources.bucket}/{script}",
            "PythonVersion": "3",
        },
        GlueVersion="5.0",
        WorkerType="G.1X",
        NumberOfWorkers=2,
        Timeout=60,
        ExecutionProperty={"MaxConcurrentRuns": 2},
    )
    create_function = partial(
        resources.session.client("lambda").create_function,
        FunctionName=resources.name,
        Runtime="python3.13",
        Role=resources.role("lambda"),
        Handler="query_training_status.lambda_handler",
        Code={"ZipFile": _zipped(HERE / FUNCTION_FILE)},
        Timeout=15,
    )
    once_roles_are_seen(create_job)
    once_roles_are_seen(create_function)


def once_roles_are_seen(call: Callable[[], T], seconds: float = 60) -> T:
    """
    Make a call that hands over a role.

    :param seconds: how long it may be refused: for a while the services do not know of a new role.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            return call()
        except ClientError as error:
            if "assume" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(5)


def remove(resources: Resources) -> None:
    """Delete what :func:`create` made, all of it or some; the bucket's objects stay."""
    lambda_, iam = resources.session.client("lambda"), resources.session.client("iam")
    with suppress(lambda_.exceptions.ResourceNotFoundException):
        lambda_.delete_function(FunctionName=resources.name)
    resources.session.client("glue").delete_job(JobName=resources.name)
    for service in _statements(resources):
        name = f"{resources.name}-{service}"
        with suppress(iam.exceptions.NoSuchEntityException):
            iam.delete_role_policy(RoleName=name, PolicyName="article")
        with suppress(iam.exceptions.NoSuchEntityException):
            iam.delete_role(RoleName=name)


def _create_role(resources: Resources, service: str, statements: list[dict[str, Any]]) -> None:
    iam, name = resources.session.client("iam"), f"{resources.name}-{service}"
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy([trust]))
    iam.put_role_policy(RoleName=name, PolicyName="article", PolicyDocument=_policy(statements))


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _statements(resources: Resources) -> dict[str, list[dict[str, Any]]]:
    """What each service may do."""
    here = f"{resources.region}:{resources.account}"
    objects = _allow(
        ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], f"arn:aws:s3:::{resources.bucket}/*"
    )
    listing = _allow(["s3:ListBucket"], f"arn:aws:s3:::{resources.bucket}")
    written = ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents")
    logs = _allow([f"logs:{call}" for call in written], f"arn:aws:logs:{here}:*")
    # The algorithm's images live in an account of AWS; metrics and logging in know no resources to name.
    pulled = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
    registry = f"arn:aws:ecr:{resources.region}:*:repository/sagemaker-xgboost"
    image = _allow([f"ecr:{call}" for call in pulled], registry)
    unnamed = _allow(["ecr:GetAuthorizationToken", "cloudwatch:PutMetricData"], "*")
    return {
        "glue": [objects, listing, logs],
        "sagemaker": [objects, listing, logs, image, unnamed],
        "lambda": [
            _allow(["sagemaker:DescribeTrainingJob"], f"arn:aws:sagemaker:{here}:training-job/*"),
            logs,
        ],
        "states": [
            _allow(
                ["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"],
                f"arn:aws:glue:{here}:job/{resources.name}",
            ),
            _allow(["lambda:InvokeFunction"], f"arn:aws:lambda:{here}:function:{resources.name}"),
            _allow(
                [
                    *(f"sagemaker:{verb}TrainingJob" for verb in ("Create", "Describe", "Stop")),
                    *("sagemaker:AddTags", "sagemaker:ListTags"),
                    *("sagemaker:CreateModel", "sagemaker:CreateEndpointConfig"),
                    *("sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"),
                ],
                f"arn:aws:sagemaker:{here}:*",
            ),
            _allow(["iam:PassRole"], resources.training_role),
            _allow(
                ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
                f"arn:aws:events:{here}:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule",
            ),
        ],
        "events": [_allow(["states:StartExecution"], resources.state_machine)],
    }


def _allow(actions: list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _zipped(file: Path) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        member = zipfile.ZipInfo(file.name)
        # Lambda runs nothing that not everybody may read.
        member.external_attr = 0o644 << 16
        zipped.writestr(member, file.read_text())
    return archive.getvalue()
