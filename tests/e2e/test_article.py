"""The article's workflow as it stands: EventBridge starts it every hour, or Airflow does in its place."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from scripts.airflow_settings import PROJECT
from scripts.local_stack import LocalStack
from scripts.processes import exit_when_terminated
from tests.e2e.waiting import wait_until

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(
        shutil.which("java") is None and "JAVA_HOME" not in os.environ,
        reason="the article's ETL is a Spark job: there is no java on PATH and no JAVA_HOME",
    ),
]

NAME = "flights-article"
DAG = "hourly_retraining"
EXECUTION_S = 180


class ArticleStack(LocalStack):
    """Airflow with the example's DAG beside the project's."""

    def environment(self) -> dict[str, str]:
        """Return the environment of the Airflow components."""
        return super().environment() | {"AIRFLOW__CORE__DAGS_FOLDER": str(self.state_dir / "dags")}

    def article(self, *arguments: str) -> str:
        """Run the example's command, and give what it printed."""
        aws = {
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
            "PATH": os.environ["PATH"],
        }
        command = [str(PROJECT / ".venv-sdk" / "bin" / "python"), "-m", "docs.examples.article"]
        run = subprocess.run(
            [*command, *arguments, "--bucket", self.outputs()["Bucket"]],
            cwd=PROJECT,
            env=aws,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def executions(self) -> list[dict[str, Any]]:
        """What has been started, the newest first."""
        machine = f"arn:aws:states:us-east-1:123456789012:stateMachine:{NAME}"
        listed: list[dict[str, Any]] = self.aws("stepfunctions").list_executions(stateMachineArn=machine)[
            "executions"
        ]
        return listed

    def succeeded(self, execution: dict[str, Any]) -> dict[str, Any]:
        """Wait until an execution has succeeded; gives its input."""
        describe = self.aws("stepfunctions").describe_execution
        found = wait_until(
            lambda: (it := describe(executionArn=execution["executionArn"]))["status"] != "RUNNING" and it,
            timeout_s=EXECUTION_S,
            what="the execution's end",
        )
        assert found["status"] == "SUCCEEDED", found
        given: dict[str, Any] = json.loads(found["input"])
        return given

    def served(self) -> str:
        """The endpoint config in service."""
        found = wait_until(
            lambda: (
                (it := self.aws("sagemaker").describe_endpoint(EndpointName=NAME))["EndpointStatus"]
                == "InService"
                and it
            ),
            timeout_s=60,
            what="the endpoint in service",
        )
        return str(found["EndpointConfigName"])


@pytest.fixture(scope="module")
def article(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArticleStack]:
    """The state machine, and an endpoint that its first run has made."""
    stack = ArticleStack(tmp_path_factory.mktemp("article"), models_folder=tmp_path_factory.mktemp("models"))
    dags = shutil.copytree(PROJECT / "dags", stack.state_dir / "dags")
    shutil.copy(PROJECT / "docs" / "examples" / "article" / "hourly_retraining.py", dags)
    exit_when_terminated()
    try:
        stack.up()
        stack.article("create")
        assert "SUCCEEDED" in stack.article("run")
        yield stack
    finally:
        stack.down()


def test_the_rule_retrains_every_hour_and_updates_the_endpoint(article: ArticleStack) -> None:
    (before,), served = article.executions(), article.served()
    article.article("schedule", "--rate", "rate(1 minute)")
    started = wait_until(
        lambda: [it for it in article.executions() if it["name"] != before["name"]],
        timeout_s=90,
        what="an execution",
    )
    article.article("schedule", "--rate", "rate(1 hour)")
    given = article.succeeded(started[0])
    assert article.served() == given["ModelName"] != served


def test_the_dag_retrains_for_each_hour_in_the_rules_place(article: ArticleStack) -> None:
    client = article.client()
    client.pause(DAG, False)
    run = wait_until(lambda: client.runs(DAG), timeout_s=60, what="the schedule's first run")[0]
    assert client.wait_for_run(DAG, run["dag_run_id"], timeout_s=EXECUTION_S)["state"] == "success"
    client.pause(DAG, True)
    by_name = {execution["name"]: execution for execution in article.executions()}
    (name,) = [name for name in by_name if name.startswith(DAG.replace("_", "-")) or DAG in name]
    given = article.succeeded(by_name[name])
    end = datetime.fromisoformat(given["WindowEnd"])
    assert end == datetime.fromisoformat(run["data_interval_start"]) + timedelta(hours=1)
    assert article.served() == given["ModelName"]


def test_what_was_made_can_be_removed(article: ArticleStack) -> None:
    name = "flights-removed"
    article.article("create", "--name", name)
    assert name in everything(article)
    article.article("schedule", "--name", name)
    for _ in ("all of it", "nothing"):
        article.article("remove", "--name", name)
        assert [found for found in everything(article) if found.startswith(name)] == []


def everything(article: ArticleStack) -> list[str]:
    """Names of what the example makes."""
    return [
        *(it["name"] for it in article.aws("stepfunctions").list_state_machines()["stateMachines"]),
        *(it["Name"] for it in article.aws("events").list_rules()["Rules"]),
        *(it["FunctionName"] for it in article.aws("lambda").list_functions()["Functions"]),
        *article.aws("glue").list_jobs()["JobNames"],
        *(it["RoleName"] for it in article.aws("iam").list_roles()["Roles"]),
    ]
