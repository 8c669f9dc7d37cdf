"""What moto does otherwise than AWS for everybody: a module a correction, each to be offered upstream."""

from __future__ import annotations

import sys
from typing import Any

STATES = "moto.stepfunctions.parser"


def install() -> None:
    """Put every correction in place; before the services, whose replacements rest on them."""
    from include.local_aws.moto_corrections import (
        choice_paths,
        choice_values,
        error_names,
        intrinsic_arguments,
        json_paths,
        jsonata_engine,
        jsonata_fields,
        keyword_names,
        lost_paths,
        parameter_names,
        query_languages,
        result_paths,
        string_literals,
        wait_times,
    )

    for correction in (
        json_paths,
        keyword_names,
        choice_paths,
        choice_values,
        error_names,
        intrinsic_arguments,
        jsonata_engine,
        jsonata_fields,
        lost_paths,
        parameter_names,
        query_languages,
        result_paths,
        string_literals,
        wait_times,
    ):
        correction.install()


def replace_everywhere(name: str, old: Any, new: Any, *, package: str = STATES) -> None:
    """
    Replace a function or a class wherever it was imported by name.

    :param package: in whose modules.
    """
    for module in [found for key, found in sys.modules.items() if key.startswith(package)]:
        if getattr(module, name, None) is old:
            setattr(module, name, new)
