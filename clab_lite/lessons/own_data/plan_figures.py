"""The planner as a picture: who is whose negative in a batch, and hours against the number of GPUs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from clab_lite.lessons.own_data.plan import Plan, checkpoint_megabytes
from clab_lite.show.style import BLUE, GREEN, GREY, INK, ORANGE, PALE, heading, new_figure, quiet

GPUS = (1, 2, 4, 8, 16, 32)
_TIMES = {
    1 / 60: "1 min",
    1 / 6: "10 min",
    1: "1 h",
    6: "6 h",
    24: "1 day",
    96: "4 days",
    720: "30 days",
    8760: "1 year",
}
"""Hours -> what stands at the axis."""


def draw_plan(plan: Plan) -> Figure:
    """Left: the frames of one batch. Right: hours for 1 to 32 GPUs at the same speed per step."""
    figure, (left, right) = new_figure(9.5, 3.8, 1, 2, width_ratios=(5, 4))
    batch_axes(left, plan)
    hours_axes(right, plan)
    return figure


def batch_axes(axes: Axes, plan: Plan) -> None:
    """One frame (blue), its positives (green), its negatives (orange); each frame of GPUs is a box."""
    length = 1 + plan.references
    columns = min(plan.gpus, 4 if plan.gpus <= 8 else 8)
    wide = length + 0.8
    for gpu in range(plan.gpus):
        x0, y0 = (gpu % columns) * wide, (gpu // columns) * (plan.clips_per_gpu + 1.2)
        outline = Rectangle((x0 - 0.25, y0 - 0.25), length + 0.4, plan.clips_per_gpu + 0.4, fill=False, edgecolor=GREY)
        axes.add_patch(outline)
        for clip in range(plan.clips_per_gpu):
            for frame in range(length):
                own = gpu == 0 and clip == 0
                colour = BLUE if own and frame == 0 else GREEN if own else ORANGE
                axes.add_patch(Rectangle((x0 + frame, y0 + clip), 0.85, 0.85, color=colour, linewidth=0))
    rows = -(-plan.gpus // columns)
    axes.set(xlim=(-0.5, columns * wide), ylim=(rows * (plan.clips_per_gpu + 1.2), -0.6), aspect="equal")
    axes.set_axis_off()
    many = "GPU" if plan.gpus == 1 else "GPUs"
    heading(
        axes,
        f"{plan.gpus} {many}, {plan.clips} clips: a frame has {plan.references} positives, {plan.negatives} negatives",
    )
    words = ((BLUE, "one frame"), (GREEN, "its positives"), (ORANGE, "its negatives"))
    handles = [Patch(color=colour, label=text) for colour, text in words]
    handles.append(Patch(fill=False, edgecolor=GREY, label="a GPU"))
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 0), ncols=4, frameon=False, fontsize=9)


def hours_axes(axes: Axes, plan: Plan) -> None:
    """Hours of the whole run when each step takes the same time on any number of GPUs."""
    hours = [replace(plan, gpus=gpus).hours for gpus in GPUS]
    axes.plot(GPUS, hours, "o-", color=PALE, markerfacecolor=GREY, markeredgewidth=0, linewidth=1.5)
    axes.scatter([plan.gpus], [plan.hours], s=70, color=BLUE, zorder=3)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_ylim(min(hours) / 1.6, max(hours) * 1.6)
    inside = [(time, words) for time, words in _TIMES.items() if min(hours) / 1.6 < time < max(hours) * 1.6]
    axes.set_yticks([time for time, _ in inside], [words for _, words in inside])
    axes.set_yticks([], minor=True)
    axes.set_xticks(GPUS, [str(gpus) for gpus in GPUS])
    axes.annotate(
        time_in_words(plan.hours), (plan.gpus, plan.hours), xytext=(8, 8), textcoords="offset points", color=INK
    )
    axes.set_xlabel("GPUs, each with as many clips", fontsize=9, color=GREY)
    axes.set_xlim(0.8, 55)
    quiet(axes)
    heading(axes, f"{plan.steps:,} steps take {time_in_words(plan.hours)}")


def time_in_words(hours: float) -> str:
    """Such as "3 min", "13.5 h", "4.2 days"."""
    if hours < 1.5:
        return f"{60 * hours:.0f} min" if hours * 60 >= 1 else f"{3600 * hours:.0f} s"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"


def explore_plan(datasets: Mapping[str, int], preset: str = "paper-r50") -> Callable[..., tuple[Figure, str]]:
    """For `lessons.explore`: draw(dataset=, gpus=, clips_per_gpu=, epochs=, steps_per_second=).

    datasets: name -> key frames, as `DATASETS`. preset: whose files are measured.
    """
    whole, alone = checkpoint_megabytes(preset)

    def draw(dataset: str, gpus: int, clips_per_gpu: int, epochs: int, steps_per_second: float) -> tuple[Figure, str]:
        plan = Plan(datasets[dataset], gpus, clips_per_gpu, epochs=epochs, steps_per_second=steps_per_second)
        words = (
            f"{plan.key_frames:,} key frames x {epochs} epochs / {plan.clips} clips = {plan.steps:,} steps; "
            f"{plan.frames_per_second:.0f} frames a second from the disk; "
            f"{plan.negatives} negatives, chance level ln {1 + plan.negatives} = {plan.chance:.2f}; "
            f"learning rate by the linear rule {plan.scaled_rate:.4g}; "
            f"{preset}: checkpoint about {whole:.0f} MB, weights alone {alone:.0f} MB"
        )
        return draw_plan(plan), words

    return draw
