"""Kinds of errors and their cost: each alone in a frame that can be worked out by hand, and a slow twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden_cases import load_case
from random_boxes import CLASSES, random_evaluation

from clab_lite.metrics import batches
from clab_lite.metrics.arrays import Detections, GroundTruth
from clab_lite.metrics.coco import CocoRules, coco_outcomes
from clab_lite.metrics.errors import KINDS, classify, error_costs
from clab_lite.metrics.matching import box_area, box_iou, greedy_match
from clab_lite.metrics.outcomes import FALSE, TRUE

BOX = np.array([0.0, 0, 100, 100])
SHIFTED = np.array([50.0, 0, 150, 100])  # IoU 1/3 with BOX
NEARBY = np.array([10.0, 0, 110, 100])  # IoU 9/11 with BOX
AWAY = np.array([300.0, 300, 400, 400])
NONE: dict[str, Any] = {kind: (0, 0.0) for kind in KINDS if kind != "outside"}


def cost(
    found: list[tuple[int, int, np.ndarray, float]], objects: list[tuple[int, int, np.ndarray]], **more: Any
) -> Any:
    """Errors of detections (frame, label, box, score) and objects (frame, label, box)."""
    frames, labels, boxes = zip(*objects, strict=True)
    truth = GroundTruth.of(frames, labels, boxes)
    columns = zip(*found, strict=True) if found else ([], [], [], [])
    return error_costs([Detections.of(*columns)], truth, 3, **more)


def test_perfect_detections_have_no_errors() -> None:
    assert cost([(0, 1, BOX, 0.9)], [(0, 1, BOX)]) == NONE


def test_localisation() -> None:
    found = [(0, 0, SHIFTED, 0.9)]
    assert cost(found, [(0, 0, BOX)]) == NONE | {"localisation": (1, pytest.approx(1.0))}
    two = [*found, (0, 0, SHIFTED + 1, 0.8)]  # one becomes right, the other is gone
    assert cost(two, [(0, 0, BOX)]) == NONE | {"localisation": (2, pytest.approx(1.0))}


def test_localisation_at_an_object_that_was_found() -> None:
    costs = cost([(0, 0, SHIFTED, 0.9), (0, 0, BOX, 0.8)], [(0, 0, BOX)])
    assert costs == NONE | {"localisation": (1, pytest.approx(0.5))}


def test_class() -> None:
    assert cost([(0, 1, NEARBY, 0.9)], [(0, 0, BOX)]) == NONE | {"class": (1, pytest.approx(1.0))}
    # Two of three wrong names at one object; the best becomes right, before the wrong ones of its new class.
    found = [(0, 1, BOX, 0.7), (0, 2, BOX, 0.9), (1, 0, AWAY, 0.8)]
    costs = cost(found, [(0, 0, BOX)])
    assert costs == NONE | {"class": (2, pytest.approx(1.0)), "background": (1, 0.0)}
    found[1] = (0, 2, BOX, 0.6)
    assert cost(found, [(0, 0, BOX)])["class"] == (2, pytest.approx(0.5))


def test_both() -> None:
    costs = cost([(0, 1, SHIFTED, 0.9), (1, 1, BOX, 0.8), (0, 0, BOX, 0.7)], [(0, 0, BOX), (1, 1, BOX)])
    assert costs == NONE | {"both": (1, pytest.approx(0.25))}  # class 1 has AP 0.5 of 1, class 0 has 1


def test_duplicate() -> None:
    costs = cost([(0, 0, BOX, 0.9), (0, 0, NEARBY, 0.8), (1, 0, BOX, 0.7)], [(0, 0, BOX), (1, 0, BOX)])
    # Precision at recalls 0 ... 0.5 is 1, above it 2/3.
    assert costs == NONE | {"duplicate": (1, pytest.approx(50 / 101 / 3))}


def test_background() -> None:
    found = [(0, 0, AWAY, 0.9), (1, 0, AWAY, 0.85), (2, 0, BOX, 0.8)]
    assert cost(found, [(0, 0, BOX), (2, 0, BOX)]) == {
        **NONE,
        "background": (2, pytest.approx(51 / 101 * 2 / 3)),
        "missed": (1, pytest.approx(1 / 3 - 51 / 101 / 3)),
    }


def test_missed() -> None:
    objects = [(0, 0, BOX), (1, 0, BOX), (1, 1, AWAY)]
    # Half of class 0 and all of class 1.
    costs = cost([(0, 0, BOX, 0.5)], objects)
    assert costs == NONE | {"missed": (2, pytest.approx(1 - 51 / 101 / 2))}
    assert cost([], objects) == NONE | {"missed": (3, 1.0)}


def test_first_kind_that_holds() -> None:
    """A box at two objects, with all pairs of overlaps: own class, other class."""
    objects = [(0, 0, BOX), (0, 1, BOX + np.array([0, 0, 1, 0]))]
    right = [(0, 0, BOX, 0.9), (0, 1, BOX, 0.9)]
    assert cost([*right, (0, 0, NEARBY, 0.5)], objects)["class"][0] == 1  # both 0.8: rather a name than a duplicate
    assert cost([*right, (0, 0, SHIFTED, 0.5)], objects)["localisation"][0] == 1
    assert cost([*right, (0, 2, SHIFTED, 0.5)], objects)["both"][0] == 1


def test_ignored_objects_have_no_errors() -> None:
    objects = [(0, 0, BOX), (1, 0, AWAY), (2, 0, BOX)]
    found = [(0, 0, BOX, 0.9), (1, 0, AWAY, 0.8)]
    plain = cost(found, objects)
    assert plain["missed"][0] == 1
    assert cost(found, objects, ignored=np.array([False, False, True])) == NONE | {"outside": (0, 0.0)}
    assert cost(found, objects, ignored=np.ones(3, bool)) == {}
    assert cost(found, objects, area=(0, 99**2)) == {}


def test_wrong_at_an_object_that_does_not_count_is_no_background() -> None:
    objects = [(0, 0, BOX), (0, 1, AWAY)]
    costs = cost([(0, 0, AWAY, 0.9), (0, 0, BOX, 0.8)], objects, ignored=np.array([False, True]))
    assert costs == NONE | {"outside": (1, pytest.approx(0.5))}
    assert cost([(0, 0, AWAY, 0.9), (0, 0, BOX, 0.8)], objects[:1])["background"] == (1, pytest.approx(0.5))


def test_no_ground_truth() -> None:
    empty = GroundTruth.of([], [], np.zeros((0, 4)))
    assert error_costs([Detections.of([0], [0], [BOX], [0.5])], empty, 3) == {}


def mean_ap(rows: list[tuple[float, int, bool]], objects: list[int], classes: list[int]) -> float:
    """COCO's AP of (score, label, right), where objects have these labels; 1 for a class without any."""
    values = []
    for label in classes:
        ranked = sorted((row for row in rows if row[1] == label), key=lambda row: -row[0])
        right = np.cumsum([hit for _, _, hit in ranked])
        recall, precision = right / max(objects.count(label), 1), right / np.arange(1, len(ranked) + 1)
        points = [precision[recall >= r].max(initial=0) for r in np.linspace(0, 1, 101)]
        values.append(np.mean(points) if label in objects else 1.0)
    return float(np.mean(values))


