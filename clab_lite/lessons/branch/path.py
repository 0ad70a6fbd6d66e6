"""The way of a batch through the auxiliary branch, every stop kept."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from clab_lite.detector.contrast import AuxiliaryBranch
from clab_lite.detector.roi_align import roi_align
from clab_lite.detector.targets import auxiliary_rows
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.lessons.branch.batch import Batch
from clab_lite.training.calibrate import state_kept


@dataclass(frozen=True)
class Path:
    """What every part of the branch made of the N frames of a batch."""

    frames: Tensor
    """(N, 3, H, W)"""
    c4: Tensor
    """(N, C4, H/16, W/16), the shared feature map of the backbone."""
    convolved: Tensor
    """(N, C, H/16, W/16), after the 3x3 convolution and ReLU."""
    pooled: Tensor
    """(N, C), the mean over all places."""
    embeddings: Tensor
    """(N, D), after the projector."""
    similarity: Tensor
    """(N, N), cosines."""
    loss: Tensor
    """Scalar NT-Xent."""


def branch_of(detector: VideoDetector) -> AuxiliaryBranch:
    """The branch of a detector.

    Raises:
        DataError: it was built without one.
    """
    if detector.auxiliary is None:
        raise DataError("this detector has no auxiliary branch. Build it with detector.contrast.enabled = True.")
    return detector.auxiliary


@torch.no_grad()
def c4_of(detector: VideoDetector, batch: Batch) -> Tensor:
    """C4 of every frame of a batch, (N, C4, H/16, W/16), as a training step computes it; the detector stays as it is.

    In training, normalisation uses the statistics of the batch itself: so it does here.
    """
    was_training = detector.training
    detector.train()
    try:
        with state_kept(detector):
            c4, _ = detector.backbone(batch.clips.flatten(0, 1))
    finally:
        detector.train(was_training)
    return c4


@torch.no_grad()
def follow(detector: VideoDetector, batch: Batch) -> Path:
    """Send a batch through backbone and branch, and keep what every part gives."""
    branch = branch_of(detector)
    c4 = c4_of(detector, batch)
    convolved = torch.relu(branch.conv(c4))
    pooled = convolved.mean(dim=(2, 3))
    embeddings = branch.projector(pooled)
    units = torch.nn.functional.normalize(embeddings, dim=1)
    loss = branch.loss(embeddings, batch.labels)
    return Path(batch.clips.flatten(0, 1), c4, convolved, pooled, embeddings, units @ units.T, loss)


@dataclass(frozen=True)
class ObjectRows:
    """Object level: one row per drawn box with a track, in any frame of the batch."""

    rois: Tensor
    """(R, 5): row of the frame, x1, y1, x2, y2 in pixels."""
    labels: Tensor
    """(R,) equal for the same object of the same clip."""
    embeddings: Tensor
    """(R, D)"""
    loss: Tensor

    def names(self, batch: Batch) -> list[str]:
        """A name per object, in the order of the labels: letter of the clip and class, numbered where two are alike."""
        found = []
        for label in self.labels.unique().tolist():
            row, *box = self.rois[int((self.labels == label).nonzero()[0, 0])].tolist()
            clip, frame = divmod(int(row), batch.clips.shape[1])
            target = batch.targets[clip]
            target = target["reference_targets"][frame - 1] if frame else target
            distance = (target["boxes"] - target["boxes"].new_tensor(box)).abs().sum(dim=1)
            name = batch.class_names[int(target["labels"][int(distance.argmin())])]
            found.append(f"{batch.names[int(row)][:-1]} {name}")
        return [
            f"{name} {found[: i + 1].count(name)}" if found.count(name) > 1 else name for i, name in enumerate(found)
        ]


@torch.no_grad()
def follow_objects(detector: VideoDetector, batch: Batch) -> ObjectRows:
    """The same branch on regions of C4: each ground-truth box is pooled, and positives are frames of one object."""
    branch, config = branch_of(detector), detector.config
    rois, labels = auxiliary_rows("object", batch.clips, batch.targets)
    if rois is None:
        raise DataError("the batch has no boxes. Use a batch of a training split.")
    roi = config.roi
    pooled = roi_align(c4_of(detector, batch), rois, roi.output_size, config.rpn.anchors.stride, roi.sampling_ratio)
    embeddings = branch.embed(pooled)
    return ObjectRows(rois, labels, embeddings, branch.loss(embeddings, labels))
