"""The first step: a stored frame is resized, normalised and padded."""

from __future__ import annotations

from collections.abc import Callable

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from clab_lite.config import FrameConfig
from clab_lite.data.transforms import pad_to_multiple, prepare_frame, resize_keep_ratio
from clab_lite.lessons.pieces.walk import Walk
from clab_lite.show.style import BLUE, GREY, INK, VERMILLION, heading, new_figure, quiet


def frames_of_any_size(walk: Walk) -> Callable[..., tuple[Figure, str]]:
    """A drawing function of (width, height, limit): a stored frame of that size, and what the detector gets.

    limit: (long side, short side) that the frame is made to fit.
    """

    def draw(width: int, height: int, limit: tuple[int, int]) -> tuple[Figure, str]:
        stored, _ = _cut(walk.image, height, width)
        resized, scale = resize_keep_ratio(stored, *limit)
        padded = pad_to_multiple(resized)
        new_height, new_width = resized.shape[-2:]
        full_height, full_width = padded.shape[-2:]
        figure, axes = new_figure(6.8, 2.7, 1, 2)
        axes[0].imshow(stored.permute(1, 2, 0).numpy(), interpolation="nearest")
        heading(axes[0], f"stored: {width} × {height}")
        axes[1].imshow(padded.permute(1, 2, 0).numpy(), interpolation="nearest", extent=(0, full_width, full_height, 0))
        axes[1].add_patch(Rectangle((0, 0), new_width, new_height, fill=False, edgecolor=VERMILLION, linewidth=2))
        heading(axes[1], f"prepared: {full_width} × {full_height}")
        for panel in axes:
            panel.tick_params(colors=GREY, labelsize=9, length=3)
            panel.spines[:].set_visible(False)
        scales = f"scale {scale[0]:.3f} in x and {scale[1]:.3f} in y"
        text = f"resized to {new_width} × {new_height} (orange-red frame), {scales}; "
        cells = f"{full_height // 16} × {full_width // 16} cells"
        return figure, f"{text}padded to {cells} of 16 pixels"

    return draw


def _cut(image: torch.Tensor, height: int, width: int) -> tuple[torch.Tensor, tuple[float, float]]:
    """The frame stretched to (height, width): a stand-in for a stored frame of that size."""
    stretched = torch.nn.functional.interpolate(image[None].float(), (height, width), mode="bilinear")[0]
    return stretched.to(torch.uint8), (width / image.shape[2], height / image.shape[1])


def draw_normalised(walk: Walk) -> Figure:
    """Grey levels before, and numbers after normalisation, of the three colours."""
    config: FrameConfig = walk.config.frame
    prepared, _ = prepare_frame(walk.image, config)
    figure, axes = new_figure(7.6, 2.1, 1, 2)
    colours = (VERMILLION, "#009e73", BLUE)
    for values, panel, bins in ((walk.image, axes[0], 40), (prepared, axes[1], 40)):
        for channel, colour, name in zip(values, colours, ("red", "green", "blue"), strict=True):
            panel.hist(
                channel.flatten().float().numpy(), bins=bins, histtype="step", color=colour, linewidth=1.6, label=name
            )
        quiet(panel)
        panel.set_ylabel("pixels", fontsize=9, color=GREY)
    axes[0].legend(frameon=False, fontsize=9, labelcolor=INK)
    low, high = float(prepared.min()), float(prepared.max())
    heading(
        axes[0], f"stored: {int(walk.image.min())} to {int(walk.image.max())}, mean {walk.image.float().mean():.0f}"
    )
    heading(axes[1], f"normalised: {low:.1f} to {high:.1f}, mean {prepared.mean():.2f}")
    return figure
