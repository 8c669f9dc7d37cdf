"""
Draws a model's state machine, as its definition has it: docs/state-machine.svg.

    PYTHONPATH=.:plugins .venv/bin/python -m scripts.graph include/models/flight_delay --output FILE
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from retraining.workflow.compiler import WorkflowCompiler
from scripts.airflow_settings import PROJECT
from scripts.graph_layout import HEIGHT, LANES, LEFT, MIDDLE, TALLER, WIDTH, Edge, Layout, Point

PAGE_WIDTH = LANES[-1] + 16
STYLE = """
    text { font: 600 13px system-ui, sans-serif; text-anchor: middle; fill: #1f2328; }
    .note, .label { font-weight: 400; font-size: 11px; fill: #59636e; }
    .note { font-size: 10.5px; } .left { text-anchor: start; }
    .paper { fill: #ffffff; } .head { fill: #6e7781; } .box { stroke-width: 1.5; }
    .line { fill: none; stroke: #6e7781; stroke-width: 1.4; } .caught { stroke-dasharray: 4 4; opacity: .7; }
    .Task { fill: #ddf4ff; stroke: #0969da; } .Choice { fill: #fff8c5; stroke: #9a6700; }
    .Wait { fill: #fbefff; stroke: #8250df; } .Pass { fill: #dafbe1; stroke: #1a7f37; }
    .Fail { fill: #ffebe9; stroke: #cf222e; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; } .note, .label { fill: #9198a1; }
      .paper { fill: #0d1117; } .line { stroke: #8b949e; } .head { fill: #8b949e; }
      .Task { fill: #0c2d4d; stroke: #4493f8; } .Choice { fill: #3a2d05; stroke: #d29922; }
      .Wait { fill: #2d1f4a; stroke: #ab7df8; } .Pass { fill: #0f3320; stroke: #3fb950; }
      .Fail { fill: #4a1619; stroke: #f85149; }
    }
"""


def _rectangle(x: float, y: float, w: float, h: float, radius: float) -> str:
    return f'x="{x - w / 2:g}" y="{y - h / 2:g}" width="{w:g}" height="{h:g}" rx="{radius:g}"'


def _polygon(x: float, y: float, corners: list[Point]) -> str:
    return 'points="' + " ".join(f"{x + dx:g},{y + dy:g}" for dx, dy in corners) + '"'


def _diamond(x: float, y: float, w: float, h: float) -> str:
    return _polygon(x, y, [(-w / 2, 0), (0, -h * TALLER / 2), (w / 2, 0), (0, h * TALLER / 2)])


def _slanted(x: float, y: float, w: float, h: float) -> str:
    w, h, slant = w / 2, h / 2, h / 8
    return _polygon(x, y, [(-w - slant, h), (slant - w, -h), (w + slant, -h), (w - slant, h)])


def _octagon(x: float, y: float, w: float, h: float) -> str:
    w, h, cut = w / 2, h / 2, h / 3
    corners = [(cut - w, -h), (w - cut, -h), (w, cut - h), (w, h - cut)]
    return _polygon(x, y, corners + [(-dx, -dy) for dx, dy in corners])


# A shape for each type, so that nobody has to tell them apart by colour.
SHAPES: dict[str, tuple[str, Callable[[float, float, float, float], str]]] = {
    "Task": ("rect", lambda x, y, w, h: _rectangle(x, y, w, h, 4)),
    "Choice": ("polygon", _diamond),
    "Wait": ("rect", lambda x, y, w, h: _rectangle(x, y, w, h, h / 2)),
    "Pass": ("polygon", _slanted),
    "Fail": ("polygon", _octagon),
}


def draw(definition: dict[str, Any]) -> str:
    """Draw a state machine.

    :param definition: in the Amazon States Language.
    :return: an SVG that adapts to light and dark, the same for the same definition.
    """
    layout = Layout(definition)
    height = layout.bottom
    title = escape(definition["Comment"])
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {PAGE_WIDTH} {height}" width="{PAGE_WIDTH}"'
        f' height="{height}" role="img" aria-label="{title}">',
        f"  <title>{title}</title>",
        f"  <style>{STYLE}  </style>",
        '  <defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
        ' orient="auto"><path class="head" d="M0,0.5 L8,4 L0,7.5 z"/></marker></defs>',
        f'  <rect class="paper" width="{PAGE_WIDTH}" height="{height}" rx="6"/>',
        f'  <circle class="head" cx="{MIDDLE}" cy="14" r="6"/>',
        _line([(MIDDLE, 20), (MIDDLE, layout.top(definition["StartAt"]))]),
        *(line for edge in layout.edges for line in _edge(layout, edge)),
        *(line for name in layout.places for line in _state(layout, name)),
        *_legend(layout),
    ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def _state(layout: Layout, name: str) -> Iterator[str]:
    state, (x, y) = layout.states[name], layout.places[name]
    what = state.get("Resource", "").rpartition(":::")[2].removeprefix("aws-sdk:").removesuffix(".sync")
    yield _shape(state["Type"], x, y, WIDTH, HEIGHT)
    yield f'  <text x="{x}" y="{y - 2 if what else y + 4.5:g}">{escape(name)}</text>'
    if what:
        yield f'  <text class="note" x="{x}" y="{y + 12}">{what}</text>'


def _shape(kind: str, x: float, y: float, w: float, h: float) -> str:
    element, shape = SHAPES[kind]
    return f'  <{element} class="box {kind}" {shape(x, y, w, h)}/>'


def _edge(layout: Layout, edge: Edge) -> Iterator[str]:
    corners = layout.line(edge)
    yield _line(corners, caught=edge.caught)
    label = edge.label.removesuffix(f" {edge.target}")
    if not label or (label != edge.label and edge.target != layout.fan[0]):
        return  # what the hub chooses by is said once
    (x, y), (next_x, next_y) = corners[:2]
    if next_y != y:
        yield f'  <text class="label left" x="{x + 8:g}" y="{y + 12:g}">{escape(label)}</text>'
    else:
        yield f'  <text class="label" x="{(x + next_x) / 2:g}" y="{y - 6:g}">{escape(label)}</text>'


def _line(corners: list[Point], *, caught: bool = False) -> str:
    path = "M{:g},{:g}".format(*corners[0])
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        # Round, as far as there is room.
        (ax, ay), (bx, by) = (_towards(corner, end) for end in (before, after))
        path += f" L{ax:g},{ay:g} Q{corner[0]:g},{corner[1]:g} {bx:g},{by:g}"
    path += " L{:g},{:g}".format(*corners[-1])
    return f'  <path class="line{" caught" if caught else ""}" d="{path}" marker-end="url(#head)"/>'


def _towards(corner: Point, end: Point) -> Point:
    (x, y), (to_x, to_y) = corner, end
    away = abs(to_x - x) + abs(to_y - y)
    part = min(8.0, away / 2) / away if away else 0
    return x + (to_x - x) * part, y + (to_y - y) * part


def _legend(layout: Layout) -> Iterator[str]:
    x, y = LEFT - 60, layout.places[layout.hub][1] + 2 * HEIGHT
    for kind in SHAPES:
        yield _shape(kind, x, y, 44, 18)
        yield f'  <text class="note left" x="{x + 34}" y="{y + 4}">{kind}</text>'
        y += 30
    yield _line([(x - 22, y), (x + 24, y)], caught=True)
    yield f'  <text class="note left" x="{x + 34}" y="{y + 4}">an error that is caught</text>'
    for place, target in enumerate(layout.left_out):
        note = f"(Errors of the states that lead to “{target}” lead there, too.)"
        yield f'  <text class="note left" x="{x - 22}" y="{y + 30 + 18 * place}">{note}</text>'


def main() -> None:
    """Compile a model's state machine, and draw it."""
    parser = argparse.ArgumentParser(prog="python -m scripts.graph", description=__doc__)
    parser.add_argument("model", type=Path, help="model folder")
    parser.add_argument("--output", type=Path, required=True, help="the SVG")
    given = parser.parse_args()
    compiler = WorkflowCompiler(PROJECT / ".venv-sdk" / "bin" / "python", PROJECT)
    definition = json.loads(compiler.compiled(given.model))["definition"]
    given.output.write_text(draw(definition))
    print(f"drew {len(definition['States'])} states into {given.output}")


if __name__ == "__main__":
    main()
