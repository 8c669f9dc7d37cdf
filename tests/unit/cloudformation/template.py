"""The CloudFormation template as CloudFormation would fill it in, as far as its policies go."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml  # type: ignore[import-untyped]

PATH = Path(__file__).parents[3] / "include" / "cloudformation" / "template.yaml"
REGION, ACCOUNT = "eu-west-1", "123456789012"
PSEUDO = {
    "AWS::StackName": "model-retraining",
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
}
# ARNs by type of resource; {} is its name.
ARNS = {
    "AWS::IAM::Role": "arn:aws:iam::" + ACCOUNT + ":role/{}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{}}",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{}}:*",
}
NAMES = ("BucketName", "TableName", "LogGroupName")


@cache
def _content() -> dict[str, Any]:
    loaded: dict[str, Any] = cfn_yaml.load(str(PATH))
    return loaded


class Nothing:
    """AWS::NoValue."""


class Template:
    """
    The template with parameters.

    :param parameters: those that are not to have their default.
    """

    def __init__(self, **parameters: str) -> None:
        content = _content()
        self.resources: dict[str, Any] = content["Resources"]
        self.outputs: dict[str, Any] = content["Outputs"]
        self._conditions = content["Conditions"]
        defaults = {name: given.get("Default", f"a-{name}") for name, given in content["Parameters"].items()}
        self._parameters = {**defaults, **parameters}

    def policies(self, role: str) -> list[dict[str, Any]]:
        """Policy documents of a role, or of a managed policy, by its logical ID."""
        properties = self.resources[role]["Properties"]
        found = properties.get("Policies") or [properties]
        return [self.filled_in(copy.deepcopy(policy["PolicyDocument"])) for policy in found]

    def filled_in(self, value: Any) -> Any:
        """A value without intrinsic functions."""
        if isinstance(value, list):
            items = [self.filled_in(item) for item in value]
            return [item for item in items if item is not Nothing]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), *_ = value.items()
            if function := FUNCTIONS.get(name):
                return function(self, argument)
        return {key: self.filled_in(item) for key, item in value.items()}

    def ref(self, name: str) -> Any:
        """What Ref gives."""
        if name == "AWS::NoValue":
            return Nothing
        if name in PSEUDO or name in self._parameters:
            return PSEUDO.get(name, self._parameters.get(name))
        properties = self.resources[name].get("Properties", {})
        named = [self.filled_in(properties[key]) for key in NAMES if key in properties]
        return named[0] if named else f"model-retraining-{name}"

    def arn(self, name: str) -> str:
        """What GetAtt gives for Arn."""
        return ARNS[self.resources[name]["Type"]].format(self.ref(name))

    def _get_att(self, argument: Any) -> str:
        name, attribute = argument if isinstance(argument, list) else argument.split(".")
        assert attribute == "Arn"
        return self.arn(name)

    def _sub(self, text: str) -> str:
        def value(found: re.Match[str]) -> str:
            name, _, attribute = found[1].partition(".")
            return self.arn(name) if attribute else str(self.ref(name))

        return re.sub(r"\$\{([^}]+)\}", value, text)

    def _if(self, argument: list[Any]) -> Any:
        condition, then, otherwise = argument
        return self.filled_in(then if self._holds(self._conditions[condition]) else otherwise)

    def _holds(self, condition: dict[str, Any]) -> bool:
        ((name, argument),) = condition.items()
        if name == "Fn::Not":
            return not self._holds(argument[0])
        assert name == "Fn::Equals"
        one, other = (str(self.filled_in(item)) for item in argument)
        return one == other


FUNCTIONS: dict[str, Callable[[Template, Any], Any]] = {
    "Ref": Template.ref,
    "Fn::GetAtt": Template._get_att,
    "Fn::Sub": Template._sub,
    "Fn::If": Template._if,
}


def granted_actions(documents: Iterable[Mapping[str, Any]]) -> set[str]:
    """Every action that some statement of policies names in order to allow it."""
    statements = [statement for document in documents for statement in document["Statement"]]
    allowed = [statement["Action"] for statement in statements if statement["Effect"] == "Allow"]
    return {action for actions in allowed for action in ([actions] if isinstance(actions, str) else actions)}
