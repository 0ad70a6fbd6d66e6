"""Evaluation of a dataset: a detector that knows the answers, one that is beside them, and one that is silent."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from recalling_detector import RecallingDetector
from small_dataset import CAR, KnowingDetector, open_small_dataset

from clab_lite.config import FrameConfig
from clab_lite.data.subset import Subset
from clab_lite.data.vid import VideoIndex
from clab_lite.errors import DataError
from clab_lite.evaluate import FrameDetections, detect_dataset, require_same_classes
from clab_lite.evaluate import evaluate as evaluate_with_intervals
from clab_lite.evaluate import score_detections as score_with_intervals
from clab_lite.evaluation_report import EvaluationReport, Measured

# Intervals take most of the time and are tested with the scoring.
evaluate = partial(evaluate_with_intervals, resamples=0)
score_detections = partial(score_with_intervals, resamples=0)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    return open_small_dataset(tmp_path_factory.mktemp("small"))


def test_knowing_detector_is_perfect(index: VideoIndex) -> None:
    """Frame size and number of references are the detector's own."""
    detector = KnowingDetector(index).train()
    report = evaluate(detector, index, progress=False)
    assert report.ap50 == pytest.approx(1.0)
    assert report.ap == pytest.approx(1.0)
    assert report.counts == {"videos": 3, "frames": 9, "boxes": 11}
    assert detector.memories == [5, 5, 5]
    assert detector.remembered == [4, 3, 2]  # the frames there are
    assert detector.training  # given back as it came


def test_another_size_and_number_of_references(index: VideoIndex) -> None:
    detector = KnowingDetector(index, size=(55, 75))
    report = evaluate(detector, index, transform=FrameConfig(75, 60), references=3, progress=False)
    assert report.ap == pytest.approx(1.0)
    assert detector.memories == [3, 3, 3]


def test_shifted_boxes_score_nothing(index: VideoIndex) -> None:
    report = evaluate(KnowingDetector(index, shift=40), index, progress=False)
    assert report.ap50 == 0.0
    assert {scores.ap50 for scores in report.per_class.values()} == {0.0}


def test_groups_and_what_they_stand_on(index: VideoIndex) -> None:
    report = evaluate(KnowingDetector(index), index, progress=False)
    assert list(report.by_trouble) == ["clean", "any_trouble", "motion_blur", "noise", "occlusion"]
    counts = {name: (s.videos, s.frames, s.boxes) for name, s in report.by_trouble.items()}
    assert counts == {
        "clean": (3, 6, 7),
        "any_trouble": (2, 3, 4),
        "motion_blur": (1, 2, 2),
        "noise": (1, 1, 1),
        "occlusion": (1, 1, 2),
    }
    assert {name: (s.videos, s.frames, s.boxes) for name, s in report.per_class.items()} == {
        "car": (2, 7, 7),
        "dog": (2, 4, 4),
    }


def test_trouble_groups_use_their_own_frames(index: VideoIndex) -> None:
    """Only clean frames are detected: clean is perfect, troubled is zero, all is in between."""
    found = [
        frame
        for frame in detect_dataset(KnowingDetector(index), index, progress=False)
        if not index.troubles(frame.video, frame.frame)
    ]
    report = score_detections(index, found)
    assert report.by_trouble["clean"].ap50 == pytest.approx(1.0)
    assert report.by_trouble["any_trouble"].ap50 == 0.0
    assert report.by_trouble["motion_blur"].ap50 == 0.0
    assert report.by_trouble["clean"].clean_ap50 is None
    assert report.ap50 is not None
    assert 0.5 < report.ap50 < 1.0


def test_other_classes_are_refused_before_the_first_frame(index: VideoIndex) -> None:
    detector = KnowingDetector(index)
    detector.config = replace(detector.config, num_classes=2)
    with pytest.raises(DataError, match=r"detector has 2 classes, the dataset 30 \(airplane.*30 in all"):
        evaluate(detector, index, progress=False)
    assert detector.memories == []


def test_other_or_reordered_class_names_are_refused() -> None:
    require_same_classes(("car", "dog"), ["car", "dog"])
    require_same_classes((), ["car", "dog"])  # a run that does not say
    with pytest.raises(DataError, match=r"Run: car, dog\. Dataset: dog, car\. Label 0 is 'car'.*'dog' in the dataset"):
        require_same_classes(("car", "dog"), ("dog", "car"))
    with pytest.raises(DataError, match="Label 1 is 'dog' in the run, 'nothing' in the dataset"):
        require_same_classes(("car", "dog"), ("car",))


def test_clean_frames_are_compared_over_the_same_classes(index: VideoIndex) -> None:
    """Dogs are never found on clean frames: noise shows cars only and is compared with cars, occlusion with both."""
    found = [
        replace(frame, **{name: getattr(frame, name)[frame.labels == CAR] for name in ("boxes", "scores", "labels")})
        for frame in detect_dataset(KnowingDetector(index), index, progress=False)
    ]
    by_trouble = score_detections(index, found).by_trouble
    assert by_trouble["clean"].ap50 == pytest.approx(0.5)
    assert by_trouble["noise"].clean_ap50 == pytest.approx(1.0)
    assert by_trouble["occlusion"].clean_ap50 == pytest.approx(0.5)


