"""Build what Amazon MWAA takes: dags/, plugins.zip, requirements.txt, startup.sh; equal sources, equal bytes.

MWAA unpacks the dags folder and plugins.zip below Airflow's home and nothing else. So the models travel with
the DAGs, where a change is there within a minute, and the state machine's source with the library whose
domain it imports, and compiled for the models as they are; startup.sh links both to where the project's
folder has them.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from include.archives import archive
from retraining.model.folders import load_models
from retraining.workflow.compiler import WorkflowCompiler
from retraining.workflow.definition_cache import DefinitionCache
from scripts.airflow_settings import PROJECT

_CONNECTION_ID = re.compile(r"[A-Za-z0-9_.-]+")
# CreateStack's StackName.
_STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")

REQUIREMENTS = """\
# MWAA has Airflow in a version of its own, and adds that version's constraints to a file without any.
# So there are no versions here: it gets the provider that its Airflow was released with.
"""


def build(target: Path, settings: Mapping[str, str]) -> None:
    """
    Write the bundle.

    :param target: folder that is replaced by it
    :param settings: of the ``[retraining]`` section, by option; for startup.sh
    """
    shutil.rmtree(target, ignore_errors=True)
    for name, content in _dags().items():
        file = target / "dags" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (target / "plugins.zip").write_bytes(archive(_plugins()))
    (target / "requirements.txt").write_text(_requirements())
    (target / "startup.sh").write_text(_startup(settings))


def _files(folder: Path, pattern: str) -> Iterator[Path]:
    for path in sorted(folder.rglob(pattern)):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _dags() -> dict[str, bytes]:
    dags, models = PROJECT / "dags", PROJECT / "include" / "models"
    files = {str(path.relative_to(dags)): path.read_bytes() for path in _files(dags, "*.py")}
    return files | {f"models/{path.relative_to(models)}": path.read_bytes() for path in _files(models, "*")}


def _plugins() -> dict[str, bytes]:
    plugins = PROJECT / "plugins"
    files = {str(path.relative_to(plugins)): path.read_bytes() for path in _files(plugins, "*")}
    workflow = PROJECT / "include" / "workflow"
    files |= {
        f"include/workflow/{path.relative_to(workflow)}": path.read_bytes()
        for path in _files(workflow, "*.py")
    }
    files |= {f"include/workflow/compiled/{name}": content for name, content in _compiled()}
    # Airflow imports every Python file of the plugins folder, and these belong to the SDK interpreter.
    files[".airflowignore"] = files[".airflowignore"].rstrip(b"\n") + b"\ninclude/\n"
    return files


def _compiled() -> Iterator[tuple[str, bytes]]:
    """The models, compiled for any account: workers without a package index need no SDK interpreter."""
    cache = DefinitionCache(PROJECT / "build" / "cache" / "definitions")
    compiler = WorkflowCompiler(PROJECT / ".venv-sdk" / "bin" / "python", PROJECT, cache=cache)
    models, _ = load_models(PROJECT / "include" / "models")
    for folder in models:
        yield compiler.carried_name(folder), compiler.compiled(folder).encode()


def _requirements() -> str:
    lines = (PROJECT / "requirements.in").read_text().splitlines()
    wanted = [line.partition("==")[0] for line in lines if line and not line.startswith("#")]
    return REQUIREMENTS + "".join(f"{name}\n" for name in wanted if name != "apache-airflow")


def _startup(settings: Mapping[str, str]) -> str:
    exports = [f"export AIRFLOW__RETRAINING__{name.upper()}='{value}'" for name, value in settings.items()]
    # Comments say where a pin comes from, which changes nothing on MWAA.
    pins = re.sub(r"(?m)^\s*#.*\n", "", (PROJECT / "requirements-sdk.txt").read_text())
    script = (PROJECT / "scripts" / "mwaa" / "startup.sh").read_text()
    return script.replace("@requirements-sdk.txt@", pins.strip()).replace("@settings@", "\n".join(exports))


def _stack_name(value: str) -> str:
    return _checked(value, _STACK_NAME)


def _conn_id(value: str) -> str:
    return _checked(value, _CONNECTION_ID)


def _checked(value: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(value):
        raise argparse.ArgumentTypeError(f"{value!r} is not allowed; {pattern.pattern} is")
    return value


def main() -> int:
    """Build the bundle from the command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bundle", description=__doc__)
    parser.add_argument(
        "--target", type=Path, default=PROJECT / "build" / "bundle", help="default: %(default)s"
    )
    parser.add_argument(
        "--stack-name", type=_stack_name, default="model-retraining", help="default: %(default)s"
    )
    parser.add_argument("--aws-conn-id", type=_conn_id, default="aws_default", help="default: %(default)s")
    given = parser.parse_args()
    build(given.target, {"stack_name": given.stack_name, "aws_conn_id": given.aws_conn_id})
    print(f"{given.target}: {', '.join(sorted(path.name for path in given.target.iterdir()))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
