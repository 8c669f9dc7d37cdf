"""A private PostgreSQL: its own folder, a socket in there and no port, gone at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# PostgreSQL refuses to run as root.
UNPRIVILEGED = "nobody"
SUPERUSER = "airflow"
DATABASE = "airflow"


def programs() -> Path | None:
    """Return the folder of PostgreSQL's server programs; None where it is not installed."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    # Debian keeps them off the path, by version.
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def running_postgres(binaries: Path) -> Iterator[str]:
    """
    Run a server, and give the SQLAlchemy URL of an empty database in it.

    :param binaries: the folder of ``initdb`` and ``pg_ctl``
    """
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    # Neither below a folder that only root may enter, nor so deep that the socket's path gets too long.
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, user)

        def run(*command: str) -> None:
            subprocess.run(
                [str(binaries / command[0]), *command[1:]],
                cwd=folder,
                user=user,
                env={"PATH": os.defpath, "LC_ALL": "C", "HOME": name},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                check=True,
            )

        data, log = str(folder / "data"), str(folder / "log")
        run(
            "initdb",
            "--pgdata",
            data,
            "--username",
            SUPERUSER,
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
            "--no-sync",
        )
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        run("pg_ctl", "--pgdata", data, "--log", log, "--options", options, "--wait", "start")
        try:
            run("createdb", "--host", name, "--username", SUPERUSER, DATABASE)
            yield f"postgresql+psycopg2://{SUPERUSER}@/{DATABASE}?host={name}"
        finally:
            run("pg_ctl", "--pgdata", data, "--mode", "immediate", "--wait", "stop")
