"""ARNs of state machines and their executions, made from each other without a call to AWS."""

from __future__ import annotations


def execution_arn(state_machine_arn: str, name: str) -> str:
    """ARN of an execution.

    :param state_machine_arn: of a state machine or one of its versions; they share executions.
    """
    prefix, _, rest = state_machine_arn.partition(":stateMachine:")
    return f"{prefix}:execution:{rest.partition(':')[0]}:{name}"


def state_machine_of(execution: str) -> str:
    """ARN of the state machine that an execution belongs to.

    :raises ValueError: when it is not the ARN of a standard execution.
    """
    prefix, found, rest = execution.partition(":execution:")
    if not found or rest.count(":") != 1:
        raise ValueError(
            f"execution_arn: {execution!r} must be arn:<partition>:states:<region>:<account>:execution:"
            "<state machine>:<name>; express executions cannot be waited for"
        )
    return f"{prefix}:stateMachine:{rest.partition(':')[0]}"


def machine_name(state_machine_arn: str) -> str:
    """Name of a state machine.

    :param state_machine_arn: of a state machine or one of its versions.
    """
    return state_machine_arn.partition(":stateMachine:")[2].partition(":")[0]


def stack_of(state_machine_arn: str) -> str:
    """Name of the stack that a model's state machine belongs to: no model's name has a hyphen.

    :param state_machine_arn: of a state machine or one of its versions.
    """
    return machine_name(state_machine_arn).rpartition("-")[0]


def name_of(arn: str) -> str:
    """Name of an execution, or of a state machine without version."""
    return arn.rpartition(":")[2]


def region_of(arn: str) -> str:
    """Region in an ARN."""
    return arn.split(":")[3]


def account_of(arn: str) -> str:
    """Account in an ARN."""
    return arn.split(":")[4]


def partition_of(arn: str) -> str:
    """Partition in an ARN: ``aws``, ``aws-cn``, ``aws-us-gov``."""
    return arn.split(":")[1]
