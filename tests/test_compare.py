"""Comparisons: a better detector is called better, the same is not, and pairs cancel what is hard for both."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from recalling_detector import RecallingDetector
from small_dataset import open_small_dataset

from clab_lite.cli.compare import comparison_table
from clab_lite.compare import Compared, Comparison, compare, compare_found
from clab_lite.data import VideoIndex
from clab_lite.data.subset import Subset
from clab_lite.data.table import VideoRecord, assemble
from clab_lite.detection_store import Found, VideoDetections
from clab_lite.metrics.certainty import Difference

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
            results[frame] = (boxes, scores, np.repeat(truth.labels[:1], 2))
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
        verdict = compared(index, detector(index, 0.6, 2 * seed), detector(index, 0.6, 2 * seed + 1)).verdict
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
    assert verdict.endswith("Nothing says how sure that is: no videos were drawn.")
    none = index.select([])
    assert "undefined" in compare_found(none, Subset().select(none), detector(none, 1), detector(none, 1)).verdict


@pytest.mark.parametrize("videos", [1, 4])
def test_few_sources_give_no_verdict(index: VideoIndex, videos: int) -> None:
    few = index.select(range(0, 2 * videos, 2))
    comparison = compared(few, detector(few, 0.0), detector(few, 1.0))
    why = f"{videos} source video{' is' if videos == 1 else 's are'} too few"
    assert comparison.verdict.startswith("AP50 of B is +")
    assert comparison.verdict.endswith(f" from A's. Nothing says how sure that is: {why}.")
    assert f"({why})" in comparison_table(comparison)[1]


def test_each_number_needs_its_own_sources(index: VideoIndex) -> None:
    """Six cats and one dog: enough for cats, not for dogs nor for the mean of both, half of which is one video."""
    seven = index.select([0, 1, 2, 4, 6, 8, 10])
    comparison = compared(seven, detector(seven, 0.4), detector(seven, 0.9))
    differences = {name: number.difference for name, number in comparison.numbers.items()}
    assert differences["cat"].interval is not None  # type: ignore[union-attr]
    assert differences["dog"].unsure == "1 source video is too few"  # type: ignore[union-attr]
    assert comparison.verdict.endswith("7 source videos are too few for 2 classes.")


def test_what_it_stands_on(tmp_path: Path) -> None:
    """Seven videos of six sources; objects of two sizes, of which one is asked for."""
    records = []
    for name in ("00000", "01000", "02000", "03000", "04000", "05000", "05001"):
        record = VideoRecord(f"val/ILSVRC2015_val_000{name}", False)
        for _ in range(FRAMES):
            record.start_frame(320, 240)
            record.add_box((20, 50, 60, 90), 0, 1, False, False)
            record.add_box((100, 50, 120, 70), 0, 2, False, False)  # nobody finds it
        records.append(record)
    index = VideoIndex(assemble(records, ("cat", "dog"), []), tmp_path, tmp_path)
    found = [detector(index, share) for share in (0.4, 0.9)]
    part = compare_found(index, Subset(size="medium").select(index), *found, resamples=50)
    assert (part.videos, part.sources, part.frames, part.boxes) == (7, 6, 28, 28)
    assert part.verdict.endswith(", 6 source videos).")
    whole = compare_found(index, Subset().select(index), *found, resamples=50)
    assert whole.boxes == 56
    assert comparison_table(whole)[-2].startswith("7 videos of 6 sources, 28 frames, 56 boxes.")


@pytest.mark.parametrize(("p_value", "start"), [(0.05, "B is better"), (0.0501, "No sure"), (0.001, "B is better")])
def test_the_verdict_at_the_limit(p_value: float, start: str) -> None:
    number = Compared(0.5, 0.6, Difference(0.1, (0.01, 0.2), 0.97, p_value))
    assert Comparison({"AP50": number}, 9, 8, 90, 99, "").verdict.startswith(start)


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
