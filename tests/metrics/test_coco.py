"""COCO average precision against goldens, against pycocotools on random cases, and by hand."""

from __future__ import annotations

import contextlib
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from golden_numbers import coco_block
from hypothesis import given, settings
from hypothesis import strategies as st

from clab_lite.errors import DataError
from clab_lite.metrics.arrays import Detections, GroundTruth
from clab_lite.metrics.coco import AREA_RANGES, evaluate_coco

GOLDENS = Path(__file__).parents[1] / "goldens"
CASES = sorted(path.parent.name for path in (GOLDENS / "evaluation").glob("*/gt_cocovid.json"))
OFFICIAL = ["degenerate", "easy", "random"]
TOLERANCE = 1e-9


def _corners(rows: list[dict]) -> np.ndarray:
    boxes = np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _arrays(annotations: list[dict], results: list[dict]) -> tuple[Detections, GroundTruth]:
    truth = GroundTruth.of(
        [row["image_id"] for row in annotations],
        [row["category_id"] - 1 for row in annotations],
        _corners(annotations),
        area=[row["area"] for row in annotations],
        crowd=[bool(row["iscrowd"]) for row in annotations],
    )
    detections = Detections.of(
        [row["image_id"] for row in results],
        [row["category_id"] - 1 for row in results],
        _corners(results),
        [row["score"] for row in results],
    )
    return detections, truth


def _as_coco(value: float) -> float:
    return -1.0 if math.isnan(value) else value


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("block", "caps"), [("pycocotools", (1, 10, 100)), ("pycocotools_maxDets_100_300_1000", (100, 300, 1000))]
)
def test_equals_golden(case: str, block: str, caps: tuple[int, int, int]) -> None:
    folder = GOLDENS / "evaluation" / case
    truth = json.loads((folder / "gt_cocovid.json").read_text())
    expected = json.loads((folder / "expected.json").read_text())[block]
    detections, boxes = _arrays(truth["annotations"], json.loads((folder / "dets.json").read_text()))
    scores = evaluate_coco(detections, boxes, 30, caps=caps)
    if "error" in expected:  # pycocotools cannot load an empty list of detections; the answer is plain
        assert scores.ap() == scores.ap(0.5) == scores.ar() == 0.0
        return
    for name, value in coco_block(scores, caps).items():
        assert _as_coco(value) == pytest.approx(expected[name], abs=TOLERANCE), name
    for name, threshold in (("per_class_AP50", 0.5), ("per_class_mAP", None)):
        got = [_as_coco(value) for value in scores.per_class(threshold).tolist()]
        want = [expected[name][category["name"]] for category in truth["categories"]]
        np.testing.assert_allclose(got, want, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("case", OFFICIAL)
def test_equals_official_evaluation(case: str) -> None:
    golden, annotations, results = (
        json.loads((GOLDENS / "official" / f"eval_{case}_{part}.json").read_text())
        for part in ("golden", "annotations", "detections")
    )
    detections, truth = _arrays(annotations["annotations"], results["coco_format"])
    scores = evaluate_coco(detections, truth, len(annotations["categories"]), caps=(100, 300, 1000))
    sizes = ("small", "medium", "large")
    stats = [scores.ap(cap=100), scores.ap(0.5), scores.ap(0.75), *(scores.ap(None, size) for size in sizes)]
    stats += [*(scores.ar(cap=cap) for cap in (100, 300, 1000)), *(scores.ar(None, size) for size in sizes)]
    np.testing.assert_allclose([_as_coco(value) for value in stats], golden["unrounded_stats"], atol=TOLERANCE)
    per_class = [math.nan if value is None else value for value in golden["per_class_ap50_maxdets1000"]]
    np.testing.assert_allclose(scores.per_class(0.5), per_class, atol=TOLERANCE)
    per_class = [math.nan if value is None else value for value in golden["per_class_ap_maxdets100"]]
    np.testing.assert_allclose(scores.per_class(cap=100), per_class, atol=TOLERANCE)


# Corners on a coarse grid and few score levels: equal overlaps, equal scores and empty boxes come up all the
# time.
_BOX = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.integers(0, 6)).map(
    lambda c: [16.0 * c[0], 16.0 * c[1], 16.0 * c[2], 16.0 * c[3]]  # x, y, width, height
)
_TRUTH = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2), _BOX, st.booleans()), max_size=10)
_FOUND = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), _BOX, st.integers(1, 4)), min_size=1, max_size=16)


