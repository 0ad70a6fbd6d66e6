"""Settings of CoDo-style pre-training, and its two presets. "CoDo-style", not CoDo: no code was ever released.

CoDo's abstract (arXiv 2205.04617) publishes four ingredients: instances pasted on downstream backgrounds with jittered
boxes, the detector's own parts, several levels, several views. What it leaves open comes from the open ancestors
InsLoc (CVPR 2021) and SoCo (NeurIPS 2021), or is ours; each field says which.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from clab_lite import presets
from clab_lite.config import BackboneConfig
from clab_lite.errors import DataError
from clab_lite.methods.shared.recipe import PretrainConfig
from clab_lite.methods.shared.views import PhotoConfig
from clab_lite.ranges import checked

_COUNT = (1, 1_000_000_000)
_UNIT = (0, 1)


@dataclass(frozen=True)
@checked(enlarge=(0, 10), area=(0.01, 1))
class WindowConfig:
    """The random window through which an instance is cut out."""

    enlarge: float = 0.2
    """A box grows on each side by up to this share of its width or height first (ours; 0 for whole pictures)."""
    area: tuple[float, ...] = (0.5, 1.0)
    """Smallest and largest share of the enlarged box that the window covers (ours; InsLoc takes 0.2 to 1 of a whole
    picture)."""

    def __post_init__(self) -> None:
        if len(self.area) != 2 or self.area[0] > self.area[1]:
            raise DataError(f"WindowConfig.area is {self.area}. Give two shares, the smaller first.")


@dataclass(frozen=True)
@checked(image_size=(16, 4096), instance_sides=(0.02, 1), jitter=(0, 0.99), jitter_min_iou=_UNIT, flip=_UNIT)
class CompositeConfig:
    """How composites are made."""

    image_size: int = 96
    """S: a composite has S x S pixels (InsLoc: 256; 96 is ours)."""
    instance_sides: tuple[float, ...] = (1 / 3, 2 / 3)
    """Two numbers are drawn from [low * S, high * S) for the instance's sides (InsLoc: 1/2 to 1; a third is ours)."""
    window: WindowConfig = WindowConfig()
    background: Literal["downstream", "pretrain", "noise", "same"] = "downstream"
    """What lies behind: see `clab_lite.methods.codo.backgrounds`. downstream is published."""
    avoid_objects: bool = False
    """Whether places that hide a labelled object of the background are drawn anew (ours)."""
    jitter: float = 0.2
    """Amplitude of the query's box jitter, in shares of its sides (that there is one is published; 0.2 is ours)."""
    jitter_min_iou: float = 0.5
    """Smallest IoU of a jittered box with the exact one (ours)."""
    jitter_levels: Literal["all", "last"] = "all"
    """Levels whose query reads the jittered box; last is the coarsest alone, as in InsLoc (all is ours)."""
    flip: float = 0.5
    """Probability that a composite is mirrored, box and all (InsLoc)."""
    photo: PhotoConfig = PhotoConfig()
    """Colour, grey and blur of the whole composite, after pasting: no seam tells the instance (InsLoc)."""

    def __post_init__(self) -> None:
        low, high = self.sides if len(self.instance_sides) == 2 else (1, 0)
        if not 1 <= low < high:
            problem = f"CompositeConfig.instance_sides is {self.instance_sides} at {self.image_size} pixels"
            raise DataError(f"{problem}. Give two shares of the side, the smaller first and a pixel apart.")

    @property
    def sides(self) -> tuple[int, int]:
        """Whole pixels: the instance's bounds are drawn from [low, high)."""
        low, high = (round(share * self.image_size) for share in self.instance_sides)
        return low, high


@dataclass(frozen=True)
@checked(
    levels=(2, 5), level_weights=(0, 1000), fpn_channels=(1, 65_536), roi_size=(1, 64), sampling_ratio=(0, 16),
    head_width=(2, 65_536), embedding=(1, 65_536),
)  # fmt: skip
class TrunkConfig:
    """The detector's parts that are trained: backbone, pyramid, RoIAlign, region head; then one projection."""

    levels: tuple[int, ...] = (3, 4)
    """Pyramid levels that are contrasted, of strides 2 ** level (that there are several is published; InsLoc: 2 to 5;
    3 and 4 are ours, since a small instance has less than a cell on P5)."""
    level_weights: tuple[float, ...] = (1.0, 1.0)
    """Weight of each level's loss (InsLoc: 1)."""
    fpn_channels: int = 64
    """Channels of every level (InsLoc: 256)."""
    roi_size: int = 5
    """Cells per side of a pooled region (InsLoc: 7; 5 is the `lesson` detector's)."""
    sampling_ratio: int = 2
    """Samples per side of a cell (2 as in the detector, ours); 0 adapts to the box (InsLoc)."""
    head: Literal["2fc", "4conv"] = "2fc"
    """2fc: two linear layers with BatchNorm and ReLU (ours). 4conv: four 3x3 convolutions with BatchNorm and ReLU,
    then two linear layers with ReLU (InsLoc)."""
    head_width: int = 256
    """Outputs of the linear layers (InsLoc: 1024)."""
    embedding: int = 64
    """Numbers of an embedding (InsLoc: 128)."""

    def __post_init__(self) -> None:
        if list(self.levels) != sorted(set(self.levels)):
            raise DataError(f"TrunkConfig.levels is {self.levels}. Name each level once, the finest first.")
        if len(self.level_weights) != len(self.levels):
            problem = f"TrunkConfig.level_weights is {self.level_weights} for the levels {self.levels}"
            raise DataError(f"{problem}. Give one weight per level.")


