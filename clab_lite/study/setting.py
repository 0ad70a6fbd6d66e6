"""What one run of a study varies; everything else is the `lesson` preset."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from clab_lite import presets
from clab_lite.config import Config, WeightScheduleConfig
from clab_lite.ranges import checked
from clab_lite.schedule import Schedule, contrast_schedule

Shape = Literal["linear", "cosine", "step", "constant"]


@dataclass(frozen=True)
@checked(
    start=(0, 1000), until=(1e-6, 1), temperature=(0.001, 1000), clips=(1, 1024), train_videos=(1, 1_000_000),
    iterations=(1, 1_000_000), seed=(0, 2**63 - 1),
)  # fmt: skip
class Setting:
    """One run. A start weight of zero is the baseline: the branch is built and measured, and pulls at nothing."""

    start: float = 0.005
    """Weight of the contrast at the first step."""
    shape: Shape = "linear"
    """How it falls; constant never does."""
    until: float = 0.5
    """Progress at which it reaches zero."""
    temperature: float = 0.1
    """Of NT-Xent."""
    level: Literal["frame", "object"] = "frame"
    """What is contrasted: pooled frames (official), or objects."""
    clips: int = 4
    """Clips per batch: the others' frames are the negatives."""
    train_videos: int = 128
    """The first so many training videos."""
    iterations: int = 400
    seed: int = 0

    @property
    def name(self) -> str:
        """Short and unique among settings, fit for a folder's name: object-linear-0.05-until0.5-t0.1-c4-v32-i200-s0."""
        weight = f"{self.shape}-{self.start:g}-until{self.until:g}" if self.start else "baseline"
        contrast = f"{self.level}-{weight}-t{self.temperature:g}"
        return f"{contrast}-c{self.clips}-v{self.train_videos}-i{self.iterations}-s{self.seed}"

    @property
    def arm(self) -> Setting:
        """The setting without its seed (seed 0): runs of one arm differ by the seed only."""
        return replace(self, seed=0)

    def baseline(self) -> Setting:
        """The run to compare with: the same seed, data and steps, without the contrast's pull."""
        return replace(Setting(seed=self.seed, clips=self.clips, iterations=self.iterations), start=0.0,
                       train_videos=self.train_videos)  # fmt: skip

    def schedule(self) -> Schedule:
        """Weight of the contrast as a function of progress."""
        return contrast_schedule(self.config().train.contrast, self.iterations)

    def config(self) -> Config:
        """The whole configuration. One thread and float32: the same numbers on every machine of a kind."""
        base = presets.lesson()
        contrast = replace(base.detector.contrast, temperature=self.temperature, level=self.level)
        weight = WeightScheduleConfig(shape=self.shape, start=self.start, until=self.until)
        train = replace(
            base.train, clips_per_rank=self.clips, iterations=self.iterations, seed=self.seed, contrast=weight,
            threads=1, precision="float32",
        )  # fmt: skip
        return replace(base, name=self.name, detector=replace(base.detector, contrast=contrast), train=train)
