"""Which frames are references: the three rules on a time line."""

from __future__ import annotations

from collections import Counter

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clab_lite.data.references import adaptive_references, past_references, sliding_references
from clab_lite.lessons.controls import slider
from clab_lite.lessons.explorer import Explorer, explore
from clab_lite.lessons.references.pictures import SMALL, fixed_figure, place
from clab_lite.show.style import BLUE, GREEN, INK, ORANGE, PALE, PURPLE, quiet

_COLOURS = {"adaptive": BLUE, "sliding": GREEN, "past": PURPLE}


def chosen(frames: int, key: int, count: int) -> dict[str, list[int]]:
    """The reference frames of one key frame by each rule, in a video of `frames` frames."""
    return {
        "adaptive": adaptive_references(frames, count),
        "sliding": sliding_references(key, frames, count),
        "past": past_references(key, count),
    }


def draw_timeline(frames: int = 30, key: int = 12, count: int = 6) -> tuple[Figure, str]:
    """Frames 0 to frames - 1 on a line per rule; a frame used several times stands as high as its copies."""
    key = min(key, frames - 1)
    rules = chosen(frames, key, count)
    reach = {name: max(abs(number - key) for number in numbers) for name, numbers in rules.items()}
    text = ", ".join(f"{name} {distance}" for name, distance in reach.items())
    figure, height = fixed_figure(4.1, f"How many frames away from the key the evidence lies, at most: {text}")
    for i, (name, numbers) in enumerate(rules.items()):
        axes = place(figure, height, 0.9, 0.6 + 1.1 * i, 6.6, 0.62)
        copies = Counter(numbers)
        axes.bar(range(frames), 0.12, 0.8, color=PALE)
        axes.bar(list(copies), list(copies.values()), 0.8, color=_COLOURS[name])
        axes.plot(key, 1.2 * max(copies.values()), "v", color=ORANGE, markersize=9, clip_on=False)
        axes.set(xlim=(-0.7, frames - 0.3), ylim=(0, max(copies.values()) * 1.05))
        axes.set_yticks([max(copies.values())], [f"×{max(copies.values())}"])
        quiet(axes, grid=False)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.text(-0.085, 1.15, name, transform=axes.transAxes, fontsize=10, color=_COLOURS[name], fontweight="bold")
        later = max([number - key for number in numbers if number > key], default=0)
        note = f"{len(copies)} different frames\nwaits for {later} later frames" if later else (
            f"{len(copies)} different frames\nwaits for none: works live")  # fmt: skip
        axes.text(1.02, 0.5, note, transform=axes.transAxes, fontsize=SMALL, color=INK, va="center")
    line = "; ".join(f"{name}: {', '.join(map(str, numbers))}" for name, numbers in rules.items())
    return figure, f"Key frame {key} (amber). {line}."


def explore_timeline() -> Explorer:
    """Sliders for the length of the video, the key frame and the number of references."""
    return explore(
        draw_timeline,
        frames=slider("frames of the video", 5, 60, 30, 1),
        key=slider("key frame", 0, 59, 12, 1),
        count=slider("references", 1, 14, 6, 1),
    )
