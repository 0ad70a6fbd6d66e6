"""Windows, their mapping and exact pooling: goldens, slow twins, properties (a), (b), (c), (h) of the specification."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
import torch
from method_goldens import agree, cases, doubles
from torch import Tensor

from clab_lite.errors import DataError
from clab_lite.methods.crosscl.config import WindowConfig
from clab_lite.methods.crosscl.region_mean import pool_regions, region_means
from clab_lite.methods.crosscl.windows import map_windows, query_windows


def name(case: dict) -> str:
    return case["name"]


def crops(*rectangles: list[float]) -> Tensor:
    return doubles([list(r) for r in rectangles])


@pytest.mark.parametrize("case", cases("crosscl.windows"), ids=name)
def test_windows_golden(case: dict) -> None:
    given, expected = case["inputs"], case["expected"]
    config = WindowConfig(given["size"], given["stride"], given["grid"], given["base"])
    windows = query_windows(given["img_size"], config)
    assert len(windows) == expected["count"]
    agree(windows, expected["windows_q"], case)
    query, key = (crops(*[pair[side] for pair in given["crops"]]) for side in ("q", "k"))
    boxes, valid = map_windows(windows, query, key, given["img_size"])
    for number, mapped in enumerate(expected["mapped"]):
        agree(boxes[number], mapped["windows_k"], case)
        assert (valid[number].long() - 1).tolist() == mapped["labels"]
        assert int(valid[number].sum()) == mapped["n_valid"]


def test_windows_that_reach_the_edge_are_dropped() -> None:
    assert len(query_windows(96, WindowConfig(32.0, 32.0, 3, 96))) == 4  # 64 + 32 = 96 is the edge
    assert len(query_windows(96, WindowConfig(31.5, 31.5, 3, 96))) == 9
    with pytest.raises(DataError, match="Choose a smaller size"):
        query_windows(96, WindowConfig(96.0, 32.0, 3, 96))


@pytest.mark.parametrize("size", [57, 64, 96, 114, 128, 230, 256])
def test_a_window_at_the_edge_is_dropped_in_views_of_any_side(size: int) -> None:
    """In the middle of the sizes of the base, 160 + 64 = 224; scaled, rounding may leave the edge just below S."""
    assert len(query_windows(size, WindowConfig(64.0, 32.0, 6, 224))) == 25


def test_equal_crops_map_windows_to_themselves() -> None:
    windows, rectangles = query_windows(96, WindowConfig()), crops([3, 5, 80, 90], [0, 0, 192, 128])
    boxes, valid = map_windows(windows, rectangles, rectangles, 96)
    assert valid.all()
    torch.testing.assert_close(boxes, windows.expand(2, -1, -1))


def test_a_window_that_ends_on_the_edge_of_the_key_view_is_out() -> None:
    window = doubles([[0.0, 0, 48, 48]])
    for side, inside in ((48.0, False), (48.1, True)):
        _, valid = map_windows(window, crops([0, 0, 96, 96]), crops([0, 0, side, side]), 96)
        assert bool(valid[0, 0]) == inside


@pytest.mark.parametrize("size", [96, 112, 160])
def test_windows_that_touch_an_edge_of_the_key_view_are_told_exactly(size: int) -> None:
    """In whole pixels of the source: inside at left and top, out at right and bottom, never by a rounding."""
    windows, draws, touched = query_windows(size, WindowConfig(24.0, 16.0, 6, size)), random.Random(size), 0
    for _ in range(300):
        left, top = draws.randrange(20), draws.randrange(20)
        query = (left, top, left + draws.randrange(40, 200), top + draws.randrange(40, 200))
        key = [left + draws.randrange(8), top + draws.randrange(8), query[2] - draws.randrange(20), query[3]]
        if key[0] >= key[2]:
            continue
        _, valid = map_windows(windows, crops(list(query)), crops(list(key)), size)
        for window, inside in zip(windows.tolist(), valid[0], strict=True):
            spans = (query[2] - query[0], query[3] - query[1])
            source = [query[i % 2] + Fraction(window[i]) * spans[i % 2] / size for i in range(4)]
            touched += any(source[i] == key[i] for i in range(4))
            assert bool(inside) == (
                source[0] >= key[0] and source[1] >= key[1] and source[2] < key[2] and source[3] < key[3]
            )
    assert touched > 100


def test_disjoint_crops_have_no_valid_window() -> None:
    windows = query_windows(96, WindowConfig())
    boxes, valid = map_windows(windows, crops([0, 0, 50, 50]), crops([60, 60, 120, 120]), 96)
    assert not valid.any()
    torch.testing.assert_close(boxes, doubles([0.0, 0, 1, 1]).expand_as(boxes))


def test_a_window_looks_at_the_same_source_pixels_in_both_views() -> None:
    """The slow way: from view to source pixel by pixel, for any two crops; so a flip of the source changes nothing."""
    windows, query, key = query_windows(96, WindowConfig()), crops([10, 20, 150, 110]), crops([5, 12, 170, 125])
    boxes, valid = map_windows(windows, query, key, 96)
    assert valid.any()
    for window, box, inside in zip(windows, boxes[0], valid[0], strict=True):
        expected = []
        for axis in (0, 1, 0, 1):
            corner = len(expected)
            low, high = query[0, axis], query[0, axis + 2]
            source = low + window[corner] * (high - low) / 96
            expected.append((source - key[0, axis]) * 96 / (key[0, axis + 2] - key[0, axis]))
        stays = min(expected[:2]) >= 0 and max(expected[2:]) < 96
        assert bool(stays) == bool(inside)
        if inside:
            torch.testing.assert_close(box, torch.stack(expected))


@pytest.mark.parametrize("case", cases("crosscl.pool1x1"), ids=name)
def test_pooling_golden(case: dict) -> None:
    given = case["inputs"]
    features, boxes = doubles(given["features"]), doubles(given["boxes_bxyxy"])
    own = features[boxes[:, 0].long()]
    pooled = region_means(own, boxes[:, None, 1:], given["stride"])[:, 0]
    agree(pooled, case["expected"]["pooled"], case)


def sampled_mean(features: Tensor, box: list[float], samples: int = 400) -> Tensor:
    """The mean of the bilinear surface by brute force: midpoints of a fine grid, zero outside the map."""
    padded = torch.nn.functional.pad(features, (1, 1, 1, 1))
    x0, y0, x1, y1 = box
    steps = (torch.arange(samples, dtype=features.dtype) + 0.5) / samples
    x, y = (
        (x0 + (x1 - x0) * steps).clamp(-1, features.shape[-1]),
        (y0 + (y1 - y0) * steps).clamp(-1, features.shape[-2]),
    )
    column, row = x.floor().clamp(max=features.shape[-1] - 1), y.floor().clamp(max=features.shape[-2] - 1)
    fx, fy = x - column, y - row
    i, j = row.long() + 1, column.long() + 1
    surface = (
        padded[:, i][:, :, j] * ((1 - fy)[:, None] * (1 - fx))
        + padded[:, i + 1][:, :, j] * (fy[:, None] * (1 - fx))
        + padded[:, i][:, :, j + 1] * ((1 - fy)[:, None] * fx)
        + padded[:, i + 1][:, :, j + 1] * (fy[:, None] * fx)
    )
    return surface.mean(dim=(1, 2))


@pytest.mark.parametrize(
    "box",
    [[0.3, 1.2, 2.9, 3.4], [2.0, 0.0, 3.0, 4.0], [1.1, 1.1, 1.4, 1.3], [-3.0, -2.0, 8.0, 9.0], [4.2, 2.0, 5.5, 3.0]],
)
def test_exact_mean_equals_brute_force_also_beyond_the_map(box: list[float]) -> None:
    features = torch.randn(3, 5, 6, dtype=torch.float64)
    pooled = region_means(features[None], doubles([[box]]), 1.0)[0, 0]
    torch.testing.assert_close(pooled, sampled_mean(features, box), rtol=0, atol=2e-4)


def test_constant_and_ramp() -> None:
    ramp = torch.arange(7, dtype=torch.float64).expand(6, 7)
    features = torch.stack([torch.full_like(ramp, 2.5), ramp])[None]
    boxes = doubles([[[8.0, 12.0, 40.0, 30.0], [17.0, 3.0, 18.0, 70.0]]])
    pooled = region_means(features, boxes, 16.0)[0]
    torch.testing.assert_close(pooled, doubles([[2.5, 24 / 16], [2.5, 17.5 / 16]]))


def test_a_box_without_area_gives_zero_and_finite_gradients() -> None:
    features = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    boxes = doubles([[[8.0, 8.0, 8.0, 24.0], [8.0, 30.0, 20.0, 10.0], [4.0, 4.0, 30.0, 30.0]]]).requires_grad_()
    pooled = region_means(features, boxes, 16.0)
    pooled.square().sum().backward()
    assert pooled[0, :2].abs().max() == 0 and pooled[0, 2].abs().min() > 0
    assert features.grad is not None and features.grad.isfinite().all()
    assert boxes.grad is not None and boxes.grad.isfinite().all()


def test_gradients_of_the_box() -> None:
    features = torch.randn(1, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    boxes = doubles([[[6.0, 9.0, 50.0, 41.0], [20.0, 3.0, 33.0, 60.0]]]).requires_grad_()
    assert torch.autograd.gradcheck(lambda f, b: region_means(f, b, 16.0), (features, boxes))


@pytest.mark.parametrize("pool", ["exact", "roi_align"])
def test_boxes_keep_their_edges_under_autocast(pool: str) -> None:
    features = torch.randn(1, 4, 12, 12).bfloat16()
    boxes = torch.tensor([[[60.3, 33.1, 90.7, 71.9], [3.7, 5.2, 44.1, 40.9]]], dtype=torch.float64)
    with torch.autocast("cpu", torch.bfloat16):
        halved = pool_regions(features, boxes, 8.0, pool)  # type: ignore[arg-type]
    assert halved.dtype == torch.float32
    torch.testing.assert_close(halved, pool_regions(features.float(), boxes, 8.0, pool))  # type: ignore[arg-type]


def test_roi_align_equals_exact_pooling_on_whole_cells_and_nearly_elsewhere() -> None:
    features = torch.randn(2, 8, 14, 14, dtype=torch.float64)
    windows = query_windows(224, WindowConfig()).expand(2, -1, -1)
    exact, sampled = (pool_regions(features, windows, 16.0, pool) for pool in ("exact", "roi_align"))  # type: ignore[arg-type]
    torch.testing.assert_close(exact, sampled, rtol=0, atol=1e-12)
    moved = windows * 0.83 + 7.3
    difference = (pool_regions(features, moved, 16.0) - pool_regions(features, moved, 16.0, "roi_align")).abs()
    assert 1e-4 < difference.mean() < 0.05
