"""Where each state of a state machine is drawn, and which way the lines between them go.

Down the middle goes the longest way from the start to the hub, the state with the most choices. To its right
is what the hub chooses from, and what ends; to its left are detours, which come back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 186, 38
# A Choice is a diamond, through whose middle words go.
TALLER = 1.24
LEFT, MIDDLE, RIGHT = 122, 404, 678
FIRST_ROW, ROW, FAN_ROW = 62, 60, 47
# Lines that run up or down: left of all, left of the middle, between middle and right, right of all.
LANES = (16, 284, 556, 788)

States = dict[str, dict[str, Any]]
Point = tuple[float, float]


@dataclass(frozen=True)
class Edge:
    """A transition.

    :param label: when it is taken, where there is a choice.
    :param caught: whether it is taken on an error.
    """

    source: str
    target: str
    label: str = ""
    caught: bool = False


def edges(states: States) -> Iterator[Edge]:
    """All transitions; an error's that go where the state goes anyway are left out."""
    for name, state in states.items():
        for rule in state.get("Choices", []):
            yield Edge(name, rule["Next"], _words(rule))
        if "Default" in state:
            yield Edge(name, state["Default"], "else")
        if "Next" in state:
            yield Edge(name, state["Next"])
        for catch in state.get("Catch", []):
            if catch["Next"] != state.get("Next"):
                yield Edge(name, catch["Next"], "error", caught=True)


def _words(rule: dict[str, Any]) -> str:
    if "And" in rule:
        # That something is there is asked before it is compared.
        compared = [part for part in rule["And"] if "IsPresent" not in part]
        return " and ".join(_words(part) for part in compared or rule["And"])
    name = rule["Variable"].rpartition(".")[2]
    (comparison,) = rule.keys() - {"Variable", "Next"}
    value = str(rule[comparison]).rpartition(".")[2]
    if comparison in ("IsPresent", "BooleanEquals"):
        return name if rule[comparison] else f"not {name}"
    signs = {"Less": "<", "Greater": ">", "Equals": "="}
    return f"{name} {next(sign for word, sign in signs.items() if word in comparison)} {value}"


class Layout:
    """The place of each state, as the middle of its box.

    :param definition: in the Amazon States Language.
    """

    def __init__(self, definition: dict[str, Any]) -> None:
        self.states: States = definition["States"]
        self.edges = list(edges(self.states))
        self.hub = max(self.states, key=lambda name: len(self.states[name].get("Choices", [])))
        self.spine = max(self._ways(definition["StartAt"], ()), key=len)
        rows = {name: row for row, name in enumerate(self.spine)}
        self.places = {name: (MIDDLE, FIRST_ROW + ROW * row) for name, row in rows.items()}
        self.fan = [e.target for e in self.edges if e.source == self.hub and e.target not in self.places]
        for place, name in enumerate(self.fan):
            self.places[name] = (RIGHT, self.places[self.hub][1] + FAN_ROW * place)
        while beside := [e for e in self.edges if e.source in self.places and e.target not in self.places]:
            self._place_beside(beside[0])
        self.bottom = max(y for _, y in self.places.values()) + HEIGHT

        caught = [
            (state.get("Next"), catch["Next"])
            for state in self.states.values()
            for catch in state.get("Catch", [])
        ]
        # Where an error leads to what follows anyway: too many lines to draw.
        self.left_out = sorted({target for onward, target in caught if target == onward})

    def _ways(self, here: str, before: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        way = (*before, here)
        if here == self.hub:
            yield way
            return
        for edge in self.edges:
            if edge.source == here and edge.target not in way and not edge.caught:
                yield from self._ways(edge.target, way)

    def _place_beside(self, edge: Edge) -> None:
        x, y = self.places[edge.source]
        ends = not any(other.source == edge.target for other in self.edges)
        place = (RIGHT if ends else LEFT, y if x == MIDDLE else y + ROW)
        while place in self.places.values():
            place = (place[0], place[1] + ROW)
        self.places[edge.target] = place

    def top(self, name: str) -> float:
        """Where the box of a state begins."""
        return self.places[name][1] - HEIGHT / 2 * (TALLER if self.states[name]["Type"] == "Choice" else 1)

    def line(self, edge: Edge) -> list[Point]:
        """The corners of an edge's line."""
        (x, y), (to_x, to_y) = self.places[edge.source], self.places[edge.target]
        half, below = WIDTH / 2, HEIGHT / 2
        outmost, left, inner, right = LANES
        if edge.target in self.fan and edge.source == self.hub:
            return [(x + half, y), (inner, y), (inner, to_y), (to_x - half, to_y)]
        if x == RIGHT:
            return [(x + half, y), (right, y), (right, to_y), (to_x + half, to_y)]
        if x == to_x and 0 < to_y - y <= ROW:
            return [(x, 2 * y - self.top(edge.source)), (x, self.top(edge.target))]
        if y == to_y:
            sign = 1 if to_x > x else -1
            return [(x + sign * half, y), (to_x - sign * half, y)]
        if x == LEFT:
            # Past everything that is on the left, and into the middle from above it.
            above = to_y - below + 6
            over = [(outmost, above - 16), (left, above - 16), (left, above)]
            return [(x - half, y), (outmost, y), *over, (to_x - half, above)]
        if to_y < y:
            return [(x - half, y), (left, y), (left, to_y), (to_x - half, to_y)]
        return [(x + half, y), (right, y), (right, to_y), (to_x + half, to_y)]
