"""What the network adds to a training on many GPUs: hours of an epoch between the best and the worst case."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clab_lite import presets
from clab_lite.lessons.own_data.plan_figures import GPUS, time_in_words
from clab_lite.scaling import Cost
from clab_lite.show.style import BLUE, GREY, INK, ORANGE, heading, new_figure, quiet


def draw_network(preset: str, step_seconds: float, gigabits: float, gpus: int) -> tuple[Figure, str]:
    """Hours of an epoch against the number of GPUs, and one line of numbers for `gpus` of them.

    Args:
        preset: of the detector, as `clab_lite.presets.named`.
        step_seconds: of one GPU alone, measured.
        gigabits: per second that a GPU can send.
        gpus: the number to tell about.
    """
    speed = gigabits * 1e9 / 8
    costs = {count: Cost.of(presets.named(preset), count) for count in GPUS}
    hours = {count: cost.epoch_hours(step_seconds, speed) for count, cost in costs.items()}
    figure, (axes,) = new_figure(7.5, 3.6)
    _band(axes, hours, costs[1].epoch_hours(step_seconds)[0])
    best, worst = hours[gpus]
    axes.plot([gpus, gpus], [best, worst], "o-", color=BLUE, linewidth=2.5, zorder=3)
    one, many = costs[gpus], "1 GPU" if gpus == 1 else f"{gpus} GPUs"
    times = dict.fromkeys((time_in_words(best), time_in_words(worst)))  # one GPU has only one
    heading(axes, f"An epoch on {many} takes {' to '.join(times)}")
    words = (
        f"{preset}, {one.key_frames:,} key frames, {many}: {one.steps_per_epoch:,} steps; each GPU sends "
        f"{one.sent / 1e6:.0f} MB a step, {one.sent / speed:.2f} s at {gigabits:g} Gbit/s; "
        f"an epoch takes {' to '.join(times)}"
    )
    return figure, words


def _band(axes: Axes, hours: dict[int, tuple[float, float]], alone: float) -> None:
    """Best and worst case, and the line of a network that costs nothing."""
    counts = list(hours)
    best, worst = zip(*hours.values(), strict=True)
    axes.fill_between(counts, best, worst, color=ORANGE, alpha=0.35, linewidth=0)
    free = [alone / count for count in counts]
    axes.plot(counts, free, "--", color=GREY, linewidth=1.2)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(counts, [str(count) for count in counts])
    ticks = [2.0**power for power in range(-7, 10, 2) if min(free) / 1.5 < 2.0**power < 1.5 * max(worst)]
    axes.set_yticks(ticks, [time_in_words(tick) for tick in ticks])
    axes.set_ylim(min(free) / 1.6, 1.6 * max(worst))
    axes.set_yticks([], minor=True)
    axes.set_xlim(0.8, 40)
    axes.set_xlabel("GPUs, each with 2 clips", fontsize=9, color=GREY)
    axes.text(0.03, 0.05, "dashed: the network costs nothing\norange: from all sending hidden to none",
              transform=axes.transAxes, color=INK, fontsize=9, va="bottom")  # fmt: skip
    quiet(axes)
