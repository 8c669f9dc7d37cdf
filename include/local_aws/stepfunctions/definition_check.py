"""ValidateStateMachineDefinition, which moto lacks.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html: what
is wrong with a definition is an answer, not an error.
"""

from __future__ import annotations

from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import InvalidDefinition
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse


def install() -> None:
    """Answer with what creating a state machine would say of its definition."""
    StepFunctionResponse.validate_state_machine_definition = _validate


def _validate(response: StepFunctionResponse) -> ActionResult:
    try:
        StepFunctionsParserBackend._validate_definition(response._get_param("definition"))
    except InvalidDefinition as error:
        fault = {
            "severity": "ERROR",
            "code": "SCHEMA_VALIDATION_FAILED",
            "message": error.message,
            "location": "/",
        }
        return ActionResult({"result": "FAIL", "diagnostics": [fault], "truncated": False})
    return ActionResult({"result": "OK", "diagnostics": [], "truncated": False})
