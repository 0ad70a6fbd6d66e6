"""Drawn detections: which boxes count as right, and what is on the figure."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from matplotlib.patches import Rectangle

from clab_lite.show.frames import draw_detections, judge

TRUTH = SimpleNamespace(
    boxes=np.array([[10, 10, 30, 30], [40, 10, 60, 30]], np.float32), labels=np.array([0, 1], np.int64)
)
FOUND = {
    "boxes": np.array([[10, 10, 30, 30], [11, 10, 30, 30], [40, 10, 60, 30], [5, 5, 9, 9]], np.float32),
    "scores": np.array([0.9, 0.8, 0.7, 0.1], np.float32),
    "labels": np.array([0, 0, 0, 1]),
}


def test_one_detection_per_object_and_only_of_its_class() -> None:
    right, missed = judge(FOUND, TRUTH)
    assert right.tolist() == [True, False, False, False]  # a duplicate, another class, somewhere else
    assert missed.tolist() == [False, True]


def test_nothing_found_and_nothing_there() -> None:
    nothing = {"boxes": np.zeros((0, 4), np.float32), "scores": np.zeros(0), "labels": np.zeros(0, np.int64)}
    assert judge(nothing, TRUTH)[1].tolist() == [True, True]
    empty = SimpleNamespace(boxes=np.zeros((0, 4), np.float32), labels=np.zeros(0, np.int64))
    assert judge(FOUND, empty)[0].tolist() == [False] * 4
    assert judge(FOUND, None)[0].all()


def test_figure_holds_the_boxes() -> None:
    image = torch.zeros(3, 48, 64, dtype=torch.uint8)
    figure = draw_detections(image, FOUND, TRUTH, ["dog", "car"], title="a frame")
    left, right = figure.axes
    assert len([patch for patch in left.patches if isinstance(patch, Rectangle)]) == 2
    assert len([patch for patch in right.patches if isinstance(patch, Rectangle)]) == 3  # 0.1 is below the score
    assert {text.get_text() for text in left.texts} == {"dog", "car (missed)"}
    assert {text.get_text() for text in right.texts} == {"dog 0.90", "dog 0.80", "dog 0.70"}
    assert len(draw_detections(image, FOUND, None, ["dog", "car"]).axes) == 1
