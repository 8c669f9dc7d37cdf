"""Delete the CloudFormation stack from an AWS account; shows what goes and what stays, and asks first."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from scripts import aws_stack
from scripts.aws_account import Account, confirmed, connect, table
from scripts.aws_stack import DeploymentError
from scripts.literal_names import RETAINED
from scripts.stack_names import code_bucket


@dataclass(frozen=True)
class Doomed:
    """What is deleted, and what is left.

    :param resources: type, name and what becomes of it, of everything in the stack.
    :param state_machines: ARNs; Airflow has made them, and they cannot run without the stack's role.
    :param policy: ARN of Airflow's policy, which cannot be deleted while somebody has it.
    :param principals: who has it: pairs of ``role``, ``user`` or ``group``, and a name.
    :param endpoints: that serve models, and go on serving them.
    """

    resources: list[tuple[str, str, str]]
    state_machines: list[str]
    policy: str
    principals: list[tuple[str, str]]
    endpoints: list[str]


NOTHING = Doomed([], [], "", [], [])


def destroy(account: Account, stack_name: str, *, yes: bool) -> bool:
    """
    Delete the stack, and the state machines that rest on it.

    :param yes: do not ask
    :return: False when the person said no
    :raises DeploymentError: when there is no such stack, or AWS refuses or fails
    """
    print(f"stack {stack_name} in {account}")
    cloudformation = account.session.client("cloudformation")
    stack = aws_stack.describe(cloudformation, stack_name)
    if stack is None:
        raise DeploymentError(f"there is no stack {stack_name} in {account.region}")
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
    # One that is yet to be created has neither resources nor a template.
    doomed = NOTHING if aws_stack.is_new(stack) else _look(account, stack_name, outputs)
    _show(doomed, stack_name, account)
    if not confirmed("Delete this?", yes=yes):
        print("nothing was deleted")
        return False
    _detach(account, doomed)
    states = account.session.client("stepfunctions")
    for arn in doomed.state_machines:
        states.delete_state_machine(stateMachineArn=arn)
    before = aws_stack.newest_event(cloudformation, stack["StackId"])
    cloudformation.delete_stack(StackName=stack["StackId"])
    left = aws_stack.settled(cloudformation, stack["StackId"], before)
    if left and left["StackStatus"] != aws_stack.DELETED:
        reasons = aws_stack.failures(cloudformation, stack["StackId"], before)
        raise DeploymentError(f"stack {stack_name} is {left['StackStatus']}\n{reasons}")
    print("done")
    return True


def _look(account: Account, stack_name: str, outputs: Mapping[str, str]) -> Doomed:
    cloudformation = account.session.client("cloudformation")
    body: Any = cloudformation.get_template(StackName=stack_name)["TemplateBody"]
    template = aws_stack.structure(body) if isinstance(body, str) else body
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_name)
    resources = [item for page in pages for item in page["StackResourceSummaries"]]
    stays = {
        name for name, it in template["Resources"].items() if it.get("DeletionPolicy", "Delete") in RETAINED
    }
    return Doomed(
        resources=[
            (
                item["ResourceType"],
                item.get("PhysicalResourceId", ""),
                "stays" if item["LogicalResourceId"] in stays else "deleted",
            )
            for item in resources
        ],
        state_machines=_state_machines(account, stack_name, outputs.get("StateMachineRoleArn", "")),
        policy=outputs.get("AirflowPolicyArn", ""),
        principals=_principals(account, outputs.get("AirflowPolicyArn", "")),
        endpoints=_endpoints(account, outputs.get("DeploymentsTable", "")),
    )


def _state_machines(account: Account, stack_name: str, role: str) -> list[str]:
    """Find those that run with the stack's role: another stack's names may begin as this one's do."""
    states = account.session.client("stepfunctions")
    found = []
    for page in states.get_paginator("list_state_machines").paginate():
        for arn in (machine["stateMachineArn"] for machine in page["stateMachines"]):
            if f":{stack_name}-" not in arn:
                continue
            try:
                its_role = states.describe_state_machine(stateMachineArn=arn)["roleArn"]
            except states.exceptions.StateMachineDoesNotExist:
                continue  # deleted since it was listed
            if its_role == role:
                found.append(arn)
    return found


def _principals(account: Account, policy: str) -> list[tuple[str, str]]:
    if not policy:
        return []
    found = []
    pages = account.session.client("iam").get_paginator("list_entities_for_policy").paginate(PolicyArn=policy)
    for page in pages:
        found += [("role", item["RoleName"]) for item in page["PolicyRoles"]]
        found += [("user", item["UserName"]) for item in page["PolicyUsers"]]
        found += [("group", item["GroupName"]) for item in page["PolicyGroups"]]
    return found


def _endpoints(account: Account, deployments: str) -> list[str]:
    if not deployments:
        return []
    pages = account.session.client("dynamodb").get_paginator("scan").paginate(TableName=deployments)
    return sorted(str(item["Endpoint"]["S"]) for page in pages for item in page["Items"])


def _show(doomed: Doomed, stack_name: str, account: Account) -> None:
    print("the stack's resources:")
    print(table([(fate, kind, name) for kind, name, fate in sorted(doomed.resources, key=lambda it: it[2])]))
    for kind, name in doomed.principals:
        print(f"  {kind} {name} loses {doomed.policy}")
    for arn in doomed.state_machines:
        print(f"  deleted  {arn}")
    print("what stays keeps the data; a stack of the same name takes it over again.")
    bucket = code_bucket(stack_name, account.number, account.region)
    print(f"outside the stack, and left: the code bucket {bucket}")
    if doomed.endpoints:
        print("endpoints go on serving, and cost money; one by one they are deleted with")
        for endpoint in doomed.endpoints:
            print(f"  aws sagemaker delete-endpoint --endpoint-name {endpoint}")


def _detach(account: Account, doomed: Doomed) -> None:
    iam = account.session.client("iam")
    for kind, name in doomed.principals:
        if kind == "role":
            iam.detach_role_policy(RoleName=name, PolicyArn=doomed.policy)
        elif kind == "user":
            iam.detach_user_policy(UserName=name, PolicyArn=doomed.policy)
        else:
            iam.detach_group_policy(GroupName=name, PolicyArn=doomed.policy)


def main() -> int:
    """Destroy from the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.destroy_aws", description=__doc__)
    parser.add_argument("--stack-name", default="model-retraining", help="default: %(default)s")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args()
    try:
        destroyed = destroy(connect(), options.stack_name, yes=options.yes)
    except DeploymentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"error: AWS: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what AWS has begun, it goes on with", file=sys.stderr)
        return 130
    return 0 if destroyed else 1


if __name__ == "__main__":
    sys.exit(main())
