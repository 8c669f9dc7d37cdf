"""Lambda of the embedded AWS: an invocation runs the deployed handler, and fails as Lambda's do."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.embedded_aws import LocalAws, until
from tests.integration.endpoints import predict
from tests.integration.local_aws.lambda_.lambda_functions import deployed, invoked
from tests.integration.sagemaker_requests import HYPERPARAMETERS, trained, training_request

Invoke = Callable[..., dict[str, Any]]


@pytest.fixture
def invoke(local_aws: LocalAws) -> Invoke:
    """Deploys a handler and invokes it once."""

    def deploy_and_invoke(code: str | bytes, event: object = None, **settings: Any) -> dict[str, Any]:
        return invoked(local_aws, deployed(local_aws, code, **settings), event)

    return deploy_and_invoke


def test_what_a_handler_raises_is_the_answer(invoke: Invoke) -> None:
    answer = invoke(
        "class NoMetrics(LookupError): ...\ndef handler(event, context):\n  raise NoMetrics('none')"
    )
    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "NoMetrics"
    assert answer["Payload"]["errorMessage"] == "none"
    assert "main.py" in answer["Payload"]["stackTrace"][-1]
    assert "NoMetrics: none" in answer["LogResult"]


def test_a_handler_over_its_time_is_killed(invoke: Invoke) -> None:
    answer = invoke("import signal\ndef handler(event, context):\n  signal.pause()", Timeout=1)
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in answer["Payload"]["errorMessage"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os\ndef handler(event, context):\n  os.kill(os.getpid(), 9)", "signal: killed"),
        ("import os\ndef handler(event, context):\n  os._exit(7)", "exit status 7"),
        ("import sys\ndef handler(event, context):\n  sys.exit(3)", "exit status 3"),
        ("import sys\nsys.exit(0)", "Runtime exited without providing a reason"),
    ],
)
def test_a_runtime_that_dies_is_reported(invoke: Invoke, code: str, message: str) -> None:
    answer = invoke(code)
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Runtime.ExitError"
    assert message in answer["Payload"]["errorMessage"]


@pytest.mark.parametrize(
    ("code", "settings", "kind"),
    [
        ("import nowhere_to_be_found", {}, "Runtime.ImportModuleError"),
        ("", {}, "Runtime.HandlerNotFound"),
        ("def handler(event, context):\n  return {1, 2}", {}, "Runtime.MarshalError"),
        ("def handler(event, context)", {}, "Runtime.UserCodeSyntaxError"),
        ("", {"Handler": "main"}, "Runtime.MalformedHandlerName"),
        ("raise LookupError('none')", {}, "LookupError"),
        # Lambda has the SDK, and nothing else that this interpreter may have.
        ("import moto", {}, "Runtime.ImportModuleError"),
    ],
)
def test_what_cannot_run_says_so(invoke: Invoke, code: str, settings: dict[str, Any], kind: str) -> None:
    answer = invoke(code, **settings)
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == kind


def _packed(files: dict[str, str], modes: dict[str, int], system: int = 3) -> bytes:
    """A zip; names that end with a slash are folders.

    :param modes: permissions by name, else everybody may read.
    :param system: what made it: 3 is Unix, 0 is Windows.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.create_system = system
            folder = name.endswith("/")
            if system == 3:
                entry.external_attr = modes.get(name, 0o755 if folder else 0o644) << 16
            else:
                entry.external_attr = 0x10 if folder else 0x20
            archive.writestr(entry, content)
    return buffer.getvalue()


HANDLER = "def handler(event, context):\n  return 'done'"
NESTED = {"main.py": "from inner.part import handler", "inner/__init__.py": "", "inner/part.py": HANDLER}
FOLDER = {"main.py": "from inner.part import handler", "inner/": "", "inner/part.py": HANDLER}


