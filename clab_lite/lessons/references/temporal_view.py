"""Temporal RoI Align in pictures: choose a cell of a region, see its most similar cells in every frame, and weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from clab_lite.lessons.controls import choice, slider
from clab_lite.lessons.explorer import Explorer, explore
from clab_lite.lessons.mouse import Pointer, pointer
from clab_lite.lessons.references.observe import TemporalView
from clab_lite.lessons.references.pictures import Board, draw_box, frame_bars, show_frame
from clab_lite.lessons.references.scene import Scene, Seen
from clab_lite.show.style import GREEN, INK, ORANGE, SKY

Box = tuple[float, float, float, float]


def frame_weights(seen: Seen, view: TemporalView, row: int, column: int, block: int | None) -> NDArray[np.float64]:
    """Weight of the region itself, then of every distinct frame (copies added up), at one cell; they sum to 1.

    Args:
        seen: the key frame.
        view: of one region.
        row, column: the cell of the region.
        block: of the attention, from 0; None is the mean.
    """
    weights = view.weights[:, :, 0, row, column]
    line = (weights.mean(dim=1) if block is None else weights[:, block]).double().numpy()
    copies = np.array(seen.frames)
    return np.array([line[0], *(line[1:][copies == number].sum() for number in seen.distinct())])


def similar_cells(scene: Scene, seen: Seen, view: TemporalView, number: int, row: int, column: int) -> list[Box]:
    """The boxes, in pixels of the stored frame, of the map cells that one frame gives to a cell of the region."""
    _, width = view.map_size
    stride = scene.stride
    sx, sy = (stride / factor for factor in seen.scale)
    boxes = []
    for cell in view.index[seen.frames.index(number), 0, row, column].tolist():
        y, x = divmod(cell, width)
        boxes.append((x * sx, y * sy, (x + 1) * sx, (y + 1) * sy))
    return boxes


def draw_temporal(scene: Scene, seen: Seen, region: int) -> Callable[..., tuple[Figure, str]]:
    """The drawing function of the explorer: draw(row=2, column=2, block=None) -> (figure, line of numbers)."""
    view = seen.observation.temporal(region)
    x1, y1, x2, y2 = seen.regions[region].tolist()
    size = view.weights.shape[-1]

    def draw(row: int = 2, column: int = 2, block: int | None = None) -> tuple[Figure, str]:
        numbers = seen.distinct()
        cells = [similar_cells(scene, seen, view, number, row, column) for number in numbers]
        inside = sum(_inside(boxes, scene, seen, n, region) for boxes, n in zip(cells, numbers, strict=True))
        weights = frame_weights(seen, view, row, column, block)
        names = [f"frame {number}: {_cosines(seen, view, number, row, column)}" for number in numbers]
        text = _finding(view, (row, column), block, inside, len(numbers) * view.index.shape[-1])
        board = Board(text, [scene.picture(seen, number) for number in numbers], names)
        show_frame(board.key, seen.image, f"key frame {seen.key}: a region and its {size} x {size} cells")
        _draw_cells(board.key, (x1, y1, x2, y2), size, row, column)
        title = "temporal attention of this cell, per frame (black: an even spread)"
        frame_bars(board.bars, seen, weights.tolist(), title, first="itself")
        for tile, boxes in enumerate(cells):
            board.outline(tile, np.array(boxes), np.full(len(boxes), 0.99), SKY)
        return board.figure, _numbers(view, row, column, len(seen.frames))

    return draw


def explore_temporal(scene: Scene, seen: Seen, region: int) -> Explorer:
    """Choose a cell with the sliders, or click it in the key frame; choose the attention block."""
    view = seen.observation.temporal(region)
    size, blocks = view.weights.shape[-1], view.weights.shape[1]
    explorer = explore(
        draw_temporal(scene, seen, region),
        row=slider("row of the cell", 0, size - 1, size // 2, 1),
        column=slider("column of the cell", 0, size - 1, size // 2, 1),
        block=choice("block", [("mean", None), *((str(i + 1), i) for i in range(blocks))]),
    )
    clicks(explorer, seen, region, size)
    return explorer


def clicks(explorer: Explorer, seen: Seen, region: int, size: int) -> Pointer:
    """A click on the region in the key frame chooses the cell under the mouse."""
    x1, y1, x2, y2 = seen.regions[region].tolist()

    def choose(axes: int, x: float, y: float) -> None:
        column, row = int(size * (x - x1) // (x2 - x1)), int(size * (y - y1) // (y2 - y1))
        if axes == 0 and 0 <= column < size and 0 <= row < size:
            explorer.set(row=row, column=column)

    return pointer(explorer.picture, lambda: explorer.figure, choose, say=explorer.tell)


def _draw_cells(axes: Axes, box: Box, size: int, row: int, column: int) -> None:
    x1, y1, x2, y2 = box
    wide, high = (x2 - x1) / size, (y2 - y1) / size
    for i in range(1, size):
        axes.plot([x1 + i * wide] * 2, [y1, y2], color="white", linewidth=0.7, alpha=0.8)
        axes.plot([x1, x2], [y1 + i * high] * 2, color="white", linewidth=0.7, alpha=0.8)
    draw_box(axes, box, GREEN)
    corner = (x1 + column * wide, y1 + row * high)
    axes.add_patch(Rectangle(corner, wide, high, facecolor=ORANGE, alpha=0.75, edgecolor=INK, linewidth=1.2))


def _cosines(seen: Seen, view: TemporalView, number: int, row: int, column: int) -> str:
    values = view.cosine[seen.frames.index(number), 0, row, column].tolist()
    return ", ".join(f"{value:.2f}" for value in values)


def _inside(boxes: list[Box], scene: Scene, seen: Seen, number: int, region: int) -> int:
    """How many cells have their middle inside the object that the region lies on; none where there is no object."""
    track = scene.track_of(seen, region)
    box = None if track is None else scene.object_boxes(track)[number]
    if box is None:
        return 0
    middles = [((x1 + x2) / 2, (y1 + y2) / 2) for x1, y1, x2, y2 in boxes]
    return sum(bool(box[0] <= x <= box[2] and box[1] <= y <= box[3]) for x, y in middles)


def _finding(view: TemporalView, cell: tuple[int, int], block: int | None, inside: int, total: int) -> str:
    """Weights are compared per copy: a frame that the rule names twice is no better heard for that."""
    weights = view.weights[:, :, 0, cell[0], cell[1]]
    single = weights.mean(dim=1) if block is None else weights[:, block]
    low, high = float(single.min()), float(single.max())
    near = "are nearly even" if high < 1.5 * low else "differ"
    return f"{inside} of {total} similar cells lie in the object's box; weights {near} ({low:.1%} to {high:.1%})"


def _numbers(view: TemporalView, row: int, column: int, references: int) -> str:
    single = view.weights[:, :, 0, row, column].mean(dim=1)
    cosine = view.cosine[:, 0, row, column]
    return (
        f"Weights of single frames: {float(single.min()):.1%} to {float(single.max()):.1%}; an even spread over the "
        f"region and {references} references is {1 / (references + 1):.1%}. Cosines: {float(cosine.min()):.2f} to "
        f"{float(cosine.max()):.2f}."
    )
