"""Reads the facts of a deployment: from the execution, from the table, from SageMaker."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from . import serving
from .facts import Candidate, Endpoint, Facts, Hold, Item, Memory

STACK_TAG, MODEL_TAG, WINDOW_END_TAG = "retraining:stack", "retraining:model", "retraining:window-end"
# The attributes of a claim; what is proven has them with "Proven" before.
_ATTRIBUTES = {
    "config": "EndpointConfigName",
    "model": "ModelName",
    "window_end": "WindowEnd",
    "execution": "ExecutionArn",
    "serving": "Serving",
}
_HOLD = {"by": "HeldBy", "reason": "HeldBecause", "since": "HeldSince"}


class Clients(Protocol):
    """boto3's clients of the services that know the facts."""

    @property
    def dynamodb(self) -> Any: ...

    @property
    def sagemaker(self) -> Any: ...

    @property
    def stepfunctions(self) -> Any: ...


def read_facts(event: dict[str, Any], aws: Clients) -> Facts:
    """Read all that the decision rests on.

    :param event: ``Execution``, the context object's; ``State``, the execution's data; ``Serving``, what
        model.yaml says of it; ``KmsKeyId``, where the stack has one.
    """
    execution, state = event["Execution"], event["State"]
    given = execution["Input"]
    memory = Memory.of(state.get("Next", {}).get("Memory", {}))
    said = serving.written(event.get("Serving", {}))
    mine = Candidate(
        given["EndpointConfigName"], given["ModelName"], given["WindowEnd"], execution["Id"], said
    )
    item = _item(aws, given, mine)
    # Last, as nobody but who has the claim changes it on purpose.
    known = {mine.config} | _configs(item)
    endpoint = _endpoint(
        aws, given["EndpointName"], known, event.get("KmsKeyId"), copied=not memory.configured
    )
    hold = given.get("Hold")
    return Facts(
        mine=mine,
        policy=given["DeployPolicy"],
        item=item,
        endpoint=endpoint,
        memory=memory,
        refused=_error(state.get("Done")),
        redrives=execution.get("RedriveCount", 0),
        overrules="Hold" in given,
        hold=Hold(**hold) if hold else None,
    )


def written(item: Item, endpoint: str, version: int) -> dict[str, Any]:
    """Give an item as PutItem takes it."""
    texts = {"Endpoint": endpoint}
    for prefix, candidate in (("", item.claim), ("Proven", item.proven)):
        if candidate:
            texts |= {prefix + name: getattr(candidate, field) for field, name in _ATTRIBUTES.items()}
    if item.hold:
        texts |= {name: getattr(item.hold, field) for field, name in _HOLD.items()}
    return {name: {"S": text} for name, text in texts.items()} | {"Version": {"N": str(version)}}


def read_item(attributes: dict[str, Any]) -> Item:
    """Read an item as GetItem gives it; before there were versions, it had none."""
    texts = {name: value["S"] for name, value in attributes.items() if "S" in value}
    held = _HOLD["by"] in texts
    return Item(
        claim=_candidate(texts, ""),
        proven=_candidate(texts, "Proven"),
        hold=Hold(**{field: texts.get(name, "") for field, name in _HOLD.items()}) if held else None,
        version=int(attributes.get("Version", {"N": "0"})["N"]),
    )


def _candidate(texts: dict[str, str], prefix: str) -> Candidate | None:
    fields = {field: texts.get(prefix + name, "") for field, name in _ATTRIBUTES.items()}
    return Candidate(**fields) if fields["config"] else None


def _configs(item: Item) -> set[str]:
    return {candidate.config for candidate in (item.claim, item.proven) if candidate}


def attributes_of(aws: Clients, given: dict[str, Any]) -> dict[str, Any]:
    """The attributes of an endpoint's item, as they are now; nothing where there is no item.

    :param given: an execution's input.
    """
    key = {"Endpoint": {"S": given["EndpointName"]}}
    found = aws.dynamodb.get_item(TableName=given["DeploymentsTable"], Key=key, ConsistentRead=True)
    attributes: dict[str, Any] = found.get("Item", {})
    return attributes


def _item(aws: Clients, given: dict[str, Any], mine: Candidate) -> Item:
    """Read the table's item, and whether another execution that has the claim is still at work.

    One that is not has ended with the item as it is read after that, and not before.
    """
    before = None
    while True:
        item = read_item(attributes_of(aws, given))
        claim = item.claim
        if (
            claim is None
            or item == before
            or claim.config in (mine.config, item.proven and item.proven.config)
        ):
            return item
        if _runs(aws, claim.execution):
            return replace(item, claimant_runs=True)
        before = item


def _endpoint(aws: Clients, name: str, known: set[str], key: str | None, *, copied: bool) -> Endpoint | None:
    """Describe an endpoint; a config that no claim names is a retrain's if its tags say so.

    :param copied: whether our endpoint config is yet to be made, like the one that is served.
    """
    found = described(aws.sagemaker.describe_endpoint, EndpointName=name)
    if found is None:
        return None
    # One that was never in service has none.
    config = found.get("EndpointConfigName", "")
    model, ours, window_end, live, unkept = "", True, "", None, ""
    if config and (copied or config not in known):
        made = described(aws.sagemaker.describe_endpoint_config, EndpointConfigName=config)
        # What was deleted meanwhile was somebody's own: retrains keep what they serve.
        ours = config in known
        if made:
            tags = {} if ours else tags_of(aws, made["EndpointConfigArn"])
            model = made["ProductionVariants"][0].get("ModelName", "")
            ours, window_end = ours or MODEL_TAG in tags, tags.get(WINDOW_END_TAG, "")
            # The stack may have been given another key since; those of others stay theirs.
            unkept = serving.unkept(made, made.get("KmsKeyId") if ours else key)
            live = None if unkept else serving.live(found, made)
    return Endpoint(
        status=found["EndpointStatus"],
        config=config,
        changed=str(found["LastModifiedTime"]),
        reason=found.get("FailureReason", ""),
        model=model,
        ours=ours,
        window_end=window_end,
        live=live,
        unkept=unkept,
    )


def tags_of(aws: Clients, arn: str) -> dict[str, str]:
    """The tags of something in SageMaker."""
    return {tag["Key"]: tag["Value"] for tag in aws.sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def described(describe: Callable[..., dict[str, Any]], **names: str) -> dict[str, Any] | None:
    """What a describing call answers with; None where there is no such thing."""
    try:
        return describe(**names)
    except Exception as error:
        # SageMaker has no error of its own for what is not there.
        if "Could not find" in str(error):
            return None
        raise


def _runs(aws: Clients, execution: str) -> bool:
    """Whether an execution is still at work; what Step Functions has forgotten is not."""
    try:
        status = aws.stepfunctions.describe_execution(executionArn=execution)["status"] if execution else ""
    except Exception as error:
        if "ExecutionDoesNotExist" in str(error):
            return False
        raise
    return bool(status == "RUNNING")


def _error(done: Any) -> str:
    """What went wrong, by name; of a function's error, its message."""
    if not isinstance(done, dict) or "Error" not in done:
        return ""
    cause = done.get("Cause", "")
    with contextlib.suppress(ValueError, LookupError, TypeError):
        cause = json.loads(cause)["errorMessage"]
    return f"{done['Error']}: {cause}"
