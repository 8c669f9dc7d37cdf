"""The drawing in the docs is the state machine's of today, and shows all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from scripts.graph import SHAPES, draw
from scripts.graph_layout import HEIGHT, WIDTH, Layout
from tests.unit.conftest import PROJECT

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def drawing(definition: dict[str, Any]) -> ElementTree.Element:
    return ElementTree.fromstring(draw(definition))  # noqa: S314 - our own


def classes(drawing: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (element for element in drawing.iter() if name in element.get("class", "").split())


def test_the_docs_have_todays_drawing(definition: dict[str, Any]) -> None:
    committed = (PROJECT / "docs" / "state-machine.svg").read_text()
    assert committed == draw(definition), "`make graph` draws it anew"


def test_every_state_is_there_once_in_the_shape_of_its_type(
    definition: dict[str, Any], drawing: ElementTree.Element
) -> None:
    texts = [text.text for text in drawing.iter(f"{SVG}text")]
    for name in definition["States"]:
        assert texts.count(name) == 1
    for kind in SHAPES:
        states = [state for state in definition["States"].values() if state["Type"] == kind]
        assert len(list(classes(drawing, kind))) == len(states) + 1  # and in the legend


def test_no_two_states_lie_on_each_other(definition: dict[str, Any]) -> None:
    for (x, y), (other_x, other_y) in combinations(Layout(definition).places.values(), 2):
        assert abs(x - other_x) > WIDTH or abs(y - other_y) > HEIGHT


def test_no_line_goes_through_a_state(definition: dict[str, Any]) -> None:
    layout = Layout(definition)
    for edge in layout.edges:
        corners = layout.line(edge)
        for (x, y), (to_x, to_y) in pairwise(corners):
            for name, (middle, centre) in layout.places.items():
                beside = max(x, to_x) <= middle - WIDTH / 2 or min(x, to_x) >= middle + WIDTH / 2
                over = max(y, to_y) <= centre - HEIGHT / 2 or min(y, to_y) >= centre + HEIGHT / 2
                assert beside or over, (edge, name)


def test_what_a_choice_rests_on_is_said(drawing: ElementTree.Element) -> None:
    labels = sorted(text.text or "" for text in classes(drawing, "label"))
    assert labels == [
        "Action =",
        "ModelArtifacts",
        "Redeploy",
        "Value < Threshold",
        "else",
        "else",
        "else",
        "error",
    ]


def test_the_same_definition_gives_the_same_drawing_in_every_account(definition: dict[str, Any]) -> None:
    drawn = draw(definition)
    assert drawn == draw(definition)
    assert not re.search(r"eu-west-1|a-bucket|123456789012", drawn)
