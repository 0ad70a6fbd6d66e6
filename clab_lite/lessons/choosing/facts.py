"""What the four contrasts are, in words: one entry for each, the same questions for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clab_lite.study.comparison import ARMS
from clab_lite.study.comparison.arms import ArmName

MethodName = Literal["branch", "ranked", "crosscl", "codo"]

NAMES: dict[ArmName, str] = {
    "scratch": "from scratch",
    "short": "from scratch, fewer steps",
    "branch": "CLAB's branch",
    "ranked": "ranked contrast first",
    "crosscl": "CrossCL first",
    "codo": "CoDo-style first",
}
"""What figures and tables call the arms of the comparison."""
assert tuple(NAMES) == ARMS


@dataclass(frozen=True)
class Facts:
    """One method."""

    name: str
    lesson: str
    """That shows it."""
    positive: str
    """What a pair that attracts is."""
    negative: str
    """What repels."""
    feature: str
    """Which feature is contrasted."""
    when: str
    """In training."""
    labels: Literal["none", "boxes", "classes"]
    """What the contrast itself must be told: nothing, where objects are, or also what they are."""
    told: str
    """The same in words."""


FACTS: dict[MethodName, Facts] = {
    "branch": Facts(
        "CLAB's branch", "05",
        "two frames of one video", "frames of the other videos of the batch",
        "C4, averaged over the whole frame", "beside the detector's losses, with a weight that fades to zero",
        "none", "nothing: it takes the clips that the detector is trained on anyway",
    ),
    "ranked": Facts(
        "ranked contrast", "11",
        "two views of an object; objects of its class; with less force, objects of similar classes",
        "everything of a lower rank, from a bank of earlier objects",
        "C5 of a cut-out object, averaged", "before the detector",
        "classes", "boxes, classes, and a list of which classes are alike",
    ),
    "crosscl": Facts(
        "CrossCL", "12",
        "one place of a frame in two crops, also between two levels of the pyramid",
        "other places in all frames of the batch; for whole crops a queue of earlier ones",
        "pyramid levels P3 and P4, averaged over windows; C5 for whole crops", "before the detector",
        "none", "nothing",
    ),
    "codo": Facts(
        "CoDo-style", "13",
        "one object pasted on two backgrounds, read through boxes that are a little wrong",
        "the other objects of the batch",
        "RoIAlign on P3 and P4, then a head like the detector's", "before the detector",
        "boxes", "boxes (no classes), and frames of the detector's videos as backgrounds",
    ),
}  # fmt: skip
