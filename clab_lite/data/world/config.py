"""What a sample world is made of: one frozen dataclass."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from clab_lite.errors import DataError
from clab_lite.ranges import check_fields

SPLITS = ("train", "val")
WORLD_CLASSES = ("airplane", "bicycle", "bird", "car", "dog", "snake", "turtle", "watercraft")
# Lengths in this package are written for a frame of this size and scaled to the real one.
REFERENCE_WIDTH, REFERENCE_HEIGHT = 192, 128


@dataclass(frozen=True)
class WorldConfig:
    """Settings of a sample world. Two equal configurations give the same pixels.

    Attributes:
        seed: everything random follows from it, any integer >= 0.
        width: width of a frame in pixels, 48 to 4096.
        height: height of a frame in pixels, 48 to 4096.
        classes: class names: airplane, bicycle, bird, car, dog, snake, turtle, watercraft or some of them.
        train_videos: videos for training, at least 1.
        val_videos: videos for validation, at least 1.
        train_frames: frames of each training video, at least 2.
        val_frames: frames of each validation video, at least 2.
        trouble_strength: 0 turns every trouble off, 1 is mild, the default 1.8 is harsh, 3 is the most.
        trouble_share: share of the frames that carry a trouble, 0 to 0.9.
        jpeg_quality: 1 to 95.
        workers: processes that render while writing; it changes the time, never the pixels.
    """

    seed: int = 0
    width: int = 192
    height: int = 128
    classes: tuple[str, ...] = WORLD_CLASSES
    train_videos: int = 128
    val_videos: int = 64
    train_frames: int = 8
    val_frames: int = 10
    trouble_strength: float = 1.8
    trouble_share: float = 0.5
    jpeg_quality: int = 75
    workers: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))
        check_fields(
            self, seed=(0, 2**63), width=(48, 4096), height=(48, 4096),
            train_videos=(1, 99999), val_videos=(1, 99999), train_frames=(2, 9999), val_frames=(2, 9999),
            trouble_strength=(0, 3), trouble_share=(0, 0.9), jpeg_quality=(1, 95), workers=(1, 256),
        )  # fmt: skip
        unknown = [name for name in self.classes if name not in WORLD_CLASSES]
        if unknown or not self.classes or len(set(self.classes)) != len(self.classes):
            raise DataError(
                f"WorldConfig.classes is {self.classes!r}. Choose one or more different names from {WORLD_CLASSES}."
            )

    @property
    def unit(self) -> float:
        """Pixels per pixel of the 192x128 reference frame."""
        return min(self.width / REFERENCE_WIDTH, self.height / REFERENCE_HEIGHT)

    def videos(self, split: str) -> int:
        """Number of videos of ``split`` ("train" or "val")."""
        return self.train_videos if _known(split) == "train" else self.val_videos

    def frames(self, split: str) -> int:
        """Number of frames of each video of ``split`` ("train" or "val")."""
        return self.train_frames if _known(split) == "train" else self.val_frames

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they are kept in ``world.json``."""
        return {**asdict(self), "classes": list(self.classes)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> WorldConfig:
        """The inverse of ``to_dict``; an unknown key is an error."""
        names = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(names))
        if unknown:
            raise DataError(f"WorldConfig has no field {unknown[0]!r}. Its fields are {', '.join(names)}.")
        return cls(**values)


def _known(split: str) -> str:
    if split not in SPLITS:
        raise DataError(f"The split is {split!r}. Choose one of {SPLITS}.")
    return split
