"""IoU matching, box coding and samplers: closed forms, slow twins, properties."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clab_lite.config import SamplerConfig
from clab_lite.detector.boxes import box_iou, clip_boxes, decode_boxes, encode_boxes
from clab_lite.detector.sampling import BETWEEN, NEGATIVE, choose_random, match, sample

ANCHORS = SamplerConfig()
ROIS = SamplerConfig(positive_fraction=0.25, positive_iou=0.5, negative_iou=0.5, min_positive_iou=0.5)

coordinate = st.floats(0, 200, width=32)
side = st.floats(1, 150, width=32)
box = st.tuples(coordinate, coordinate, side, side).map(lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]])
boxes = st.lists(box, min_size=1, max_size=8).map(torch.tensor)


def slow_iou(a: list[float], b: list[float]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return width * height / (sum(area) - width * height)


def slow_match(candidates: torch.Tensor, truth: torch.Tensor, config: SamplerConfig) -> list[int]:
    overlap = box_iou(truth, candidates).tolist()
    result = []
    for i in range(len(candidates)):
        column = [row[i] for row in overlap]
        best = max(range(len(column)), key=lambda g: column[g])
        value = best if column[best] >= config.positive_iou else BETWEEN
        result.append(NEGATIVE if column[best] < config.negative_iou else value)
    for g, row in enumerate(overlap):
        if max(row) >= config.min_positive_iou:
            result = [g if row[i] == max(row) else value for i, value in enumerate(result)]
    return result


@given(boxes, boxes)
@settings(max_examples=60, deadline=None)
def test_iou_equals_the_loop_and_is_symmetric(a: torch.Tensor, b: torch.Tensor) -> None:
    found = box_iou(a, b)
    expected = torch.tensor([[slow_iou(x, y) for y in b.tolist()] for x in a.tolist()])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found, box_iou(b, a).T)
    torch.testing.assert_close(box_iou(a, a).diagonal(), torch.ones(len(a)), rtol=1e-5, atol=1e-5)


@given(boxes, st.floats(0.1, 2.0))
@settings(max_examples=60, deadline=None)
def test_decoding_inverts_encoding(a: torch.Tensor, std: float) -> None:
    targets = a.flip(0)
    found = decode_boxes(a, encode_boxes(a, targets, std), std, (1000, 1000))
    # Beyond a ratio of 16/1000 decoding is limited on purpose; these sides stay within 1/150.
    ratio = ((targets[:, 2:] - targets[:, :2]) / (a[:, 2:] - a[:, :2])).log().abs().amax(dim=1)
    kept = ratio < math.log(1000 / 16)
    torch.testing.assert_close(found[kept], targets[kept], rtol=1e-3, atol=1e-2)


def test_a_positive_delta_moves_right_and_down() -> None:
    deltas = encode_boxes(torch.tensor([[0.0, 0, 10, 20]]), torch.tensor([[5.0, 10, 15, 50]]))
    torch.testing.assert_close(deltas, torch.tensor([[0.5, 1.0, 0.0, math.log(2)]]))


def test_clipping_keeps_x_and_y_apart() -> None:
    found = clip_boxes(torch.tensor([[-5.0, -6, 300, 400]]), (100, 200))
    assert found.tolist() == [[0, 0, 200, 100]]


@given(boxes, boxes, st.sampled_from([ANCHORS, ROIS]))
@settings(max_examples=100, deadline=None)
def test_matching_equals_the_loop(candidates: torch.Tensor, truth: torch.Tensor, config: SamplerConfig) -> None:
    assert match(candidates, truth, config).tolist() == slow_match(candidates, truth, config)


def test_a_weak_best_candidate_is_claimed_but_not_below_the_minimum() -> None:
    truth = torch.tensor([[0.0, 0, 10, 10]])
    candidates = torch.tensor([[0.0, 0, 10, 5], [0, 0, 10, 4], [50, 50, 60, 60]])
    assert match(candidates, truth, ANCHORS).tolist() == [0, BETWEEN, NEGATIVE]
    assert match(candidates, truth, ROIS).tolist() == [0, NEGATIVE, NEGATIVE]
    assert match(candidates[1:], truth, replace(ANCHORS, min_positive_iou=0.45)).tolist() == [BETWEEN, NEGATIVE]


def test_matching_without_ground_truth_or_candidates() -> None:
    assert match(torch.ones(3, 4), torch.zeros(0, 4), ANCHORS).tolist() == [NEGATIVE] * 3
    assert len(match(torch.zeros(0, 4), torch.ones(2, 4), ANCHORS)) == 0


@given(st.lists(st.sampled_from([0, 1, NEGATIVE, BETWEEN]), max_size=80), st.integers(1, 40), st.floats(0.1, 1))
@settings(max_examples=100, deadline=None)
def test_sampling_respects_its_limits(labels: list[int], count: int, fraction: float) -> None:
    matched = torch.tensor(labels, dtype=torch.long)
    config = replace(ANCHORS, count=count, positive_fraction=fraction)
    found = sample(matched, config)
    assert (matched[found.positive] >= 0).all() and (matched[found.negative] == NEGATIVE).all()
    assert torch.equal(matched[found.positive], found.matched)
    positives, negatives = int((matched >= 0).sum()), int((matched == NEGATIVE).sum())
    assert len(found.positive) == min(positives, int(count * fraction))
    assert len(found.negative) == min(negatives, count - len(found.positive))
    for index in (found.positive, found.negative):
        assert index.tolist() == sorted(set(index.tolist()))


def test_choice_is_random_without_repetition_and_repeatable() -> None:
    candidates = torch.arange(100, 200)
    torch.manual_seed(3)
    first, second = choose_random(candidates, 30), choose_random(candidates, 30)
    torch.manual_seed(3)
    assert torch.equal(first, choose_random(candidates, 30))
    assert not torch.equal(first, second)
    assert len(set(first.tolist())) == 30 and set(first.tolist()) <= set(candidates.tolist())


@pytest.mark.parametrize("count", [0, 1, 5])
def test_choice_of_few(count: int) -> None:
    assert sorted(choose_random(torch.arange(count), 5).tolist()) == list(range(count))
