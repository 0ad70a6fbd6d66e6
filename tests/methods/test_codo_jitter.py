"""Jittered boxes: golden, bounds, and what happens when nothing fits."""

from __future__ import annotations

import random

import pytest
import torch
from method_goldens import cases

from clab_lite.detector.boxes import box_iou
from clab_lite.errors import DataError
from clab_lite.methods.codo.jitter import MIN_SIDE, jitter_box, shift_boxes


@pytest.mark.parametrize("case", cases("codo.jitter"), ids=lambda c: c["name"])
def test_golden(case: dict) -> None:
    boxes, deltas = (
        torch.tensor(case["inputs"][name], dtype=torch.float64) for name in ("boxes_xyxy", "jitter_dx_dy_dw_dh")
    )
    width, height = case["inputs"]["image_wh"]
    moved = shift_boxes(boxes, deltas, (height, width))
    wanted = torch.tensor(case["expected"]["jittered"], dtype=torch.float64)
    torch.testing.assert_close(moved, wanted, **case["tol"])
    iou = torch.stack([box_iou(moved[i : i + 1], boxes[i : i + 1])[0, 0] for i in range(len(boxes))])
    wanted = torch.tensor(case["expected"]["iou_with_original"], dtype=torch.float64)
    torch.testing.assert_close(iou, wanted, **case["tol"])


def test_shift_equals_one_box_at_a_time() -> None:
    random_boxes = torch.rand(40, 4, dtype=torch.float64) * 30
    boxes = torch.cat([random_boxes[:, :2], random_boxes[:, :2] + random_boxes[:, 2:] + 1], dim=1)
    deltas = (torch.rand(40, 4, dtype=torch.float64) - 0.5) * 0.8
    moved = shift_boxes(boxes, deltas, (40, 50))
    for (x1, y1, x2, y2), (dx, dy, dw, dh), found in zip(boxes.tolist(), deltas.tolist(), moved.tolist(), strict=True):
        width, height = x2 - x1, y2 - y1
        left, top = x1 + dx * width, y1 + dy * height
        right, bottom = left + width * (1 + dw), top + height * (1 + dh)
        wanted = [min(max(left, 0), 50), min(max(top, 0), 40), min(max(right, 0), 50), min(max(bottom, 0), 40)]
        assert found == pytest.approx(wanted)


def test_no_jitter_is_the_exact_box() -> None:
    """Property (b)."""
    box = torch.tensor([3.0, 4.0, 20.0, 11.0])
    found = jitter_box(box, 0.0, 0.5, (32, 32), random.Random(0))
    assert torch.equal(found, box) and found is not box


@pytest.mark.parametrize("amplitude", [0.05, 0.2, 0.5, 0.9])
def test_every_box_is_inside_large_and_near_enough(amplitude: float) -> None:
    """Property (b): IoU in [min_iou, 1], inside the image, 2 pixels on either side."""
    rng = random.Random(0)
    for _ in range(300):
        x, y = rng.uniform(0, 50), rng.uniform(0, 50)
        box = torch.tensor([x, y, min(x + rng.uniform(2, 40), 64), min(y + rng.uniform(2, 40), 64)])
        found = jitter_box(box, amplitude, 0.5, (64, 64), rng)
        assert 0.5 <= float(box_iou(found[None], box[None])) <= 1 + 1e-6
        assert bool((found >= 0).all()) and bool((found <= 64).all())
        assert bool((found[2:] - found[:2] >= MIN_SIDE - 1e-5).all())


def test_usually_it_is_a_wrong_box() -> None:
    rng = random.Random(0)
    box = torch.tensor([20.0, 20.0, 44.0, 36.0])
    found = torch.stack([jitter_box(box, 0.2, 0.5, (64, 64), rng) for _ in range(200)])
    iou = box_iou(found, box[None])[:, 0]
    assert float((iou < 0.999).float().mean()) > 0.99
    assert 0.55 < float(iou.mean()) < 0.9


def test_where_no_draw_is_good_enough_it_is_the_exact_box() -> None:
    box = torch.tensor([20.0, 20.0, 44.0, 36.0])
    assert torch.equal(jitter_box(box, 0.5, 1.0, (64, 64), random.Random(0)), box)
    thin = torch.tensor([5.0, 5.0, 6.0, 30.0])  # one pixel wide: no jitter of 0.2 makes two of it
    assert torch.equal(jitter_box(thin, 0.2, 0.5, (64, 64), random.Random(0)), thin)


@pytest.mark.parametrize(("amplitude", "min_iou"), [(-0.1, 0.5), (1.0, 0.5), (0.2, 1.5), (float("nan"), 0.5)])
def test_settings_out_of_range(amplitude: float, min_iou: float) -> None:
    with pytest.raises(DataError, match="jitter"):
        jitter_box(torch.tensor([0.0, 0.0, 9.0, 9.0]), amplitude, min_iou, (64, 64), random.Random(0))
