"""Overlaps by hand, and the vectorised greedy rule beside the plain one."""

from __future__ import annotations

import numpy as np
import pytest
from random_boxes import CLASSES, FRAMES, random_evaluation

from clab_lite.metrics.arrays import Detections, GroundTruth
from clab_lite.metrics.coco import coco_outcomes
from clab_lite.metrics.matching import box_iou, greedy_match, paired_iou
from clab_lite.metrics.outcomes import DROPPED, FALSE, TRUE

THRESHOLDS = (0.3, 0.5, 0.75, 1.0)
AREAS = {"all": (0.0, 1e10), "small": (0.0, 1024.0), "large": (1024.0, 1e10)}


def test_overlaps_by_hand() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [5, 5, 5, 9]], float)
    others = np.array([[0, 0, 10, 10], [0, 0, 10, 5], [10, 0, 20, 10], [20, 20, 30, 30], [0, 0, 10, 10]], float)
    np.testing.assert_allclose(paired_iou(boxes, others), [1, 1 / 2, 0, 0, 0])
    # One pixel more on each side: neighbours share a column, and a box without width has one.
    expected = [1, 66 / 121, 11 / (2 * 121 - 11), 0, 5 / 121]
    np.testing.assert_allclose(paired_iou(boxes, others, extra=1), expected)
    flat = np.array([[5, 5, 5, 9], [5, 5, 9, 5]], float)  # boxes without area do not even overlap themselves
    assert paired_iou(flat, flat).tolist() == [0, 0] and paired_iou(flat, flat, extra=1).tolist() == [1, 1]
    crowd = np.array([False, True, True, True, True])
    np.testing.assert_allclose(paired_iou(others, boxes, crowd=crowd), [1, 1, 0, 0, 0])
    np.testing.assert_array_equal(np.diag(box_iou(boxes, others)), paired_iou(boxes, others))
    assert box_iou(boxes[:0], others).shape == (0, 5)
    assert paired_iou(boxes.astype(np.float32), others.astype(np.float32)).dtype == np.float32


def plain_codes(found: Detections, truth: GroundTruth, threshold: float, limits: tuple, ignored: np.ndarray) -> list:
    """COCO, frame by frame and class by class."""
    codes = np.full(len(found), FALSE)
    size = found.boxes[:, 2:] - found.boxes[:, :2]
    codes[(size.prod(axis=1) < limits[0]) | (size.prod(axis=1) > limits[1])] = DROPPED
    skipped = ignored | truth.crowd | (truth.area < limits[0]) | (truth.area > limits[1])
    for image in range(FRAMES):
        for label in range(CLASSES):
            rows = np.flatnonzero((found.image == image) & (found.label == label))
            rows = rows[np.argsort(-found.score[rows], kind="stable")]
            columns = np.flatnonzero((truth.image == image) & (truth.label == label))
            overlap = box_iou(found.boxes[rows], truth.boxes[columns], truth.crowd[columns])
            match = greedy_match(overlap, threshold, skipped[columns], truth.crowd[columns])
            for row, chosen in zip(rows, match, strict=True):
                if chosen >= 0:
                    codes[row] = DROPPED if skipped[columns[chosen]] else TRUE
    return codes.tolist()


@pytest.mark.parametrize("seed", range(12))
def test_equals_the_plain_rule(seed: int) -> None:
    found, truth, _ = random_evaluation(seed, found=80, objects=24, crowds=True)
    ignored = np.random.default_rng(seed).random(len(truth)) < 0.3
    outcomes = coco_outcomes([found], truth, CLASSES, thresholds=THRESHOLDS, areas=AREAS, ignored=ignored)
    assert outcomes.columns[:4] == ("0.30 all", "0.30 small", "0.30 large", "0.50 all")
    for threshold in THRESHOLDS:
        for area, limits in AREAS.items():
            codes = outcomes.code[outcomes.column(f"{threshold:.2f} {area}")].tolist()
            assert codes == plain_codes(found, truth, threshold, limits, ignored), (threshold, area)


def test_later_choices_see_what_is_taken() -> None:
    """Three detections want the same of three objects; each next one gets what is left, until nothing is."""
    boxes = np.array([[0, 0, 100, 100], [0, 0, 100, 80], [0, 0, 100, 60]], float)
    truth = GroundTruth.of([0] * 3, [0] * 3, boxes)
    found = Detections.of([0] * 4, [0] * 4, boxes[[0, 0, 0, 0]], [0.6, 0.9, 0.8, 0.7])
    outcomes = coco_outcomes([found], truth, 1, thresholds=(0.5, 0.7, 0.9))
    assert outcomes.code.tolist() == [
        [FALSE, TRUE, TRUE, TRUE],
        [FALSE, TRUE, TRUE, FALSE],
        [FALSE, TRUE, FALSE, FALSE],
    ]


def test_columns_that_differ_in_the_third_decimal() -> None:
    """An IoU of 0.502 lies between them."""
    truth = GroundTruth.of([0], [0], [[0, 0, 100, 100]])
    found = Detections.of([0], [0], [[0, 0, 100, 50.2]], [1.0])
    outcomes = coco_outcomes([found], truth, 1, thresholds=(0.501, 0.503))
    assert outcomes.columns == ("0.501 all", "0.503 all")
    assert outcomes.code[:, 0].tolist() == [TRUE, FALSE]


def test_threshold_of_one_leaves_room_for_rounding() -> None:
    truth = GroundTruth.of([0, 1], [0, 0], [[0, 0, 100, 100]] * 2)
    found = Detections.of([0, 1], [0, 0], [[0, 0, 100, 100 - 1e-10], [0, 0, 100, 100 - 1e-6]], [1.0, 1.0])
    assert coco_outcomes([found], truth, 1, thresholds=(1.0,)).code.tolist() == [[TRUE, FALSE]]


def test_cap_counts_detections_of_a_frame_and_class() -> None:
    box = [0, 0, 10, 10]
    found = Detections.of([0, 0, 0, 1, 1], [0, 0, 0, 0, 1], [box] * 5, [0.1, 0.2, 0.3, 0.1, 0.1])
    truth = GroundTruth.of([0, 1], [0, 0], [box] * 2)
    assert coco_outcomes([found], truth, 2, thresholds=(0.5,), cap=2).code.tolist() == [
        [DROPPED, FALSE, TRUE, TRUE, FALSE]
    ]
    far = [50, 50, 60, 60]  # the one that is cut off is the only one that would match
    found = Detections.of([0, 0, 0], [0, 0, 0], [far, far, box], [0.3, 0.2, 0.1])
    assert coco_outcomes([found], truth, 2, thresholds=(0.5,), cap=2).code.tolist() == [[FALSE, FALSE, DROPPED]]
