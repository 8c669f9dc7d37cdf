"""Create or update the CloudFormation stack in an AWS account; shows what will change, and asks first."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from include.aws_code import CodeObject, code_objects
from scripts import aws_stack, change_sets, code_bucket, stack_names
from scripts.airflow_settings import PROJECT
from scripts.aws_account import Account, confirmed, connect, table
from scripts.aws_stack import DeploymentError
from scripts.change_sets import ChangeSet
from scripts.literal_names import with_literal_names

TEMPLATE = PROJECT / "include" / "cloudformation" / "template.yaml"


def deploy(account: Account, stack_name: str, given: Mapping[str, str], *, yes: bool) -> bool:
    """
    Deploy the stack with the code as it is here.

    :param given: parameters of the template; others keep the value that the stack has, or the default
    :param yes: do not ask
    :return: False when the person said no
    :raises DeploymentError: when AWS refuses or fails
    """
    print(f"stack {stack_name} in {account}")
    cloudformation, s3 = account.session.client("cloudformation"), account.session.client("s3")
    wrong = stack_names.problem(stack_name, account.region)
    # One that is there has a name that was possible, and is not locked out.
    if wrong and aws_stack.is_new(aws_stack.describe(cloudformation, stack_name)):
        raise DeploymentError(wrong)
    bucket = stack_names.code_bucket(stack_name, account.number, account.region)
    objects = code_objects()
    missing = code_bucket.missing_objects(s3, bucket, account.number, objects)
    parameters = {"CodeBucket": bucket} | {name: item.key for name, item in objects.items()} | dict(given)
    names = {
        "AWS::StackName": stack_name,
        "AWS::AccountId": account.number,
        "AWS::Region": account.region,
    }
    template = with_literal_names(TEMPLATE.read_text(), names)
    planned = change_sets.plan(cloudformation, stack_name, template, parameters)
    if planned is None:
        print("the stack is up to date")
        return True
    uploads = list(objects.values()) if missing is None else missing
    executed = False
    try:
        _show(planned, bucket, new_bucket=missing is None, uploads=uploads)
        if not confirmed("Do this?", yes=yes):
            print("nothing was changed")
            return False
        if missing is None:
            code_bucket.create_bucket(s3, bucket)
        code_bucket.upload(s3, bucket, account.number, uploads)
        executed = True
    finally:
        # Whatever stopped it, a person's Ctrl-C included, leaves no change set and no empty stack behind.
        if not executed:
            change_sets.discard(cloudformation, planned)
    outputs = change_sets.execute(cloudformation, planned, stack_name)
    print("done; the stack's outputs:")
    print(table(sorted(outputs.items())))
    print(f"\nNext: attach {outputs['AirflowPolicyArn']} to the role or user of Airflow's connection.")
    return True


def _show(planned: ChangeSet, bucket: str, *, new_bucket: bool, uploads: list[CodeObject]) -> None:
    print(f"this will {'create' if planned.creates else 'update'} the stack:")
    if new_bucket:
        print(f"  create the code bucket {bucket}")
    for item in uploads:
        print(f"  upload s3://{bucket}/{item.key}")
    rows = [
        (change.action.lower(), change.type, change.resource, _warning(change.replacement))
        for change in planned.changes
    ]
    print(table(rows))


def _warning(replacement: str) -> str:
    return {"True": "REPLACED", "Conditional": "may be REPLACED"}.get(replacement, "")


def _parameter(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not (name and found):
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; NAME=VALUE is")
    return name, value


def main() -> int:
    """Deploy from the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.deploy_aws", description=__doc__)
    parser.add_argument("--stack-name", default="model-retraining", help="default: %(default)s")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "parameters", nargs="*", type=_parameter, metavar="NAME=VALUE", help="parameters of the template"
    )
    options = parser.parse_args()
    try:
        deployed = deploy(connect(), options.stack_name, dict(options.parameters), yes=options.yes)
    except DeploymentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"error: AWS: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what AWS has begun, it goes on with", file=sys.stderr)
        return 130
    return 0 if deployed else 1


if __name__ == "__main__":
    sys.exit(main())
