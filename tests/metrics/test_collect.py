"""From chunks to outcomes: how the detections arrive must not matter, and bad ones are named."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from random_boxes import CLASSES, FRAMES, random_evaluation

from clab_lite.errors import DataError
from clab_lite.metrics import batches
from clab_lite.metrics.arrays import Detections, Frames, GroundTruth
from clab_lite.metrics.average_precision import accumulate
from clab_lite.metrics.coco import CocoRules, coco_outcomes
from clab_lite.metrics.collect import collect
from clab_lite.metrics.outcomes import Outcomes
from clab_lite.metrics.voc import FgfaRules, MegaRules, Range, fgfa_outcomes, mega_outcomes, motion_ranges

BOX = [0, 0, 30, 30]


def _frame_by_frame(found: Detections) -> Iterator[Detections]:
    for image in range(FRAMES):
        yield found.of_images([image])


def _same(one: Outcomes, other: Outcomes) -> None:
    assert (one.columns, one.points, one.num_classes) == (other.columns, other.points, other.num_classes)
    for name in ("score", "label", "image", "truth_label", "truth_image", "counted"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    np.testing.assert_array_equal(one.weights[one.code], other.weights[other.code])


@pytest.mark.parametrize("rows", [1, 5, 1 << 16])
def test_chunks_do_not_matter(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found, truth, frames = random_evaluation(3, found=200)
    ranges = motion_ranges(truth, frames)
    expected = collect([found], CLASSES, *_rules(truth, frames, ranges))
    monkeypatch.setattr(batches, "ROWS", rows)
    mixed = np.random.default_rng(0).permutation(len(found))
    mixed = mixed[np.lexsort((mixed, found.image[mixed] % 2))]  # not by frame; rows of a frame stay in order
    for chunks in (_frame_by_frame(found), [found], [found.rows(mixed)]):
        for one, other in zip(collect(chunks, CLASSES, *_rules(truth, frames, ranges)), expected, strict=True):
            _same(one, other)
    assert max(len(batch) for batch in batches.batches([found], truth, CLASSES)) <= max(rows, 60)


def _rules(truth, frames, ranges) -> tuple:
    return CocoRules(truth, cap=5), MegaRules(truth, frames, ranges), FgfaRules(truth, frames, ranges)


def test_one_pass_equals_three_and_shares_memory() -> None:
    found, truth, frames = random_evaluation(4)
    ranges = motion_ranges(truth, frames)
    coco, mega, fgfa = collect([found], CLASSES, *_rules(truth, frames, ranges))
    _same(coco, coco_outcomes([found], truth, CLASSES, cap=5))
    _same(mega, mega_outcomes([found], truth, frames, CLASSES))
    _same(fgfa, fgfa_outcomes([found], truth, frames, CLASSES, ranges=ranges))
    assert coco.score is mega.score is fgfa.score
    assert coco.image is mega.image


def test_order_of_ground_truth_matters_only_to_ties() -> None:
    found, truth, frames = random_evaluation(5)
    found = Detections.of(found.image, found.label, found.boxes + np.random.default_rng(0).random((60, 4)), found.score)
    order = np.random.default_rng(1).permutation(len(truth))
    for outcomes in (mega_outcomes, fgfa_outcomes):
        one = outcomes([found], truth, frames, CLASSES)
        other = outcomes([found], truth.rows(order), frames, CLASSES)
        np.testing.assert_array_equal(one.weights[one.code], other.weights[other.code])
        np.testing.assert_array_equal(one.counted[:, order], other.counted)


def test_small_types_are_kept() -> None:
    truth = GroundTruth.of([0], [299], [BOX])
    boxes, scores = np.array([BOX, BOX], np.float32), np.array([0.1, 0.7], np.float32)
    outcomes = coco_outcomes([Detections.of([0, 70_000], [299, 3], boxes, scores)], truth, 300, thresholds=(0.5,))
    assert (outcomes.score.dtype, outcomes.code.dtype) == (np.float32, np.uint8)
    assert (outcomes.image.dtype, outcomes.label.dtype) == (np.int32, np.uint16)
    assert (outcomes.image.tolist(), outcomes.label.tolist()) == ([0, 70_000], [299, 3])
    late = [Detections.of([0], [0], boxes[:1], scores[:1]), Detections.of([1], [0], [BOX], [0.1])]
    kept = coco_outcomes(late, truth, 300)
    assert kept.score.tolist() == [np.float32(0.1), 0.1]


def test_more_weights_than_a_byte_holds() -> None:
    """Frames of 2 to 40 objects, one to all but one ignored: some 480 shares."""
    image = np.concatenate([np.full(n, 1000 * n + i) for n in range(2, 41) for i in range(1, n)])
    ignored = np.concatenate([np.arange(n) < i for n in range(2, 41) for i in range(1, n)])
    names, image = np.unique(image, return_inverse=True)
    truth = GroundTruth.of(image, np.zeros(len(image), int), [BOX] * len(image))
    far = Detections.of(np.arange(len(names)), [0] * len(names), [[90, 90, 99, 99]] * len(names), [0.5] * len(names))
    frames = Frames.of([100] * len(names), [100] * len(names), [0] * len(names))
    outcomes = mega_outcomes([far], truth, frames, 1, ranges={"some": Range(ignored)})
    assert outcomes.code.dtype == np.uint16
    shares = [i / n for n in range(2, 41) for i in range(1, n)]
    np.testing.assert_allclose(outcomes.weights[outcomes.code[0]], shares)
    assert len(outcomes.weights) > 256


def test_frames_can_be_taken_out_afterwards() -> None:
    found, truth, frames = random_evaluation(6)
    images = np.array([True, False, True, True, False, False, True])
    kept = np.flatnonzero(images)
    coco = coco_outcomes([found], truth, CLASSES).of_images(images)
    _same(coco, coco_outcomes([found.of_images(kept)], truth.of_images(kept), CLASSES))
    mega = mega_outcomes([found], truth, frames, CLASSES).of_images(images)
    expected = mega_outcomes([found.of_images(kept)], truth.of_images(kept), frames, CLASSES)
    np.testing.assert_array_equal(accumulate(mega, "all").ap, accumulate(expected, "all").ap)


def test_bad_chunks_are_named() -> None:
    truth = GroundTruth.of([0], [0], [BOX])
    one, two = (Detections.of([image], [0], [BOX], [0.5]) for image in (1, 2))
    nothing = Detections.of([], [], [], [])
    for chunks in ([two, one], [one, nothing, one]):
        with pytest.raises(DataError, match=r"starts with frame 1 after one that ended with frame [12]"):
            coco_outcomes(chunks, truth, 1)
    with pytest.raises(DataError, match="detections, row 0: label 4 of 2 classes"):
        coco_outcomes([Detections.of([0], [4], [BOX], [0.5])], truth, 2)
    with pytest.raises(DataError, match="ground truth, row 0: label 0 of 0 classes"):
        coco_outcomes([], truth, 0)
    with pytest.raises(DataError, match="2 rows of `ignored` for 1"):
        coco_outcomes([], truth, 1, ignored=np.zeros(2, bool))
    rules = CocoRules(truth), CocoRules(GroundTruth.of([0], [0], [BOX]))
    with pytest.raises(DataError, match="different ground truths"):
        collect([], 1, *rules)
    unchecked = Detections(np.array([0]), np.array([0]), np.array([[0.0, 0, 1, 1]]), np.array([np.nan]))
    with pytest.raises(DataError, match="score nan"):
        coco_outcomes([unchecked], truth, 1)
