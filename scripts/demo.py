"""
``make demo``: retrain on real flights twice, through Airflow and a state machine that really executes.

One retrain is accepted and deployed, and its endpoint asked about flights it has not seen; one is rejected.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from typing import Any

from scripts.__main__ import DEFAULT_AIRFLOW_PORT, DEFAULT_AWS_PORT
from scripts.airflow_settings import PROJECT, base_environment
from scripts.components import StackError
from scripts.demo_report import predictions_table, reports_table
from scripts.demo_runs import DemoError, Retrain, await_scheduled, retrain_historical, retrain_newest
from scripts.local_stack import LocalStack
from scripts.processes import exit_when_terminated

MODEL = "flight_delay"
# The week before saw the first snow of the winter, which the three weeks that the model learned from did not.
HISTORICAL = datetime(2013, 12, 12, tzinfo=UTC)
TOLERANCE = 1e-6
REPORT = PROJECT / "build" / "demo-report.json"


def main() -> int:
    """Run the demo; 0 when everything that it promises holds."""
    exit_when_terminated()
    began = time.monotonic()
    stack = LocalStack(airflow_port=DEFAULT_AIRFLOW_PORT, aws_port=DEFAULT_AWS_PORT, say=_say)
    try:
        _headline("Starting Airflow and the embedded AWS")
        stack.up()
        _say(f"Airflow is at {stack.airflow_url}")
        _demonstrate(stack)
    except (StackError, DemoError) as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return 1
    print(
        f"\nThe demo took {time.monotonic() - began:.0f} s; its reports are in {REPORT.relative_to(PROJECT)}."
        f"\nAirflow keeps running at {stack.airflow_url}; `make down` stops everything."
    )
    return 0


def _demonstrate(stack: LocalStack) -> None:
    client = stack.client()
    _headline("Hourly schedule")
    await_scheduled(client, _say)
    _headline("Retraining on the newest data")
    newest = retrain_newest(client, _say)
    _expect(newest, "deployed")
    _headline("Asking the endpoint about flights that landed after the window")
    check = _check_endpoint(stack, newest)
    _headline("Retraining on a historical window")
    historical = retrain_historical(client, HISTORICAL, _say)
    _expect(historical, "rejected")
    _headline("Gate reports")
    retrains = [newest, historical]
    seconds = [_execution_seconds(stack, retrain) for retrain in retrains]
    print(reports_table(retrains, seconds))
    _write_report(retrains, seconds, check)


def _expect(retrain: Retrain, outcome: str) -> None:
    report = retrain.report
    value = "none" if report["value"] is None else f"{report['value']:.6f}"
    _say(f"{report['outcome']}: {report['metric']} is {value}, the threshold {report['threshold']}")
    if report["outcome"] != outcome:
        raise DemoError(
            f"run {retrain.run['dag_run_id']} was to be {outcome}, but it is {report['outcome']}: "
            f"{report['cause']}"
        )
    if retrain.run["state"] != "success":
        raise DemoError(f"run {retrain.run['dag_run_id']} is {retrain.run['state']}; {outcome} is a success")


def _check_endpoint(stack: LocalStack, retrain: Retrain) -> dict[str, Any]:
    report = retrain.report
    with tempfile.TemporaryDirectory() as folder:
        arguments = {
            "--aws": stack.aws_url,
            "--bucket": stack.outputs()["Bucket"],
            "--endpoint": report["endpoint"],
            "--training-job": report["training_job"],
            "--model": MODEL,
            "--folder": folder,
            "--start": report["window_start"],
            "--validation-start": json.loads(_execution(stack, retrain)["input"])["ValidationStart"],
            "--end": report["window_end"],
        }
        command = [str(PROJECT / ".venv-local-aws" / "bin" / "python"), "-m", "scripts.endpoint_check"]
        done = subprocess.run(
            [*command, *(part for pair in arguments.items() for part in pair)],
            env=base_environment(),
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise DemoError(f"asking the endpoint failed:\n{done.stderr.strip()}")
    check: dict[str, Any] = json.loads(done.stdout)
    print(predictions_table(check))
    _verify(check, report)
    return check


def _verify(check: dict[str, Any], report: dict[str, Any]) -> None:
    pairs = list(zip(check["endpoint"], check["labels"], strict=True))
    accuracy = sum((probability > 0.5) == bool(label) for probability, label in pairs) / len(pairs)
    check["accuracy"] = accuracy
    always = 1 - sum(check["labels"]) / len(pairs)
    _say(f"accuracy on all {len(pairs)} unseen flights: {accuracy:.1%} (always saying on time: {always:.1%})")

    furthest = max(abs(a - b) for a, b in zip(check["endpoint"], check["artifact"], strict=True))
    if furthest > TOLERANCE:
        raise DemoError(
            f"the endpoint {report['endpoint']} does not serve the model of {report['training_job']}: "
            f"a prediction is {furthest} off"
        )
    _say(f"each prediction is, to {TOLERANCE:g}, that of the model just trained (its model.tar.gz)")

    if abs(check["plain_error"] - report["value"]) > TOLERANCE:
        raise DemoError(
            f"{report['metric']} is {report['value']}, but a plain script gets {check['plain_error']} on the "
            f"window [{report['window_start']}, {report['window_end']})"
        )
    _say(f"a plain DuckDB and xgboost script gets the same {report['metric']}: {check['plain_error']:.6f}")


def _execution(stack: LocalStack, retrain: Retrain) -> dict[str, Any]:
    arn = retrain.report["execution_arn"]
    described: dict[str, Any] = stack.aws("stepfunctions").describe_execution(executionArn=arn)
    return described


def _execution_seconds(stack: LocalStack, retrain: Retrain) -> float:
    execution = _execution(stack, retrain)
    return float((execution["stopDate"] - execution["startDate"]).total_seconds())


def _write_report(retrains: list[Retrain], seconds: list[float], check: dict[str, Any]) -> None:
    REPORT.write_text(
        json.dumps(
            {
                "retrains": [
                    {
                        "run_id": retrain.run["dag_run_id"],
                        "dag_run_seconds": retrain.seconds,
                        "execution_seconds": execution,
                        "gate_report": retrain.report,
                    }
                    for retrain, execution in zip(retrains, seconds, strict=True)
                ],
                "plain_validation_error": check["plain_error"],
                "unseen_flights": len(check["labels"]),
                "unseen_accuracy": check["accuracy"],
            },
            indent=2,
        )
        + "\n"
    )


def _headline(text: str) -> None:
    print(f"\n{text}", flush=True)


def _say(text: str) -> None:
    print(f"  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
