"""Step Functions, over moto: executions that stop, lag, redrive and really run their services."""

from __future__ import annotations

from include.local_aws.runtime import Runtime
from include.local_aws.stepfunctions import (
    definition_check,
    execution_api,
    execution_logs,
    executions,
    integrations,
    redrive,
    state_machines,
    status_changes,
)


def install(runtime: Runtime) -> None:
    """Put the replacements in place."""
    integrations.install(runtime)
    executions.install()
    execution_api.install()
    redrive.install()
    state_machines.install()
    definition_check.install()
    execution_logs.install()
    status_changes.install()
