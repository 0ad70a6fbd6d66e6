"""Frame transforms against the official pipeline (goldens/official/pipeline.json) and against closed forms."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from clab_lite.config import FrameConfig
from clab_lite.data import transforms

GOLDENS = Path(__file__).parents[1] / "goldens/official"
CASES = json.loads((GOLDENS / "pipeline.json").read_text())


def golden_image(seed: int, height: int, width: int) -> torch.Tensor:
    """The golden's input as (3, H, W) uint8 RGB: 20-pixel blocks and a ramp (the recipe gives BGR)."""
    rng = np.random.RandomState(seed)
    blocks = rng.randint(0, 256, (height // 20 + 2, width // 20 + 2, 3)).astype(np.float64)
    blocks = np.repeat(np.repeat(blocks, 20, 0), 20, 1)[:height, :width]
    bgr = (0.7 * blocks + 0.3 * np.arange(width)[None, :, None] % 256).astype(np.uint8)
    return torch.from_numpy(bgr[..., ::-1].copy()).permute(2, 0, 1)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_pipeline_equals_the_official_one(number):
    case = CASES[number]
    height, width = case["ori_hw"]
    image = golden_image(case["image_seed"], height, width)
    frame, scale = transforms.prepare_frame(image, FrameConfig(1000, 600))
    boxes = transforms.scale_boxes(torch.tensor(case["gt_bboxes_in"]), scale)
    boxes = transforms.clamp_boxes(boxes, *frame.shape[-2:])
    if case["flip"]:
        frame = transforms.flip_horizontal(frame)
        boxes = transforms.flip_boxes(boxes, frame.shape[-1])
    padded = transforms.pad_to_multiple(frame)

    assert list(frame.shape[-2:]) == case["img_shape"][:2]
    assert list(padded.shape[-2:]) == case["pad_shape"][:2]
    np.testing.assert_allclose([*scale, *scale], case["scale_factor"], rtol=1e-6)
    assert_close(boxes, torch.tensor(case["gt_bboxes_out"]), rtol=0, atol=2e-4)

    pixels = np.load(GOLDENS / "pipeline_pixels.npz")
    name = f"img{number // 2}_flip{int(case['flip'])}"
    flat = padded.numpy().ravel()[pixels[f"{name}__idx"]]
    difference = np.abs(flat - pixels[f"{name}__val"])
    assert difference.mean() < 0.002
    assert difference.max() < 0.02  # one grey level
    np.testing.assert_allclose(padded[:, :4, :6].numpy(), pixels[f"{name}_corner"], atol=0.02)


def test_a_frame_of_the_right_size_is_only_normalised():
    image = torch.randint(0, 256, (3, 128, 192), dtype=torch.uint8)
    frame, scale = transforms.prepare_frame(image, FrameConfig(192, 128))
    assert scale == (1.0, 1.0)
    expected = (image.float() - torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)) / torch.tensor(
        [58.395, 57.12, 57.375]
    ).view(3, 1, 1)
    assert_close(frame, expected)


def test_padding_adds_zeros_at_the_right_and_bottom():
    padded = transforms.pad_to_multiple(torch.ones(3, 17, 32))
    assert padded.shape == (3, 32, 32)
    assert padded[:, :17].min() == 1
    assert padded[:, 17:].abs().max() == 0


def test_flipped_boxes_frame_the_flipped_pixels():
    image = torch.zeros(1, 6, 10)
    image[:, 1:4, 2:5] = 1
    flipped = transforms.flip_horizontal(image)
    x1, y1, x2, y2 = transforms.flip_boxes(torch.tensor([[2.0, 1.0, 5.0, 4.0]]), 10)[0].int().tolist()
    assert flipped[:, y1:y2, x1:x2].min() == 1
    assert flipped.sum() == image.sum() == (y2 - y1) * (x2 - x1)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(16, 1333), st.integers(16, 1333))
def test_resized_shape_fits_and_touches_a_limit(height, width, first, second):
    long_side, short_side = max(first, second), min(first, second)
    new_height, new_width = transforms.resized_shape(height, width, long_side, short_side)
    assert max(new_height, new_width) <= long_side
    assert min(new_height, new_width) <= short_side
    assert max(new_height, new_width) == long_side or min(new_height, new_width) == short_side


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-50, 250, width=32), min_size=4, max_size=4), st.floats(1, 200, width=32))
def test_flipping_twice_changes_nothing(corners, width):
    boxes = torch.tensor([corners])
    twice = transforms.flip_boxes(transforms.flip_boxes(boxes, width), width)
    assert_close(twice, boxes, rtol=0, atol=1e-3)


def test_no_boxes_stay_no_boxes():
    empty = torch.zeros(0, 4)
    assert transforms.flip_boxes(empty, 10).shape == (0, 4)
    assert transforms.clamp_boxes(transforms.scale_boxes(empty, (2.0, 3.0)), 5, 5).shape == (0, 4)
