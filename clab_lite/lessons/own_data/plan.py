"""Arithmetic of a training on one GPU or several: steps, hours, negatives, chance level, learning rate, file sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from clab_lite import presets
from clab_lite.errors import DataError
from clab_lite.scaling import NUMBER, VID_KEY_FRAMES, detector_weights
from clab_lite.schedule import count_iterations

RECIPE_CLIPS = 16
"""Clips of a batch in the official recipe: 8 GPUs with 2 each."""
DATASETS = {
    "ImageNet VID + DET": VID_KEY_FRAMES,
    "ImageNet VID": 57_834,
}
"""Key frames: the rows of the published lists, 57,834 of videos and 53,639 of still images."""


@dataclass(frozen=True)
class Plan:
    """A training, thought through before it is started. All is arithmetic but `steps_per_second`, which is measured."""

    key_frames: int
    """Frames to train on; each is the key frame of one clip per epoch."""
    gpus: int = 8
    clips_per_gpu: int = 2
    references: int = 2
    """Reference frames of a clip in training (T)."""
    epochs: float = 7.0
    steps_per_second: float = 1.0
    """Of all GPUs, which step together."""
    learning_rate: float = 0.01
    """Of the recipe, for 16 clips."""

    def __post_init__(self) -> None:
        for name in ("key_frames", "gpus", "clips_per_gpu", "references", "epochs", "steps_per_second"):
            if getattr(self, name) <= 0:
                raise DataError(f"{name} is {getattr(self, name)}. Give a number above zero.")

    @property
    def clips(self) -> int:
        """In a batch, over all GPUs."""
        return self.gpus * self.clips_per_gpu

    @property
    def steps(self) -> int:
        """Of the whole run, as the training loop counts them."""
        train = replace(presets.paper().train, clips_per_rank=self.clips_per_gpu, epochs=self.epochs, iterations=None)
        return count_iterations(train, self.key_frames, self.gpus)

    @property
    def hours(self) -> float:
        """At the given speed, without pauses."""
        return self.steps / self.steps_per_second / 3600

    @property
    def negatives(self) -> int:
        """Of one frame in the contrast: all frames of all other clips, on whichever GPU they are."""
        return (self.clips - 1) * (1 + self.references)

    @property
    def chance(self) -> float:
        """The contrastive loss of embeddings that tell nothing: ln(1 + negatives)."""
        return math.log(1 + self.negatives)

    @property
    def scaled_rate(self) -> float:
        """The recipe's learning rate times clips / 16: a rule of thumb (Goyal and others 2017, arXiv 1706.02677)."""
        return self.learning_rate * self.clips / RECIPE_CLIPS

    @property
    def frames_per_second(self) -> float:
        """That have to be read from the disk and decoded."""
        return self.clips * (1 + self.references) * self.steps_per_second


def parameters(preset: str) -> int:
    """Weights of a preset's detector, counted without making them."""
    return detector_weights(presets.named(preset)).parameters


def checkpoint_megabytes(preset: str) -> tuple[float, float]:
    """(checkpoint with the optimizer's momentum, weights alone) in MB: 4 bytes per number."""
    weights = detector_weights(presets.named(preset))
    return weights.checkpoint_bytes / 1e6, weights.parameters * NUMBER / 1e6
