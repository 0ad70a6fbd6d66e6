"""A dataset of a few drawn frames and a detector of a few thousand weights, for the training tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from clab_lite import presets
from clab_lite.config import (
    BackboneConfig,
    BoxHeadConfig,
    Config,
    ContrastConfig,
    FrameConfig,
    ProposalConfig,
    SamplerConfig,
)

_WNIDS = ("n02691156", "n02084071", "n01503061")
_HEIGHT, _WIDTH, _FRAMES, _VIDEOS = 64, 96, 8, 4


def write_dataset(root: Path) -> Path:
    """Four videos of eight frames, 64 x 96: one or two plain rectangles that drift over noise, ILSVRC layout."""
    random = np.random.default_rng(0)
    for video in range(_VIDEOS):
        name = f"train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_{video:05d}000"
        images, annotations = root / "Data/VID" / name, root / "Annotations/VID" / name
        images.mkdir(parents=True)
        annotations.mkdir(parents=True)
        for frame in range(_FRAMES):
            pixels = random.integers(90, 140, (_HEIGHT, _WIDTH, 3), dtype=np.uint8)
            objects = []
            for track in range(1 + video % 2):
                x, y, label = 6 + 3 * frame + 30 * track, 8 + 12 * track, (video + track) % 3
                pixels[y : y + 24, x : x + 28] = 40 + 90 * np.eye(3, dtype=np.uint8)[label]
                objects.append(_object(track, _WNIDS[label], x, y, x + 28, y + 24))
            Image.fromarray(pixels).save(images / f"{frame:06d}.JPEG")
            size = f"<size><width>{_WIDTH}</width><height>{_HEIGHT}</height></size>"
            text = f"<annotation>{size}{''.join(objects)}</annotation>"
            (annotations / f"{frame:06d}.xml").write_text(text)
    return root


def micro_config(iterations: int = 40) -> Config:
    """The tiny preset with an eighth of the width: milliseconds per step, one thread, no calibration."""
    base = presets.tiny()
    detector = replace(
        base.detector,
        frame=FrameConfig(96, 64),
        backbone=BackboneConfig("resnet18", 8, imagenet_weights=False, frozen_stages=0, frozen_norm=True),
        neck_channels=16,
        rpn=replace(
            base.detector.rpn,
            channels=16,
            train_proposals=ProposalConfig(100, 20),
            test_proposals=ProposalConfig(100, 8),
            sampler=SamplerConfig(count=32),
        ),
        box_head=BoxHeadConfig(layers=2, width=32, attention_blocks=4, class_agnostic=True),
        contrast=ContrastConfig(channels=16, hidden=16, embedding=8),
    )
    data = replace(base.data, cache_images=False)
    train = replace(
        base.train,
        clips_per_rank=2,
        iterations=iterations,
        learning_rate=0.01,
        precision="float32",
        threads=1,
        log_every=3,
        checkpoint_every=20,
    )
    return Config(name="micro", detector=detector, data=data, train=train)


def _object(track: int, wnid: str, x1: int, y1: int, x2: int, y2: int) -> str:
    box = f"<bndbox><xmax>{x2}</xmax><xmin>{x1}</xmin><ymax>{y2}</ymax><ymin>{y1}</ymin></bndbox>"
    flags = "<occluded>0</occluded><generated>0</generated>"
    return f"<object><trackid>{track}</trackid><name>{wnid}</name>{box}{flags}</object>"
