"""Ranked contrast of object crops: the user says which classes are alike, and how much (RINCE-style).

`build` makes what a training loop needs; `config.py` holds every setting, `measure.py` what comes out.
"""

from __future__ import annotations

from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError
from clab_lite.methods.ranked.config import RankedConfig, lite, report
from clab_lite.methods.ranked.crops import Crops, Detected, classes_in, find_crops
from clab_lite.methods.ranked.model import RankedModel, SoftmaxModel
from clab_lite.methods.ranked.ranking import Ranking
from clab_lite.methods.ranked.ranking_file import read_ranking
from clab_lite.methods.ranked.source import RankedSource

__all__ = ["RankedConfig", "build", "known_classes", "lite", "ranking_of", "report", "training_crops"]


def build(
    config: RankedConfig, index: VideoIndex, detected: Detected | None = None
) -> tuple[RankedModel | SoftmaxModel, RankedSource]:
    """The model and the batches for a dataset: videos, still images, or VOC.

    Args:
        config: the settings.
        index: the training split.
        detected: a detector's boxes, for `crop_source="detector"`.

    Raises:
        DataError: the ranking or the withheld classes do not fit the dataset, or no detector was given.
    """
    crops = training_crops(config, index, detected)
    ranking = ranking_of(config, index)
    classes = len(crops.class_names)
    model = RankedModel(config, ranking) if config.objective == "ranked" else SoftmaxModel(config, classes)
    return model, RankedSource(config, crops)


def training_crops(config: RankedConfig, index: VideoIndex, detected: Detected | None = None) -> Crops:
    """The crops of the known classes, from the boxes that the configuration names."""
    if (config.crop_source == "detector") != (detected is not None):
        given = "no detector" if detected is None else "a detector"
        raise DataError(f"RankedConfig.crop_source is {config.crop_source!r}, and {given} was given. Change either.")
    return find_crops(index, known_classes(config, index), config.crop, detected=detected)


def known_classes(config: RankedConfig, index: VideoIndex) -> tuple[str, ...]:
    """The classes that occur in a dataset and are not withheld, in label order: what a model learns.

    Raises:
        DataError: a withheld class is none of the dataset's, or fewer than two are left.
    """
    withheld = config.withheld or ()
    for name in withheld:
        if name not in index.class_names:
            remedy = f"Use some of: {', '.join(classes_in(index))}."
            raise DataError(f"RankedConfig.withheld names {name!r}, which is no class of the dataset. {remedy}")
    names = tuple(name for name in classes_in(index) if name not in withheld)
    if len(names) < 2:
        raise DataError(
            f"of the classes only {list(names)} are left: ranked contrast needs two or more. Withhold fewer."
        )
    return names


def ranking_of(config: RankedConfig, index: VideoIndex) -> Ranking:
    """The configured ranking among the classes that a model learns; withheld and absent ones leave the lists."""
    return read_ranking(config.ranking, index.class_names).among(known_classes(config, index))
