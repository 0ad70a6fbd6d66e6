"""Motion IoU against the goldens and on objects that move by hand."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from clab_lite.errors import DataError
from clab_lite.metrics.motion import motion_iou, motion_range

GOLDENS = Path(__file__).parents[1] / "goldens" / "evaluation"
CASES = sorted(path.parent.name for path in GOLDENS.glob("*/motion_iou.json"))


@pytest.mark.parametrize("case", CASES)
def test_equals_golden(case: str) -> None:
    truth = json.loads((GOLDENS / case / "gt_cocovid.json").read_text())
    frame = {image["id"]: image["frame_id"] for image in truth["images"]}
    videos, images = defaultdict(list), defaultdict(list)
    for row in truth["annotations"]:
        videos[row["video_id"]].append(row)
    for rows in videos.values():
        boxes = np.array([row["bbox"] for row in rows], np.float64)
        boxes[:, 2:] += boxes[:, :2]
        times, tracks = [frame[row["image_id"]] for row in rows], [row["instance_id"] for row in rows]
        for row, value in zip(rows, motion_iou(times, tracks, boxes), strict=True):
            images[row["image_id"]].append(float(value))
    for record in json.loads((GOLDENS / case / "motion_iou.json").read_text()):
        # The stored values have 12 decimals.
        np.testing.assert_allclose(images[record["image_id"]], record["with_eps"], atol=1e-11, rtol=0)


def test_slow_twin() -> None:
    generator = np.random.default_rng(0)
    frame, track = generator.integers(0, 40, 60), generator.integers(0, 3, 60)
    corner = generator.uniform(0, 8, (60, 2))
    boxes = np.concatenate([corner, corner + generator.uniform(2, 9, (60, 2))], axis=1)
    expected = []
    for i in range(60):
        values = []
        for k in range(60):
            if track[k] == track[i] and 0 < abs(int(frame[k]) - int(frame[i])) <= 10:
                width = min(boxes[i, 2], boxes[k, 2]) - max(boxes[i, 0], boxes[k, 0]) + 1
                height = min(boxes[i, 3], boxes[k, 3]) - max(boxes[i, 1], boxes[k, 1]) + 1
                both = max(width, 0) * max(height, 0)
                areas = [(b[2] - b[0] + 1) * (b[3] - b[1] + 1) for b in (boxes[i], boxes[k])]
                values.append(both / (sum(areas) - both))
        expected.append((sum(values) + 1e-10) / (len(values) + 1e-10))
    np.testing.assert_allclose(motion_iou(frame, track, boxes), expected, atol=1e-12)


def test_still_moving_and_alone() -> None:
    boxes = [[0, 0, 9, 9]] * 3 + [[0, 0, 9, 9], [5, 0, 14, 9]] + [[0, 0, 9, 9]]
    values = motion_iou([0, 1, 2, 0, 1, 7], [1, 1, 1, 2, 2, 3], boxes)
    np.testing.assert_allclose(values, [1, 1, 1, 1 / 3, 1 / 3, 1], atol=1e-9)


def test_window_ends_after_ten_frames() -> None:
    values = motion_iou([0, 10, 21], [1, 1, 1], [[0, 0, 9, 9], [0, 0, 9, 9], [99, 99, 109, 109]])
    np.testing.assert_allclose(values, [1, 1, 1], atol=1e-9)  # the third box is 11 frames away: no neighbour


def test_ranges_and_empty() -> None:
    values = [0.2, 0.7, 0.8, 0.9, 1.0]
    assert motion_range(values, "fast").tolist() == [True, True, False, False, False]
    assert motion_range(values, "medium").tolist() == [False, True, True, True, False]
    assert motion_range(values, "slow").tolist() == [False, False, False, True, True]
    assert motion_iou([], [], []).shape == (0,)
    with pytest.raises(DataError, match="'quick' is unknown"):
        motion_range(values, "quick")
    with pytest.raises(DataError, match="2 frames, 1 tracks"):
        motion_iou([0, 1], [0], np.zeros((2, 4)))
