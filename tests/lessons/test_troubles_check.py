"""The exercises of lesson 01: the right answer passes, every known mistake is named, a stub is not answered yet."""

import pytest

from clab_lite.lessons.troubles import check
from clab_lite.lessons.troubles.overlap import overlap


def right_iou(a, b):
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = (a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (sum(areas) - width * height)


def unclipped_iou(a, b):
    shared = (min(a[2], b[2]) - max(a[0], b[0])) * (min(a[3], b[3]) - max(a[1], b[1]))
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def shared(a, b):
    return right_iou(a, b) * (area(a) + area(b)) / (1 + right_iou(a, b))


def motion(boxes, chosen, count=None):
    values = [overlap(chosen[0], boxes[other], inclusive=True).iou for other in chosen[1]]
    return sum(values) / (count or len(values))


def near(boxes, frame, window):
    return [other for other in range(len(boxes)) if abs(other - frame) <= window and other != frame]


@pytest.mark.parametrize(("checker", "answer"), [
    (check.iou, right_iou),
    (check.mean_motion_iou, lambda boxes, frame, window: motion(boxes, (boxes[frame], near(boxes, frame, window)))),
    (check.speed, lambda value: "slow" if value >= 0.9 else "medium" if value >= 0.7 else "fast"),
    (check.speed, lambda value: "slow" if value > 0.9 else "medium" if value > 0.7 else "fast"),
    (check.speed, lambda value: "Slow" if value >= 0.9 else "Medium" if value >= 0.7 else "Fast"),
])  # fmt: skip
def test_right_answers(checker, answer) -> None:
    assert checker(answer).ok


@pytest.mark.parametrize("checker", [check.iou, check.mean_motion_iou, check.speed])
def test_stubs_and_code_that_stops(checker) -> None:
    assert checker(lambda *_: None).state == "unanswered"
    assert checker(lambda *_: ...).state == "unanswered"
    stopped = checker(lambda *_: 1 / 0)
    assert stopped.state == "wrong"
    assert "ZeroDivisionError" in stopped.message
    strange = checker(lambda *_: -7)
    assert strange.state == "wrong"
    assert "should be" in strange.message


@pytest.mark.parametrize(("answer", "names"), [
    (unclipped_iou, "max(0"),
    (lambda a, b: shared(a, b) / (area(a) + area(b)), "counted twice"),
    (lambda a, b: overlap(a, b, inclusive=True).iou, "edges"),
    (lambda a, b: shared(a, b) / min(area(a), area(b)), "smaller box"),
    (shared, "intersection alone"),
])  # fmt: skip
def test_mistakes_of_iou(answer, names: str) -> None:
    verdict = check.iou(answer)
    assert verdict.state == "wrong"
    assert names in verdict.message


@pytest.mark.parametrize(("answer", "names"), [
    (lambda boxes, frame, window: motion(boxes, (boxes[frame], [*near(boxes, frame, window), frame])), "itself"),
    (lambda boxes, frame, window: motion(boxes, (boxes[frame], near(boxes, frame, window)), 2 * window), "all places"),
    (lambda boxes, frame, window: motion(boxes, (boxes[frame], near(boxes[: frame + 1], frame, window)), None)
     if frame else 1.0, "frames before"),
    (lambda boxes, frame, window: motion(boxes, (boxes[frame], [o for o in near(boxes, frame, window) if o > frame]))
     if frame < len(boxes) - 1 else 1.0, "frames after"),
    (lambda boxes, frame, window: motion(boxes, (boxes[frame], near(boxes, frame, window - 1))) if window > 1 else 1.0,
     "one frame too early"),
    (lambda boxes, frame, _: motion(boxes, (boxes[frame], near(boxes, frame, 99))), "every frame"),
])  # fmt: skip
def test_mistakes_of_motion_iou(answer, names: str) -> None:
    verdict = check.mean_motion_iou(answer)
    assert verdict.state == "wrong"
    assert names in verdict.message


@pytest.mark.parametrize(("answer", "names"), [
    (lambda value: "fast" if value > 0.9 else "medium" if value > 0.7 else "slow", "swapped"),
    (lambda value: "slow" if value > 90 else "medium" if value > 70 else "fast", "90 and 70"),
    (lambda value: "slow" if value > 0.7 else "medium" if value > 0.3 else "fast", "benchmark"),
])  # fmt: skip
def test_mistakes_of_speed(answer, names: str) -> None:
    verdict = check.speed(answer)
    assert verdict.state == "wrong"
    assert names in verdict.message
