"""Detect in the frames of one video of a dataset, in one setting."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from clab_lite.config import FrameConfig
from clab_lite.data.vid import VideoIndex
from clab_lite.detection_store import Manifest, digest_of_weights
from clab_lite.detector.video import PreparedFrame, detect_frames
from clab_lite.errors import DataError, NotFinite
from clab_lite.frames import frames_at_once, load_frame, reading_threads

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class FrameDetections:
    """What was found in one frame: D boxes, best first, on the CPU.

    boxes: (D, 4) float32 xyxy pixels of the original frame. scores: (D,) float32. labels: (D,) int64.
    """

    video: int
    frame: int
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Setting:
    """How frames are detected."""

    size: FrameConfig
    references: int
    precision: Precision

    @classmethod
    def of(cls, detector: Any, transform: FrameConfig | None, references: int | None, precision: Precision) -> Setting:
        """What is None is the detector's own."""
        size = detector.config.frame if transform is None else transform
        return cls(size, detector.config.detection.references if references is None else references, precision)

    def manifest(self, detector: Any, index: VideoIndex) -> Manifest:
        """What stored detections depend on."""
        settings = json.dumps(asdict(detector.config), sort_keys=True)
        return Manifest(
            digest_of_weights(detector),
            settings,
            self.size.long_side,
            self.size.short_side,
            self.references,
            self.precision,
            index.class_names,
        )


def require_number_of_classes(detector: Any, index: VideoIndex) -> None:
    """DataError when the detector has another number of classes than the dataset."""
    if detector.config.num_classes != len(index.class_names):
        found = f"the detector has {detector.config.num_classes} classes, the dataset {len(index.class_names)}"
        raise DataError(f"{found} ({some_names(index.class_names)}). Use a dataset with the classes of its training.")


def detect_video(
    detector: Any,
    index: VideoIndex,
    video: int,
    frames: NDArray[np.integer],
    setting: Setting,
    device: torch.device,
) -> Iterator[FrameDetections]:
    """The detections of these frames of a video, as soon as they are there."""

    def load(frame: int) -> PreparedFrame:
        return load_frame(index, video, frame, setting.size, device)

    count = index.videos[video].frame_count
    numbers, threads = frames.tolist(), reading_threads(device)
    at_once = frames_at_once(device, setting.size)
    results = detect_frames(
        detector, load, count, count=setting.references, keys=numbers, threads=threads, at_once=at_once
    )
    autocast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=setting.precision == "bfloat16")
    for number in numbers:
        # Entered anew for each frame: a generator must not leave its caller without gradients.
        with torch.no_grad(), autocast, _video_named(index.videos[video].name):
            result = next(results)
        yield FrameDetections(
            video,
            number,
            result["boxes"].float().cpu().numpy().reshape(-1, 4),
            result["scores"].float().cpu().numpy().reshape(-1),
            result["labels"].cpu().numpy().astype(np.int64).reshape(-1),
        )


@contextmanager
def _video_named(name: str) -> Iterator[None]:
    try:
        yield
    except NotFinite as error:
        raise NotFinite(f"video {name}, {error}") from error


def some_names(names: Sequence[str], most: int = 5) -> str:
    """The first few names, and how many they are."""
    more = f", ... {len(names)} in all" if len(names) > most else ""
    return ", ".join(names[:most]) + more
