"""Stand-ins for the images that the project is built from and runs with, made of Debian's packages.

They let the whole of Dockerfile and docker-compose.yml be tested where no image can be pulled.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from tests.compose.engine import NAMESPACES, CommandError, Engine, run

log = logging.getLogger(__name__)

DOCKERFILES = Path(__file__).parent / "standins"
BASE = "debian-base"
# The defaults of Dockerfile and docker-compose.yml, by the Dockerfile of the stand-in.
TAGS = {
    "airflow": "apache/airflow:3.3.2-python3.11",
    "python": "python:3.11-slim-bookworm",
    "postgres": "postgres:17-bookworm",
    "redis": "redis:7.2-bookworm",
}
# Debian 12, whose Python is 3.11.
RELEASE = "bookworm"
# How this machine reaches its package registries; the images have to reach them in the same way.
MACHINE_FILES = (
    "etc/apt/sources.list",
    "etc/apt/sources.list.d",
    "etc/apt/apt.conf.d",
    "etc/apt/trusted.gpg.d",
    "usr/local/share/ca-certificates",
    "etc/pip.conf",
    "etc/uv/uv.toml",
)
MACHINE_VARIABLES = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def build_all(engine: Engine, folder: Path) -> None:
    """
    Build the stand-ins, under the tags of what they stand for.

    :param folder: for the files of the first one
    """
    log.info("building %s", BASE)
    _build_base(engine, folder)
    for name, tag in TAGS.items():
        log.info("building the stand-in for %s", tag)
        dockerfile = DOCKERFILES / f"{name}.Dockerfile"
        engine.docker(
            "build", "--quiet", "--network", "host", "--tag", tag, "--file", dockerfile, DOCKERFILES
        )


def _build_base(engine: Engine, folder: Path) -> None:
    root, archive = folder / "root", folder / "root.tar"
    run(
        [
            *NAMESPACES,
            "debootstrap",
            "--variant=minbase",
            "--include=ca-certificates",
            RELEASE,
            root,
            _mirror(),
        ]
    )
    for name in MACHINE_FILES:
        source, target = Path("/") / name, root / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    run(["tar", "--create", "--file", archive, "--directory", root, "."])
    variables = dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT"), CERTIFICATES)
    variables |= {name: os.environ[name] for name in MACHINE_VARIABLES if name in os.environ}
    settings = "".join(f"ENV {name}={value}\n" for name, value in variables.items())
    engine.docker("import", archive, "debootstrapped")
    engine.docker(
        "build", "--tag", BASE, "-", stdin=f"FROM debootstrapped\n{settings}RUN update-ca-certificates\n"
    )
    shutil.rmtree(root)
    archive.unlink()


def _mirror() -> str:
    """Where this machine gets Debian's packages from."""
    listed = run(["apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)", "Created-By: Packages"])
    mirrors = [line.split()[1] for line in listed.splitlines() if line.startswith(f"{RELEASE} ")]
    if not mirrors:
        raise CommandError(f"apt has no source for Debian's {RELEASE}; it has:\n{listed}")
    return mirrors[0]
