"""The lesson's material: one object of every class, and backgrounds of every kind."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from clab_lite.data.vid import VideoIndex
from clab_lite.errors import DataError
from clab_lite.methods.codo.backgrounds import Background, BackgroundPool, Kind
from clab_lite.methods.codo.config import CoDoConfig, lite
from clab_lite.methods.codo.instances import Instance, InstancePool

KINDS: tuple[tuple[str, Kind], ...] = (("training frames", "downstream"), ("one frame for all views", "same"),
                                       ("noise", "noise"))  # fmt: skip
"""What a reader chooses from, and its name in the library."""


@dataclass(frozen=True)
class Desk:
    """Objects to cut out and frames to paste them on."""

    index: VideoIndex
    config: CoDoConfig

    @cached_property
    def instances(self) -> InstancePool:
        """All objects of the videos."""
        return InstancePool(self.index)

    @cached_property
    def things(self) -> dict[str, Instance]:
        """Class name -> its largest object in a frame without troubles (or in any frame)."""
        best: dict[str, tuple[bool, float, Instance]] = {}
        for group in self.instances.groups:
            for one in group:
                x1, y1, x2, y2 = one.box
                rank = (not self.index.troubles(one.video, one.frame), (x2 - x1) * (y2 - y1))
                name = self.instances.class_name(one)
                if name not in best or rank > best[name][:2]:
                    best[name] = (*rank, one)
        return {name: best[name][2] for name in sorted(best)}

    def thing(self, name: str) -> Instance:
        """The object of that class. DataError: the videos show none."""
        if name not in self.things:
            raise DataError(f"no {name!r} in these videos. There are: {', '.join(self.things)}.")
        return self.things[name]

    def backgrounds(self, kind: Kind, instance: Instance, count: int, rng: random.Random) -> list[Background]:
        """`count` backgrounds for an object, none from its own video."""
        return self._pool(kind).draw(count, instance.source, rng)

    def frame(self, instance: Instance) -> Tensor:
        """The whole frame that shows the object, (3, H, W) uint8."""
        return self.index.load_image(instance.video, instance.frame)

    @cached_property
    def _pools(self) -> dict[Kind, BackgroundPool]:
        return {}

    def _pool(self, kind: Kind) -> BackgroundPool:
        if kind not in self._pools:
            self._pools[kind] = BackgroundPool(kind, self.config.composite.image_size, self.index)
        return self._pools[kind]


def desk(index: VideoIndex) -> Desk:
    """A desk with these videos, at the lite settings."""
    return Desk(index, lite())
