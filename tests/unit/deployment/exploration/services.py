"""What SageMaker and DynamoDB do with one endpoint and its item in the table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

BY_HAND = "by-hand"


class Refusal(Exception):
    """An error of a service: a name and a cause."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error, cause)
        self.error, self.cause = error, cause


@dataclass(frozen=True)
class Endpoint:
    """:param target: what it is being updated to; ``changed`` counts its changes."""

    status: str
    config: str
    changed: int
    target: str = ""
    reason: str = ""


def sagemaker_refuses(cause: str) -> Refusal:
    """SageMaker's errors share one name, in the integration that is its own."""
    return Refusal(
        "SageMaker.AmazonSageMakerException", f"{cause} (Service: AmazonSageMaker; Status Code: 400)"
    )


def create(endpoint: Endpoint | None, config: str, now: int) -> Endpoint:
    """CreateEndpoint."""
    if endpoint:
        raise sagemaker_refuses("Cannot create already existing endpoint")
    return Endpoint("Creating", config, now, target=config)


def update(endpoint: Endpoint | None, config: str, now: int) -> Endpoint:
    """UpdateEndpoint."""
    if endpoint is None:
        raise sagemaker_refuses("Could not find endpoint")
    if endpoint.status in ("Creating", "Updating"):
        raise sagemaker_refuses("Cannot update in-progress endpoint")
    if endpoint.status == "Failed":
        raise sagemaker_refuses("Cannot update a failed endpoint")
    return replace(endpoint, status="Updating", target=config, changed=now, reason="")


def delete(endpoint: Endpoint | None) -> None:
    """DeleteEndpoint, which here takes no time."""
    if endpoint is None:
        raise sagemaker_refuses("Could not find endpoint")
    if endpoint.status in ("Creating", "Updating"):
        raise sagemaker_refuses("Cannot delete in-progress endpoint")


def settled(endpoint: Endpoint, now: int, *, succeeds: bool) -> Endpoint:
    """What becomes of a creation or an update."""
    if succeeds:
        return Endpoint("InService", endpoint.target, now)
    status = "Failed" if endpoint.status == "Creating" else "InService"
    return Endpoint(status, endpoint.config, now, reason="The update failed")


def described(endpoint: Endpoint | None) -> dict[str, Any]:
    """DescribeEndpoint."""
    if endpoint is None:
        raise Refusal("SageMaker.SageMakerException", "Could not find endpoint (Service: SageMaker)")
    answer = {
        "EndpointStatus": endpoint.status,
        "EndpointConfigName": endpoint.config,
        "LastModifiedTime": endpoint.changed,
    }
    return answer | ({"FailureReason": endpoint.reason} if endpoint.reason else {})


Item = dict[str, Any]
CLAIM = ("WindowEnd", "EndpointConfigName", "ModelName", "ExecutionArn")
HELD = {"HeldBy": "by", "HeldBecause": "reason", "HeldSince": "since"}
TAKEN = Refusal("DynamoDB.ConditionalCheckFailedException", "The conditional request failed")


def text(item: Item, name: str) -> str | None:
    """The text of an attribute, None where it is not there."""
    return item[name]["S"] if name in item else None


def put_item(item: Item, parameters: dict[str, Any]) -> Item:
    """PutItem on the condition that nobody has written since (include/workflow/deployment_steps.py)."""
    values = parameters["ExpressionAttributeValues"]
    version, claimed = values[":Version"]["N"], values[":Claimed"]["S"]
    if "Version" in item and item["Version"]["N"] != version:
        raise TAKEN
    if text(item, "EndpointConfigName") not in (None, claimed):
        raise TAKEN
    return dict(parameters["Item"])


def held(item: Item, hold: dict[str, str] | None) -> Item:
    """UpdateItem that holds or releases, whatever else is written (retraining/deployment/aws/holds.py)."""
    kept = {name: value for name, value in item.items() if name not in HELD}
    version = int(item.get("Version", {"N": "0"})["N"]) + 1
    said = {name: {"S": hold[field]} for name, field in HELD.items()} if hold else {}
    return {"Endpoint": {"S": "e"}, **kept, **said, "Version": {"N": str(version)}}


def held_to(item: Item) -> str | None:
    """The config that a held endpoint is to stay with."""
    return (text(item, "ProvenEndpointConfigName") or "") if "HeldBy" in item else None


def write_by_old_rules(state: str, item: Item, mine: dict[str, str]) -> Item:
    """What the four writing states of the rules of before did.

    :param mine: the execution's claim by attribute.
    """
    values = {name: {"S": mine[name]} for name in CLAIM}
    ours = text(item, "EndpointConfigName") == mine["EndpointConfigName"]
    proven = {f"Proven{name}": value for name, value in values.items()}
    match state:
        case "Claim endpoint":
            return item | values
        case "Claim endpoint if newer":
            if (text(item, "WindowEnd") or "") > mine["WindowEnd"]:
                raise TAKEN
            return item | values
        case "Prove claim":
            if not ours and (text(item, "ProvenWindowEnd") or "") > mine["WindowEnd"]:
                raise TAKEN
            return {**values, **item, **proven}
        case "Restore claim":
            if not ours or "ProvenEndpointConfigName" not in item:
                raise TAKEN
            return item | {name: item[f"Proven{name}"] for name in CLAIM}
        case "Drop claim":
            if not ours or "ProvenEndpointConfigName" in item:
                raise TAKEN
            return {}
    raise NotImplementedError(state)
