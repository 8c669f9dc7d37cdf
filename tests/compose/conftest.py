"""One engine and one stack for all tests; both are made from nothing, and nothing of them stays."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.processes import exit_when_terminated
from tests.compose import standin_images
from tests.compose.engine import Engine, install_programs, run
from tests.compose.stack import ComposeStack, copy_project
from tests.e2e.waiting import wait_until

log = logging.getLogger(__name__)

HEALTHY_SECONDS = 240


@pytest.fixture(scope="session")
def programs() -> None:
    if os.geteuid() != 0:
        pytest.exit("the tests of docker-compose.yml need root: they start a Docker engine of their own", 1)
    install_programs()


@pytest.fixture(scope="session")
def engine(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    exit_when_terminated()
    engine = Engine(tmp_path_factory.mktemp("docker") / "engine")
    try:
        engine.start()
        standin_images.build_all(engine, engine.folder)
        yield engine
    finally:
        engine.stop()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project as cloned."""
    copy_project(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def stack(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeStack]:
    """The stack with two workers, from a clone and the one step that makes its secrets."""
    project = tmp_path_factory.mktemp("project")
    copy_project(project)
    run(["make", "env"], cwd=project)
    stack = ComposeStack(engine, project)
    try:
        log.info("building the project's images")
        stack.compose("build", "--quiet")
        log.info("starting the stack")
        stack.compose("up", "--detach", "--scale", "worker=2")
        wait_until(
            lambda: not not_well(stack), timeout_s=HEALTHY_SECONDS, what="a healthy stack", interval_s=2
        )
        yield stack
    except TimeoutError as error:
        pytest.fail(f"{error}\n{not_well(stack)}\n{stack.logs()}")
    finally:
        log.info("taking the stack down")
        stack.compose("down", "--volumes", "--timeout", "10")


def not_well(stack: ComposeStack) -> dict[str, str]:
    """The containers that are neither healthy nor have done what they were for, with their states."""
    states = {container["Name"]: container["State"] for container in stack.containers()}
    health = {
        name: state["Health"]["Status"] if "Health" in state else f"{state['Status']} {state['ExitCode']}"
        for name, state in states.items()
    }
    return {name: found for name, found in health.items() if found not in ("healthy", "exited 0")}
