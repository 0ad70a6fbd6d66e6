"""Settings of CrossCL, and the two presets: `lite` (a CPU, minutes) and `paper` (the published pre-training)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clab_lite.config import BackboneConfig
from clab_lite.errors import DataError
from clab_lite.methods.shared.recipe import PretrainConfig
from clab_lite.ranges import checked

_WEIGHT, _COUNT, _UNIT = (0, 1000), (1, 1_000_000_000), (0, 1)

LITE_BACKBONE = BackboneConfig("resnet18", 16, imagenet_weights=False, frozen_stages=0, frozen_norm=False)
"""The backbone of the detector preset `lesson`, so that what is learned goes into that detector."""


@dataclass(frozen=True)
@checked(size=(1, 65_536), stride=(1, 65_536), grid=(1, 1024), base=_COUNT)
class WindowConfig:
    """The fixed grid of windows on the query view, in pixels of a view whose side is `base`.

    On a view of another side they scale along.
    """

    size: float = 48.0
    """Side of a window."""
    stride: float = 32.0
    """Distance between the left (or top) edges of neighbours."""
    grid: int = 6
    """Windows per row and column, before those that reach the right or bottom edge are dropped."""
    base: int = 224
    """Side of the view that these numbers are for."""


@dataclass(frozen=True)
@checked(
    neck_dim=(1, 65_536), image_size=(32, 65_536), stages=(2, 4), negative_pool=(1, 64), negative_stride=(1, 64),
    queue=_COUNT, global_dim=(1, 65_536), temperature=(0.001, 1000), momentum=_UNIT, global_weight=_WEIGHT,
    intra_weight=_WEIGHT, cross_weight=_WEIGHT, crop_area_min=(0.01, 1), temporal_gap=_COUNT,
)  # fmt: skip
class CrossCLConfig:
    """Cross-stage regional contrast. The defaults are `lite()`."""

    pretrain: PretrainConfig = PretrainConfig(steps=250, batch=16, optimizer="adamw", learning_rate=0.003)
    backbone: BackboneConfig = LITE_BACKBONE
    neck_dim: int = 64
    """Channels of the pyramid levels, and so numbers per region vector."""
    neck_norm: bool = False
    """BatchNorm in the pyramid (an option of the official code; its convolutions then have no bias)."""
    image_size: int = 96
    """Side of a view in pixels, a multiple of 32."""
    windows: WindowConfig = WindowConfig(size=31.0, stride=32.0, grid=3, base=96)
    stages: tuple[int, ...] = (3, 4)
    """Pyramid levels that are contrasted, each within itself and with every other. Level n has stride 2^n."""
    pool: Literal["exact", "roi_align"] = "exact"
    """exact: mean of the bilinear surface over the window, as the official kernel; roi_align: torchvision's samples."""
    negative_pool: int = 3
    """Side, in cells, of the squares whose means are the negatives."""
    negative_stride: int = 1
    """Cells between these squares."""
    exclude_same_image: bool = False
    """Whether a window's negatives leave out its own image. False is published: then the positive's own place is
    among the negatives, and the loss cannot come near zero."""
    gather: Literal["all", "deepest"] = "all"
    """Several processes: levels whose negatives come from all of them, the others' come from the own images. all: as if
    one process held the joined batch. deepest: published; what is learned then depends on the number of processes."""
    queue: int = 512
    """Image vectors kept as negatives of the global term; a multiple of the batch."""
    global_dim: int = 64
    """Numbers per image vector."""
    temperature: float = 0.2
    """Similarities are divided by this, in every term."""
    momentum: float = 0.99
    """Of the key network: k becomes momentum * k + (1 - momentum) * q, before every step."""
    global_weight: float = 1.0
    """Weight of the image-level term."""
    intra_weight: float = 1.0
    """Weight of every term within a level (P3-P3, P4-P4)."""
    cross_weight: float = 1.0
    """Weight of every term between levels (P3 to P4, P4 to P3); 0 is the control without them."""
    views: Literal["crops", "temporal"] = "crops"
    """crops: two crops of one frame (published). temporal: two whole frames of one video, a teaching ablation: windows
    map to themselves, which holds where little moves."""
    crop_area_min: float = 0.3
    """Smallest share of the frame that a crop takes (the largest is 1)."""
    temporal_gap: int = 2
    """Frames between the two views of `temporal`."""

    @property
    def counts_processes(self) -> bool:
        """Whether what is learned depends on the number of processes."""
        return self.gather != "all"

    def __post_init__(self) -> None:
        if self.image_size % 32:
            raise DataError(f"CrossCLConfig.image_size is {self.image_size}. It must be a multiple of 32, C5's stride.")
        if self.image_size // 2 ** max(self.stages) < self.negative_pool:
            raise DataError(
                f"CrossCLConfig.negative_pool is {self.negative_pool} cells; level {max(self.stages)} of a view of "
                f"{self.image_size} pixels has {self.image_size // 2 ** max(self.stages)}. Choose less or larger views."
            )
        if len(set(self.stages)) != len(self.stages):
            raise DataError(f"CrossCLConfig.stages is {self.stages}. Name each level once.")
        if self.queue % self.pretrain.batch:
            raise DataError(
                f"CrossCLConfig.queue is {self.queue}, the batch is {self.pretrain.batch}. "
                "The queue must hold a whole number of batches."
            )


def lite(**changes: object) -> CrossCLConfig:
    """Minutes on a CPU: ResNet-18 of width 16, 9 windows of 31 pixels on views of 96. `changes` replaces fields.

    AdamW is our choice: in as many steps it comes further than SGD at the specification's rate of 0.05, which is the
    arm "sgd" of trial.py.
    """
    return CrossCLConfig(**changes)  # type: ignore[arg-type]


def paper(**changes: object) -> CrossCLConfig:
    """The published pre-training on ImageNet-1k: ResNet-50, 256 images of 224 pixels, 200 epochs (of 5005 steps).

    It was made with 8 processes, whose key batches were shuffled so that BatchNorm cannot tell positives. Here
    BatchNorm sees the batches of all processes instead (`clab_lite.methods.shared.joined_norm`).
    """
    values: dict[str, object] = {
        "pretrain": PretrainConfig(
            steps=200 * 5005, batch=256, learning_rate=0.03, momentum=0.9, weight_decay=1e-4, rate_every=5005
        ),
        "backbone": BackboneConfig("resnet50", imagenet_weights=False, frozen_stages=0, frozen_norm=False),
        "neck_dim": 256,
        "image_size": 224,
        "windows": WindowConfig(),
        "gather": "deepest",
        "queue": 65_536,
        "global_dim": 128,
        "momentum": 0.999,
        "crop_area_min": 0.2,
    }
    return CrossCLConfig(**{**values, **changes})  # type: ignore[arg-type]