def outcome(found: Detections, truth: GroundTruth) -> tuple[np.ndarray, np.ndarray]:
    """By loops: the ground truth of each detection, -1 for none; and what is found."""
    matches, taken = np.full(len(found), -1), np.zeros(len(truth), bool)
    for image in np.unique(found.image):
        for label in range(CLASSES):
            rows = np.flatnonzero((found.image == image) & (found.label == label))
            rows = rows[np.argsort(-found.score[rows], kind="stable")]
            objects = np.flatnonzero((truth.image == image) & (truth.label == label))
            crowd = truth.crowd[objects]
            matched = greedy_match(box_iou(found.boxes[rows], truth.boxes[objects], crowd), 0.5, crowd, crowd)
            matches[rows[matched >= 0]] = objects[matched[matched >= 0]]
            taken[objects[matched[matched >= 0]]] = True
    return matches, taken


def kind_of(row: int, found: Detections, truth: GroundTruth) -> tuple[str, int]:
    """Kind of error of a wrong detection, and the object to which it would belong."""
    objects = np.flatnonzero((truth.image == found.image[row]) & ~truth.crowd)
    overlap = box_iou(found.boxes[[row]], truth.boxes[objects])[0].tolist()
    pairs = sorted(zip(overlap, objects.tolist(), strict=True))  # of equals the later
    own = max((pair for pair in pairs if truth.label[pair[1]] == found.label[row]), default=(0, -1))
    other = max((pair for pair in pairs if truth.label[pair[1]] != found.label[row]), default=(0, -1))
    if 0.1 <= own[0] < 0.5:
        return "localisation", own[1]
    if other[0] >= 0.5:
        return "class", other[1]
    if own[0] >= 0.5:
        return "duplicate", -1
    if other[0] >= 0.1:
        return "both", -1
    uncounted = np.flatnonzero((truth.image == found.image[row]) & truth.crowd)
    outside = box_iou(found.boxes[[row]], truth.boxes[uncounted]) >= 0.1
    return ("outside" if outside.any() else "background"), -1


