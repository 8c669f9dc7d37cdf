"""What the state machine and the Airflow side call of AWS, read from what they are made of."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.hooks.step_function import StepFunctionHook
from botocore import xform_name

from include.local_aws.iam.needs import needs
from include.local_aws.iam.policy import Need
from tests.unit.cloudformation.template import ACCOUNT, REGION

PROJECT = Path(__file__).parents[3]
# What Step Functions itself calls in order to wait for a job, and to stop it:
# https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html and glue-iam.html
SYNC = {
    "glue.startJobRun": ("GetJobRun", "GetJobRuns", "BatchStopJobRun"),
    "sagemaker.createTrainingJob": ("DescribeTrainingJob", "StopTrainingJob", "ListTags"),
}
RULE_ACTIONS = ("events:PutTargets", "events:PutRule", "events:DescribeRule")
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"

# The provider's hooks by service, and what those of their methods call that are not named like an operation.
PROVIDER_HOOKS = {"S3Hook": (S3Hook, "s3"), "StepFunctionHook": (StepFunctionHook, "stepfunctions")}
PROVIDER_METHODS = {
    "check_for_key": "head_object",
    "list_keys": "list_objects_v2",
    "load_bytes": "put_object",
    # No call.
    "parse_s3_url": "",
}
# Parameters that an S3 call is told apart by, where the sources give none by name.
S3_PARAMETERS: Mapping[str, Any] = {"Bucket": "b", "Key": "k", "Delete": {"Objects": [{"Key": "k"}]}}


@cache
def operations(service: str) -> dict[str, str]:
    """Operations of a service by the names of boto3's methods."""
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name): name for name in model.operation_names}


def of_definition(definition: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[Need]:
    """
    What a state machine needs.

    :param values: of the execution's input, by name; what is not in it gets a name of its own.
    """
    for state in definition["States"].values():
        if state["Type"] != "Task":
            continue
        resource, _, pattern = state["Resource"].partition(".")
        service, action = resource.split(":")[-2:]
        parameters = dict(_filled_in(state["Parameters"], values))
        operation = operations(service)[xform_name(action)]
        where = {"region": REGION, "account": ACCOUNT}
        yield from needs(service, operation, parameters, **where)
        if pattern == "sync":
            named = {name: value for name, value in parameters.items() if name.endswith("Name")}
            for extra in SYNC[f"{service}.{action}"]:
                yield from needs(service, extra, named, **where)
            if service == "sagemaker":
                yield from (Need(rule_action, RULE) for rule_action in RULE_ACTIONS)


def _filled_in(parameters: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for name, value in parameters.items():
        if name.endswith(".$"):
            chosen = [given for key, given in values.items() if f"['{key}']" in value]
            yield name.removesuffix(".$"), chosen[0] if chosen else "a-name"
        else:
            yield name, value


@dataclass(frozen=True)
class _Module:
    tree: ast.Module
    imports: frozenset[str]

    @classmethod
    @cache
    def read(cls, path: Path) -> _Module:
        tree = ast.parse(path.read_text())
        found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
        return cls(tree, frozenset(node.module for node in found if node.module))

    def imported(self, names: Iterator[str] | Mapping[str, Any]) -> set[str]:
        nodes = [node for node in ast.walk(self.tree) if isinstance(node, ast.ImportFrom)]
        return {alias.name for node in nodes for alias in node.names} & set(names)

    def services(self) -> set[str]:
        """Services that the module has a client of, its own or one of a hook that it imports."""
        found = {PROVIDER_HOOKS[name][1] for name in self.imported(PROVIDER_HOOKS)} | set(
            self._client_types()
        )
        for name in self.imports:
            path = PROJECT / "plugins" / f"{name.replace('.', '/')}.py"
            if name.startswith("retraining.") and path.exists():
                found |= _Module.read(path).services()
        return found

    def _client_types(self) -> Iterator[str]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.keyword) and node.arg == "client_type" and not _is_handed_on(node.value):
                yield _text(node.value)
            if isinstance(node, ast.Assign) and "client_type" in ast.dump(node.targets[0]):
                yield _text(node.value)
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("client", "get_client_type")
                and node.args
            ):
                yield _text(node.args[0])

    def calls(self) -> Iterator[tuple[str, set[str]]]:
        """Names that may be boto3's of an operation, with the names of the parameters that they are given."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute):
                yield node.attr, set()
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                # get_paginator("list_models"), and names handed on.
                yield node.value, set()
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield node.func.attr, {keyword.arg for keyword in node.keywords if keyword.arg}


def _is_handed_on(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "client_type"


def _text(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant), f"line {node.lineno}: write the service as a literal"
    return str(node.value)


@cache
def of_airflow() -> dict[str, set[str]]:
    """Actions that the sources of the Airflow side call for, with the modules that do."""
    found: dict[str, set[str]] = {}
    paths = [*(PROJECT / "plugins").rglob("*.py"), *(PROJECT / "dags").rglob("*.py")]
    for path in sorted(paths):
        module = _Module.read(path)
        _check_provider_hooks(path, module)
        for service in module.services():
            known = operations(service)
            for name, given in module.calls():
                operation = known.get(PROVIDER_METHODS.get(name, name))
                if operation is None:
                    continue
                parameters = {**dict.fromkeys(given, "a-name"), **(S3_PARAMETERS if service == "s3" else {})}
                parameters.setdefault("name", "a-name")
                for need in needs(service, operation, parameters, region=REGION, account=ACCOUNT):
                    found.setdefault(need.action, set()).add(path.name)
    return found


def _check_provider_hooks(path: Path, module: _Module) -> None:
    """What a method of the provider's calls has to be said here, unless it is named like the operation."""
    used = {name for name, _ in module.calls()}
    for hook in module.imported(PROVIDER_HOOKS):
        cls, service = PROVIDER_HOOKS[hook]
        methods = {name for name in vars(cls) if not name.startswith("_")} & used
        unknown = methods - operations(service).keys() - PROVIDER_METHODS.keys()
        assert not unknown, f"{path.name}: say in PROVIDER_METHODS what {hook}.{min(unknown)} calls"
    hooks = "airflow.providers.amazon.aws.hooks."
    known = {f"{hooks}{name}" for name in ("base_aws", "s3", "step_function")}
    strangers = {name for name in module.imports if name.startswith(hooks)} - known
    assert not strangers, f"{path.name}: say in PROVIDER_HOOKS which service {min(strangers)} calls"
