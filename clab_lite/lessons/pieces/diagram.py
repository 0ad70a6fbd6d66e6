"""The detector as a drawing: its parts as boxes, and on every arrow the shape that really passed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from clab_lite.lessons.pieces.walk import Walk
from clab_lite.show.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SKY, heading, new_figure

SHOWN = 0.3
"""The score from which the lesson draws detections."""


@dataclass(frozen=True)
class Part:
    """One part, what comes out of it, and its shape."""

    name: str
    comes_out: str
    shape: tuple[int, ...]
    colour: str
    code: str
    """Where to read it, below `clab_lite`."""


def parts(walk: Walk) -> list[Part]:
    """The parts in the order in which a frame meets them. Every shape is read from the run."""
    maps, found = walk.maps, walk.detections
    answers = f"class logits, deltas\n{len(walk.class_names)} + background"
    return [
        Part("stored\nframe", "pixels", tuple(walk.image.shape), GREY, "data/images.py"),
        Part("prepare", "normalised, padded", (1, *walk.frame.pixels.shape), SKY, "data/transforms.py"),
        Part("backbone\nto layer3", "C4", tuple(maps["C4"].shape), BLUE, "detector/backbone.py"),
        Part("layer4,\ndilated", "C5", tuple(maps["C5"].shape), BLUE, "detector/backbone.py"),
        Part("neck", "features", tuple(maps["neck"].shape), BLUE, "detector/backbone.py"),
        Part("RPN", "objectness (and deltas)", tuple(walk.objectness.shape), ORANGE, "detector/rpn.py"),
        Part("decode,\nNMS", "proposals", tuple(walk.proposals.shape), ORANGE, "detector/rpn.py"),
        Part("RoIAlign", "regions", tuple(walk.pooled.shape), GREEN, "detector/roi_align.py"),
        Part("Temporal\nRoI Align", "regions", tuple(walk.aggregated.shape), GREEN, "detector/temporal_roi_align.py"),
        Part("box head", answers, tuple(walk.logits.shape), PURPLE, "detector/box_head.py"),
        Part("decode,\nNMS", "detections", tuple(found["boxes"].shape), PURPLE, "detector/postprocess.py"),
    ]


def draw_pipeline(walk: Walk, until: int | None = None) -> Figure:
    """The whole way in two rows. `until`: only the first so many parts in colour, the others pale."""
    chain = parts(walk)
    columns = -(-len(chain) // 2)
    figure, (axes,) = new_figure(9.5, 4.1)
    places = [(i, 1.0) if i < columns else (i - columns, 0.0) for i in range(len(chain))]
    for number, (part, place) in enumerate(zip(chain, places, strict=True)):
        pale = until is not None and number >= until
        _part(axes, part, place, pale)
        if number + 1 < len(chain):
            _arrow(axes, place, places[number + 1], part)
    for name, note in _also(walk).items():
        number = [part.name for part in chain].index(name)
        x, y = places[number]
        axes.text(x, y - 0.2, note, ha="center", va="top", fontsize=9, color=GREY)
    last = places[-1]
    axes.text(last[0] + 0.33, last[1] + 0.13, _written(chain[-1]), fontsize=9, color=INK, va="bottom", ha="left")
    axes.set_xlim(-0.35, columns - 0.65)
    axes.set_ylim(-0.5, 1.45)
    axes.set_axis_off()
    cells = walk.maps["neck"].shape[-2] * walk.maps["neck"].shape[-1]
    limit, shown = walk.config.detection.score_threshold, int((walk.detections["scores"] >= SHOWN).sum())
    title = f"One frame becomes {cells} cells, {len(walk.anchors)} anchors, {len(walk.proposals)} proposals, "
    end = f"{len(walk.detections['boxes'])} detections (score from {limit:g}; {shown} from {SHOWN:g})"
    heading(axes, title + end)
    return figure


def _also(walk: Walk) -> dict[str, str]:
    """What parts of the second row read besides what the arrow brings."""
    others = f"+ {walk.references}\nreference frames"
    return {"RoIAlign": "+ features", "Temporal\nRoI Align": others, "box head": others}


def _part(axes: Axes, part: Part, place: tuple[float, float], pale: bool) -> None:
    x, y = place
    box = FancyBboxPatch(
        (x - 0.28, y - 0.14), 0.56, 0.28, boxstyle="round,pad=0.02,rounding_size=0.05",
        facecolor=part.colour, edgecolor="none", alpha=0.25 if pale else 1.0,
    )  # fmt: skip
    axes.add_patch(box)
    axes.text(x, y, part.name, ha="center", va="center", fontsize=9.5, color="white", fontweight="bold")


def _arrow(axes: Axes, here: tuple[float, float], there: tuple[float, float], part: Part) -> None:
    """To the right, or around to the start of the second row."""
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 13, "color": GREY, "linewidth": 1.4}
    if there[1] == here[1]:
        axes.add_patch(FancyArrowPatch((here[0] + 0.3, here[1]), (there[0] - 0.3, there[1]), **style))
        axes.text(here[0] + 0.5, here[1] + 0.19, _written(part), ha="center", va="bottom", fontsize=9, color=INK)
        return
    middle = (here[1] + there[1]) / 2
    axes.plot([here[0], here[0], there[0]], [here[1] - 0.16, middle, middle], color=GREY, linewidth=1.4)
    axes.add_patch(FancyArrowPatch((there[0], middle), (there[0], there[1] + 0.17), **style))
    text = _written(part).replace("\n", ": ")
    axes.text(here[0] - 0.08, middle + 0.02, text, ha="right", va="bottom", fontsize=9, color=INK)


def _written(part: Part) -> str:
    return f"{part.comes_out}\n{' × '.join(map(str, part.shape))}"
