"""Real videos: six annotated frames of ImageNet VID, and one of DAVIS with a track. Skipped where they are not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from training_world import micro_config

from clab_lite.config import DetectionConfig, DetectorConfig, FrameConfig
from clab_lite.data.subset import Subset
from clab_lite.data.transforms import prepare_frame
from clab_lite.data.vid import VideoIndex, open_dataset
from clab_lite.detector.memory import FrameMemory
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.evaluate import FrameDetections, evaluate, score_detections
from clab_lite.evaluation_report import EvaluationReport

REAL = Path(__file__).parents[2] / "shared/real"
ANNOTATED = [1, 5, 34, 62, 80, 115]
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the real clips are not here")


def open_clip(name: str) -> VideoIndex:
    return open_dataset(REAL / name / "gt_cocovid.json", "val", cache=False, progress=False)


@pytest.fixture(scope="module")
def planes() -> VideoIndex:
    return open_clip("ilsvrc_val_00007010")


def found_in(index: VideoIndex, frame: int, shift: float = 0.0, leave: int = 0) -> FrameDetections:
    """The ground truth of a frame, moved right by `shift` pixels, without the first `leave` boxes."""
    truth = index.annotation(0, frame)
    boxes, labels = truth.boxes[leave:] + np.float32([shift, 0, shift, 0]), truth.labels[leave:]
    return FrameDetections(0, frame, boxes, np.full(len(labels), 0.9, np.float32), labels)


def all_protocols(report: EvaluationReport) -> dict[str, float | None]:
    return {name: protocol.scores["all"].value for name, protocol in report.protocols.items()}


def test_the_truth_as_detections_is_perfect(planes: VideoIndex) -> None:
    report = score_detections(planes, [found_in(planes, frame) for frame in ANNOTATED], resamples=0)
    assert all_protocols(report) == pytest.approx({"coco": 1.0, "mega": 1.0, "fgfa": 1.0}, abs=1e-12)
    assert report.ap == pytest.approx(1.0, abs=1e-12)
    assert report.counts == {"videos": 1, "frames": 6, "boxes": 42}
    assert list(report.per_class) == ["airplane"]
    assert all(list(protocol.scores) == ["all"] for protocol in report.protocols.values())  # there are no tracks


def test_what_is_wrong_costs(planes: VideoIndex) -> None:
    """Six of 42 boxes missed: 36/42 of the recall. Boxes beside the planes: nothing."""
    missed = score_detections(planes, [found_in(planes, frame, leave=1) for frame in ANNOTATED], resamples=0)
    values = all_protocols(missed)
    assert values == pytest.approx({"coco": 86 / 101, "mega": 36 / 42, "fgfa": 36 / 42}, abs=1e-6)
    beside = score_detections(planes, [found_in(planes, frame, shift=2000) for frame in ANNOTATED], resamples=0)
    assert all_protocols(beside) == pytest.approx({"coco": 0.0, "mega": 0.0, "fgfa": 0.0}, abs=1e-12)


def test_frames_that_nobody_annotated_are_not_evaluated(planes: VideoIndex) -> None:
    """Whatever is found in them."""
    assert np.flatnonzero(planes.annotated(0)).tolist() == ANNOTATED
    right = [found_in(planes, frame) for frame in ANNOTATED]
    stray = FrameDetections(0, 33, np.float32([[0, 0, 9, 9]]), np.float32([1.0]), np.array([0]))
    with_stray = score_detections(planes, sorted([*right, stray], key=lambda found: found.frame), resamples=0)
    assert with_stray == score_detections(planes, right, resamples=0)


class ResizedTruth(nn.Module):
    """Answers with the ground truth as it lies in the resized frame, and checks that it is given that very frame."""

    def __init__(self, index: VideoIndex, frames: Sequence[int], size: FrameConfig) -> None:
        super().__init__()
        self.index, self.frames = index, list(frames)
        self.config = DetectorConfig(frame=size, detection=DetectionConfig(references=3))
        self.weight = nn.Parameter(torch.zeros(()))

    def remember(self, frames: Tensor, image_sizes: Sequence[tuple[int, int]]) -> FrameMemory:
        return FrameMemory(frames, [torch.zeros(0, 4)] * len(frames), [])

    def detect_remembered(
        self,
        own: FrameMemory,
        memory: FrameMemory,
        image_sizes: Sequence[tuple[int, int]],
        scales: Sequence[tuple[float, float]],
    ) -> list[dict[str, Tensor]]:
        return [self._answer(*each) for each in zip(own.features, image_sizes, scales, strict=True)]

    def _answer(self, frame: Tensor, image_size: tuple[int, int], scale: tuple[float, float]) -> dict[str, Tensor]:
        number = self.frames.pop(0)
        image = self.index.load_image(0, number)
        expected, _ = prepare_frame(image, self.config.frame)
        torch.testing.assert_close(frame[:, : image_size[0], : image_size[1]], expected)
        truth = self.index.annotation(0, number)
        resize = image_size[1] / image.shape[2], image_size[0] / image.shape[1]
        assert scale == pytest.approx(resize, abs=1e-12)
        resized = torch.from_numpy(truth.boxes) * torch.tensor([*resize, *resize])
        scores = torch.full((len(truth.labels),), 0.9)
        return {
            "boxes": resized / torch.tensor([*scale, *scale]),
            "scores": scores,
            "labels": torch.from_numpy(truth.labels),
        }


@pytest.mark.parametrize("size", [FrameConfig(1000, 600), FrameConfig(190, 130)])
def test_the_truth_survives_resizing(planes: VideoIndex, size: FrameConfig) -> None:
    """1280 x 720 becomes 1000 x 563, or 190 x 107: x and y have factors of their own."""
    detector = ResizedTruth(planes, ANNOTATED, size)
    report = evaluate(detector, planes, resamples=0, progress=False)
    assert detector.frames == []
    assert all_protocols(report) == pytest.approx({"coco": 1.0, "mega": 1.0, "fgfa": 1.0}, abs=1e-12)
    assert report.ap == pytest.approx(1.0, abs=1e-12)


def test_a_real_detector_runs_on_the_real_frames(planes: VideoIndex) -> None:
    torch.manual_seed(0)
    config = micro_config().detector
    detection = replace(config.detection, score_threshold=0.0, references=3)
    report = evaluate(VideoDetector(replace(config, detection=detection)), planes, resamples=20, progress=False)
    assert report.counts == {"videos": 1, "frames": 6, "boxes": 42}
    assert set(all_protocols(report)) == {"coco", "mega", "fgfa"}
    assert all(value is not None and 0 <= value <= 1 for value in all_protocols(report).values())


def test_motion_of_a_track() -> None:
    """The file states the motion IoU of each box to six decimals."""
    index = open_clip("davis_car_shadow")
    stated = json.loads((REAL / "davis_car_shadow/gt_cocovid.json").read_text())["annotations"]
    motion = Subset().select(index).motion
    assert motion is not None
    np.testing.assert_allclose(motion, [item["motion_iou"] for item in stated], rtol=0, atol=5.1e-7)
    found = [found_in(index, frame) for frame in range(40)]
    report = score_detections(index, found, resamples=0)
    for name in ("mega", "fgfa"):
        scores = report.protocols[name].scores
        assert list(scores) == ["all", "slow", "medium", "fast"]
        assert (scores["medium"].value, scores["medium"].boxes) == (pytest.approx(1.0, abs=1e-12), 40)
        assert (scores["slow"].value, scores["fast"].value) == (None, None)
        assert scores["slow"].undefined
    medium = score_detections(index, found, subset=Subset(motion="medium"), resamples=0)
    assert medium.counts == {"videos": 1, "frames": 40, "boxes": 40}
