"""How a view is made, and strips of them: the composite, its exact box, its jittered box."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from clab_lite.data.transforms import IMAGENET_MEAN, IMAGENET_STD
from clab_lite.detector.boxes import box_iou
from clab_lite.lessons.codo.desk import Desk
from clab_lite.methods.codo.backgrounds import Kind
from clab_lite.methods.codo.composites import make_view
from clab_lite.methods.codo.instances import cut, draw_window
from clab_lite.methods.codo.jitter import jitter_box
from clab_lite.methods.codo.paste import paste_view
from clab_lite.methods.shared.views import PhotoConfig
from clab_lite.show.frames import draw_pixels
from clab_lite.show.style import BLUE, GREY, INK, ORANGE, new_figure

PLAIN = PhotoConfig(jitter_probability=0.0, grey=0.0, blur=0.0)
"""No change of colours."""
COUNT = 6


@dataclass(frozen=True)
class View:
    """One composite."""

    pixels: Tensor
    """(3, S, S) uint8."""
    exact: Tensor
    """(4,) pixels."""
    jittered: Tensor

    @property
    def iou(self) -> float:
        """Of both boxes."""
        return float(box_iou(self.jittered[None], self.exact[None]))

    @property
    def background(self) -> float:
        """Share of the jittered box that lies outside the exact one."""
        low, high = torch.maximum(self.exact[:2], self.jittered[:2]), torch.minimum(self.exact[2:], self.jittered[2:])
        inside = (high - low).clamp(min=0).prod()
        return float(1 - inside / (self.jittered[2:] - self.jittered[:2]).prod())


def make_views(
    desk: Desk, thing: str, kind: Kind, jitter: float, draw: int, colours: bool, count: int = COUNT
) -> list[View]:
    """`count` views of an object, made by the library, `draw` seeding everything."""
    instance, rng = desk.thing(thing), random.Random(f"strip {draw}")
    composite = replace(desk.config.composite, jitter=jitter, photo=desk.config.composite.photo if colours else PLAIN)
    views = []
    for background in desk.backgrounds(kind, instance, count, rng):
        own = random.Random(rng.getrandbits(63))  # the same composites whatever the jitter is
        image, exact, wrong = make_view(
            desk.instances.crop(instance, own, composite.window), background, composite, own
        )
        views.append(View(pixels_of(image), exact, wrong))
    return views


def pixels_of(image: Tensor) -> Tensor:
    """A normalised image (3, S, S) as uint8."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (image * std + mean).round().clamp(0, 255).to(torch.uint8)


def draw_strip(
    desk: Desk, thing: str, kind: Kind, jitter: float, draw: int = 0, colours: bool = False
) -> tuple[Figure, str]:
    """Six views of one object; blue: the exact box, orange and dashed: the jittered one."""
    views = make_views(desk, thing, kind, jitter, draw, colours)
    figure, axes = new_figure(9.5, 1.95, 1, len(views))
    for panel, view in zip(axes, views, strict=True):
        draw_pixels(panel, view.pixels.permute(1, 2, 0).numpy())
        outline(panel, view.exact, BLUE)
        if jitter:
            outline(panel, view.jittered, ORANGE, dashed=True)
    iou, behind = (float(np.mean([getattr(view, name) for view in views])) for name in ("iou", "background"))
    title = f"A {words(thing)} and its exact boxes" if not jitter else (
        f"A {words(thing)}: {behind:.0%} of what the jittered boxes show is background")  # fmt: skip
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK, fontweight="bold")
    numbers = f"Box jitter {jitter:g}: mean IoU with the exact box {iou:.2f}, background in the box {behind:.0%}."
    return figure, numbers


def draw_steps(desk: Desk, thing: str, draw: int = 0) -> tuple[Figure, str]:
    """One view on its way: frame, window, background, composite, colours and flip, boxes."""
    instance, rng = desk.thing(thing), random.Random(f"steps {draw}")
    config, frame = desk.config.composite, desk.frame(instance)
    (background,) = desk.backgrounds("downstream", instance, 1, rng)
    start = rng.getstate()
    window = draw_window(instance.box, (frame.shape[1], frame.shape[2]), rng, config.window)
    crop = cut(frame, window)
    pasted, box = paste_view(crop, background.image, config.sides, rng)
    rng.setstate(start)
    image, exact, wrong = make_view(desk.instances.crop(instance, rng, config.window), background, config, rng)
    figure, axes = new_figure(9.5, 2.0, 1, 5, width_ratios=[1.5, 0.8, 1, 1, 1])
    shown = (frame, crop, background.image, pasted, pixels_of(image))
    flipped = bool(exact[0] != box[0])
    last = "5 colours changed" + (", flipped" if flipped else "")
    titles = ("1 frame, box, window", f"2 crop {crop.shape[2]} × {crop.shape[1]}", "3 another video", "4 pasted", last)
    for panel, pixels, title in zip(axes, shown, titles, strict=True):
        draw_pixels(panel, pixels.permute(1, 2, 0).numpy())
        panel.set_title(title, loc="left", fontsize=9, color=GREY, pad=4)
    outline(axes[0], torch.tensor(instance.box), BLUE)
    outline(axes[0], torch.tensor(window), INK, dashed=True)
    outline(axes[3], box, BLUE)
    outline(axes[4], exact, BLUE)
    outline(axes[4], wrong, ORANGE, dashed=True)
    iou = View(shown[4], exact, wrong).iou
    size = f"{int(box[2] - box[0])} × {int(box[3] - box[1])}"
    return (
        figure,
        f"The {words(thing)} ends up {size} pixels large; its jittered box has IoU {iou:.2f} with the exact one.",
    )


def jitter_curve(amplitudes: list[float], draws: int = 200, seed: int = 0) -> list[float]:
    """Mean share of background in a jittered box, for boxes of 48 x 32 pixels in a 96-pixel composite."""
    exact = torch.tensor([24.0, 32.0, 72.0, 64.0])
    shares = []
    for amplitude in amplitudes:
        rng = random.Random(seed)
        drawn = [jitter_box(exact, amplitude, 0.5, (96, 96), rng) for _ in range(draws)]
        shares.append(float(np.mean([View(torch.zeros(0), exact, wrong).background for wrong in drawn])))
    return shares


def outline(axes: Axes, box: Tensor, colour: str, *, dashed: bool = False) -> None:
    """A box (4,) on axes that show pixels: a white line below makes it visible on any ground."""
    x1, y1, x2, y2 = (float(side) for side in box)
    for width, edge in ((3.4, "white"), (1.8, colour)):
        style = (0, (4, 2)) if dashed and edge != "white" else "solid"
        axes.add_patch(
            Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=edge, linewidth=width, linestyle=style,
                      clip_on=False)
        )  # fmt: skip


def words(name: str) -> str:
    """A class name as it is read."""
    return name.replace("_", " ")
