"""The bundle is the same bytes every time, and all that Airflow and the compiler need on MWAA."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scripts import bundle
from tests.unit.conftest import PROJECT

SETTINGS = {"stack_name": "my-stack", "aws_conn_id": "my_aws"}
# What MWAA's image looks for to tell whether a requirements file names constraints.
NAMES_CONSTRAINTS = re.compile(r"-c |--constraint ")

# A python3 that makes environments at once: they run the SDK interpreter, and write down what pip got.
STAND_IN = """#!/bin/sh
[ "$1 $2 $3" = "-m venv --clear" ] || exit 64
mkdir -p "$4/bin"
cat > "$4/bin/python" <<'PYTHON'
#!/bin/sh
if [ "$1 $2" = "-m pip" ]; then
    while [ $# -gt 1 ]; do shift; done
    exec cp "$1" "$(dirname "$0")/installed"
fi
exec {python} "$@"
PYTHON
chmod +x "$4/bin/python"
"""

LOAD = """
import json, sys
from pathlib import Path
from airflow import plugins_manager
from airflow.dag_processing.dagbag import DagBag
bag = DagBag()
plugins, plugin_errors = plugins_manager._get_plugins()
from retraining import settings
from retraining.workflow.compiler import WorkflowCompiler
from retraining.workflow.surroundings import Surroundings
(model,) = settings.models_folder().iterdir()
compiler = WorkflowCompiler(settings.sdk_python(), settings.PROJECT)
surroundings = Surroundings(**json.loads(sys.argv[1]))
without_sdk = WorkflowCompiler(Path("/nowhere"), settings.PROJECT)
carried = without_sdk.compile(model, surroundings, "s3://a-bucket/workflow/transform.sql")
fingerprint = compiler.fingerprint(model, surroundings)
with (model / "model.yaml").open("a") as file:
    file.write("# changed\\n")
assert compiler.needs_sdk(model)
definition = compiler.compile(model, surroundings, "s3://a-bucket/workflow/transform.sql")
files = [str(getattr(module, "__file__", None)) for module in list(sys.modules.values())]
print(json.dumps({
    "dags": sorted(bag.dags), "errors": bag.import_errors, "path": sys.path, "files": files,
    "plugins": [plugin.name for plugin in plugins], "plugin_errors": plugin_errors,
    "stack": settings.stack_name(), "connection": settings.aws_conn_id(),
    "definition": json.loads(definition), "carried": json.loads(carried), "fingerprint": fingerprint,
}))
"""


def unpack(home: Path) -> Path:
    """Lay the bundle out as MWAA does, and return the start-up script."""
    built = home.parent / "bundle"
    bundle.build(built, SETTINGS)
    home.mkdir()
    (built / "dags").rename(home / "dags")
    with zipfile.ZipFile(built / "plugins.zip") as archive:
        archive.extractall(home / "plugins")
    return built / "startup.sh"


def start_up(script: Path, home: Path, python: str, component: str = "worker") -> tuple[dict[str, str], str]:
    """Source the script as MWAA does; return the environment it leaves, and what it said."""
    stand_ins = home.parent / "bin"
    stand_ins.mkdir()
    (stand_ins / "python3").write_text(python)
    (stand_ins / "python3").chmod(0o755)
    done = subprocess.run(
        ["/bin/bash", "-c", f'. "{script}" >&2; env -0'],
        env={
            "PATH": f"{stand_ins}:{os.defpath}",
            "AIRFLOW_HOME": str(home),
            "MWAA_AIRFLOW_COMPONENT": component,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line), done.stderr


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    bundle.build(first, SETTINGS)
    before = os.umask(0o077)
    try:
        bundle.build(second, SETTINGS)
    finally:
        os.umask(before)
    contents = [
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (first, second)
    ]
    assert contents[0] == contents[1]
    assert contents[0].keys() > {"plugins.zip", "requirements.txt", "startup.sh", "dags/model_retraining.py"}


def test_a_bundle_replaces_the_one_before(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    (target / "dags").mkdir(parents=True)
    (target / "dags" / "removed.py").touch()
    bundle.build(target, SETTINGS)
    assert not (target / "dags" / "removed.py").exists()


@pytest.fixture
def loaded(tmp_path: Path) -> dict[str, Any]:
    """What an Airflow that has the bundle and nothing else makes of it."""
    home = tmp_path / "airflow"
    python = str(PROJECT / ".venv-sdk" / "bin" / "python")
    environment, _ = start_up(unpack(home), home, STAND_IN.replace("{python}", python))
    aws = {
        "stack": "s",
        "region": "eu-west-1",
        "bucket": "a-bucket",
        "training_role": "arn:aws:iam::123456789012:role/r",
    }
    done = subprocess.run(
        [sys.executable, "-c", LOAD, json.dumps(aws)],
        cwd=tmp_path,
        env=environment | {"AIRFLOW__CORE__LOAD_EXAMPLES": "False", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result | {"home": home}


def test_a_bare_airflow_loads_and_compiles_it(loaded: dict[str, Any]) -> None:
    ours = [
        path
        for path in loaded["path"] + loaded["files"]
        if Path(path).is_relative_to(PROJECT) and not Path(path).is_relative_to(PROJECT / ".venv")
    ]
    assert not ours, "this ran with the project's folder on its path and shows nothing"
    assert loaded["errors"] == {}
    assert "flight_delay_retraining" in loaded["dags"]
    assert loaded["plugin_errors"] == {}
    assert "retraining" in loaded["plugins"]
    assert (loaded["stack"], loaded["connection"]) == ("my-stack", "my_aws")
    assert loaded["definition"]["StartAt"]
    assert loaded["carried"] == loaded["definition"], "compiled before, and by the interpreter"
    assert re.fullmatch("[0-9a-f]{64}", loaded["fingerprint"])
    installed = (loaded["home"] / ".venv-sdk" / "bin" / "installed").read_text().splitlines()
    pinned = (PROJECT / "requirements-sdk.txt").read_text().splitlines()
    assert installed == [line for line in pinned if not line.lstrip().startswith("#")]


def test_airflow_starts_although_the_sdk_cannot_be_installed(tmp_path: Path) -> None:
    home = tmp_path / "airflow"
    broken = STAND_IN.replace('exec cp "$1" "$(dirname "$0")/installed"', "exit 1")
    environment, said = start_up(unpack(home), home, broken)
    assert environment["AIRFLOW__RETRAINING__STACK_NAME"] == "my-stack"
    assert "could not be made" in said
    assert not (home / ".venv-sdk").exists(), "half an interpreter would fail with a riddle"


def test_the_web_server_installs_nothing(tmp_path: Path) -> None:
    home = tmp_path / "airflow"
    environment, said = start_up(unpack(home), home, "#!/bin/sh\nexit 1\n", component="webserver")
    assert said == ""
    assert environment["AIRFLOW__RETRAINING__AWS_CONN_ID"] == "my_aws"


def test_requirements_leave_versions_to_mwaa(tmp_path: Path) -> None:
    bundle.build(tmp_path / "bundle", SETTINGS)
    text = (tmp_path / "bundle" / "requirements.txt").read_text()
    assert not NAMES_CONSTRAINTS.search(text), "MWAA would then add none of its own"
    wanted = [line for line in text.splitlines() if not line.startswith("#")]
    assert wanted == ["apache-airflow-providers-amazon[aiobotocore]", "apache-airflow-providers-standard"]


@pytest.mark.parametrize(
    ("option", "value"), [("--stack-name", "1st"), ("--stack-name", "a'b"), ("--aws-conn-id", "a b")]
)
def test_names_that_aws_or_airflow_refuse_are_refused(
    option: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bundle", option, value])
    with pytest.raises(SystemExit):
        bundle.main()
    assert f"{option}: {value!r} is not allowed" in capsys.readouterr().err
