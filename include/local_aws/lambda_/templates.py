"""Functions that templates ask for: moto passes on a part of what they say, and unreadable code."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.utilities.utils import load_resource_as_str

from include.archives import archive
from include.local_aws.lambda_.function_rules import refuse
from include.local_aws.lambda_.functions import KEPT

# AWS puts it beside such code:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-lambda-function-code-cfnresponsemodule.html
RESPONSE_MODULE = "awslambda/resources/cfnresponse.py.txt"
LEFT_OUT = (*KEPT, "EphemeralStorage", "LoggingConfig", "Layers")


def install() -> None:
    """Put the corrections in place."""
    LambdaFunction._create_zipfile_from_plaintext_code = staticmethod(_zipped)
    LambdaFunction.create_from_cloudformation_json = partial(
        _create, LambdaFunction.create_from_cloudformation_json
    )
    LambdaFunction.update_from_cloudformation_json = partial(
        _update, LambdaFunction.update_from_cloudformation_json
    )


def _zipped(code: str) -> bytes:
    """The zip of code that is written in the template."""
    response = load_resource_as_str(RESPONSE_MODULE)
    return archive({"index.py": code.encode(), "cfnresponse.py": response.encode()})


def _create(
    make: Callable[..., Any], resource_name: str, cloudformation_json: dict[str, Any], *rest: Any, **more: Any
) -> LambdaFunction:
    properties = cloudformation_json["Properties"]
    refuse(properties)
    function = make(resource_name, cloudformation_json, *rest, **more)
    if given := {name: properties[name] for name in LEFT_OUT if name in properties}:
        function.update_configuration(given)
    function.tags.update({tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])})
    return function


def _update(
    change: Callable[..., Any], *, cloudformation_json: dict[str, Any], **more: Any
) -> LambdaFunction:
    properties = cloudformation_json["Properties"]
    if "ZipFile" in properties["Code"]:
        code = base64.b64encode(_zipped(properties["Code"]["ZipFile"])).decode()
        cloudformation_json = {**cloudformation_json, "Properties": {**properties, "Code": {"ZipFile": code}}}
    return change(cloudformation_json=cloudformation_json, **more)
