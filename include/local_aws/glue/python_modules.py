"""Libraries of a job beside those that Glue has: ``--extra-py-files`` and ``--additional-python-modules``.

https://docs.aws.amazon.com/glue/latest/dg/add-job-python.html and
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-libraries.html
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from uuid import uuid4

from include.local_aws.glue.downloads import bring
from include.local_aws.glue.launch_error import LaunchError
from include.local_aws.jobs import Job
from include.local_aws.runtime import Runtime

# What Python imports from as it is; a wheel may have what has to be a file.
_ARCHIVES = (".zip", ".egg")


def extra_files(runtime: Runtime, role: str, arguments: Mapping[str, str], folder: Path) -> list[Path]:
    """
    Bring a job's own modules and packages here.

    :return: where Python finds them.
    :raises LaunchError: when one is not there, or is nothing that Python imports from.
    """
    paths = []
    for uri in _items(arguments, "--extra-py-files"):
        target = folder / PurePosixPath(uri).name
        bring(runtime, role, uri, target)
        if target.suffix == ".py":
            paths.append(folder)
        elif target.suffix in _ARCHIVES:
            paths.append(target)
        elif target.suffix == ".whl":
            paths.append(target.with_suffix(""))
            try:
                with zipfile.ZipFile(target) as wheel:
                    wheel.extractall(paths[-1])
            except zipfile.BadZipFile as error:
                raise LaunchError(f"--extra-py-files: {uri} is no wheel: {error}") from error
        else:
            raise LaunchError(f"--extra-py-files: {uri} is no .py, .zip, .egg or .whl file")
    return list(dict.fromkeys(paths))


def additional_modules(
    runtime: Runtime, arguments: Mapping[str, str], python: str, child: Job, log_path: Path
) -> list[Path]:
    """
    Install what a job asks for with pip, once for all jobs that ask for the same.

    :param python: the interpreter that is to import it.
    :return: where Python finds it; nowhere else when the interpreter has it already.
    :raises LaunchError: with pip's last words.
    """
    modules = _items(arguments, "--additional-python-modules")
    if not modules:
        return []
    options = arguments.get("--python-modules-installer-option", "").split()
    wanted = "\n".join([python, *modules, *options])
    target = runtime.state_dir / "python-modules" / hashlib.sha256(wanted.encode()).hexdigest()[:16]
    if not target.exists():
        unfinished = target.with_name(f"{target.name}.{uuid4().hex}")
        unfinished.mkdir(parents=True)
        try:
            pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "install"]
            # Without an index pip is content when everything is there already, and else says no at once.
            satisfied = [*pip, "--quiet", "--dry-run", "--no-index", *options, *modules]
            if _pip(satisfied, child, unfinished / "pip.log"):
                _install([*pip, "--target", str(unfinished), *options, *modules], child, log_path)
            unfinished.rename(target)
        except OSError:
            # Another run was quicker.
            if not target.exists():
                raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return [target]


def _install(command: Sequence[str], child: Job, log_path: Path) -> None:
    if _pip(command, child, log_path):
        lines = log_path.read_text(errors="replace").splitlines()
        said = [line for line in lines if line.startswith("ERROR:")] or lines
        raise LaunchError(f"--additional-python-modules: {said[-1] if said else 'pip said nothing'}")


def _pip(command: Sequence[str], child: Job, log_path: Path) -> int:
    """Run pip with this machine's own settings, such as its index; a job has none of them."""
    return child.run(command, env=os.environ, cwd=log_path.parent, log_path=log_path).returncode


def _items(arguments: Mapping[str, str], name: str) -> list[str]:
    return [item.strip() for item in arguments.get(name, "").split(",") if item.strip()]
