"""Hands a request over to the classes of moto, which name its parameters otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from inspect import signature
from typing import Any

from moto.core.utils import camelcase_to_underscores

# Where camel case does not tell.
NAMES = {"MaxPayloadInMB": "max_payload_in_mb"}


def arguments_of(kind: type, request: Mapping[str, Any]) -> dict[str, Any]:
    """
    What a class of moto's takes to be made, all of it; what is not given is None, or False for a switch.

    :param request: by boto3's names.
    """
    names = signature(kind).parameters.keys() - {"account_id", "region_name"}
    given = {NAMES.get(name, camelcase_to_underscores(name)): value for name, value in request.items()}
    switches = {name: False for name in names if name.startswith("enable_")}
    # Copies, as moto writes its own words into what it is given.
    return {name: deepcopy(given.get(name, switches.get(name))) for name in names}
