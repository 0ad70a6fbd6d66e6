"""Which contrast can be used at all, and which fits best: rules that follow from what each must be told."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from clab_lite.lessons.choosing.facts import FACTS, MethodName
from clab_lite.lessons.choosing.table import signed
from clab_lite.show.style import GREEN, GREY, INK, ORANGE, PALE, new_figure
from clab_lite.study.comparison import Comparison, effects

Labels = Literal["none", "boxes", "classes"]
Goal = Literal["detector", "similar classes", "unknown classes"]
Word = Literal["fits", "possible", "no"]

_ORDER: tuple[Labels, ...] = ("none", "boxes", "classes")
_MARKS: dict[Word, tuple[str, str]] = {"fits": ("fits", GREEN), "possible": ("possible", ORANGE),
                                       "no": ("not here", GREY)}  # fmt: skip


_BEFORE = "It is trained before the detector; beside one it was not measured."
_LONGER = "While longer training of the detector still helps, the time is better spent there."


@dataclass(frozen=True)
class Situation:
    """What a reader has and wants."""

    labels: Labels = "classes"
    """What is known of the videos that the contrast may look at."""
    videos: bool = True
    """Whether the data are videos; False: single pictures."""
    more_frames: bool = True
    """Whether there are many more frames without labels than with."""
    goal: Goal = "detector"
    extra_stage: bool = True
    """Whether a training before the detector's is acceptable."""
    longer_helps: bool = True
    """Whether more steps of the detector itself still make it better."""


@dataclass(frozen=True)
class Advice:
    """What is said of one method."""

    method: MethodName
    word: Word
    because: str


def advise(situation: Situation) -> list[Advice]:
    """One advice for each method, in the order of FACTS. The first rule that applies decides."""
    return [_branch(situation), _ranked(situation), _crosscl(situation), _codo(situation)]


def draw_decision(situation: Situation, comparison: Comparison | None = None) -> Figure:
    """The four methods as cards: whether each fits, why, and what it gave in the shipped runs."""
    found = {} if comparison is None else {effect.arm: effect for effect in effects(comparison)}
    figure, panels = new_figure(9.5, 3.0, 1, 4)
    for axes, advice in zip(panels, advise(situation), strict=True):
        mark, colour = _MARKS[advice.word]
        axes.set_axis_off()
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.add_patch(FancyBboxPatch((0.03, 0.03), 0.94, 0.94, boxstyle="round,pad=0.0,rounding_size=0.04",
                                      facecolor="white", edgecolor=colour if advice.word != "no" else PALE,
                                      linewidth=2.5))  # fmt: skip
        ink = INK if advice.word != "no" else GREY
        axes.text(0.1, 0.88, FACTS[advice.method].name, fontsize=12, fontweight="bold", color=ink, va="center")
        axes.text(0.1, 0.76, mark, fontsize=10, color=colour, fontweight="bold", va="center")
        axes.text(0.1, 0.66, textwrap.fill(advice.because, 27), fontsize=9, color=ink, va="top", linespacing=1.35)
        if advice.method in found:
            text = f"in our runs, AP50:\n{signed(found[advice.method].difference)}"
            axes.text(0.1, 0.09, text, fontsize=8.5, color=GREY, va="bottom", linespacing=1.35)
    return figure


def explore_decision(comparison: Comparison | None = None) -> Callable[..., tuple[Figure, str]]:
    """For `lessons.explore`: draw(labels, videos, more_frames, goal, extra_stage, longer_helps)."""

    def draw(
        labels: Labels, videos: bool, more_frames: bool, goal: Goal, extra_stage: bool, longer_helps: bool
    ) -> tuple[Figure, str]:
        situation = Situation(labels, videos, more_frames, goal, extra_stage, longer_helps)
        first = [FACTS[advice.method].name for advice in advise(situation) if advice.word == "fits"]
        words = (
            f"Fits what you have and want: {', '.join(first)}"
            if first
            else "Nothing fits well; the possible ones may still help"
        )
        figure = draw_decision(situation, comparison)
        figure.suptitle(words, x=0.01, ha="left", fontsize=11, color=INK, fontweight="bold")
        return figure, words

    return draw


def _branch(situation: Situation) -> Advice:
    if situation.labels != "classes":
        return Advice("branch", "no", "It works beside a detector's training, and that needs boxes and classes.")
    if not situation.videos:
        return Advice("branch", "no", "Two frames of one video attract. Single pictures have no second frame.")
    if situation.goal != "detector":
        return Advice("branch", "possible", "It tells videos apart, not classes: little of what you want is asked for.")
    return Advice("branch", "fits", "No extra stage, no extra data, nothing left of it in the finished detector.")


def _ranked(situation: Situation) -> Advice:
    if not situation.extra_stage:
        return Advice("ranked", "no", _BEFORE)
    if situation.labels != "classes":
        return Advice("ranked", "no", "Ranks are between classes: it must know the class of every object.")
    if situation.goal == "similar classes":
        return Advice("ranked", "fits", "The only one whose distances follow a list of which classes are alike.")
    if situation.goal == "unknown classes":
        return Advice("ranked", "possible", "Its distances reject what is far from all classes; a look-alike passes.")
    if situation.longer_helps:
        return Advice("ranked", "possible", _LONGER)
    if situation.more_frames:
        return Advice("ranked", "possible", "It learns from the labelled frames alone; the others stay unused.")
    return Advice("ranked", "fits", "All its labels are there already, and it uses boxes and classes.")


def _crosscl(situation: Situation) -> Advice:
    if not situation.extra_stage:
        return Advice("crosscl", "no", _BEFORE)
    if situation.goal != "detector":
        return Advice("crosscl", "no", "It compares places of one frame. No object is ever compared with another.")
    if situation.longer_helps and situation.labels == "classes":
        return Advice("crosscl", "possible", _LONGER)
    if situation.labels == "none" or situation.more_frames:
        return Advice("crosscl", "fits", "It needs no labels: every frame counts, also those nobody looked at.")
    return Advice("crosscl", "possible", "It works, but does not use the boxes that you have.")


def _codo(situation: Situation) -> Advice:
    if not situation.extra_stage:
        return Advice("codo", "no", _BEFORE)
    if _ORDER.index(situation.labels) < _ORDER.index("boxes"):
        return Advice("codo", "no", "It cuts objects out: it must know where they are (any boxes will do).")
    if situation.goal == "similar classes":
        return Advice("codo", "no", "Every object is a class of its own; alike objects repel each other.")
    if situation.goal == "unknown classes":
        return Advice("codo", "possible", "Objects lie apart whatever their class, but nothing says which are known.")
    if situation.longer_helps and situation.labels == "classes":
        return Advice("codo", "possible", _LONGER)
    return Advice("codo", "fits", "It trains the detector's own parts to ignore what stands behind an object.")
