"""Batches of composites: every instance on a background of its own in every view, with its exact and jittered box."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from torch import Tensor

from clab_lite.data.transforms import flip_boxes, normalise
from clab_lite.data.video_index import VideoIndex
from clab_lite.methods.codo.backgrounds import Background, BackgroundPool
from clab_lite.methods.codo.config import CoDoConfig, CompositeConfig
from clab_lite.methods.codo.instances import Instance, InstancePool
from clab_lite.methods.codo.jitter import jitter_box
from clab_lite.methods.codo.paste import paste_view
from clab_lite.methods.shared.part import WHOLE, Part
from clab_lite.methods.shared.views import photometric, sample_seed, seeded_draws


@dataclass(frozen=True)
class Composites:
    """B instances in V views of S x S pixels."""

    images: Tensor
    """(V, B, 3, S, S) float32, normalised."""
    boxes: Tensor
    """(V, B, 4) exact boxes, pixels of the composite."""
    jittered: Tensor
    """(V, B, 4) the query's boxes."""
    instances: tuple[Instance, ...] = ()
    """Which objects; empty where they come from a training batch."""
    backgrounds: tuple[tuple[Background, ...], ...] = ()
    """Per view, per instance."""

    def to(self, device: torch.device) -> Composites:
        """The tensors on a device."""
        moved = (self.images.to(device), self.boxes.to(device), self.jittered.to(device))
        return Composites(*moved, self.instances, self.backgrounds)


class CompositeSource:
    """`batch(step)` -> Composites: a pure function of (seed, step)."""

    def __init__(self, config: CoDoConfig, instances: InstancePool, backgrounds: BackgroundPool) -> None:
        self.config, self.instances, self.backgrounds = config, instances, backgrounds

    @classmethod
    def of(cls, config: CoDoConfig, index: VideoIndex, downstream: VideoIndex | None = None) -> CompositeSource:
        """Ground-truth instances of `index` on backgrounds of the kind that the configuration asks for.

        Args:
            config: all settings.
            index: the videos with the instances.
            downstream: training videos of the detector to come; None: the same videos, as where the pre-training uses
                the detector's own data. `background="pretrain"` draws from `index` in any case.

        Raises:
            DataError: no instances, fewer objects than a batch holds, or no other video for the backgrounds.
        """
        kind = config.composite.background
        frames = index if downstream is None or kind == "pretrain" else downstream
        pool = InstancePool(index)
        pool.draw(config.pretrain.batch, random.Random(0))  # too few objects: say so now
        backgrounds = BackgroundPool(kind, config.composite.image_size, frames)
        backgrounds.require_others({group[0].source for group in pool.groups})
        return cls(config, pool, backgrounds)

    def batch(self, step: int, part: Part = WHOLE) -> Composites:
        """The batch of a step (0-based), or a part of its instances, on the CPU.

        The instances of other parts go through all draws as pictures without pixels (of torch's meta device).
        """
        config, composite = self.config, self.config.composite
        rng = random.Random(sample_seed("codo", config.pretrain.seed, step))
        chosen, own = self.instances.draw(config.pretrain.batch, rng), part.places(config.pretrain.batch)
        drawn = [
            self.backgrounds.draw(config.views, instance.source, rng, pixels=b in own)
            for b, instance in enumerate(chosen)
        ]
        views = [
            [
                make_view(self.instances.crop(one, rng, composite.window, pixels=b in own), drawn[b][v], composite, rng)
                for b, one in enumerate(chosen)
            ]
            for v in range(config.views)
        ]
        images, boxes, jittered = (
            torch.stack([torch.stack([view[b][piece] for b in own]) for view in views]) for piece in range(3)
        )
        backgrounds = tuple(tuple(drawn[b][v] for b in own) for v in range(config.views))
        return Composites(images, boxes, jittered, tuple(chosen[b] for b in own), backgrounds)


def make_view(
    crop: Tensor, background: Background, config: CompositeConfig, rng: random.Random
) -> tuple[Tensor, Tensor, Tensor]:
    """One composite: paste, then colour the whole (no seam tells the instance), flip, normalise; then jitter the box.

    Args:
        crop: pixels of the instance (3, h, w), uint8; on the meta device where only the draws are wanted.
        background: what it is pasted on, on the same device.
        config: of composites.
        rng: of every draw.

    Returns:
        Image (3, S, S) float32 normalised, exact box (4,), jittered box (4,).
    """
    avoid = background.boxes if config.avoid_objects else None
    image, box = paste_view(crop, background.image, config.sides, rng, avoid)
    seed, size = rng.getrandbits(63), config.image_size
    if not image.is_meta:
        with seeded_draws(seed):
            image = photometric(config.photo)(image)
    if rng.random() < config.flip:
        image, box = image.flip(-1), flip_boxes(box[None], size)[0]
    return (
        image if image.is_meta else normalise(image),
        box,
        jitter_box(box, config.jitter, config.jitter_min_iou, (size, size), rng),
    )
