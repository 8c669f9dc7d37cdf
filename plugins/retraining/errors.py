"""Errors of the domain: each says which field is wrong, what it holds and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel, ValidationError
from typing_extensions import is_typeddict


class RetrainingError(ValueError):
    """Base of every error that this library raises on purpose."""


class ModelSpecError(RetrainingError):
    """A model folder does not describe a model."""


class RunConfigError(RetrainingError):
    """A run's configuration (conf) asks for something that is not allowed."""


class StackError(RetrainingError):
    """The CloudFormation stack does not offer what a retrain needs."""


class CompileError(RetrainingError):
    """The SDK interpreter could not turn the model's spec into a state machine definition."""


class CompileInterruptedError(CompileError):
    """The SDK interpreter did not get to its end, for want of time or memory: another try may."""


def explain(error: ValidationError, model: type[BaseModel] | None = None) -> Iterator[str]:
    """Say each problem in a line: the field, what is allowed, and the value.

    :param model: what was validated; with it, an unknown field is answered with the known ones.
    """
    for problem in error.errors():
        field = ".".join(str(part) for part in problem["loc"])
        message = re.sub(r"^Value error, ", "", problem["msg"])
        if problem["type"] == "extra_forbidden" and model:
            message = f"unknown field; allowed are {', '.join(_fields_beside(model, problem['loc']))}"
        elif field and problem["type"] != "missing":
            message = f"{message}, but is {problem['input']!r}"
        yield f"{field + ': ' if field else ''}{message}"


def _fields_beside(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Names that are allowed where the last part of the location stands."""
    for part in location[:-1]:
        if isinstance(part, int):  # an item of a list, whose annotation was looked into already
            continue
        annotation = model.model_fields[part].annotation
        for candidate in (annotation, *get_args(annotation)):
            if is_typeddict(candidate):
                return list(candidate.__annotations__)
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                model = candidate
    return list(model.model_fields)
