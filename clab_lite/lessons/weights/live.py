"""A small real training: the last block before C4 and the auxiliary branch, on cached features, by two losses."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clab_lite.detector.contrast import AuxiliaryBranch, clip_labels
from clab_lite.detector.roi_align import roi_align
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.lessons.weights.cached import Cached
from clab_lite.lessons.weights.live_run import LiveRun, Measured, Snapshot, measure
from clab_lite.lessons.weights.shares import schedule_of
from clab_lite.schedule import Schedule
from clab_lite.study.gradients import share

_CELLS, _STRIDE = 5, 16
_DRAWING_WEIGHTS = threading.Lock()
"""Held while first weights are drawn: torch's generator is one for all threads, and a kernel may have several."""


@dataclass(frozen=True)
class LiveSetting:
    """What the hand chooses, and what stays."""

    weight: float = 0.3
    """At the first step."""
    temperature: float = 0.1
    shape: Literal["constant", "linear"] = "constant"
    """linear: down to zero at half of the steps."""
    level: Literal["frame", "object"] = "frame"
    steps: int = 60
    clips: int = 6
    """Videos per step."""
    frames: int = 3
    """Frames of each."""
    learning_rate: float = 0.1
    every: int = 5
    """A snapshot every so many steps."""
    seed: int = 0

    def schedule(self) -> Schedule:
        """weight(progress)."""
        return schedule_of(self.shape, self.weight, 0.5)


