"""Comparisons: a better detector is called better, the same is not, and pairs cancel what is hard for both."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from recalling_detector import RecallingDetector
from small_dataset import open_small_dataset

from clab_lite.compare import Comparison, compare, compare_found
from clab_lite.data import VideoIndex
from clab_lite.data.subset import Subset
from clab_lite.data.table import VideoRecord, assemble
from clab_lite.detection_store import Found, VideoDetections

FRAMES, VIDEOS = 4, 24


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    """One object of 40x40 pixels in each frame of each video, dogs in every second."""
    root, records = tmp_path_factory.mktemp("compare"), []
    for video in range(VIDEOS):
        record = VideoRecord(f"val/ILSVRC2015_val_{video:05d}000", False)
        for frame in range(FRAMES):
            record.start_frame(320, 240)
            x = 20.0 * frame
            record.add_box((x, 50, x + 40, 90), video % 2, 1, False, False)
        records.append(record)
    return VideoIndex(assemble(records, ("cat", "dog"), []), root, root)


def detector(index: VideoIndex, share: float, seed: int = 0) -> Found:
    """Finds the object in `share` of the frames, and something else in each. Videos differ in how sure it is."""

    def found(video: int) -> VideoDetections:
        draw, sure = np.random.default_rng([seed, video]), np.random.default_rng(video).uniform(0.2, 0.6)
        results = {}
        for frame in range(FRAMES):
            truth = index.annotation(video, frame)
            box = truth.boxes[0] + (0 if draw.random() < share else 200)
            boxes = np.stack([box, box + 100]).astype(np.float32)
            scores = np.array([sure + draw.uniform(0, 0.4), sure])
            results[frame] = (boxes, scores, np.repeat(truth.labels, 2))
        return VideoDetections.of(results, 2)

    return found


def compared(index: VideoIndex, first: Found, second: Found, resamples: int = 300) -> Comparison:
    return compare_found(index, Subset().select(index), first, second, resamples=resamples)


def test_a_better_detector_is_called_better(index: VideoIndex) -> None:
    bad, good = detector(index, 0.4), detector(index, 0.9)
    forth, back = compared(index, bad, good), compared(index, good, bad)
    number, other = forth.numbers["AP50"], back.numbers["AP50"]
    assert number.difference is not None
    assert other.difference is not None
    assert number.difference.interval is not None
    assert number.difference.interval[0] > 0
    assert number.difference.value == number.second - number.first  # type: ignore[operator]
    assert forth.verdict.startswith("B is better than A (+0.")
    assert back.verdict.startswith("B is worse than A (-0.")
    assert other.difference.value == -number.difference.value
    np.testing.assert_allclose(other.difference.interval, [-x for x in number.difference.interval[::-1]], atol=1e-12)  # type: ignore[arg-type]
    assert (forth.videos, forth.sources, forth.frames, forth.boxes) == (VIDEOS, VIDEOS, 96, 96)


def test_the_same_detector_is_no_better(index: VideoIndex) -> None:
    same = compared(index, detector(index, 0.6), detector(index, 0.6))
    for number in same.numbers.values():
        if number.difference is not None:
            assert number.difference.value == 0
            assert number.difference.interval == (0, 0)
            assert number.difference.p_value == 1
    assert same.verdict.startswith("No sure difference between A and B (+0.000 AP50")


def test_another_draw_of_the_same_skill_is_rarely_called_better(index: VideoIndex) -> None:
    """At p <= 0.05, about one in twenty; the seeds are fixed."""
    sure = 0
    for seed in range(12):
        verdict = compared(index, detector(index, 0.6, 2 * seed), detector(index, 0.6, 2 * seed + 1), 60).verdict
        sure += not verdict.startswith("No sure")
    assert sure <= 2


def test_all_protocols_motions_and_classes(index: VideoIndex) -> None:
    comparison = compared(index, detector(index, 0.4), detector(index, 0.9), resamples=20)
    motions = [f"AP50 {protocol}{m}" for protocol in ("MEGA", "FGFA") for m in ("", ", slow", ", medium", ", fast")]
    assert list(comparison.numbers) == ["AP50", "AP50:95", *motions, "cat", "dog"]
    assert comparison.numbers["AP50 MEGA, slow"].difference is None  # nothing is slow
    content = json.loads(comparison.to_json())
    assert content["verdict"] == comparison.verdict
    assert content["numbers"]["dog"]["first"] == comparison.numbers["dog"].first


def test_without_draws_it_says_nothing_of_certainty(index: VideoIndex) -> None:
    verdict = compared(index, detector(index, 0.4), detector(index, 0.9), resamples=0).verdict
    assert "Nothing says how sure that is" in verdict
    one = index.select([0])
    lone = compare_found(one, Subset().select(one), detector(one, 0.4), detector(one, 0.9))
    assert "it needs two source videos" in lone.verdict
    three = index.select([0, 1, 2])  # two cats, one dog
    numbers = compared(three, detector(three, 0.4), detector(three, 0.9)).numbers
    assert numbers["cat"].difference.interval is not None  # type: ignore[union-attr]
    assert numbers["dog"].difference.interval is None  # type: ignore[union-attr]
    none = index.select([])
    assert "undefined" in compare_found(none, Subset().select(none), detector(none, 1), detector(none, 1)).verdict


def test_detectors_share_a_store_and_not_their_detections(tmp_path: Path) -> None:
    data = open_small_dataset(tmp_path / "data")
    first, second = RecallingDetector(data, weight=1.0), RecallingDetector(data, weight=2.0)
    for _ in range(2):
        comparison = compare(
            first, second, data, subset=Subset(every=2), store=tmp_path / "store", resamples=10, progress=False
        )
    assert comparison.numbers["AP50"].first == comparison.numbers["AP50"].second == pytest.approx(1)
    assert len(first.seen) == len(second.seen) == comparison.frames == 5
    assert comparison.subset == "every=2"
