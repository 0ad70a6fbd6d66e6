"""The named configurations: `lesson`, `tiny` (a CPU, minutes), `laptop` (one small GPU), `paper` (the official one)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal

from clab_lite.config import (
    AnchorConfig,
    BackboneConfig,
    BoxHeadConfig,
    Config,
    ContrastConfig,
    DataConfig,
    DetectionConfig,
    DetectorConfig,
    FrameConfig,
    ProposalConfig,
    RoIConfig,
    RPNConfig,
    SamplerConfig,
    TrainConfig,
    WeightScheduleConfig,
)
from clab_lite.errors import DataError

_PAPER_ARCHITECTURES = {"r50": "resnet50", "r101": "resnet101", "x101": "resnext101_64x4d"}


def paper(architecture: Literal["r50", "r101", "x101"] = "r50") -> Config:
    """The official recipe (arXiv 2508.20551): 8 GPUs, 2 clips each, 7 epochs of VID + DET key frames.

    Two deviations: key frames are read as the list means them (`mmtracking_key_frames` gives the official ones, a frame
    early), and x101 starts from torchvision's ImageNet weights, the official one from another training of that network.
    """
    if architecture not in _PAPER_ARCHITECTURES:
        known = ", ".join(_PAPER_ARCHITECTURES)
        raise DataError(f"paper preset {architecture!r} is unknown. Choose one of: {known}.")
    backbone = BackboneConfig(architecture=_PAPER_ARCHITECTURES[architecture])  # type: ignore[arg-type]
    return Config(
        name=f"paper-{architecture}",
        detector=DetectorConfig(backbone=backbone),
        train=TrainConfig(contrast=WeightScheduleConfig(until_iteration=25_000)),
    )


def laptop() -> Config:
    """ResNet-18 with ImageNet weights at 320x480 or less: one small GPU, or a patient CPU."""
    base = paper("r50")
    detector = replace(
        base.detector,
        frame=FrameConfig(480, 320),
        backbone=BackboneConfig(architecture="resnet18"),
        neck_channels=256,
        rpn=RPNConfig(
            channels=256,
            anchors=AnchorConfig(scales=(2.0, 4.0, 8.0, 16.0)),
            train_proposals=ProposalConfig(2000, 300),
            test_proposals=ProposalConfig(2000, 100),
        ),
        box_head=BoxHeadConfig(width=512),
        contrast=ContrastConfig(channels=256),
    )
    train = replace(
        base.train, clips_per_rank=4, iterations=5000, precision="auto", contrast=WeightScheduleConfig(until=0.5)
    )
    return Config(name="laptop", detector=detector, data=base.data, train=train)


def tiny() -> Config:
    """Half-width ResNet-18 from scratch at 128x192: minutes on two CPU cores."""
    detector = DetectorConfig(
        frame=FrameConfig(192, 128),
        backbone=BackboneConfig("resnet18", 32, imagenet_weights=False, frozen_stages=0, frozen_norm=False),
        neck_channels=128,
        rpn=RPNConfig(
            channels=128,
            anchors=AnchorConfig(scales=(1.625, 2.875, 5.0)),
            train_proposals=ProposalConfig(300, 60),
            test_proposals=ProposalConfig(300, 50),
            sampler=SamplerConfig(count=64),
        ),
        roi=RoIConfig(
            output_size=5,
            sampler=SamplerConfig(16, 0.5, 0.5, 0.5, 0.5),
        ),
        box_head=BoxHeadConfig(layers=2, width=192, attention_blocks=4, class_agnostic=True),
        contrast=ContrastConfig(channels=128, hidden=128, embedding=64),
        detection=DetectionConfig(score_threshold=0.001),
        supervise="all",
    )
    data = DataConfig(colour_jitter=0.2, cache_images=True, workers=0)
    train = TrainConfig(
        clips_per_rank=4,
        iterations=800,
        learning_rate=0.03,
        nesterov=True,
        gradient_clip=10.0,
        schedule="one_cycle",
        precision="auto",
    )
    return Config(name="tiny", detector=detector, data=data, train=train)


def lesson() -> Config:
    """`tiny` at half its width again: what the lessons train and ship. Twice as many steps per second on a CPU."""
    base = tiny()
    detector = replace(
        base.detector,
        backbone=replace(base.detector.backbone, width=16),
        neck_channels=64,
        rpn=replace(base.detector.rpn, channels=64),
        box_head=replace(base.detector.box_head, width=128),
        contrast=replace(base.detector.contrast, channels=64),
    )
    return replace(base, name="lesson", detector=detector)


_NAMED: dict[str, Callable[[], Config]] = {
    "lesson": lesson,
    "tiny": tiny,
    "laptop": laptop,
    **{f"paper-{short}": partial(paper, short) for short in _PAPER_ARCHITECTURES},  # type: ignore[arg-type]
}


def named(name: str) -> Config:
    """The preset of that name: lesson, tiny, laptop, paper-r50, paper-r101, paper-x101.

    Raises:
        DataError: there is none of that name.
    """
    if name not in _NAMED:
        raise DataError(f"preset {name!r} is unknown. Choose one of: {', '.join(_NAMED)}.")
    return _NAMED[name]()
