"""What runs a job's script: the interpreter, its libraries, and the arguments that Glue calls it with."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from include.local_aws.glue import python_modules, spark
from include.local_aws.glue.launch_error import LaunchError
from include.local_aws.jobs import Job
from include.local_aws.runtime import Runtime
from include.local_aws.s3.uris import download, split_uri

if TYPE_CHECKING:
    from include.local_aws.glue.job_runs import JobRun

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


def prepare(runtime: Runtime, run: JobRun, folder: Path, child: Job, log_path: Path) -> Command:
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


def bring(runtime: Runtime, role: str, uri: str, target: Path) -> None:
    """
    Download what a job needs before it can run.

    :raises LaunchError: in AWS's words, as its users quote them.
    """
    try:
        download(runtime.client("s3", role=role), uri, target)
    except ClientError as error:
        bucket, key = split_uri(uri)
        said, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        raise LaunchError(
            f"LAUNCH ERROR | Error downloading from S3 for bucket: {bucket}, key: {key}.{said['Message']} "
            f"(Service: Amazon S3; Status Code: {status}; Please refer logs for details."
        ) from error
    except ValueError as error:
        raise LaunchError(f"LAUNCH ERROR | {error}") from error
