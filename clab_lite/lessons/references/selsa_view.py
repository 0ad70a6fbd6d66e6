"""SELSA's attention in pictures: click a box of the key frame and see which proposals of which frames fed it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from clab_lite.lessons.controls import choice
from clab_lite.lessons.explorer import Explorer, explore
from clab_lite.lessons.mouse import Pointer, pointer
from clab_lite.lessons.references.pictures import Board, draw_box, frame_bars, show_frame
from clab_lite.lessons.references.scene import Scene, Seen, on_object, truth_under
from clab_lite.show.style import INK, ORANGE

_LEAST = 0.1
"""Detections below this score are not offered."""
_MOST = 8
"""Boxes offered."""
_DRAWN = 30
"""The heaviest proposals are drawn, so many at most."""


def proposal_weights(seen: Seen, region: int, layer: int, block: int | None) -> dict[int, NDArray[np.float64]]:
    """How much every proposal of every reference frame feeds one region, copies of a frame added up.

    Args:
        seen: a key frame.
        region: of the key frame.
        layer: of the box head, from 0.
        block: of the attention, from 0; None is the mean over all blocks.

    Returns:
        Frame number -> (N,), a weight per proposal; all of them sum to 1.
    """
    weights = seen.observation.selsa[layer].weights[:, region]
    row = weights.mean(dim=0) if block is None else weights[block]
    parts = row.double().split([len(boxes) for boxes in seen.observation.reference_boxes])
    total: dict[int, NDArray[np.float64]] = {}
    for number, part in zip(seen.frames, parts, strict=True):
        total[number] = total.get(number, 0) + part.numpy()
    return {number: total[number] for number in seen.distinct()}


def object_share(scene: Scene, seen: Seen, weights: dict[int, NDArray[np.float64]], track: int) -> tuple[float, float]:
    """The weight that goes to proposals on one object (IoU >= 0.3), and what they would get if all weighed the same."""
    boxes = scene.object_boxes(track)
    share = even = 0.0
    for number, weight in weights.items():
        near = on_object(seen.proposals(number), boxes[number])
        share += float(weight[near].sum())
        even += float(near.sum()) * seen.frames.count(number)
    return share, even / sum(len(boxes) for boxes in seen.observation.reference_boxes)


def offered(scene: Scene, seen: Seen) -> list[tuple[str, int]]:
    """(name, position) of the detections worth a look, the best first; at least one, if anything was found at all."""
    found = seen.detections
    scores = found["scores"].tolist()
    count = max(1, min(_MOST, sum(score >= _LEAST for score in scores)))
    names = [scene.class_names[label] for label in found["labels"].tolist()]
    return [(f"{i + 1}: {names[i]} {scores[i]:.2f}", i) for i in range(min(count, len(scores)))]


def draw_selsa(scene: Scene, seen: Seen) -> Callable[..., tuple[Figure, str]]:
    """The drawing function of the explorer: draw(box=0, layer=0, block=None) -> (figure, line of numbers)."""

    def draw(box: int = 0, layer: int = 0, block: int | None = None) -> tuple[Figure, str]:
        region = int(seen.observation.region[box])
        weights = proposal_weights(seen, region, layer, block)
        numbers = seen.distinct()
        text, line = _finding(scene, seen, box, weights)
        names = [f"frame {number}" + (", the key frame" if number == seen.key else "") for number in numbers]
        board = Board(text, [scene.picture(seen, number) for number in numbers], names)
        _draw_key(board.key, scene, seen, box)
        shares = [float(weights[number].sum()) for number in numbers]
        frame_bars(board.bars, seen, shares, "attention per frame, all proposals added (black: an even spread)")
        heaviest = max(float(weight.max()) for weight in weights.values())
        least, top = _heaviest(weights)
        for tile, number in enumerate(numbers):
            opacity = np.sqrt(weights[number] / heaviest)  # else one heavy proposal would make all others vanish
            drawn = np.flatnonzero(weights[number] >= least)
            board.outline(tile, seen.proposals(number).numpy()[drawn], opacity[drawn])
        return (
            board.figure,
            f"{line} {top} The heaviest has {heaviest:.1%}, an even spread would be {_even(seen):.2%} each.",
        )

    return draw


def explore_selsa(scene: Scene, seen: Seen) -> Explorer:
    """Choose a box with the list, or click it in the key frame; choose the layer and the attention block."""
    blocks = seen.observation.selsa[0].weights.shape[0]
    explorer = explore(
        draw_selsa(scene, seen),
        box=choice("box", offered(scene, seen)),
        layer=choice("layer", [(str(i + 1), i) for i in range(len(seen.observation.selsa))]),
        block=choice("block", [("mean", None), *((str(i + 1), i) for i in range(blocks))]),
    )
    clicks(explorer, scene, seen)
    return explorer


def clicks(explorer: Explorer, scene: Scene, seen: Seen) -> Pointer:
    """A click in the key frame chooses the smallest box under the mouse."""
    positions = [position for _, position in offered(scene, seen)]

    def choose(axes: int, x: float, y: float) -> None:
        x1, y1, x2, y2 = seen.detections["boxes"][positions].unbind(1)
        inside = (x1 <= x) & (x <= x2) & (y1 <= y) & (y <= y2)
        if axes == 0 and inside.any():
            area = ((x2 - x1) * (y2 - y1)).masked_fill(~inside, float("inf"))
            explorer.set(box=positions[int(area.argmin())])

    return pointer(explorer.picture, lambda: explorer.figure, choose, say=explorer.tell)


def _draw_key(axes: Axes, scene: Scene, seen: Seen, box: int) -> None:
    show_frame(axes, seen.image, f"key frame {seen.key}: click a box")
    for name, position in reversed(offered(scene, seen)):
        chosen = position == box
        box_style = {"text": name.split(": ")[1], "width": 2.6} if chosen else {"dashed": True, "width": 1.2}
        draw_box(axes, seen.detections["boxes"][position].numpy(), ORANGE if chosen else INK, **box_style)


def _heaviest(weights: dict[int, NDArray[np.float64]]) -> tuple[float, str]:
    """The weight from which a proposal is drawn, and how much the drawn ones have together."""
    ordered = np.sort(np.concatenate(list(weights.values())))[::-1][:_DRAWN]
    return float(
        ordered[-1]
    ), f"Drawn are the {len(ordered)} heaviest proposals; together they have {ordered.sum():.0%}."


def _even(seen: Seen) -> float:
    return 1 / sum(len(boxes) for boxes in seen.observation.reference_boxes)


def _finding(scene: Scene, seen: Seen, box: int, weights: dict[int, NDArray[np.float64]]) -> tuple[str, str]:
    name = scene.class_names[int(seen.detections["labels"][box])]
    row = truth_under(seen.truth, seen.detections["boxes"][box])
    away = 1 - float(weights[seen.key].sum())
    line = f"{away:.0%} of the attention goes to other frames than the key."
    if row is None:
        return f"A {name} that fits no object: {away:.0%} of its attention goes to other frames", line
    true = scene.class_names[int(seen.truth.labels[row])]
    name += f" (in truth a {true})" if true != name else ""
    share, even = object_share(scene, seen, weights, int(seen.truth.track_ids[row]))
    return (
        f"{share:.0%} of this {name}'s attention falls on the same object; an even spread would give {even:.0%}",
        line,
    )
