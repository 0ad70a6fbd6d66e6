"""Resampled AP against outcomes whose rows are really copied, and what the draws promise."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from golden_cases import load_case

from clab_lite.metrics import bootstrap
from clab_lite.metrics.arrays import Detections, GroundTruth
from clab_lite.metrics.average_precision import accumulate
from clab_lite.metrics.bootstrap import draw_resamples, resampled_ap
from clab_lite.metrics.certainty import MIN_SOURCES, Sources, interval
from clab_lite.metrics.coco import coco_outcomes, evaluate_coco
from clab_lite.metrics.outcomes import DROPPED, FALSE, TRUE, Outcomes, Points
from clab_lite.metrics.voc import mega_outcomes

VIDEOS, FRAMES, CLASSES = 7, 40, 3
VIDEO_OF_IMAGE = np.sort(np.random.default_rng(8).integers(0, VIDEOS, FRAMES)).astype(np.int32)


def random_outcomes(seed: int, points: Points, count: int = 400, scores: int = 25) -> Outcomes:
    """Two columns with false positives of weights 1, 0.25 and 0.7, few distinct scores, and a class without truth."""
    rng = np.random.default_rng(seed)
    image = np.sort(rng.integers(0, FRAMES, count)).astype(np.int32)
    code = rng.choice([DROPPED, TRUE, FALSE, 3, 4], (2, count), p=[0.1, 0.4, 0.3, 0.1, 0.1]).astype(np.uint8)
    truths = 350
    return Outcomes(
        ("first", "second"),
        rng.integers(0, scores, count).astype(np.float32) / scores,
        rng.integers(0, CLASSES, count).astype(np.uint8),
        image,
        code,
        np.array([0, 0, 1, 0.25, 0.7]),
        rng.integers(0, CLASSES - 1, truths).astype(np.uint8),
        rng.integers(0, FRAMES, truths).astype(np.int32),
        rng.random((2, truths)) < 0.9,
        CLASSES,
        points,
    )


def draw(videos: int, count: int, seed: int) -> np.ndarray:
    """(count, videos) as `draw_resamples`, of however few."""
    return np.random.default_rng(seed).multinomial(videos, np.full(videos, 1 / videos), size=count)


def copied(outcomes: Outcomes, drawn: np.ndarray, video_of_image: np.ndarray) -> Outcomes:
    """The slow twin: every row as often as its video is drawn."""
    rows = np.repeat(np.arange(len(outcomes)), drawn[video_of_image[outcomes.image]])
    truths = np.repeat(np.arange(len(outcomes.truth_image)), drawn[video_of_image[outcomes.truth_image]])
    return replace(
        outcomes,
        score=outcomes.score[rows],
        label=outcomes.label[rows],
        image=outcomes.image[rows],
        code=outcomes.code[:, rows],
        truth_label=outcomes.truth_label[truths],
        truth_image=outcomes.truth_image[truths],
        counted=outcomes.counted[:, truths],
    )


def check(outcomes: Outcomes, columns: list[str], video_of_image: np.ndarray, draws: np.ndarray, error: float) -> None:
    found = resampled_ap(outcomes, columns, video_of_image, draws)
    whole = mean_ap(outcomes, columns)
    assert len(found.mean) == len(draws)
    for row, drawn in enumerate(draws):
        twin = mean_ap(copied(outcomes, drawn, video_of_image), columns)
        np.testing.assert_allclose(found.per_class[row], twin, atol=error, rtol=0)
        mean = np.nanmean(np.where(np.isnan(twin), whole, twin)) if (twin >= 0).any() else math.nan
        assert found.mean[row] == pytest.approx(mean, abs=error, nan_ok=True)


def mean_ap(outcomes: Outcomes, columns: list[str]) -> np.ndarray:
    """(C,) over the columns."""
    return np.mean([accumulate(outcomes, name).ap for name in columns], axis=0)


@pytest.mark.parametrize("points", ["101", "all"])
@pytest.mark.parametrize("columns", [["first"], ["second"], ["first", "second"]])
@pytest.mark.parametrize("seed", range(3))
def test_equals_copied_rows(points: Points, columns: list[str], seed: int) -> None:
    check(random_outcomes(seed, points), columns, VIDEO_OF_IMAGE, draw(VIDEOS, 12, seed), 1e-12)


@pytest.mark.parametrize("case", ["motion", "classes_without_gt", "ties", "no_detections", "no_gt"])
def test_equals_copied_rows_of_evaluated_boxes(case: str) -> None:
    content = load_case(case)
    _, video = np.unique(content.frames.video, return_inverse=True)
    draws = draw(video.max() + 1, 6, 1)
    chunks = [content.detections.rows(np.argsort(content.detections.image, kind="stable"))]
    coco = coco_outcomes(chunks, content.truth, len(content.names), thresholds=(0.5, 0.75))
    check(coco, list(coco.columns), video, draws, 1e-12)
    mega = mega_outcomes(chunks, content.truth, content.frames, len(content.names))
    for column in mega.columns:
        check(mega, [column], video, draws, 1e-12)


def test_equals_evaluating_copied_videos() -> None:
    content = load_case("motion")
    _, video = np.unique(content.frames.video, return_inverse=True)
    found = content.detections.rows(np.argsort(content.detections.image, kind="stable"))
    draws = draw(video.max() + 1, 3, 2)
    assert draws.max() > 1
    outcomes = coco_outcomes([found], content.truth, len(content.names))
    resampled = resampled_ap(outcomes, outcomes.columns, video, draws)
    for row, drawn in enumerate(draws):
        twin = evaluate_coco(
            copied_rows(found, drawn[video]), copied_rows(content.truth, drawn[video]), len(content.names)
        )
        assert np.nanmean(resampled.per_class[row]) == pytest.approx(twin.ap(), abs=1e-12)


def copied_rows(rows: Detections | GroundTruth, times: np.ndarray) -> Any:
    """Boxes of frame i as often as `times` says, each copy in a frame of its own."""
    parts = []
    for copy in range(times.max()):
        part = rows.rows(times[rows.image] > copy)
        parts.append(replace(part, image=part.image + copy * len(times)))
    columns = {name.name: [getattr(part, name.name) for part in parts] for name in fields(rows)}
    return replace(rows, **{name: np.concatenate(values) for name, values in columns.items()})


def test_ones_give_the_plain_ap() -> None:
    outcomes = random_outcomes(0, "all")
    once = resampled_ap(outcomes, ["first"], VIDEO_OF_IMAGE, np.ones((1, VIDEOS), int))
    assert once.mean[0] == pytest.approx(accumulate(outcomes, "first").mean(), abs=1e-12)
    assert math.isnan(once.per_class[0, CLASSES - 1])  # no truth


def test_parts_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes, draws = random_outcomes(1, "101"), draw_resamples(np.arange(VIDEOS), 20)
    whole = resampled_ap(outcomes, ["first", "second"], VIDEO_OF_IMAGE, draws)
    monkeypatch.setattr(bootstrap, "_TOGETHER", 6)
    parts = resampled_ap(outcomes, ["first", "second"], VIDEO_OF_IMAGE, draws)
    np.testing.assert_allclose(parts.per_class, whole.per_class, atol=1e-12, rtol=0)


@pytest.mark.parametrize("points", ["101", "all"])
@pytest.mark.parametrize("scores", [4000, 1 << 20])
def test_long_curves_are_thinned_with_a_small_error(points: Points, scores: int) -> None:
    outcomes = random_outcomes(2, points, 20_000, scores)
    # Certain at the start, and many wrong ones at the end: a curve that falls steeply.
    score = np.where((outcomes.code == TRUE).any(axis=0), outcomes.score**0.3, outcomes.score)
    truths = np.tile(np.arange(350), 12)
    outcomes = replace(
        outcomes,
        score=score.astype(np.float32),
        truth_label=outcomes.truth_label[truths],
        truth_image=outcomes.truth_image[truths],
        counted=outcomes.counted[:, truths],
    )
    right = outcomes.label[outcomes.code[0] == TRUE]
    assert min(np.bincount(right)) > 2 * bootstrap.PLACES
    check(outcomes, ["first"], VIDEO_OF_IMAGE, draw(VIDEOS, 5, 0), 1e-3)


def test_a_class_that_a_draw_does_not_show_keeps_its_ap_in_the_mean() -> None:
    outcomes = random_outcomes(3, "101")
    only = outcomes.truth_label == 0
    own = VIDEO_OF_IMAGE[outcomes.truth_image] == 2
    outcomes = replace(outcomes, counted=outcomes.counted & np.where(only, own, True))  # class 0 in video 2 alone
    whole = accumulate(outcomes, "first").ap[0]
    draws = np.array([[2, 1, 0, 1, 1, 1, 1], [1] * VIDEOS, [0, 0, 3, 0, 0, 0, 4]])
    found = resampled_ap(outcomes, ["first"], VIDEO_OF_IMAGE, draws)
    assert math.isnan(found.per_class[0, 0])
    assert found.mean[0] == pytest.approx((whole + found.per_class[0, 1]) / 2, abs=1e-12)
    assert not np.isnan(found.per_class[1:, 0]).any()
    nothing = resampled_ap(outcomes, ["first"], VIDEO_OF_IMAGE, np.zeros((1, VIDEOS), int))
    assert math.isnan(nothing.mean[0])


def test_interval_of_a_mean_is_of_the_same_classes() -> None:
    """Twenty videos; class 0 is always found, class 1 never and seen in two of them. Without class 1 AP would be 1."""
    image = np.arange(20, dtype=np.int32)
    image, label = np.append(image, [3, 9]), np.repeat([0, 1], [20, 2]).astype(np.uint8)
    code, counted = np.full((1, 20), TRUE, np.uint8), np.ones((1, 22), bool)
    score, weights = np.ones(20, np.float32), np.array([0.0, 0.0, 1.0])
    outcomes = Outcomes(("x",), score, label[:20], image[:20], code, weights, label, image, counted, 2, "101")
    found = resampled_ap(outcomes, ["x"], np.arange(20), draw_resamples(np.arange(20), 200))
    assert np.isnan(found.per_class[:, 1]).sum() > 10
    np.testing.assert_allclose(found.mean, 0.5, atol=1e-12)


@pytest.mark.parametrize(("points", "ap"), [("all", 0.9), ("101", (41 + 60 * 5 / 6) / 101)])
def test_the_worked_example(points: Points, ap: float) -> None:
    """That of `bootstrap._Curve`: recalls 0.4, 0.6 and 1 with precisions 1, 5/6 and 5/6."""
    video = np.array([0, 1, 1, 0])
    curve = bootstrap._Curve.of(np.array([TRUE, FALSE, TRUE, TRUE]), video, 2, np.array([0.0, 0.0, 1.0]))
    np.testing.assert_array_equal(curve.right, [[1, 0, 1], [0, 1, 0]])
    np.testing.assert_array_equal(curve.wrong, [[0, 0, 0], [0, 1, 0]])
    drawn = curve.ap(np.array([[2.0, 1.0], [0.0, 0.0]]), np.array([5.0, 0.0]), points)
    np.testing.assert_allclose(drawn, [ap, math.nan], atol=1e-12)


def test_draws_keep_groups_together() -> None:
    groups = np.array([5, 5, 9, 1, 9, 9, 2, 0])
    draws = draw_resamples(groups, 200)
    assert draws.shape == (200, 8)
    assert (draws[:, 0] == draws[:, 1]).all() and (draws[:, 2] == draws[:, 4]).all()
    assert (draws[:, [0, 2, 3, 6, 7]].sum(axis=1) == 5).all()  # as many groups as there are
    assert (draws[:, 0] != draws[:, 2]).any()
    assert draws.mean(axis=0) == pytest.approx(np.ones(8), abs=0.2)
    np.testing.assert_array_equal(draws, draw_resamples(groups, 200))
    assert (draws != draw_resamples(groups, 200, seed=1)).any()


@pytest.mark.parametrize("groups", [[], [3], [3, 3, 3], [1, 2, 3, 4, 4, 4]])
def test_too_few_groups_are_not_drawn(groups: list[int]) -> None:
    draws = draw_resamples(groups)
    assert draws.shape == (0, len(groups))
    found = resampled_ap(random_outcomes(0, "101"), ["first"], np.zeros(FRAMES, np.int32), draws)
    assert found.mean.shape == (0,)
    assert found.per_class.shape == (0, CLASSES)
    assert len(draw_resamples(np.arange(MIN_SOURCES), 7)) == 7


def test_interval_of_ap_covers_the_whole() -> None:
    """From 60 of many videos, whose AP differ, the interval holds the AP of all of them about as often as promised."""
    rng = np.random.default_rng(0)
    worlds, videos, objects = 60, 60, 20
    chances = rng.beta(2, 2, 4000)  # of an object to be found, by video; without wrong detections AP is the recall
    held = 0
    for world in range(worlds):
        hits = rng.random((videos, objects)) < rng.choice(chances, videos)[:, None]
        image = np.repeat(np.arange(videos), objects).astype(np.int32)
        zeros, count = np.zeros(len(image), np.uint8), hits.sum()
        code = np.full((1, count), TRUE, np.uint8)
        ones, weights = np.ones((1, len(image)), bool), np.array([0.0, 0.0, 1.0])
        found = image[hits.reshape(-1)]
        outcomes = Outcomes(
            ("x",), np.ones(count, np.float32), zeros[:count], found, code, weights, zeros, image, ones, 1, "all"
        )
        draws = draw_resamples(np.arange(videos), 200, world)
        span = interval(resampled_ap(outcomes, ["x"], np.arange(videos), draws).mean, Sources.of_class(videos))
        assert span is not None
        held += span[0] <= chances.mean() <= span[1]
    assert 0.85 * worlds <= held < worlds
