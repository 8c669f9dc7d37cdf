"""Spark for glueetl jobs: an interpreter of its own, Java, and S3 as a filesystem, made when first needed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from include.local_aws.glue.launch_error import LaunchError
from include.local_aws.jobs import Job

PROJECT = Path(__file__).resolve().parents[3]
ENVIRONMENT = PROJECT / ".venv-glue"
PYTHON = ENVIRONMENT / "bin" / "python"
REQUIREMENTS = PROJECT / "requirements-glue.txt"
FILESYSTEM = Path(__file__).parent / "library" / "java" / "localaws" / "S3FileSystem.java"
JARS = "lib/python3*/site-packages/pyspark/jars/*.jar"
# Janino, the compiler that comes with Spark, as a program: a Java without javac suffices.
COMPILER = "org.codehaus.commons.compiler.samples.CompilerDemo"

NO_JAVA = (
    "The embedded AWS runs glueetl jobs on a local Spark, which needs Java 8, 11 or 17: there is no java on "
    "PATH and none below JAVA_HOME. Install one, such as Debian's package openjdk-17-jre-headless, and start "
    "the embedded AWS again"
)
# What would change what a job reads or imports, and needs jars. The catalog as metastore does not: without it
# Spark does not find the tables, and says so.
REFUSED = ("--extra-jars", "--datalake-formats")
# How Glue has Spark, as far as it can be had on one machine.
SETTINGS = {
    "spark.master": "local[2]",
    "spark.driver.memory": "2g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
    # Hadoop's own for s3a is in hadoop-aws.
    "spark.hadoop.mapreduce.outputcommitter.factory.scheme.s3a": (
        "org.apache.hadoop.mapreduce.lib.output.FileOutputCommitterFactory"
    ),
    **{f"spark.hadoop.fs.{scheme}.impl": "localaws.S3FileSystem" for scheme in ("s3", "s3a", "s3n")},
}


def prepare(child: Job, log_path: Path) -> None:
    """
    Make sure that there is a Spark.

    :raises LaunchError: when there is none and none can be made.
    """
    java = _java()
    with _alone(child):
        if not _is_installed():
            _install(child, log_path)
        if not _classes().exists():
            _compile(java, child, log_path)


def environment(folder: Path, arguments: Mapping[str, str]) -> dict[str, str]:
    """
    What a job's process is given to find its Spark.

    :param folder: where Spark writes what the job does not keep.
    :raises LaunchError: when the job asks Spark for what is not here.
    """
    if asked := [name for name in REFUSED if arguments.get(name) not in (None, "false")]:
        raise LaunchError(f"{asked[0]}: not supported by the embedded AWS")
    settings = {
        **SETTINGS,
        "spark.driver.extraClassPath": str(_classes()),
        "spark.local.dir": str(folder / "spark"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        **_asked_for(arguments),
    }
    configuration = folder / "conf"
    configuration.mkdir()
    lines = "".join(f"{name} {value}\n" for name, value in settings.items())
    (configuration / "spark-defaults.conf").write_text(lines)
    return {
        "SPARK_CONF_DIR": str(configuration),
        "PYSPARK_PYTHON": str(PYTHON),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "TZ": "UTC",
    }


def _asked_for(arguments: Mapping[str, str]) -> dict[str, str]:
    """``--conf``: several are written as one, ``a=b --conf c=d``."""
    pairs = re.split(r"\s*--conf\s+", arguments.get("--conf", ""))
    return {name: value for name, _, value in (pair.strip().partition("=") for pair in pairs if pair.strip())}


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if found is None:
        raise LaunchError(NO_JAVA)
    return found


@contextmanager
def _alone(child: Job) -> Iterator[None]:
    """One at a time, of all embedded AWSs that this project has on this machine."""
    if not REQUIREMENTS.exists():
        raise LaunchError(f"The embedded AWS makes .venv-glue from {REQUIREMENTS}, which is not there")
    with REQUIREMENTS.open() as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                child.pause(0.5)
        yield


def _is_installed() -> bool:
    done = ENVIRONMENT / ".installed"
    return done.exists() and done.stat().st_mtime >= REQUIREMENTS.stat().st_mtime


def _install(child: Job, log_path: Path) -> None:
    if shutil.which("make") is None:
        raise LaunchError("The embedded AWS makes .venv-glue with make, which is not on PATH")
    # With this machine's own settings, such as its package index; a job has none of them.
    made = child.run(
        ["make", "--silent", ".venv-glue/.installed"], env=os.environ, cwd=PROJECT, log_path=log_path
    )
    if made.returncode:
        raise LaunchError("The environment .venv-glue could not be made; the output of the run says why")


def _classes() -> Path:
    digest = hashlib.sha256(FILESYSTEM.read_bytes()).hexdigest()[:12]
    return ENVIRONMENT / f"s3-filesystem-{digest}"


def _compile(java: str, child: Job, log_path: Path) -> None:
    jars = ":".join(str(jar) for jar in ENVIRONMENT.glob(JARS))
    unfinished = ENVIRONMENT / f"unfinished-{uuid4().hex}"
    unfinished.mkdir()
    command = [java, "-cp", jars, COMPILER, "-classpath", jars, "-d", str(unfinished), str(FILESYSTEM)]
    if child.run(command, env=os.environ, cwd=ENVIRONMENT, log_path=log_path).returncode:
        raise LaunchError(f"{FILESYSTEM.name} could not be compiled; the output of the run says why")
    unfinished.rename(_classes())
