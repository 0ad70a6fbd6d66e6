"""Troubles made to order: one clean frame, one trouble of the camera, one strength."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from clab_lite.data.video_index import VideoIndex
from clab_lite.data.world.degrade import defocus, low_light, noise
from clab_lite.errors import DataError
from clab_lite.lessons.troubles.gallery import light, outline, picture, sharpness, word
from clab_lite.show.style import BLUE, GREEN, INK, PALE, VERMILLION, heading, new_figure, quiet

CAMERA_TROUBLES = ("defocus", "low_light", "noise")
"""Those that happen in the camera: they need nothing but the finished picture."""


def spoil(pixels: NDArray[np.uint8], trouble: str, strength: float) -> NDArray[np.uint8]:
    """A frame (H, W, 3) with a trouble of the camera; strength 0 changes nothing. The sample world makes its own so.

    The strength is the radius of the blur in pixels for defocus, and free units for low light and noise.
    """
    if trouble not in CAMERA_TROUBLES:
        raise DataError(f"trouble {trouble!r} does not come from the camera. Use one of: {', '.join(CAMERA_TROUBLES)}.")
    if strength == 0:  # even a little low light has a tint
        return pixels
    image = pixels.astype(np.float32)
    if trouble == "defocus":
        image = defocus(image, strength)
    elif trouble == "low_light":
        image = low_light(image, strength)
    else:
        image = noise(image, strength, np.random.default_rng(0))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def camera(index: VideoIndex, video: int, frame: int) -> Callable[..., tuple[Figure, str]]:
    """A drawing function of (trouble, strength) for one clean frame: the picture, and light and detail in the box."""
    clean, box = picture(index, video, frame), index.annotation(video, frame).boxes[0]
    before = light(clean, box), sharpness(clean, box)

    def draw(trouble: str = "defocus", strength: float = 2.0) -> tuple[Figure, str]:
        spoiled = spoil(clean, trouble, strength)
        after = light(spoiled, box), sharpness(spoiled, box)
        shares = [now / then for now, then in zip(after, before, strict=True)]
        figure, axes = new_figure(8.6, 3.5, 1, 2, width_ratios=[2.1, 1])
        height, width = clean.shape[:2]
        axes[0].imshow(spoiled, extent=(0, width, height, 0), interpolation="nearest")
        outline(axes[0], box, GREEN)
        axes[0].set_axis_off()
        heading(axes[0], f"{word(trouble)}, strength {strength:.1f}")
        axes[1].bar(["light", "detail"], shares, color=[BLUE, VERMILLION], width=0.6)
        axes[1].axhline(1, color=INK, linewidth=1, linestyle="dashed")
        axes[1].set_ylim(0, max(2.0, max(shares) * 1.15))
        for place, share in enumerate(shares):
            axes[1].text(place, share + 0.03, f"×{share:.2f}", ha="center", fontsize=10, color=INK)
        quiet(axes[1], grid=False)
        axes[1].grid(axis="y", color=PALE, linewidth=0.6)
        axes[1].set_axisbelow(True)
        axes[1].tick_params(axis="x", labelsize=10, colors=INK)
        heading(axes[1], "inside the box, clean = 1")
        return figure, f"light ×{shares[0]:.2f}, detail ×{shares[1]:.2f} of the clean frame, inside the green box"

    return draw
