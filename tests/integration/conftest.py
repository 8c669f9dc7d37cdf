from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from uuid import uuid4

import pytest

from include.local_aws.control import Control
from include.local_aws.runtime import OBSERVER_KEY
from tests.integration.embedded_aws import PROJECT, LocalAws, running_aws, until
from tests.integration.endpoints import settled
from tests.integration.sagemaker_requests import model_of, trained, training_request

# Parameters that say where the functions' and the job's code is.
CODE = ("CodeBucket", "GlueScript", "MetricsFunction", "EndpointTestFunction", "DeploymentFunction")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--lag",
        type=float,
        default=0,
        help="seconds that the embedded AWS's reads are behind, for Airflow's side",
    )


@pytest.fixture(scope="session")
def lag(request: pytest.FixtureRequest) -> float:
    """Seconds that what Airflow reads is behind; tests themselves look at what is so."""
    return float(request.config.getoption("--lag"))


@pytest.fixture(scope="session")
def seen(lag: float) -> Callable[[], None]:
    """Waits until Airflow's side sees what has been done so far."""

    def wait() -> None:
        done = monotonic()
        until(lambda: monotonic() > done + lag, seconds=lag + 60)

    return wait if lag else lambda: None


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory, lag: float) -> Iterator[LocalAws]:
    """The embedded AWS, provisioned, for all tests together."""
    with running_aws(tmp_path_factory.mktemp("aws")) as aws:
        if lag:
            aws = replace(aws, looks_with=OBSERVER_KEY)
            Control(aws.endpoint_url).lag("*", lag)
        yield aws


@pytest.fixture(scope="session")
def second_stack(local_aws: LocalAws) -> LocalAws:
    """Another stack in the same account and region; its name begins like the first one's."""
    name, cloudformation = f"{local_aws.stack}-test", local_aws.client("cloudformation")
    first = cloudformation.describe_stacks(StackName=local_aws.stack)["Stacks"][0]
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=(PROJECT / "include" / "cloudformation" / "template.yaml").read_text(),
        Parameters=[given for given in first["Parameters"] if given["ParameterKey"].startswith(CODE)],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    return replace(local_aws, stack=name)


@pytest.fixture
def control(local_aws: LocalAws, lag: float) -> Iterator[Control]:
    """Faults, quotas and request counts of the embedded AWS; none are left after the test."""
    control = Control(local_aws.endpoint_url)
    control.reset_requests()
    yield control
    control.clear_faults()
    if lag:
        control.lag("*", lag)
    control.enforce_quotas(False)


@pytest.fixture(scope="session")
def models(local_aws: LocalAws) -> dict[str, str]:
    """Configurations of a model that calls high sums likely, and of one that calls them unlikely."""
    jobs = {name: training_request(local_aws, flip=name == "opposite") for name in ("model", "opposite")}
    for request in jobs.values():
        local_aws.client("sagemaker").create_training_job(**request)
    ended = {name: trained(local_aws, request["TrainingJobName"]) for name, request in jobs.items()}
    return {
        name: model_of(local_aws, job["ModelArtifacts"]["S3ModelArtifacts"]) for name, job in ended.items()
    }


@pytest.fixture(scope="session")
def broken(local_aws: LocalAws) -> str:
    """A configuration whose model has lost its data."""
    s3, bucket = local_aws.client("s3"), local_aws.outputs["Bucket"]
    s3.put_object(Bucket=bucket, Key="lost/model.tar.gz", Body=b"")
    name = model_of(local_aws, f"s3://{bucket}/lost/model.tar.gz")
    s3.delete_object(Bucket=bucket, Key="lost/model.tar.gz")
    return name


@pytest.fixture
def endpoint(local_aws: LocalAws, models: dict[str, str]) -> Iterator[str]:
    """An endpoint in service, with the first of the models."""
    name, sagemaker = f"endpoint-{uuid4().hex}", local_aws.client("sagemaker")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=models["model"])
    assert settled(local_aws, name)["EndpointStatus"] == "InService"
    yield name
    settled(local_aws, name)
    sagemaker.delete_endpoint(EndpointName=name)
