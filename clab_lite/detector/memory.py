"""FrameMemory: everything about the reference frames that does not depend on the key frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from clab_lite.detector.map_tables import MapTables


@dataclass(frozen=True)
class FrameMemory:
    """What the detector remembers of M reference frames. Passed in and out explicitly; a module holds no video state.

    features: (M, C, H, W) neck maps.
    proposals: per frame (R, 4) boxes in pixels of the resized frame.
    encoded: per layer of the box head (S, 2, width), keys and values of the frames' regions one after another, S = sum
        of R.
    tables: per frame what Temporal RoI Align looks up; empty without it.
    """

    features: Tensor
    proposals: list[Tensor]
    encoded: list[Tensor]
    tables: list[MapTables] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.proposals)

    def split(self) -> list[FrameMemory]:
        """The memory of each frame."""
        counts = [len(boxes) for boxes in self.proposals]
        encoded = list(zip(*(layer.split(counts) for layer in self.encoded), strict=True))
        return [
            FrameMemory(self.features[i : i + 1], [boxes], list(encoded[i]), self.tables[i : i + 1])
            for i, boxes in enumerate(self.proposals)
        ]

    @classmethod
    def join(cls, memories: list[FrameMemory]) -> FrameMemory:
        """Frames of several memories, in order. All maps must have one size (frames of one video have)."""
        sizes = {tuple(memory.features.shape[1:]) for memory in memories}
        if len(sizes) > 1:
            raise ValueError(
                f"frames of different padded sizes cannot share a memory: feature maps {sorted(sizes)}. "
                "Resize and pad all frames of a video alike."
            )
        return cls(
            torch.cat([memory.features for memory in memories]),
            [boxes for memory in memories for boxes in memory.proposals],
            [torch.cat(layer) for layer in zip(*(memory.encoded for memory in memories), strict=True)],
            [tables for memory in memories for tables in memory.tables],
        )
