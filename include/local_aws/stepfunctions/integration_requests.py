"""
What integrations are given is what they take: refused in a definition where it is written down, and when the
state is run where it comes of the input.

Both in AWS's words. Of a definition: github.com/aws/aws-step-functions-data-science-sdk-python/issues/200
(`The field "key" is not supported by Step Functions at /States/Train Step/Parameters`). Of a run: its issue
15 (States.Runtime, `could not be used to start the Task: [The field "S3Operations" ...]`) and LocalStack's
services/test_apigetway_task_service.snapshot.json. That names ending in `.$` are looked at in a run alone is
what users of lambda:invoke.waitForTaskToken with a `TaskToken.$` report. moto leaves such parameters out of
the call without a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.utils import camel_to_snake_case

from include.local_aws.moto_corrections.failures import failure
from include.local_aws.moto_corrections.parameter_names import operation
from include.local_aws.stepfunctions.integration_parameters import OPTIMISED, PATTERNS
from include.local_aws.stepfunctions.sdk_names import BOTO

KINDS: dict[type[Shape], Any] = {StructureShape: dict, MapShape: dict, ListShape: list}


def install() -> None:
    """Put it in place."""
    StateTaskService._eval_parameters = _parameters


def api(resource: str) -> OperationModel | None:
    """The operation that a resource calls, if there is one."""
    *_, service, action = resource.partition(".")[0].split(":")
    try:
        return operation(BOTO.get(service, service), xform_name(action))
    except UnknownServiceError:
        return None


def is_recognised(resource: str) -> bool:
    """Whether a resource is one that Step Functions has, as far as it is one of those that are here."""
    name, _, pattern = resource.partition(":::")[2].partition(".")
    patterns = next((found for begin, found in PATTERNS.items() if name.startswith(begin)), {pattern})
    has_api = not name.startswith("aws-sdk:") or api(resource) is not None
    return has_api and (not pattern or pattern in patterns)


def wrong(resource: str, parameters: Any, *, written: bool = False) -> Iterator[str]:
    """
    What is wrong with an integration's parameters.

    :param written: whether they are as a definition has them, with paths and expressions for values.
    """
    service, _, action = resource.partition(":::")[2].partition(".")[0].rpartition(":")
    taken = OPTIMISED.get(service, {}).get(action)
    found = api(resource) if taken or service.startswith("aws-sdk:") else None
    if found is None or not found.input_shape or not isinstance(parameters, dict):
        return
    yield from _of_structure(found.input_shape, parameters, taken, written=written)
    given = {_plain(name.removesuffix(".$")) for name, value in parameters.items() if value is not None}
    for name in found.input_shape.required_members:
        # It is {} when nothing is given.
        if _plain(name) not in given and (service, name) != ("states", "input"):
            yield f"The field '{name[0].upper()}{name[1:]}' is required but was missing"


def _of_structure(
    shape: StructureShape, value: dict[str, Any], taken: set[str] | None, *, written: bool
) -> Iterator[str]:
    members = {_plain(name): member for name, member in shape.members.items()}
    for name, item in value.items():
        if written and name.endswith(".$"):
            continue
        member = members.get(_plain(name))
        if member is None or not name[0].isupper() or (taken is not None and name not in taken):
            yield f'The field "{name}" is not supported by Step Functions'
        elif item is not None:
            yield from _of_value(name, member, item, written=written)


def _of_value(name: str, shape: Shape, value: Any, *, written: bool) -> Iterator[str]:
    kind = KINDS.get(type(shape))
    if kind is None or (isinstance(shape, StructureShape) and shape.is_document_type):
        return
    if not isinstance(value, kind):
        if not (written and isinstance(value, str) and value.startswith("{%")):
            yield f"The value of the field '{name}' has an invalid format"
    elif isinstance(shape, StructureShape):
        yield from _of_structure(shape, value, None, written=written)
    elif isinstance(shape, ListShape):
        for item in value:
            yield from _of_value(name, shape.member, item, written=written)
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            if not (written and key.endswith(".$")):
                yield from _of_value(key, shape.value, item, written=written)


def _plain(name: str) -> str:
    """A name by which those of an API and those of Step Functions are the same."""
    return str(camel_to_snake_case(name))


def _parameters(task: StateTaskService, env: Environment) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if task.parargs is not None:
        task.parargs.eval(env=env)
        given = env.stack.pop()
    if found := list(wrong(task.resource.resource_arn, given)):
        shown = to_json_str(given, separators=(",", ":"))
        said = f"The Parameters '{shown}' could not be used to start the Task: [{', '.join(found)}]"
        raise failure(env, said)
    return given