def test_scale_differs_between_the_axes(index: VideoIndex) -> None:
    """60x44 pixels to fit 70x66 are 70x51 (not 51.33): scales 1.1667 and 1.1591."""
    detector = KnowingDetector(index, size=(51, 70))
    report = evaluate(detector, index, transform=FrameConfig(70, 66), references=2, progress=False)
    assert report.ap == pytest.approx(1.0)


def test_silence_and_empty_scenes(index: VideoIndex) -> None:
    assert score_detections(index, []).ap50 == 0.0
    empty = index.select([])
    report = score_detections(empty, [])
    assert report.ap50 is None
    assert report.ap is None
    assert report.overall.undefined == "there is no ground truth"
    assert report.counts == {"videos": 0, "frames": 0, "boxes": 0}


def test_without_side_file_no_frame_is_called_clean(tmp_path: Path) -> None:
    index = open_small_dataset(tmp_path, troubles=False)
    assert score_detections(index, []).by_trouble == {}


def test_report_survives_json(index: VideoIndex, tmp_path: Path) -> None:
    box = np.array([[4, 8, 24, 28]], np.float32)
    found = [FrameDetections(0, 0, box, np.ones(1, np.float32), np.array([CAR]))]
    report = score_detections(index, found)
    assert EvaluationReport.from_json(report.to_json()) == report
    report = replace(report, measured=Measured("data", "val", "checkpoint.pt", 13, 400, 192, 128, 14))
    (tmp_path / "report.json").write_text(report.to_json())
    assert EvaluationReport.from_json(tmp_path / "report.json") == report
    with pytest.raises(DataError, match="not an evaluation report"):
        EvaluationReport.from_json('{"overall": 3}')


def test_nothing_is_written_to_the_log_without_progress(index: VideoIndex, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(KnowingDetector(index), index, progress=True)
    assert "frame" in capsys.readouterr().err
    evaluate(KnowingDetector(index), index, progress=False)
    assert capsys.readouterr().err == ""


ALL = [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]


def test_a_subset_is_all_that_is_detected(index: VideoIndex) -> None:
    """The references are those of the whole video all the same: `remember` is given frames outside the subset."""
    detector = RecallingDetector(index)
    report = evaluate(detector, index, subset=Subset(every=2, trouble="clean"), progress=False)
    assert detector.seen == [(0, 0), (1, 2), (2, 0)]
    assert report.counts == {"videos": 3, "frames": 3, "boxes": 4}
    assert report.ap == pytest.approx(1.0)
    assert report.subset == "trouble=clean every=2"
    found = list(detect_dataset(detector, index, subset=Subset(videos=("*1000",)), progress=False))
    assert [(frame.video, frame.frame) for frame in found] == [(2, 0), (2, 1)]


def test_the_store_grows_with_what_is_asked_for(index: VideoIndex, tmp_path: Path) -> None:
    detector, plain = RecallingDetector(index), evaluate(RecallingDetector(index), index, progress=False)
    half = evaluate(detector, index, subset=Subset(every=2), store=tmp_path, progress=False)
    assert detector.seen == [(0, 0), (0, 2), (1, 0), (1, 2), (2, 0)]
    assert evaluate(detector, index, store=tmp_path, progress=False) == plain
    assert sorted(detector.seen) == ALL  # each once
    assert evaluate(detector, index, store=tmp_path, progress=False) == plain
    assert evaluate(detector, index, subset=Subset(every=2), store=tmp_path, progress=False) == half
    assert len(detector.seen) == len(ALL)


def test_other_weights_and_settings_are_detected_anew(index: VideoIndex, tmp_path: Path) -> None:
    evaluate(RecallingDetector(index), index, store=tmp_path, progress=False)
    other = RecallingDetector(index, weight=1e-7)
    evaluate(other, index, store=tmp_path, progress=False)
    assert other.seen == ALL
    evaluate(other, index, store=tmp_path, references=3, progress=False)
    assert len(other.seen) == 2 * len(ALL)
    evaluate(other, index, store=tmp_path, references=3, precision="bfloat16", progress=False)
    assert len(other.seen) == 3 * len(ALL)
    same = RecallingDetector(index)
    same.config = replace(same.config, detection=replace(same.config.detection, iou_threshold=0.4))
    evaluate(same, index, store=tmp_path, progress=False)
    assert same.seen == ALL


def test_a_killed_evaluation_goes_on(index: VideoIndex, tmp_path: Path) -> None:
    """Killed in the second video: the first is there, and a truncated file is made anew."""
    script = Path(__file__).with_name("recalling_detector.py")
    root, store = index.video_root.parents[1], tmp_path / "store"
    answer = subprocess.run([sys.executable, script, root, store, "5"], check=False, capture_output=True)
    assert answer.returncode == -signal.SIGKILL, answer.stderr.decode()
    (finished,) = store.rglob("*.npz")
    detector = RecallingDetector(index)
    report = evaluate(detector, index, store=store, progress=False)
    assert detector.seen == ALL[4:]
    assert report == evaluate(RecallingDetector(index), index, progress=False)
    finished.write_bytes(finished.read_bytes()[:-100])
    assert evaluate(detector, index, store=store, progress=False) == report
    assert detector.seen[len(ALL[4:]) :] == ALL[:4]
    assert not list(store.rglob("*.part"))


def test_gradients_are_back_after_a_frame(index: VideoIndex) -> None:
    for _ in detect_dataset(RecallingDetector(index), index, progress=False):
        assert torch.is_grad_enabled()