def twin(found: Detections, truth: GroundTruth) -> dict[str, tuple[int, float]]:
    """All kinds by loops over frames and boxes."""
    found = found.rows(box_area(found.boxes) >= 0)  # COCO leaves out boxes that are smaller than nothing
    matches, taken = outcome(found, truth)
    wrong = {row: kind_of(row, found, truth) for row in np.flatnonzero(matches < 0).tolist()}
    objects, classes = truth.label[~truth.crowd].tolist(), np.unique(truth.label[~truth.crowd]).tolist()
    answer = {}
    for name in ("now", *KINDS[:-1]):
        rows, used = [], taken.copy()
        for row in np.argsort(-found.score, kind="stable").tolist():
            label, hit, target = int(found.label[row]), bool(matches[row] >= 0), -1
            if hit and truth.crowd[matches[row]]:
                continue
            if not hit and wrong[row][0] == name:
                target = wrong[row][1]
                if target < 0 or used[target]:
                    continue
                used[target], label, hit = True, int(truth.label[target]), True
            rows.append((found.score[row], label, hit))
        if name == "now":
            now = rows
        count = sum(kind == name for kind, _ in wrong.values())
        answer[name] = count, mean_ap(rows, objects, classes) - mean_ap(now, objects, classes)
    reached = {target for _, target in wrong.values()}
    missed = [i for i in np.flatnonzero(~truth.crowd & ~taken).tolist() if i not in reached]
    left = [int(truth.label[i]) for i in np.flatnonzero(~truth.crowd).tolist() if i not in missed]
    answer["missed"] = len(missed), mean_ap(now, left, classes) - mean_ap(now, objects, classes)
    del answer["now"]
    if not truth.crowd.any():
        del answer["outside"]
    return answer


@pytest.mark.parametrize("crowds", [False, True])
@pytest.mark.parametrize("seed", range(30))
def test_equals_slow_twin(seed: int, crowds: bool) -> None:
    found, truth, _ = random_evaluation(seed, crowds=crowds)
    check(error_costs([found], truth, CLASSES), twin(found, truth))


@pytest.mark.parametrize("case", ["random", "crowded", "degenerate", "empty", "no_detections"])
def test_equals_slow_twin_on_golden_cases(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = load_case(case)
    monkeypatch.setitem(globals(), "CLASSES", len(content.names))
    found = content.detections.rows(np.argsort(content.detections.image, kind="stable"))
    check(error_costs([found], content.truth, len(content.names), cap=10_000), twin(found, content.truth))


def check(found: dict[str, tuple[int, float]], expected: dict[str, tuple[int, float]]) -> None:
    assert found.keys() == expected.keys()
    for name, (count, gain) in expected.items():
        assert found[name] == (count, pytest.approx(gain, abs=1e-12)), name


def test_every_wrong_detection_has_a_kind_and_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    content = load_case("motion")
    found, classes = content.detections.rows(np.argsort(content.detections.image, kind="stable")), len(content.names)
    whole = error_costs([found], content.truth, classes)
    monkeypatch.setattr(batches, "ROWS", 50)
    frames = (found.rows(found.image == image) for image in range(len(content.frames)))
    assert error_costs(frames, content.truth, classes) == whole
    plain = coco_outcomes([found], content.truth, classes, thresholds=(0.5,))
    assert sum(count for name, (count, _) in whole.items() if name != "missed") == (plain.code == FALSE).sum()
    assert all(count > 0 and gain > 0 for count, gain in whole.values())


def test_what_is_right_is_what_coco_says() -> None:
    content = load_case("motion")
    found, classes = content.detections.rows(np.argsort(content.detections.image, kind="stable")), len(content.names)
    plain = coco_outcomes([found], content.truth, classes, thresholds=(0.5,))
    told = classify([found], CocoRules(content.truth, thresholds=(0.5,)), classes)
    np.testing.assert_array_equal(told.now.code, plain.code)
    np.testing.assert_array_equal(told.kind >= 0, plain.code[0] == FALSE)
    assert told.found.sum() == (plain.code == TRUE).sum()
    assert not (told.missed & told.found).any()


@pytest.mark.parametrize("seed", range(5))
def test_of_some_classes(seed: int) -> None:
    """Kinds are told among all classes: counts add up, and the costs of the parts have the whole cost as mean."""
    found, truth, _ = random_evaluation(seed, crowds=False)
    whole = error_costs([found], truth, CLASSES)
    parts = [[True, False, False], [False, True, True]]  # one class with objects in each
    single = [error_costs([found], truth, CLASSES, labels=np.array(labels)) for labels in parts]
    for kind, (count, gain) in whole.items():
        assert sum(costs[kind][0] for costs in single) == count
        assert np.mean([costs[kind][1] for costs in single]) == pytest.approx(gain, abs=1e-12)
    assert whole["class"][0] > 0
    assert error_costs([found], truth, CLASSES + 1, labels=np.arange(CLASSES + 1) == CLASSES) == {}
