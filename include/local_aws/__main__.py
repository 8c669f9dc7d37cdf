"""Starts the embedded AWS and sets it up: ``python -m include.local_aws``."""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

from include.local_aws.gateway.web_pages import HOST_NAME
from include.local_aws.provision import provision
from include.local_aws.runtime import AIRFLOW_KEY
from include.local_aws.server import Server

log = logging.getLogger("local_aws")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m include.local_aws",
        description="An AWS on this machine that really executes: S3, CloudFormation, Step Functions, Glue, "
        "SageMaker training and endpoints, Lambda, DynamoDB, CloudWatch, EventBridge. Listens on 127.0.0.1 "
        "only, keeps its state in memory, and writes <state-dir>/ready.json when it is set up. Logs of jobs "
        "are in <state-dir>/logs.",
    )
    parser.add_argument(
        "--port", type=int, default=0, help="where to listen; 0, the default, takes any free port"
    )
    parser.add_argument("--state-dir", type=Path, default=Path("build/aws"), help="default: %(default)s")
    parser.add_argument(
        "--cache-dir",
        type=Path,
        default=Path("build/cache"),
        help="data kept between starts; default: %(default)s",
    )
    parser.add_argument(
        "--parallelism",
        type=int,
        default=os.cpu_count() or 1,
        help="how many training jobs and Glue job runs may run at once; default: the cores, %(default)s here",
    )
    parser.add_argument(
        "--enforce-iam",
        action="store_true",
        help="let services do only what their roles allow, and the user airflow, whose access key is in "
        "ready.json, only what the stack's policy for it allows",
    )
    parser.add_argument(
        "--bare", action="store_true", help="an account with nothing in it: neither the stack nor its data"
    )
    parser.add_argument(
        "--allow-host",
        type=host_name,
        action="append",
        default=[],
        metavar="NAME",
        help="another name that it is reached by, such as a container's; may be repeated. Requests to any "
        "other than these and loopback are refused, as a web page may have sent them",
    )
    arguments = parser.parse_args()
    if arguments.parallelism < 1:
        parser.error(f"--parallelism: {arguments.parallelism} is not allowed; at least 1 is")
    if not 0 <= arguments.port <= 65535:
        parser.error(f"--port: {arguments.port} is not allowed; 0 to 65535 are")
    return arguments


def host_name(value: str) -> str:
    """A host's name, as argparse takes it."""
    if not re.fullmatch(HOST_NAME, value.lower()):
        raise argparse.ArgumentTypeError(f"{value!r} is not allowed; a host's name without a port is")
    return value


def main() -> int:
    began = time.monotonic()
    arguments = parse_arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("werkzeug", "botocore", "moto"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # A failed state is in its execution's history; here moto would print the whole definition with it.
    logging.getLogger("moto.stepfunctions.parser.asl.component.eval_component").setLevel(logging.CRITICAL)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    state_dir = arguments.state_dir.resolve()
    state_dir.mkdir(parents=True, exist_ok=True)
    # What a server that was killed left behind; logs stay.
    shutil.rmtree(state_dir / "scratch", ignore_errors=True)
    ready = state_dir / "ready.json"
    ready.unlink(missing_ok=True)
    server = Server(
        arguments.port,
        state_dir,
        arguments.parallelism,
        enforce_iam=arguments.enforce_iam,
        allowed_hosts=arguments.allow_host,
    )
    server.start()
    # In a thread, so that a signal is heard while the data is being laid.
    failure: list[Exception] = []

    def set_up() -> None:
        try:
            if not arguments.bare:
                provision(server.runtime, cache_dir=arguments.cache_dir.resolve())
            unfinished = ready.with_suffix(".unfinished")
            about = {"endpoint_url": server.runtime.endpoint_url, "pid": os.getpid()}
            unfinished.write_text(json.dumps({**about, **(AIRFLOW_KEY if arguments.enforce_iam else {})}))
            unfinished.rename(ready)
            log.info("ready at %s after %.1f s", server.runtime.endpoint_url, time.monotonic() - began)
        except Exception as error:
            log.exception("the embedded AWS could not be set up")
            failure.append(error)
            stop.set()

    threading.Thread(target=set_up, name="provision", daemon=True).start()
    stop.wait()
    ready.unlink(missing_ok=True)
    server.close()
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
