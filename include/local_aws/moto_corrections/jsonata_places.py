"""
Each JSONata expression knows where it stands, such as ``Output/result`` or ``Choices[0]/Condition``.

AWS names the place in the cause of a failure, and as its location in the history; moto leaves it out. The
places are those of LocalStack's recorded answers (outputs/test_output.snapshot.json), in lists those of
github.com/floci-io/floci/pull/2689.
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.component import Component
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

# The fields that components of the interpreter are.
FIELDS = {
    "ArgumentsJSONataTemplateValueObject": "Arguments",
    "ArgumentsStringJSONata": "Arguments",
    "AssignDecl": "Assign",
    "Cause": "Cause",
    "ConditionStringJSONata": "Condition",
    "Error": "Error",
    "HeartbeatSecondsJSONata": "HeartbeatSeconds",
    "ItemSelector": "ItemSelector",
    "ItemsArray": "Items",
    "ItemsJSONata": "Items",
    "MaxConcurrencyJSONata": "MaxConcurrency",
    "MaxItemsStringJSONata": "MaxItems",
    "Output": "Output",
    "SecondsJSONata": "Seconds",
    "TimeoutSecondsJSONata": "TimeoutSeconds",
    "Timestamp": "Timestamp",
    "ToleratedFailureCountStringJSONata": "ToleratedFailureCount",
    "ToleratedFailurePercentageStringJSONata": "ToleratedFailurePercentage",
}
# Those that are lists: where their items are, and what they are called; a list within a field has no name.
LISTS = {
    "AssignTemplateValueArray": ("values", ""),
    "CatchDecl": ("catchers", "Catch"),
    "ChoicesDecl": ("rules", "Choices"),
    "JSONataTemplateValueArray": ("values", ""),
}
HANDLERS = ("Catch[", "Choices[")


def install() -> None:
    """Put it in place."""
    read = AmazonStateLanguageParser.parse

    def read_and_name(definition: str) -> Any:
        result = read(definition)
        _name(result[0], "")
        return result

    AmazonStateLanguageParser.parse = staticmethod(read_and_name)


def place_of(text: StringJSONata) -> str:
    """Where an expression stands in its state."""
    return getattr(text, "field", "")


def _name(component: Any, path: str) -> None:
    """Tell each expression within a component where it stands."""
    if isinstance(component, StringJSONata):
        component.field = path
    elif isinstance(component, list | tuple):
        for item in component:
            _name(item, path)
    elif isinstance(component, dict):
        _name(list(component.values()), path)
    elif isinstance(component, Component):
        kind = type(component).__name__
        if listed := LISTS.get(kind):
            attribute, name = listed
            for place, item in enumerate(getattr(component, attribute)):
                _name(item, f"{name or path}[{place}]")
            return
        own, step = FIELDS.get(kind), getattr(component, "identifier", None)
        if own and path.startswith(HANDLERS):
            own = f"{path}/{own}"
        _name(list(vars(component).values()), own or (f"{path}/{step}" if step else path))
