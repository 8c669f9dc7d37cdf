"""Refuses, in each service's own words, requests that AWS refuses for their parameters alone."""

from __future__ import annotations

from botocore.model import OperationModel

from include.local_aws.faults.kinds import FailCall
from include.local_aws.operations import Operation
from include.local_aws.validation.constraints import Parameters, message, violations
from include.local_aws.validation.request_rules import broken_rules

# What services call it: those with forms say ValidationError, the others ValidationException, and these:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
# https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
CODES = {"logs": "InvalidParameterException", "resourcegroupstaggingapi": "InvalidParameterException"}

# Parameters of which a service says in other words than its model what they may be.
OWN_WORDS = {"lambda": "runtime"}


def refusal(operation: Operation, model: OperationModel, parameters: Parameters) -> FailCall | None:
    """Why a request is refused for what it says, if it is."""
    if operation.service == "s3":
        # Its model has next to no constraints, and its bodies are not read here: moto is strict about it.
        return None
    own = f" at '{OWN_WORDS.get(operation.service)}' "
    wrong = [found for found in violations(model.input_shape, parameters) if own not in found]
    # Rules may rest on what the model requires.
    reason = message(wrong) if wrong else next(broken_rules(str(operation), parameters), None)
    if reason is None:
        return None
    usual = "ValidationError" if operation.protocol == "query" else "ValidationException"
    return FailCall(str(operation), CODES.get(operation.service, usual), 400, reason)