@pytest.mark.parametrize(
    ("files", "modes", "kind", "message"),
    [
        (
            {"main.py": HANDLER},
            {"main.py": 0o600},
            "PermissionError",
            "[Errno 13] Permission denied: '/var/task/main.py'",
        ),
        (
            {"main.py": HANDLER},
            {"main.py": 0o640},
            "PermissionError",
            "[Errno 13] Permission denied: '/var/task/main.py'",
        ),
        (
            NESTED,
            {"inner/part.py": 0o600},
            "PermissionError",
            "[Errno 13] Permission denied: '/var/task/inner/part.py'",
        ),
        # In a folder that nobody may look into, nothing is found.
        (
            FOLDER,
            {"inner/": 0o700},
            "Runtime.ImportModuleError",
            "Unable to import module 'main': No module named 'inner.part'",
        ),
        (
            {"main.py": "def handler(event, context):\n  return open('rows.csv').read()", "rows.csv": "1"},
            {"rows.csv": 0o600},
            "PermissionError",
            "[Errno 13] Permission denied: '/var/task/rows.csv'",
        ),
    ],
    ids=["owner", "group", "nested", "folder", "data"],
)
def test_what_not_everybody_may_read_fails_when_it_is_called(
    invoke: Invoke, files: dict[str, str], modes: dict[str, int], kind: str, message: str
) -> None:
    answer = invoke(_packed(files, modes))
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == kind
    assert answer["Payload"]["errorMessage"] == message


@pytest.mark.parametrize(
    ("files", "system"),
    [(NESTED, 3), (FOLDER, 3), (NESTED, 0), (FOLDER, 0)],
    ids=["unix", "unix with a folder", "windows", "windows with a folder"],
)
def test_what_everybody_may_read_runs(invoke: Invoke, files: dict[str, str], system: int) -> None:
    assert invoke(_packed(files, {}, system))["Payload"] == "done"


def test_a_handler_gets_its_event_and_its_environment(local_aws: LocalAws, invoke: Invoke) -> None:
    code = (
        "import os\n"
        "def handler(event, context):\n"
        "  return {'event': event, 'mode': os.environ['MODE'], 'aws': os.environ['AWS_ENDPOINT_URL'],\n"
        "          'request': context.aws_request_id}\n"
    )
    answer = invoke(code, {"é": [1, None]}, Environment={"Variables": {"MODE": "test"}})
    assert "FunctionError" not in answer
    payload = answer["Payload"]
    assert payload["event"] == {"é": [1, None]}
    assert payload["mode"] == "test"
    assert payload["aws"] == local_aws.endpoint_url
    log = local_aws.state_dir / "logs" / "lambda"
    assert len(list(log.glob(f"*-{payload['request']}.log"))) == 1


def test_the_metrics_function_of_the_template_reads_a_real_job(local_aws: LocalAws) -> None:
    name = local_aws.outputs["MetricsFunctionName"]
    request = training_request(local_aws, HyperParameters={**HYPERPARAMETERS, "eval_metric": "error,logloss"})
    local_aws.client("sagemaker").create_training_job(**request)
    job = trained(local_aws, request["TrainingJobName"])
    event = {
        "TrainingJobName": job["TrainingJobName"],
        "MetricName": "validation:error",
        "EndpointName": "none",
    }

    answer = invoked(local_aws, name, event)

    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert answer["Payload"]["Metrics"] == metrics
    assert metrics.keys() >= {"train:error", "validation:error", "validation:logloss"}
    missing = invoked(local_aws, name, {**event, "MetricName": "validation:auc"})
    assert missing["Payload"]["errorType"] == "MetricMissing"


def test_an_invocation_that_nobody_waits_for_runs(local_aws: LocalAws) -> None:
    logs = local_aws.state_dir / "logs" / "lambda"
    name = local_aws.outputs["MetricsFunctionName"]
    before = set(logs.glob(f"{name}-*.log")) if logs.exists() else set()
    answer = local_aws.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload="{}")
    assert answer["StatusCode"] == 202
    log = until(lambda: set(logs.glob(f"{name}-*.log")) - before).pop()
    until(lambda: "END RequestId" in log.read_text())


def test_the_endpoint_test_calls_the_endpoint_with_a_row_of_the_validation_set(
    local_aws: LocalAws, models: dict[str, str], endpoint: str
) -> None:
    model = local_aws.client("sagemaker").describe_model(ModelName=models["model"])
    folder = model["PrimaryContainer"]["ModelDataUrl"].rsplit("/", 3)[0]
    event = {"EndpointName": endpoint, "Rows": f"{folder}/validation/"}
    function = local_aws.outputs["EndpointTestFunctionName"]
    payload = invoked(local_aws, function, event)["Payload"]
    assert payload["Prediction"] == predict(local_aws, endpoint, payload["Row"])
    assert payload["Variant"] == "all"

    refused = invoked(local_aws, function, {**event, "EndpointName": "nobody"})
    assert refused["FunctionError"] == "Unhandled"
    assert refused["Payload"]["errorType"] == "EndpointTestFailed"
    assert "Endpoint nobody of account" in refused["Payload"]["errorMessage"]
