"""Lesson 00: counting at a threshold, its figures, and every mistake that its checkers recognise."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from clab_lite import lessons
from clab_lite.errors import DataError
from clab_lite.evaluate import FrameDetections
from clab_lite.lessons import tour
from clab_lite.lessons.tour import checks
from clab_lite.lessons.tour.judged import Counts, JudgedVideos


@pytest.fixture(scope="module")
def judged() -> JudgedVideos:
    """Two videos; in each frame the first object is found with a score by its frame, and one box lies beside it."""
    index = lessons.samples("val").select([4, 5])
    found = []
    for video in range(2):
        for frame in range(index.videos[video].frame_count):
            truth = index.annotation(video, frame)
            box = truth.boxes[0]
            boxes = np.stack([box, box + 500]).astype(np.float32)
            scores = np.array([0.95 - 0.05 * frame, 0.3], np.float32)
            found.append(FrameDetections(video, frame, boxes, scores, np.repeat(truth.labels[:1], 2)))
    return JudgedVideos(index, tuple(found))


def test_counts_at_thresholds(judged: JudgedVideos) -> None:
    assert judged.objects == 30  # video 4 shows one object in ten frames, video 5 two
    assert judged.counts(0.0) == Counts(right=20, wrong=20, missed=10)
    assert judged.counts(0.31) == Counts(right=20, wrong=0, missed=10)
    assert judged.counts(0.93) == Counts(right=2, wrong=0, missed=28)
    assert judged.counts(1.0) == Counts(right=0, wrong=0, missed=30)


def test_a_score_equal_to_the_threshold_stays(judged: JudgedVideos) -> None:
    assert judged.counts(float(np.float32(0.3))).wrong == 20


def test_precision_and_recall() -> None:
    counts = Counts(6, 2, 4)
    assert (counts.precision, counts.recall) == (0.75, 0.6)
    assert Counts(0, 0, 3).precision == 1.0
    assert np.isnan(Counts(0, 1, 0).recall)


def test_recall_never_rises(judged: JudgedVideos) -> None:
    _, _, recall = judged.curves
    assert (np.diff(recall) <= 0).all()


def test_figures_say_what_they_show(judged: JudgedVideos) -> None:
    figure, line = tour.draw_threshold(judged, 1, 0, 0.5)
    assert line == "20 boxes in 20 frames: 20 right, 0 wrong; 10 of 30 objects missed"
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["Frame 0: 1 box stays, 1 of them right", "At 0.50: precision 100%, recall 67%"]
    _, words = tour.draw_frame(judged, 0, 2)
    assert words == "frame 2: occlusion"


def test_table_compares_with_clean_frames_of_the_same_videos(judged: JudgedVideos) -> None:
    report = judged.report(resamples=0)
    title = tour.ap_table(report).axes[0].get_title(loc="left")
    assert title.startswith(f"AP50 is {report.ap50:.2f}; on troubled frames ")
    bare = SimpleNamespace(ap50=None, overall=report.overall, by_trouble={})
    assert tour.ap_table(bare).axes[0].get_title(loc="left") == "AP50 is undefined"


def test_the_area_is_the_ap50_of_the_class(judged: JudgedVideos) -> None:
    report = judged.report(resamples=0)
    for name in report.per_class:
        figure = tour.draw_area(report, name)
        line = figure.axes[0].lines[0]
        assert float(np.mean(line.get_ydata())) == pytest.approx(report.per_class[name].ap50, abs=1e-4)
        assert figure.axes[0].get_title(loc="left").startswith(f"{name}: ")
    assert "AP50" in tour.draw_area(report).axes[0].get_title(loc="left")
    with pytest.raises(DataError, match="unicorn"):
        tour.draw_area(report, "unicorn")


@pytest.mark.parametrize(("answer", "words"), [
    (lambda scores, t: None, "not answered yet"),
    (lambda scores, t: scores >= t, "Count the True ones"),
    (lambda scores, t: [1, 2], "one number"),
    (lambda scores, t: (scores > t).sum(), "use >= instead of >"),
    (lambda scores, t: (scores < t).sum(), "below the threshold"),
    (lambda scores, t: 2, "at least 0.0"),
    (lambda scores, t: scores.nothing, "AttributeError"),
    (lambda scores, t: (scores >= t).sum(), "✓ correct"),
])  # fmt: skip
def test_exercise_1(answer, words: str) -> None:
    assert words in str(checks.kept(answer))


@pytest.mark.parametrize(("answer", "words"), [
    (lambda r, w, m: None, "not answered yet"),
    (lambda r, w, m: r / (r + w), "two numbers"),
    (lambda r, w, m: (r / (r + m), r / (r + w)), "swapped"),
    (lambda r, w, m: (r / (r + w + m), r / (r + m)), "divided by 12"),
    (lambda r, w, m: (r / (r + w), m / (r + m)), "recall is 0.60, not 0.40"),
    (lambda r, w, m: (w / (r + w), r / (r + m)), "precision is 0.75, not 0.25"),
    (lambda r, w, m: (r / (r + w), r / (r + m)), "✓ correct"),
])  # fmt: skip
def test_exercise_2(answer, words: str) -> None:
    assert words in str(checks.precision_recall(answer))


@pytest.mark.parametrize(("answer", "words"), [
    (None, "not answered yet"),
    (3, "no score"),
    (0.1, "below 90%"),
    (0.8, "Go lower"),
    (0.4, "✓ correct"),
])  # fmt: skip
def test_exercise_3(answer, words: str, judged: JudgedVideos) -> None:
    assert words in str(checks.threshold(answer, judged))