@dataclass(frozen=True)
@checked(views=(2, 16), queue_size=_COUNT, ema=_UNIT, temperature=(0.001, 1000))
class CoDoConfig:
    """All of CoDo-style pre-training."""

    name: str = "codo-lite"
    """Name of the configuration, for people."""
    backbone: BackboneConfig = presets.lesson().detector.backbone
    """The backbone that is trained; the `lesson` detector's, so that its weights fit there."""
    trunk: TrunkConfig = TrunkConfig()
    composite: CompositeConfig = CompositeConfig()
    views: int = 2
    """Composites of each instance (that there are several is published)."""
    pairs: Literal["all", "first_is_query"] = "all"
    """all: every view asks every other (ours). first_is_query: only the first asks (InsLoc, with two views)."""
    negatives: Literal["batch", "queue"] = "batch"
    """batch: the other instances of the batch (ours; a queue needs more steps than a short run has). queue: a memory
    of earlier keys per level (InsLoc)."""
    queue_size: int = 512
    """Keys in each level's queue, a multiple of those of a step: batch times the views that give keys, all of them or,
    with `first_is_query`, all but one (InsLoc: 65536)."""
    ema: float | None = None
    """Momentum of the slow copy of the trunk that gives the keys (InsLoc: 0.999). None: no copy, gradient flows through
    both sides (ours; only with negatives from the batch)."""
    temperature: float = 0.2
    """Of InfoNCE (InsLoc)."""
    pretrain: PretrainConfig = PretrainConfig(
        steps=160, batch=16, optimizer="adamw", learning_rate=0.002, weight_decay=0.0001
    )

    def __post_init__(self) -> None:
        if self.pretrain.batch < 2:
            raise DataError(
                f"a batch of {self.pretrain.batch} instance has no negatives and no BatchNorm. Use 2 or more."
            )
        if self.negatives == "queue":
            if self.ema is None:
                raise DataError("negatives from a queue need a slow key network: set ema, for example to 0.99.")
            keys = self.pretrain.batch * (self.views if self.pairs == "all" else self.views - 1)
            if self.queue_size % keys:
                near = max(self.queue_size // keys, 1) * keys
                raise DataError(
                    f"CoDoConfig.queue_size is {self.queue_size}. It must be a multiple of the {keys} keys of a step: "
                    f"try {near}."
                )


def lite() -> CoDoConfig:
    """Minutes on a CPU: small composites, levels 3 and 4, negatives from the batch."""
    return CoDoConfig()


def paper() -> CoDoConfig:
    """The scale of the published ancestor (InsLoc), with CoDo's backgrounds: 200 epochs of ImageNet-1k at batch 256."""
    batch, images, epochs = 256, 1_281_167, 200
    return CoDoConfig(
        name="codo-paper",
        backbone=BackboneConfig("resnet50", imagenet_weights=False, frozen_stages=0, frozen_norm=False),
        trunk=TrunkConfig(
            levels=(2, 3, 4, 5), level_weights=(1.0, 1.0, 1.0, 1.0), fpn_channels=256, roi_size=7, sampling_ratio=0,
            head="4conv", head_width=1024, embedding=128,
        ),
        composite=CompositeConfig(
            image_size=256, instance_sides=(0.5, 255 / 256), window=WindowConfig(0.0, (0.2, 1.0)),
            photo=PhotoConfig(blur_kernel=23),
        ),
        pairs="first_is_query", negatives="queue", queue_size=65_536, ema=0.999,
        pretrain=PretrainConfig(
            steps=epochs * (images // batch), batch=batch, optimizer="sgd", learning_rate=0.03, momentum=0.9,
            nesterov=True, weight_decay=0.0001, schedule="cosine", rate_every=images // batch,
        ),
    )  # fmt: skip


def with_background(config: CoDoConfig, background: Literal["downstream", "pretrain", "noise", "same"]) -> CoDoConfig:
    """The same run with other backgrounds."""
    return replace(config, composite=replace(config.composite, background=background))
