"""What `make up` and `make down` promise: nothing twice, nothing missing, nothing left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from scripts import ports, processes
from scripts.components import ALL, StackError, choose_ports
from scripts.local_stack import LocalStack
from tests.e2e.waiting import wait_until

# Ignores SIGTERM, like a child of its own, which is in the same session; says so by a file.
STUBBORN = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pid = os.fork()
pathlib.Path(sys.argv[1], str(os.getpid())).touch()
time.sleep(600)
"""


@pytest.fixture
def stubborn(tmp_path: Path) -> processes.Child:
    pids = tmp_path / "pids"
    pids.mkdir()
    child, handle = processes.spawn(
        "stubborn",
        [sys.executable, "-c", STUBBORN, str(pids)],
        env=os.environ,
        log=tmp_path / "log",
        cwd=tmp_path,
    )
    wait_until(lambda: len(list(pids.iterdir())) == 2, timeout_s=10, what="parent and child")
    assert handle.pid == child.pid
    return child


def test_a_process_that_ignores_sigterm_is_killed_with_its_children(stubborn: processes.Child) -> None:
    family = {process.pid for process in stubborn.family()}
    assert len(family) == 2
    assert processes.stop([stubborn], deadline_s=0.5) == 2
    assert not any(psutil.pid_exists(pid) for pid in family)


def test_children_that_a_crashed_parent_left_behind_are_stopped(stubborn: processes.Child) -> None:
    os.kill(stubborn.pid, signal.SIGKILL)
    os.waitpid(stubborn.pid, 0)
    assert stubborn.process() is None
    (orphan,) = stubborn.family()
    processes.stop([stubborn], deadline_s=0.5)
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE


def test_a_pid_that_is_another_process_now_is_left_alone() -> None:
    stranger = processes.Child("scheduler", os.getpid(), create_time=1.0)
    assert stranger.process() is None
    assert stranger.family() == []
    assert processes.stop([stranger]) == 0


def test_a_taken_port_gives_the_next_free_one_and_says_so() -> None:
    said: list[str] = []
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        chosen = choose_ports({"api-server": port, "aws": port}, set(), {}, said.append)
    assert port not in chosen.values()
    assert len(set(chosen.values())) == 2
    assert said[0] == f"port {port} is taken: api-server uses {chosen['api-server']}"


def test_a_dead_server_whose_port_was_taken_meanwhile_is_an_error_that_says_what_to_do() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(StackError, match=rf"aws died and its port {port} is taken: `make down`"):
            choose_ports({"aws": 0}, {"scheduler"}, {"aws": port}, print)


def test_a_second_up_starts_nothing(stack: LocalStack) -> None:
    before = {component: stack.pids(component)[0] for component in ALL}
    said: list[str] = []
    LocalStack(stack.state_dir, models_folder=stack.models_folder, say=said.append).up()
    assert said == ["everything is running already"]
    assert {component: stack.pids(component)[0] for component in ALL} == before


@pytest.mark.usefixtures("idle")
def test_up_restarts_just_what_died(stack: LocalStack) -> None:
    before = {component: stack.pids(component)[0] for component in ALL}
    family = [psutil.Process(pid) for pid in stack.pids("scheduler")]
    family[0].kill()
    family[0].wait(10)
    said: list[str] = []
    LocalStack(stack.state_dir, models_folder=stack.models_folder, say=said.append).up()
    after = {component: stack.pids(component)[0] for component in ALL}
    assert said[0].endswith("starting: scheduler")
    assert {component for component in ALL if after[component] != before[component]} == {"scheduler"}
    assert not [process.pid for process in family if process.is_running()]


@pytest.mark.usefixtures("idle")
def test_up_starts_beside_a_broken_model_folder_and_names_it(stack: LocalStack) -> None:
    broken = stack.models_folder / "broken"
    shutil.copytree(stack.models_folder / "flight_delay", broken)
    (broken / "model.yaml").write_bytes("description: Verspätung".encode("latin-1"))
    processor = psutil.Process(stack.pids("dag-processor")[0])
    processor.kill()
    processor.wait(10)
    said: list[str] = []
    try:
        LocalStack(stack.state_dir, models_folder=stack.models_folder, say=said.append).up()
        assert f"has no DAG: {broken}/model.yaml: must be UTF-8, but line 1 has the byte 0xe4" in said
        assert any(line.startswith("every model's DAG is ready") for line in said)
    finally:
        shutil.rmtree(broken)
    wait_until(lambda: not stack.client().import_errors(), timeout_s=60, what="the import error's end")


def test_everything_listens_on_loopback_only(stack: LocalStack) -> None:
    listening = [address for component in ALL for pid in stack.pids(component) for address in _heard(pid)]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    wanted = {int(url.rpartition(":")[2]) for url in (stack.airflow_url, stack.aws_url)}
    assert wanted <= {address.port for address in listening}
    assert not any(ports.is_free(port) for port in wanted)


def _heard(pid: int) -> list[Any]:
    try:
        connections = psutil.Process(pid).net_connections("inet")
    except psutil.NoSuchProcess:
        # A job of the embedded AWS, or a task of Airflow, that has just ended.
        return []
    return [connection.laddr for connection in connections if connection.status == psutil.CONN_LISTEN]


def test_secrets_are_readable_by_their_owner_only(stack: LocalStack) -> None:
    file = stack.home / "secrets.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert all(len(secret) >= 32 for secret in json.loads(file.read_text()).values())


def test_no_component_warns_about_its_configuration(stack: LocalStack) -> None:
    done = stack.airflow("config", "lint")
    assert "No issues found" in done.stdout, done.stdout
