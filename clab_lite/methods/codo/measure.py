"""The background-invariance probe: does an embedding tell the instance, or what lies behind it?

I held-out instances stand on the same M held-out backgrounds, every time at another place and in another size, as in
training but without changes of colour. Two composites share the instance, or the background, or neither. Ours.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torchvision.ops import roi_align

from clab_lite.data.transforms import normalise
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError
from clab_lite.methods.codo.backgrounds import BackgroundPool
from clab_lite.methods.codo.config import CompositeConfig
from clab_lite.methods.codo.frames import Source, sources
from clab_lite.methods.codo.instances import Instance, InstancePool
from clab_lite.methods.codo.jitter import jitter_box
from clab_lite.methods.codo.paste import paste_view
from clab_lite.methods.codo.trunk import Trunk


@dataclass(frozen=True)
class ProbeSet:
    """I instances on M backgrounds."""

    pixels: Tensor
    """(I, M, 3, S, S) uint8."""
    boxes: Tensor
    """(I, M, 4) exact boxes, pixels of the composite."""
    names: tuple[str, ...]
    """Class of each instance."""
    instances: tuple[Instance, ...]
    behind: tuple[Source, ...]
    """Where each background was filmed: no instance is from there."""

    @property
    def size(self) -> int:
        """S."""
        return self.pixels.shape[-1]

    def jittered(self, amplitude: float, min_iou: float = 0.5, seed: int = 0) -> Tensor:
        """Wrong boxes (I, M, 4), drawn anew for every composite; amplitude 0 gives the exact ones."""
        rng = random.Random(seed)
        shape = (self.size, self.size)
        moved = [jitter_box(box, amplitude, min_iou, shape, rng) for box in self.boxes.flatten(0, 1)]
        return torch.stack(moved).unflatten(0, self.boxes.shape[:2])


@dataclass(frozen=True)
class Probe:
    """What the probe found. Cosines are means over pairs of composites."""

    same_instance: float
    """Cosine of one instance on two backgrounds."""
    same_background: float
    """Cosine of two instances on one background."""
    neither: float
    """Cosine of two instances on two backgrounds."""
    retrieval: float
    """Share of composites whose nearest on another background is the same instance; chance is 1 / I."""
    against_background: float
    """The harder question: the same instance on another background, or another instance on the same background? Share
    of composites that are nearer to the former than to every one of the latter; chance is 1 / I."""

    @property
    def gap(self) -> float:
        """same_instance - same_background: above 0, the instance counts more than the background."""
        return self.same_instance - self.same_background

    @property
    def background_share(self) -> float:
        """What a shared background adds to a cosine, as a share of what a shared instance adds; NaN if that is nothing.

        Unlike the gap it does not grow when embeddings merely spread out. 1: both count alike; 0: none of background.
        """
        added = self.same_instance - self.neither
        return (self.same_background - self.neither) / added if added > 0 else math.nan


def make_probe(
    index: VideoIndex, instances: int, backgrounds: int, composite: CompositeConfig, seed: int = 0
) -> ProbeSet:
    """Composites of ground-truth objects of an index, one per source video, on frames of other videos.

    Args:
        index: videos that are not trained on.
        instances: I, cut out by their exact boxes.
        backgrounds: M, each a frame of a video that no instance is from.
        composite: of its settings, the size of composites and instances.
        seed: of all choices.

    Raises:
        DataError: the index has fewer than I + M source videos with objects.
    """
    if instances < 2 or backgrounds < 2:
        raise DataError(f"a probe of {instances} instances on {backgrounds} backgrounds compares nothing: 2 of each.")
    rng, pool = random.Random(seed), InstancePool(index)
    by_source = {group[0].source: group for group in rng.sample(pool.groups, len(pool.groups))}
    if len(by_source) < instances or len(set(sources(index))) < instances + backgrounds:
        raise DataError(
            f"a probe of {instances} instances on {backgrounds} backgrounds needs {instances + backgrounds} source "
            f"videos, {instances} with objects; there are {len(set(sources(index)))}, {len(by_source)} with."
        )
    chosen = [rng.choice(by_source[source]) for source in rng.sample(list(by_source), instances)]
    taken = {instance.source for instance in chosen}
    free = [v for v, source in enumerate(sources(index)) if source not in taken]
    behind = BackgroundPool("downstream", composite.image_size, index)
    frames = [behind.at(v, rng.randrange(index.videos[v].frame_count)) for v in rng.sample(free, backgrounds)]
    rows = [[paste_view(pool.exact(i), frame.image, composite.sides, rng) for frame in frames] for i in chosen]
    pixels, boxes = (torch.stack([torch.stack([one[part] for one in row]) for row in rows]) for part in range(2))
    labels = [pool.class_name(instance) for instance in chosen]
    return ProbeSet(
        pixels, boxes, tuple(labels), tuple(chosen), tuple(frame.source for frame in frames if frame.source)
    )


def compare(embeddings: Tensor) -> Probe:
    """The probe of embeddings (I, M, D), or (I, M, L, D): cosines are then means over levels."""
    rows = embeddings if embeddings.ndim == 4 else embeddings[:, :, None]
    instances, backgrounds = rows.shape[:2]
    unit = normalize(rows.double(), dim=-1).flatten(0, 1)
    cosine = torch.einsum("ald,bld->ab", unit, unit) / unit.shape[1]
    number = torch.arange(instances * backgrounds)
    same_instance = (number[:, None] // backgrounds) == (number[None] // backgrounds)
    same_background = (number[:, None] % backgrounds) == (number[None] % backgrounds)
    grid = cosine.reshape(instances, backgrounds, instances, backgrounds)
    return Probe(
        float(cosine[same_instance & ~same_background].mean()),
        float(cosine[~same_instance & same_background].mean()),
        float(cosine[~same_instance & ~same_background].mean()),
        _found(grid),
        _found_against_background(grid),
    )


@torch.no_grad()
def probe_embeddings(trunk: Trunk, probe: ProbeSet, boxes: Tensor | None = None, batch: int = 64) -> Tensor:
    """Embeddings (I, M, L, D) that a trunk, in eval mode, reads through boxes (I, M, 4); None takes the exact ones."""
    levels = len(trunk.reader.config.levels)
    read = probe.boxes if boxes is None else boxes
    with _evaluating(trunk):
        parts = [
            trunk(_prepared(images), own.expand(1, levels, -1, -1))[0]
            for images, own in zip(
                probe.pixels.flatten(0, 1).split(batch), read.flatten(0, 1).split(batch), strict=True
            )
        ]
    return torch.cat(parts).unflatten(0, probe.pixels.shape[:2])


@torch.no_grad()
def probe_backbone(trunk: Trunk, probe: ProbeSet, batch: int = 64) -> Tensor:
    """C4 pooled inside the exact boxes, (I, M, C4): what a detector that gets the backbone would read."""
    with _evaluating(trunk):
        parts = []
        for images, own in zip(
            probe.pixels.flatten(0, 1).split(batch), probe.boxes.flatten(0, 1).split(batch), strict=True
        ):
            c4 = trunk.stages(_prepared(images))[2]
            pooled = roi_align(c4, list(own[:, None]), 7, 1 / 16, 2, aligned=True)
            parts.append(pooled.mean(dim=(2, 3)))
    return torch.cat(parts).unflatten(0, probe.pixels.shape[:2])


def _found(grid: Tensor) -> float:
    """grid (I, M, I, M) of cosines. Over ordered pairs of backgrounds: is the nearest of the I the same instance?"""
    instances, backgrounds = grid.shape[:2]
    hits = [
        (grid[:, m, :, other].argmax(dim=1) == torch.arange(instances)).double().mean()
        for m in range(backgrounds)
        for other in range(backgrounds)
        if m != other
    ]
    return float(torch.stack(hits).mean())


def _found_against_background(grid: Tensor) -> float:
    """Is (i, m) nearer to (i, m') than to every (j, m), j other than i? Mean over i, m and m' other than m."""
    instances, backgrounds = grid.shape[:2]
    hits = []
    for m in range(backgrounds):
        rivals = grid[:, m, :, m].clone()
        rivals.fill_diagonal_(float("-inf"))
        strongest = rivals.max(dim=1).values
        for other in range(backgrounds):
            if m != other:
                own = grid[torch.arange(instances), m, torch.arange(instances), other]
                hits.append((own > strongest).double().mean())
    return float(torch.stack(hits).mean())


def _prepared(pixels: Tensor) -> Tensor:
    """(N, 3, S, S) uint8 -> normalised."""
    return torch.stack([normalise(image) for image in pixels])


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """A network in eval mode, then in its own again."""
    was = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was)
