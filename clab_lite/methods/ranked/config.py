"""Every setting of ranked contrast, and two presets: `lite` (a CPU, minutes) and `report` (the published settings)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clab_lite.config import BackboneConfig
from clab_lite.errors import DataError
from clab_lite.methods.ranked.loss import Reduction, Variant
from clab_lite.methods.shared.recipe import PretrainConfig
from clab_lite.methods.shared.stages import Stem
from clab_lite.methods.shared.views import PhotoConfig
from clab_lite.ranges import checked

_LITE_BACKBONE = BackboneConfig("resnet18", 16, imagenet_weights=False, frozen_stages=0, frozen_norm=False)
"""That of the preset `lesson`: what is learned loads into its detector."""
_PHOTO = PhotoConfig(jitter=0.4, hue=0.1, jitter_probability=0.25, grey=0.2, blur=0.0)
"""Specification, section 5: colours change in a quarter of the views, and nothing is blurred."""


@dataclass(frozen=True)
@checked(
    ranks=(1, 1000), lowest_temperature=(0.01, 10), highest_temperature=(0.01, 10), crop=(16, 512), dim=(2, 65_536),
    hidden=(1, 65_536), bank=(1, 1_000_000), ema=(0, 1), crop_area=(0.01, 1), flip=(0, 1),
    detector_score=(0, 1),
)  # fmt: skip
class RankedConfig:
    """Ranked contrast of crops. The defaults are the lite preset's."""

    ranking: str = "sample_world"
    """A .json or .yaml file, or one that comes with the package: sample_world, imagenet_vid, voc, voc_groups, none."""
    ranks: int = 3
    """r: the own class and r - 1 similar ones. 1 is supervised contrast without a ranking (the report's SupCL)."""
    variant: Variant = "in"
    """Where the sum over the members of a rank stands: in the logarithm, out of it, or out for the own class only."""
    objective: Literal["ranked", "softmax"] = "ranked"
    """softmax is the baseline: cross-entropy on one view with the same network."""
    semantics: Literal["clean", "released"] = "clean"
    """released repeats the published code's quirks, for comparison."""
    rank_reduction: Reduction = "mean"
    """Whether the ranks' terms are averaged (both published codes) or summed (the report's formula)."""
    lowest_temperature: float = 0.1
    """Of the own class."""
    highest_temperature: float = 0.6
    """That of a class with similarity 0; ranks lie between."""
    withheld: tuple[str, ...] | None = None
    """Classes that are never trained on and stand for unknown objects in the evaluation."""
    crop_source: Literal["gt", "detector"] = "gt"
    """Which boxes are cut out: annotated ones, or a detector's that overlap an annotated one by IoU 0.5 or more."""
    detector: str | None = None
    """Run folder of the detector that finds the boxes."""
    detector_score: float = 0.3
    """Its boxes of at least this score are used (ours)."""
    second_view: Literal["augment", "other_frame"] = "augment"
    """Where an anchor's key comes from: the same crop, or another frame of its track where there is one."""
    batch_of: Literal["crops", "images"] = "crops"
    """What pretrain.batch counts. Of images, all crops are taken (the report: 32 images, about 80 crops)."""
    crop: int = 32
    """Side of the crops in pixels."""
    stem: Stem = "small"
    """small: 3x3, stride 1, no pooling, for crops of 32 to 64 pixels."""
    backbone: BackboneConfig = _LITE_BACKBONE
    hidden: int | None = None
    """Width of the projector's hidden layer. None: that of the features."""
    dim: int = 64
    """Numbers in an embedding."""
    bank: int = 512
    """Keys in the memory bank."""
    ema: float = 0.95
    """Share of the key network that stays in each step."""
    crop_area: tuple[float, ...] = (0.9, 1.0)
    """Smallest and largest share of a crop's area that a view shows."""
    flip: float = 0.5
    """How often a view is mirrored."""
    photo: PhotoConfig = _PHOTO
    pretrain: PretrainConfig = PretrainConfig(420, 64, "adamw", 1.5e-3)

    def __post_init__(self) -> None:
        if self.highest_temperature < self.lowest_temperature:
            raise DataError(
                f"RankedConfig.highest_temperature is {self.highest_temperature}. "
                f"Choose a value from lowest_temperature, which is {self.lowest_temperature}, upwards."
            )
        if len(self.crop_area) != 2 or self.crop_area[0] > self.crop_area[1]:
            raise DataError(f"RankedConfig.crop_area is {self.crop_area}. Give two shares, smaller first: (0.9, 1.0).")


def lite() -> RankedConfig:
    """Minutes on one CPU core; two classes of the sample world are withheld."""
    return RankedConfig(withheld=("dog", "watercraft"))


def report() -> RankedConfig:
    """The report's settings for VOC 2007: ResNet-50 from scratch, 64 pixels, 500 epochs of 32 images (one large GPU).

    500 epochs are 78,500 steps of 32 of VOC 2007's 5011 trainval images; the rate changes once per epoch, as there.
    """
    epoch = 157
    return RankedConfig(
        ranking="voc",
        crop=64,
        backbone=BackboneConfig("resnet50", imagenet_weights=False, frozen_stages=0, frozen_norm=False),
        dim=128,
        bank=2048,
        ema=0.99,
        batch_of="images",
        pretrain=PretrainConfig(
            500 * epoch, 32, "sgd", 0.5, weight_decay=1e-4, schedule="cosine_floor", floor=1e-3, rate_every=epoch
        ),
    )
