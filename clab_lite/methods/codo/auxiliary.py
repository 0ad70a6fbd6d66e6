"""CoDo-style contrast beside a detector's training: composites from the batch at hand, weighted by CLAB's decay. Ours.

The detector's own ground-truth objects are pasted on frames of the batch's other videos and read through its own
backbone. The trainer multiplies the loss by weight(progress), as it does with CLAB's branch: from a small start to 0.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from clab_lite.config import DetectorConfig
from clab_lite.data.transforms import IMAGENET_MEAN, IMAGENET_STD
from clab_lite.detector.backbone import Backbone
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.methods.codo.backgrounds import Background
from clab_lite.methods.codo.composites import Composites, make_view
from clab_lite.methods.codo.config import CoDoConfig
from clab_lite.methods.codo.instances import cut, draw_window
from clab_lite.methods.codo.loss import batch_losses, mean_over_pairs, pair_losses
from clab_lite.methods.codo.model import read_both
from clab_lite.methods.codo.paste import resize
from clab_lite.methods.codo.trunk import RegionReader
from clab_lite.methods.shared.stages import read_stages

Object = tuple[int, Tensor]
"""Clip, box (4,) in its key frame."""


class CoDoBranch(nn.Module):
    """Pyramid, RoIAlign and region head on a detector's backbone; used in training only.

    (clips, targets) -> scalar loss. 0, with zero gradient, where fewer than two objects of the batch have a frame of
    another video to stand on. Everything random comes from torch's global generator (one number a call).
    """

    def __init__(self, backbone: Backbone, config: CoDoConfig) -> None:
        super().__init__()
        if config.negatives != "batch" or config.ema is not None:
            raise DataError("beside a detector, negatives come from the batch and there is no key network (ema None).")
        self.config = config
        deepest = backbone.c5_channels
        self.reader = RegionReader((deepest // 8, deepest // 4, deepest // 2, deepest), config.trunk)
        if config.trunk.levels[-1] > 4:
            raise DataError("the detector's C5 has stride 16: levels beyond 4 are not there. Use levels (3, 4).")

    def forward(self, backbone: Backbone, clips: Tensor, targets: list[dict[str, Any]]) -> Tensor:
        """
        Args:
            backbone: the detector's, as it is (layer4 dilated).
            clips: (B, 1+T, 3, H, W), as the detector gets them.
            targets: as the detector gets them; "video_id" tells which clips may not lend each other a background, and
                "track_ids" which boxes are one object. Without them each clip counts as a video, and boxes of one
                label in a clip as one object.
        """
        rng = random.Random(int(torch.randint(2**62, ())))
        batch = composites_of(clips, targets, self.config, rng)
        if batch is None:
            # Connected to the weights: several processes average the gradients of all of them after every step.
            return torch.stack([parameter.sum() for parameter in self.reader.parameters()]).sum() * 0
        batch = batch.to(clips.device)
        with _statistics_kept(backbone):
            queries, keys = read_both(
                lambda images, boxes: self.reader(read_stages(backbone, images), boxes), batch, self.config
            )
        losses = pair_losses(
            queries, keys, partial(batch_losses, temperature=self.config.temperature), self.config.pairs
        )
        per_level = mean_over_pairs(losses, self.config.pairs)
        return (per_level * per_level.new_tensor(self.config.trunk.level_weights)).sum()


class VideoDetectorWithCoDo(VideoDetector):
    """A VideoDetector whose "contrast" loss is the CoDo-style one. Give it to `clab_lite.train(detector=...)`.

    In inference it is a VideoDetector; its checkpoint also holds the branch, so export `detector_state`.
    """

    def __init__(self, config: DetectorConfig, codo: CoDoConfig) -> None:
        super().__init__(replace(config, contrast=replace(config.contrast, enabled=False)))
        self.codo = CoDoBranch(self.backbone, codo)

    def _contrast(self, c4: Tensor, clips: Tensor, targets: list[dict[str, Any]]) -> Tensor:  # noqa: ARG002
        return self.codo(self.backbone, clips, targets)

    def detector_state(self) -> dict[str, Tensor]:
        """The weights of the plain VideoDetector (of the same configuration, without a branch)."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith("codo.")}


def composites_of(
    clips: Tensor, targets: list[dict[str, Any]], config: CoDoConfig, rng: random.Random
) -> Composites | None:
    """Composites of the key frames' objects on frames of other videos of the batch; None with fewer than two objects.

    At most `config.pretrain.batch` objects, each once; on the CPU. Arguments as in `CoDoBranch.forward`.
    """
    videos = [target.get("video_id", -1 - clip) for clip, target in enumerate(targets)]
    objects = [(clip, box) for clip, box in _objects(targets, videos) if len(set(videos) - {videos[clip]}) > 0]
    if len(objects) < 2:
        return None
    objects = rng.sample(objects, min(len(objects), config.pretrain.batch))
    size = config.composite.image_size
    views: list[list[tuple[Tensor, Tensor, Tensor]]] = [[] for _ in range(config.views)]
    for clip, box in objects:
        key = picture(clips[clip, 0], targets[clip]["image_size"])
        others = [other for other, video in enumerate(videos) if video != videos[clip]]
        for view in views:
            left, top, right, bottom = (float(side) for side in box)
            window = draw_window((left, top, right, bottom), (key.shape[1], key.shape[2]), rng, config.composite.window)
            other = rng.choice(others)
            behind = picture(clips[other, rng.randrange(clips.shape[1])], targets[other]["image_size"])
            background = Background(resize(behind, (size, size)), box.new_zeros(0, 4), None)
            view.append(make_view(cut(key, window), background, replace(config.composite, avoid_objects=False), rng))
    images, boxes, jittered = (
        torch.stack([torch.stack([one[part] for one in view]) for view in views]) for part in range(3)
    )
    return Composites(images, boxes, jittered)


def picture(frame: Tensor, image_size: tuple[int, int]) -> Tensor:
    """A normalised, padded frame (3, H, W) -> its uint8 pixels (3, h, w) on the CPU."""
    height, width = image_size
    mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (frame[:, :height, :width].cpu().float() * std + mean).round().clamp(0, 255).to(torch.uint8)


def _objects(targets: list[dict[str, Any]], videos: list[int]) -> list[Object]:
    """Each object of the key frames once: by video and track, or, where tracks are not told, by video and label."""
    found: dict[tuple[int, str, int], Object] = {}
    for clip, target in enumerate(targets):
        height, width = target["image_size"]
        tracks = target.get("track_ids", torch.full((len(target["boxes"]),), -1))
        rows = zip(target["boxes"].cpu(), target["labels"].tolist(), tracks.tolist(), strict=True)
        for box, label, track in rows:
            inside = box.clamp(min=torch.zeros(4), max=torch.tensor([width, height, width, height]))
            if bool((inside[2:] > inside[:2]).all()):
                name = (videos[clip], "track", track) if track >= 0 else (videos[clip], "label", label)
                found.setdefault(name, (clip, inside))
    return list(found.values())


@contextmanager
def _statistics_kept(backbone: nn.Module) -> Iterator[None]:
    """BatchNorm uses the statistics of composites and forgets them: those of the detector stay those of its frames."""
    layers = [module for module in backbone.modules() if isinstance(module, _BatchNorm)]
    before = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, before, strict=True):
            layer.momentum = momentum
