"""One video held ready: its frames, its ground truth, and what the detector remembers of every frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clab_lite.data.references import adaptive_references
from clab_lite.data.video_index import FrameAnnotation, VideoIndex
from clab_lite.detector.memory import FrameMemory
from clab_lite.detector.video import PreparedFrame
from clab_lite.frames import prepare
from clab_lite.lessons.references.observe import Observation, observe
from clab_lite.metrics.matching import box_iou
from clab_lite.trained import Trained

_SAME = 0.5
"""A detection finds an object from this IoU, as in AP50."""
_NEAR = 0.3
"""A proposal is on an object from this IoU: below it, training the RPN calls it background (Faster R-CNN 3.1.2)."""


@dataclass(frozen=True)
class Seen:
    """A key frame after the detector has looked: the observation and the frames behind it."""

    key: int
    frames: tuple[int, ...]
    """Frame number of every reference, repeated ones as often as they count; the key frame itself is last."""
    image: Tensor
    """(3, H, W) uint8, the key frame as the detector got it."""
    truth: FrameAnnotation
    observation: Observation
    scale: tuple[float, float]
    """(x, y) factors from the stored frame to the one the detector saw. All boxes here are in stored pixels."""

    @property
    def detections(self) -> dict[str, Tensor]:
        """Best first, boxes in pixels of the stored frame."""
        return self.observation.detections

    @property
    def regions(self) -> Tensor:
        """(R, 4) proposals of the key frame."""
        return self._stored(self.observation.regions)

    def proposals(self, number: int) -> Tensor:
        """(N, 4) proposals of the reference with this frame number."""
        return self._stored(self.observation.reference_boxes[self.frames.index(number)])

    def _stored(self, boxes: Tensor) -> Tensor:
        return boxes / boxes.new_tensor([*self.scale, *self.scale])

    def distinct(self) -> list[int]:
        """The frame numbers, each once, in time order."""
        return sorted(set(self.frames))

    def score(self, item: int) -> float:
        """Score of the best detection that finds object `item` of the ground truth: right class, IoU >= 0.5; else 0."""
        return best_score(self.detections, self.truth, item)

    def region_of(self, item: int) -> int:
        """The region that overlaps most with object `item`."""
        regions = self.regions.double().numpy()
        return int(box_iou(regions, self.truth.boxes[item : item + 1].astype(float))[:, 0].argmax())


class Scene:
    """A video of a dataset and a trained detector."""

    def __init__(self, trained: Trained, index: VideoIndex, video: int) -> None:
        self.detector = trained.detector.eval()
        self.class_names = trained.class_names
        self.size = trained.config.detector.frame
        self.count = trained.config.detector.detection.references
        self.video = video
        self.stride = trained.config.detector.rpn.anchors.stride
        length = index.videos[video].frame_count
        self.images = [index.load_image(video, frame) for frame in range(length)]
        self.truth = [index.annotation(video, frame) for frame in range(length)]
        self.troubles = [index.troubles(video, frame) for frame in range(length)]
        self.prepared = [self._prepare(image) for image in self.images]
        self.remembered = [self._remember(frame) for frame in self.prepared]

    def __len__(self) -> int:
        return len(self.images)

    def _prepare(self, image: Tensor) -> PreparedFrame:
        return prepare(image, self.size, torch.device("cpu"))

    def _remember(self, frame: PreparedFrame) -> FrameMemory:
        return self.detector.remember(frame.pixels[None], [frame.image_size])

    def look(self, key: int, references: int | Sequence[int] | None = None, image: Tensor | None = None) -> Seen:
        """Detect in one frame of the video.

        Args:
            key: the frame.
            references: so many, spread over the video (adaptive); None is the configured number; 0 leaves the key
                frame alone with itself. Or the frame numbers themselves.
            image: (3, H, W) uint8, what the camera saw instead of the key frame. The key frame is then remembered
                in this state too, wherever it is one of the references.
        """
        return self._looks(key, [references], image)[0]

    def pair(
        self, key: int, references: int | Sequence[int] | None = None, image: Tensor | None = None
    ) -> tuple[Seen, Seen]:
        """The same frame alone, and with references (see `look`); its own maps are computed once for both."""
        alone, joined = self._looks(key, [0, references], image)
        return alone, joined

    def _looks(self, key: int, wanted: Sequence[int | Sequence[int] | None], image: Tensor | None) -> list[Seen]:
        frame = self.prepared[key] if image is None else self._prepare(image)
        own = self.remembered[key] if image is None else self._remember(frame)
        shown = self.images[key] if image is None else image
        seen = []
        for references in wanted:
            numbers = self._numbers(references)
            memories = [own if number == key else self.remembered[number] for number in numbers]
            memory = FrameMemory.join(memories) if memories else None
            observation = observe(self.detector, frame, memory, own)
            seen.append(Seen(key, (*numbers, key), shown, self.truth[key], observation, frame.scale))
        return seen

    def _numbers(self, references: int | Sequence[int] | None) -> list[int]:
        count = self.count if references is None else references
        if isinstance(count, int):
            return adaptive_references(len(self), count) if count else []
        return list(count)

    def picture(self, seen: Seen, number: int) -> Tensor:
        """A frame as the detector had it: the key frame may have been damaged."""
        return seen.image if number == seen.key else self.images[number]

    def track_of(self, seen: Seen, region: int) -> int | None:
        """The track of the object that a region lies on (IoU >= 0.5), or None."""
        row = truth_under(seen.truth, seen.regions[region])
        return None if row is None else int(seen.truth.track_ids[row])

    def object_boxes(self, track: int) -> list[NDArray[np.float32] | None]:
        """Per frame the box (4,) of a track, None where it is not annotated."""
        found = []
        for truth in self.truth:
            rows = np.flatnonzero(truth.track_ids == track)
            found.append(truth.boxes[rows[0]] if len(rows) else None)
        return found


def best_score(detections: dict[str, Tensor], truth: FrameAnnotation, item: int) -> float:
    """Score of the best detection of the right class with an IoU of at least 0.5 with object `item`; 0 without one."""
    boxes = detections["boxes"].double().numpy()
    near = box_iou(boxes, truth.boxes[item : item + 1].astype(float))[:, 0] >= _SAME
    right = near & (detections["labels"].numpy() == truth.labels[item])
    return float(detections["scores"].numpy()[right].max()) if right.any() else 0.0


def truth_under(truth: FrameAnnotation, box: Tensor) -> int | None:
    """Row of the ground truth that a box (4,) lies on (IoU >= 0.5), or None."""
    if not len(truth.boxes):
        return None
    overlap = box_iou(box[None].double().numpy(), truth.boxes.astype(float))[0]
    return int(overlap.argmax()) if overlap.max() >= _SAME else None


def on_object(boxes: Tensor, box: NDArray[np.float32] | None) -> NDArray[np.bool_]:
    """(N,) which of the boxes (N, 4) lie on an object: IoU of at least 0.3 with its box; none where it has no box."""
    if box is None:
        return np.zeros(len(boxes), bool)
    return np.asarray(box_iou(boxes.double().numpy(), box[None].astype(float))[:, 0] >= _NEAR)
