"""The HTTP server: moto's application, on loopback, with the services that really execute put in place."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from pathlib import Path

from include.local_aws.faults.faults import Faults
from include.local_aws.gateway.web_pages import NoWebPages
from include.local_aws.jobs import JobPool
from include.local_aws.runtime import Runtime

HOST = "127.0.0.1"


class Server:
    """
    The embedded AWS.

    :param port: where to listen on 127.0.0.1; 0 takes any free port.
    :param state_dir: where logs and scratch files go.
    :param parallelism: how many training jobs and Glue job runs may run at once.
    :param enforce_iam: whether principals may do only what their policies allow.
    :param allowed_hosts: names by which it is reached, beside those of loopback.
    """

    def __init__(
        self,
        port: int,
        state_dir: Path,
        parallelism: int,
        *,
        enforce_iam: bool = False,
        allowed_hosts: Collection[str] = (),
    ) -> None:
        # Read by moto when it is imported: it would allow pages of every origin to read the answers.
        os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
        from moto.core.config import default_user_config
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            MotoRequestHandler,
            create_backend_app,
        )
        from werkzeug.serving import make_server

        from include.local_aws.cloudformation import service as cloudformation
        from include.local_aws.cloudwatch import service as cloudwatch
        from include.local_aws.dynamodb import service as dynamodb
        from include.local_aws.events import service as events
        from include.local_aws.gateway import unsupported
        from include.local_aws.gateway.gateway import Gateway
        from include.local_aws.glue import service as glue
        from include.local_aws.iam.authorization import Authorization
        from include.local_aws.lambda_ import service as lambda_
        from include.local_aws.logs import service as logs
        from include.local_aws.moto_corrections import corrections
        from include.local_aws.s3 import service as s3
        from include.local_aws.sagemaker import service as sagemaker
        from include.local_aws.service_quotas import service as service_quotas
        from include.local_aws.sns import service as sns
        from include.local_aws.stepfunctions import service as stepfunctions

        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        faults = Faults()
        gateway = Gateway(
            DomainDispatcherApplication(unsupported.raising(create_backend_app)),
            faults,
            Authorization(enforce_iam),
        )
        application = NoWebPages(gateway, allowed_hosts)
        self._server = make_server(HOST, port, application, threaded=True, request_handler=MotoRequestHandler)
        self.runtime = Runtime(
            endpoint_url=f"http://{HOST}:{self._server.server_port}",
            state_dir=state_dir,
            compute=JobPool("compute", parallelism),
            functions=JobPool("function", 2 * parallelism),
            faults=faults,
        )
        corrections.install()
        for service in (
            s3,
            dynamodb,
            cloudformation,
            glue,
            lambda_,
            sagemaker,
            stepfunctions,
            service_quotas,
            logs,
            events,
            cloudwatch,
            sns,
        ):
            service.install(self.runtime)
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)

    def start(self) -> None:
        """Answer requests, in threads of their own."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and stop every job with its children."""
        self._server.shutdown()
        self.runtime.close()
