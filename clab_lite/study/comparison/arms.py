"""What is compared: six ways to spend the same computing time on a detector with few labelled videos.

Every run may use the boxes and classes of the first LABELLED training videos, and look at the frames of all of them.

    scratch  the detector alone, for as long as pre-training and detector take together
    short    the detector alone, for as many steps as after a pre-training (costs less: what the time itself gives)
    branch   scratch with CLAB's auxiliary branch, its weight as in the paper
    ranked   pre-training on labelled crops (boxes and classes of the labelled videos), then the detector
    crosscl  pre-training on the frames of all videos (no labels), then the detector
    codo     pre-training on labelled objects (boxes, no classes) pasted on frames of all videos, then the detector

Steps were chosen before any run was judged, from the cost of a step of each kind alone: a pre-training takes about as
long as the steps by which `scratch` is longer than `short`. The records hold the processor time of every run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from clab_lite.config import Config
from clab_lite.pretraining.loop import MethodSettings
from clab_lite.pretraining.methods import preset_of
from clab_lite.ranges import checked
from clab_lite.study.setting import Setting

ArmName = Literal["scratch", "short", "branch", "ranked", "crosscl", "codo"]

LABELLED = 32
SEEDS = range(3)
LONG, SHORT = 280, 180
"""Steps of the detector without and after a pre-training."""
PRETRAIN_STEPS = {"ranked": 200, "crosscl": 165, "codo": 135}
"""Measured on one core: 0.148, 0.184 and 0.226 s of processor time a step, beside 0.283 s of the detector."""
ARMS: tuple[ArmName, ...] = ("scratch", "short", "branch", "ranked", "crosscl", "codo")
BASELINE: ArmName = "scratch"


@dataclass(frozen=True)
@checked(pretrain_steps=(0, 1_000_000), steps=(1, 1_000_000), labelled=(1, 1_000_000), seed=(0, 2**63 - 1))
class Arm:
    """One run."""

    name: ArmName
    pretrain_steps: int
    """0: no pre-training."""
    steps: int
    """Of the detector."""
    labelled: int = LABELLED
    """The first so many training videos have labels."""
    seed: int = 0
    """Of the pre-training and of the detector. Detectors of one seed draw the same weights and the same clips."""

    @property
    def folder(self) -> str:
        """Short and unique: codo-p200-d240-v32-s0."""
        return f"{self.name}-p{self.pretrain_steps}-d{self.steps}-v{self.labelled}-s{self.seed}"

    def detector_config(self) -> Config:
        """The `lesson` preset; the branch is built in the arm `branch` only.

        It is the last part that a detector draws weights for: all others are the same in every arm of a seed.
        """
        config = Setting(train_videos=self.labelled, iterations=self.steps, seed=self.seed).config()
        contrast = replace(config.detector.contrast, enabled=self.name == "branch")
        return replace(config, detector=replace(config.detector, contrast=contrast))

    def method_config(self) -> MethodSettings | None:
        """The lite preset of the method with other steps; None where nothing is pre-trained.

        Ranked contrast withholds no class, and reads crops of 64 pixels through the detector's own stem: the small stem
        of its preset would leave the detector's first convolution without weights.
        """
        if not self.pretrain_steps:
            return None
        config = preset_of(self.name, "lite")
        recipe = replace(config.pretrain, steps=self.pretrain_steps, seed=self.seed)
        changed: MethodSettings = replace(config, pretrain=recipe)  # type: ignore[type-var]
        if self.name == "ranked":
            changed = replace(changed, withheld=None, stem="detector", crop=64)  # type: ignore[type-var, call-arg]
        return changed


def arm(name: ArmName, seed: int = 0) -> Arm:
    """The arm of that name as it was run."""
    steps = LONG if name in ("scratch", "branch") else SHORT
    return Arm(name, PRETRAIN_STEPS.get(name, 0), steps, seed=seed)


def plan() -> list[Arm]:
    """All runs, seed by seed: whoever stops early has whole pairs."""
    return [arm(name, seed) for seed in SEEDS for name in ARMS]
