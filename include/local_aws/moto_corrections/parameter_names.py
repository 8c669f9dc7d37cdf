"""
Integrations take parameters, and give results, by names in PascalCase, whatever the service's API calls
them.

https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html: "StateMachineArn" for
an API's "stateMachineArn", and objects where the API takes a string of JSON. moto has what is needed for it
but does not use it, so that startExecution within a state machine, or any call of an API with names in
lower case, is refused.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from botocore import xform_name
from botocore.model import OperationModel
from botocore.session import Session
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)


def install() -> None:
    """Put it in place."""
    StateTaskService._normalise_parameters = _name_for_the_api
    StateTaskService._normalise_response = _name_for_the_state


@lru_cache(maxsize=256)
def operation(service: str, action: str) -> OperationModel | None:
    """
    An operation of a service's API.

    :param service: boto3's name of the service.
    :param action: boto3's name of the operation, such as ``start_execution``.
    """
    model = Session().get_service_model(service)
    names = {xform_name(name): name for name in model.operation_names}
    return model.operation_model(names[action]) if action in names else None


def _name_for_the_api(
    task: StateTaskService,
    parameters: dict[str, Any],
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    found = _operation(task, boto_service_name, service_action_name)
    if found and found.input_shape:
        task._to_boto_request(parameters, found.input_shape)


def _name_for_the_state(
    task: StateTaskService,
    response: Any,
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    found = _operation(task, boto_service_name, service_action_name)
    if found and found.output_shape:
        task._from_boto_response(response, found.output_shape)


def _operation(task: StateTaskService, service: str | None, action: str | None) -> OperationModel | None:
    return operation(task._get_boto_service_name(service), task._get_boto_service_action(action))