class LiveModel(nn.Module):
    """The parts that learn: the last block of layer3, started anew, the auxiliary branch, and a linear class layer.

    The linear layer stands in for detection: it names the class of the object in each true box from C4 averaged inside
    it. It is not the detector's own loss, which needs proposals, other frames and the whole box head.
    """

    def __init__(self, detector: VideoDetector, classes: int, setting: LiveSetting) -> None:
        super().__init__()
        blocks: list[nn.Module] = list(detector.backbone.get_submodule("layer3").children())
        self.block = copy.deepcopy(blocks[-1]).requires_grad_(True)
        _start_anew(self.block)
        channels = detector.backbone.c4_channels
        contrast = replace(detector.config.contrast, temperature=setting.temperature)
        self.branch = AuxiliaryBranch(channels, contrast)
        self.classify = nn.Linear(channels, classes)

    def forward(self, inputs: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Cached features (F, C, H, W), boxes (R, 5) -> C4 (F, C4, H, W) and C4 in each box (R, C4, 5, 5)."""
        c4 = self.block(inputs)
        return c4, roi_align(c4, boxes, _CELLS, _STRIDE, 2)


def train_live(
    detector: VideoDetector,
    learn: Cached,
    held_out: Cached,
    setting: LiveSetting,
    on_snapshot: Callable[[LiveRun], None] | None = None,
) -> LiveRun:
    """Train for `setting.steps` steps; a snapshot at the start, every `every` steps, and at the end.

    The same setting gives the same run. on_snapshot: called after each one with the run so far.
    """
    with _DRAWING_WEIGHTS, torch.random.fork_rng(devices=[]):
        torch.manual_seed(setting.seed)
        model = LiveModel(detector, len(learn.class_names), setting)
    parameters = list(model.parameters())
    optimizer = torch.optim.SGD(parameters, setting.learning_rate, momentum=0.9, nesterov=True, weight_decay=1e-4)
    run, rng = LiveRun(setting, held_out, learn, []), np.random.default_rng(setting.seed)
    weight = setting.schedule()
    for step in range(setting.steps + 1):
        now = weight(step / setting.steps)
        snap = step % setting.every == 0 or step == setting.steps
        class_loss, contrast, chance, c4 = _losses(model, learn, setting, rng)
        if snap:
            pulls = _pulls(class_loss, contrast, c4, now)
            clouds = {name: _embed(model, part, setting) for name, part in (("held", held_out), ("learn", learn))}
            measured = Measured(step, now, class_loss.item(), contrast.item(), chance, *pulls)
            run.snapshots.append(Snapshot(measured, *clouds["held"], *clouds["learn"], measure(run, clouds)))
            if on_snapshot is not None:
                on_snapshot(run)
        if step < setting.steps:
            optimizer.zero_grad(set_to_none=True)
            (class_loss + now * contrast).backward()
            nn.utils.clip_grad_norm_(parameters, 10.0)
            optimizer.step()
    return run


def _losses(
    model: LiveModel, cached: Cached, setting: LiveSetting, rng: np.random.Generator
) -> tuple[Tensor, Tensor, float, Tensor]:
    """Class loss, contrastive loss, its value at chance, and C4, of one random batch of clips."""
    rows = _clips(cached, setting, rng)
    inside = np.isin(cached.box_row, rows)
    position = np.full(len(cached.inputs), -1)
    position[rows] = np.arange(len(rows))
    boxes = cached.boxes[torch.from_numpy(inside)].clone()
    boxes[:, 0] = torch.from_numpy(position[cached.box_row[inside]]).to(boxes.dtype)
    c4, pooled = model(cached.inputs[rows], boxes)
    named, label = model.classify(pooled.mean(dim=(2, 3))), cached.label[torch.from_numpy(inside)]
    class_loss = nn.functional.cross_entropy(named, label, reduction="sum") / max(len(label), 1)  # 0 without a box
    if setting.level == "frame":
        features, labels = c4, clip_labels(len(rows) // setting.frames, setting.frames, c4.device)
    else:
        features, labels = pooled, torch.from_numpy(np.unique(cached.track[inside], return_inverse=True)[1])
    return class_loss, model.branch(features, labels), _chance(labels), c4


def _clips(cached: Cached, setting: LiveSetting, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of a batch, clip by clip: `clips` different videos, `frames` different frames of each."""
    videos = np.unique(cached.video)
    chosen = rng.choice(videos, min(setting.clips, len(videos)), replace=False)
    return np.concatenate(
        [rng.choice(np.flatnonzero(cached.video == v), setting.frames, replace=False) for v in chosen]
    )


def _chance(labels: Tensor) -> float:
    """NT-Xent of embeddings that tell nothing: ln(1 + negatives), averaged over the positive pairs."""
    sizes = torch.bincount(labels).double()
    pairs = sizes * (sizes - 1)
    return float((pairs * torch.log(1 + len(labels) - sizes)).sum() / pairs.sum().clamp(min=1))


def _pulls(class_loss: Tensor, contrast: Tensor, c4: Tensor, weight: float) -> tuple[float, float]:
    """Share of the contrastive loss in the gradient at C4, and the cosine between the two gradients."""
    first, second = (
        torch.autograd.grad(loss, c4, retain_graph=True, allow_unused=True, materialize_grads=True)[0].flatten()
        for loss in (class_loss, contrast)
    )
    cosine = torch.nn.functional.cosine_similarity(first, second, dim=0)
    return float(share(float(first.norm()), float(second.norm()), weight)), float(cosine)


@torch.no_grad()
def _embed(
    model: LiveModel, cached: Cached, setting: LiveSetting
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """C4 in each box (R, C4); the branch's embeddings of frames (F, D) or objects (R, D); named classes (R,)."""
    model.eval()
    c4, pooled = model(cached.inputs, cached.boxes)
    objects = pooled.mean(dim=(2, 3))
    embedded = model.branch.embed(c4 if setting.level == "frame" else pooled)
    named = model.classify(objects).argmax(dim=1)
    model.train()
    return objects.numpy(), embedded.numpy(), named.numpy()


def _start_anew(block: nn.Module) -> None:
    """Weights as in a new backbone: the residual branch begins at zero, so the block begins by changing nothing."""
    last = None
    for module in block.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
            last = module
    if last is not None:
        nn.init.zeros_(last.weight)
