"""Trouble the key frame with sliders, and watch the detection and the weights move."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clab_lite.lessons.controls import slider, stops
from clab_lite.lessons.explorer import Explorer, explore
from clab_lite.lessons.references.damage import damage
from clab_lite.lessons.references.pictures import WIDTH, draw_box, fixed_figure, frame_bars, place, show_frame
from clab_lite.lessons.references.scene import Scene, Seen
from clab_lite.lessons.references.selsa_view import proposal_weights
from clab_lite.show.frames import judge
from clab_lite.show.style import BLUE, GREEN, INK, VERMILLION

_SHOWN = 0.3
"""Detections below this score are not drawn."""


def explore_counts(scene: Scene, frame: int, item: int = 0, counts: Sequence[int] = (0, 1, 2, 4, 8, 14)) -> Explorer:
    """One frame, alone and with more and more references."""
    return explore(
        draw_counts(scene, item),
        frame=slider("key frame", 0, len(scene) - 1, frame, 1),
        references=stops("references", list(counts), counts[-1]),
    )


def draw_counts(scene: Scene, item: int = 0) -> Callable[..., tuple[Figure, str]]:
    """draw(frame, references) -> the detections without and with references, and both scores of object `item`."""

    def draw(frame: int, references: int) -> tuple[Figure, str]:
        alone, joined = scene.pair(frame, references)
        troubles = ", ".join(scene.troubles[frame]).replace("_", " ") or "nothing"
        figure, _ = _beside(scene, {"alone": alone, f"with {references} references": joined}, item, 0.1)
        used = ", ".join(map(str, joined.frames[:-1])) or "none"
        return figure, f"Trouble in this frame: {troubles}. Reference frames: {used}; and the key frame itself."

    return draw


def explore_trouble(scene: Scene, frame: int, item: int = 0) -> Explorer:
    """Sliders for blur, cover and darkness of one key frame."""
    return explore(
        draw_trouble(scene, frame, item),
        blur=slider("motion blur", 0.0, 1.0, 0.8, 0.05),
        cover=slider("cover", 0.0, 1.0, 0.0, 0.05),
        dark=slider("darkness", 0.0, 1.0, 0.0, 0.05),
    )


def draw_trouble(scene: Scene, frame: int, item: int = 0) -> Callable[..., tuple[Figure, str]]:
    """draw(blur, cover, dark) -> detections of the troubled key frame, and the weights before (dotted) and now."""
    box = scene.truth[frame].boxes[item]
    before = scene.look(frame)
    selsa_before, temporal_before = attention(before, before.region_of(item))

    def draw(blur: float = 0.0, cover: float = 0.0, dark: float = 0.0) -> tuple[Figure, str]:
        image = damage(scene.images[frame], box, blur, cover, dark)
        alone, joined = scene.pair(frame, image=image)
        selsa, temporal = attention(joined, joined.region_of(item))
        views = {"before the trouble": before, "alone": alone, f"with {len(joined.frames) - 1} references": joined}
        figure, height = _beside(scene, views, item, 2.35)
        left = place(figure, height, 0.55, height - 1.95, 3.95, 1.3)
        frame_bars(left, joined, selsa, "SELSA, layer 1: attention per frame", before=selsa_before)
        right = place(figure, height, 5.3, height - 1.95, 4.1, 1.3)
        title = "Temporal RoI Align: weight per frame"
        frame_bars(right, joined, temporal, title, first="itself", before=temporal_before)
        key = joined.distinct().index(frame)
        return figure, (
            f"Dotted: before the trouble. SELSA's attention to the key frame: {selsa[key]:.0%} (before: "
            f"{selsa_before[key]:.0%}). Temporal weight of the region itself and the key frame's map: "
            f"{temporal[0] + temporal[1 + key]:.0%} (before: {temporal_before[0] + temporal_before[1 + key]:.0%})."
        )

    return draw


def attention(seen: Seen, region: int) -> tuple[list[float], list[float]]:
    """Weights of one region per distinct frame: SELSA's (layer 1, mean over blocks) and the temporal ones, the region
    itself in front (mean over blocks and cells).
    """
    weights = proposal_weights(seen, region, 0, None)
    view = seen.observation.temporal(region)
    line = view.weights.mean(dim=(1, 2, 3, 4)).double().numpy()
    copies = np.array(seen.frames)
    temporal = [float(line[0]), *(float(line[1:][copies == number].sum()) for number in weights)]
    return [float(part.sum()) for part in weights.values()], temporal


def _beside(scene: Scene, views: dict[str, Seen], item: int, below: float) -> tuple[Figure, float]:
    """Key frames side by side with their detections; the title says how each one finds object `item`.

    Returns:
        The figure, with `below` inches left free, and its height in inches.
    """
    first = next(iter(views.values()))
    high, wide = first.image.shape[1:]
    known = item < len(first.truth.labels)
    name = scene.class_names[int(first.truth.labels[item])] if known else "object"
    scores = [f"{_said(seen.score(item) if known else 0.0)} {caption}" for caption, seen in views.items()]
    across = min((WIDTH - 0.1 - 0.1 * len(views)) / len(views), 7.8 / len(views))
    figure, height = fixed_figure(0.75 + across * high / wide + below, f"The {name}: {', '.join(scores)}")
    for i, (caption, seen) in enumerate(views.items()):
        axes = place(figure, height, 0.1 + (across + 0.1) * i, 0.65, across, across * high / wide)
        show_frame(axes, seen.image, caption)
        _draw_found(axes, scene, seen)
    return figure, height


def _said(score: float) -> str:
    return f"score {score:.2f}" if score else "missed"


def _draw_found(axes: Axes, scene: Scene, seen: Seen) -> None:
    for box in seen.truth.boxes:
        draw_box(axes, box, GREEN, dashed=True, width=1.6)
    found = {name: values.numpy() for name, values in seen.detections.items()}
    found = {name: values[found["scores"] >= _SHOWN] for name, values in found.items()}
    right, _ = judge(found, seen.truth)
    for i in reversed(range(len(right))):
        text = f"{scene.class_names[int(found['labels'][i])]} {found['scores'][i]:.2f}"
        draw_box(axes, found["boxes"][i], BLUE if right[i] else VERMILLION, text=text, dashed=not right[i])
    if not len(right):
        axes.text(0.5, 0.03, f"nothing with a score of {_SHOWN} or more", transform=axes.transAxes, ha="center",
                  fontsize=10, color="white", bbox={"facecolor": INK, "edgecolor": "none", "pad": 3})  # fmt: skip