@settings(max_examples=60, deadline=None)
@given(_TRUTH, _FOUND)
def test_equals_pycocotools(truth_rows: list[tuple], found_rows: list[tuple]) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    annotations = [
        {
            "id": i + 1,
            "image_id": image,
            "category_id": label,
            "bbox": box,
            "area": box[2] * box[3],
            "iscrowd": int(crowd),
        }
        for i, (image, label, box, crowd) in enumerate(truth_rows)
    ]
    results = [
        {"image_id": image, "category_id": label, "bbox": box, "score": score / 4}
        for image, label, box, score in found_rows
    ]
    detections, truth = _arrays(annotations, results)
    scores = evaluate_coco(detections, truth, 3, caps=(1, 10, 100))
    with contextlib.redirect_stdout(io.StringIO()):
        reference = coco.COCO()
        reference.dataset = {
            "images": [{"id": i} for i in (1, 2, 3)],
            "categories": [{"id": i} for i in (1, 2, 3)],
            "annotations": annotations,
        }
        reference.createIndex()
        evaluation = cocoeval.COCOeval(reference, reference.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"].mean(axis=1)
    precision[evaluation.eval["precision"].min(axis=1) < 0] = math.nan
    recall = np.where(evaluation.eval["recall"] < 0, math.nan, evaluation.eval["recall"])
    np.testing.assert_allclose(scores.precision, precision, atol=TOLERANCE)
    np.testing.assert_allclose(scores.recall, recall, atol=TOLERANCE)


def _one(image: int, label: int, box: list[float]) -> GroundTruth:
    return GroundTruth.of([image], [label], [box])


def test_two_of_three_by_hand() -> None:
    """True, false, true of two: precision 1 up to recall 0.5 (51 points), then 2/3 (50 points)."""
    truth = GroundTruth.of([0, 1], [0, 0], [[0, 0, 10, 10], [0, 0, 10, 10]])
    found = Detections.of([0, 0, 1], [0, 0, 0], [[0, 0, 10, 10], [50, 50, 60, 60], [0, 0, 10, 9]], [0.9, 0.8, 0.7])
    scores = evaluate_coco(found, truth, 1)
    assert scores.ap(0.5) == pytest.approx((51 + 50 * 2 / 3) / 101, abs=1e-12)
    assert scores.ap(0.95) == pytest.approx(51 / 101, abs=1e-12)  # IoU 0.9 no longer counts


def test_one_of_two_equal_truths_is_left_over() -> None:
    truth = GroundTruth.of([0, 0], [0, 0], [[0, 0, 10, 10], [0, 0, 10, 10]])
    found = Detections.of([0], [0], [[0, 0, 10, 10]], [1.0])
    assert evaluate_coco(found, truth, 1).ar(0.5) == 0.5


def test_nothing_detected_and_nothing_to_detect() -> None:
    nothing = Detections.of([], [], [], [])
    scores = evaluate_coco(nothing, _one(0, 1, [0, 0, 10, 10]), 2)
    assert scores.ap(0.5) == 0.0
    assert scores.why_undefined() is None
    assert np.isnan(scores.per_class(0.5)[0])
    empty = GroundTruth.of([], [], [])
    for found in (nothing, Detections.of([0], [0], [[0, 0, 1, 1]], [0.5])):
        scores = evaluate_coco(found, empty, 2)
        assert math.isnan(scores.ap())
        assert "no ground truth" in (scores.why_undefined() or "")


def test_size_without_ground_truth_has_a_reason() -> None:
    truth = _one(0, 0, [0, 0, 10, 10])
    scores = evaluate_coco(Detections.of([0], [0], truth.boxes, [1.0]), truth, 1)
    assert scores.ap(0.5, "small") == pytest.approx(1.0)
    assert math.isnan(scores.ap(0.5, "large"))
    assert "large" in (scores.why_undefined("large") or "")


def test_size_limits_belong_to_both_sides() -> None:
    truth = _one(0, 0, [0, 0, 32, 32])
    scores = evaluate_coco(Detections.of([0], [0], truth.boxes, [1.0]), truth, 1)
    assert set(AREA_RANGES) == {"all", "small", "medium", "large"}
    assert scores.ap(0.5, "small") == scores.ap(0.5, "medium") == pytest.approx(1.0)


@pytest.mark.parametrize("shuffle", [0, 1])
def test_order_of_images_and_rows_does_not_matter(shuffle: int) -> None:
    generator = np.random.default_rng(shuffle)
    corner = generator.uniform(0, 50, (40, 2))
    boxes = np.concatenate([corner, corner + generator.uniform(5, 40, (40, 2))], axis=1)
    image, label, score = (
        generator.integers(0, 6, 40),
        generator.integers(0, 3, 40),
        generator.permutation(40) / 40,
    )
    truth = GroundTruth.of(image[:15], label[:15], boxes[:15] + 3)
    first = evaluate_coco(Detections.of(image, label, boxes, score), truth, 3)
    order = generator.permutation(40)
    second = evaluate_coco(Detections.of(image[order], label[order], boxes[order], score[order]), truth, 3)
    np.testing.assert_array_equal(first.precision, second.precision)


def test_bad_input_iscoco_block() -> None:
    with pytest.raises(DataError, match=r"row 1: label 7 of 3 classes"):
        evaluate_coco(Detections.of([], [], [], []), GroundTruth.of([0, 0], [0, 7], np.zeros((2, 4))), 3)
    with pytest.raises(DataError, match=r"row 0: score nan"):
        Detections.of([0], [0], [[0, 0, 1, 1]], [math.nan])
    with pytest.raises(DataError, match=r"row 0: box .* not finite"):
        GroundTruth.of([0], [0], [[0, 0, math.inf, 1]])
    for caps in ((100, 10), (0, 10), ()):
        with pytest.raises(DataError, match="positive and ascending"):
            evaluate_coco(Detections.of([], [], [], []), GroundTruth.of([], [], []), 3, caps=caps)
    with pytest.raises(DataError, match="2 rows of `label` for 1 images"):
        GroundTruth.of([0], [0, 1], [[0, 0, 1, 1]])
    with pytest.raises(DataError, match=r"0\.33 was not evaluated"):
        evaluate_coco(Detections.of([], [], [], []), GroundTruth.of([], [], []), 3).ap(0.33)
