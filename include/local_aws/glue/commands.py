"""What runs a job's script: the interpreter, its libraries, and the arguments that Glue calls it with."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from include.local_aws.glue import python_modules, spark
from include.local_aws.glue.downloads import bring
from include.local_aws.glue.launch_error import LaunchError
from include.local_aws.jobs import Job
from include.local_aws.runtime import Runtime

# `awsglue`, as far as it is here.
LIBRARY = Path(__file__).parent / "library"


@dataclass(frozen=True)
class Command:
    """
    A child process.

    :param words: its command line.
    :param environment: all of it.
    """

    words: Sequence[str]
    environment: Mapping[str, str]


class Run(Protocol):
    """What is to be run, and how."""

    job: Any
    job_run_id: str

    @property
    def is_shell(self) -> bool: ...
    @property
    def all_arguments(self) -> dict[str, str]: ...


def prepare(runtime: Runtime, run: Run, folder: Path, child: Job, log_path: Path) -> Command:
    """
    Bring a run's script and libraries here.

    :param folder: where they go.
    :raises LaunchError: when that is not possible, in the words that are to be the run's ErrorMessage.
    """
    job, arguments = run.job, run.all_arguments
    language = arguments.get("--job-language", "python")
    if language != "python":
        raise LaunchError(f"--job-language: the embedded AWS runs python, got {language}")
    location = job.command["ScriptLocation"]
    script = folder / "script" / (PurePosixPath(location).name or "script.py")
    bring(runtime, job.role, location, script)
    if run.is_shell:
        python, environment = sys.executable, {}
    else:
        spark.prepare(child, log_path)
        python, environment = str(spark.PYTHON), spark.environment(folder, arguments)
        # A Python shell job does not get them: boto/boto3#3506.
        arguments = {**arguments, "--JOB_NAME": job.name, "--JOB_RUN_ID": run.job_run_id}
    extra = python_modules.extra_files(runtime, job.role, arguments, folder / "libraries")
    modules = python_modules.additional_modules(runtime, arguments, python, child, log_path)
    path = ":".join(str(item) for item in (*extra, *modules, LIBRARY))
    words = [word for pair in arguments.items() for word in pair]
    return Command(
        [python, str(script), *words],
        {**runtime.child_environment(job.role), **environment, "PYTHONPATH": path},
    )
