"""Temporal RoI Align against obviously correct twins: similar cells, attention over time, gradients, empty cases."""

import math

import pytest
import torch
import torchvision.ops
from gathered_regions import gathered_regions, temporal_module
from plain_path import most_similar_roi_align

from clab_lite.detector import most_similar, temporal_roi_align
from clab_lite.detector.roi_align import as_grid
from clab_lite.detector.temporal_roi_align import convolved


def random_boxes(count: int, height: int, width: int) -> torch.Tensor:
    """In the frame of a map of so many cells of 16 pixels; like proposals, they do not leave it."""
    corner = 0.6 * torch.rand(count, 2)
    sides = 0.02 + 0.38 * torch.rand(count, 2)
    return torch.cat([corner, corner + sides], dim=1) * torch.tensor([16.0 * width, 16 * height]).repeat(2)


def pooled_by_the_operator(features: torch.Tensor, boxes: torch.Tensor, size: int) -> torch.Tensor:
    return torchvision.ops.roi_align(features, [boxes], size, 1 / 16, 2, aligned=True)


@pytest.mark.parametrize("blocks", [0, 2])
def test_no_regions_and_no_references_over_time(blocks: int) -> None:
    module = temporal_module(4, output_size=3, attention_blocks=blocks)
    features = torch.randn(3, 4, 6, 5, requires_grad=True)
    key, *references = module.tables(features)
    none, some = module([torch.zeros(0, 4), random_boxes(2, 6, 5)], [key, key], [references, references])
    assert none.shape == (0, 4, 3, 3) and some.shape == (2, 4, 3, 3)
    none.sum().backward()
    assert (features.grad == 0).all()
    boxes = random_boxes(5, 6, 5)
    (alone,) = module([boxes], [key], [[]])
    torch.testing.assert_close(alone, pooled_by_the_operator(features[:1], boxes, 3), rtol=1e-5, atol=1e-6)


def slow_most_similar(pooled: torch.Tensor, reference: torch.Tensor, count: int) -> torch.Tensor:
    result = torch.zeros_like(pooled)
    cells = reference.flatten(1).T
    for r in range(len(pooled)):
        for i in range(pooled.shape[2]):
            for j in range(pooled.shape[3]):
                query = pooled[r, :, i, j]
                cosine = torch.stack([query @ c / (query.norm() * c.norm()) for c in cells])
                best = cosine.argsort(descending=True)[:count]
                weight = cosine[best].softmax(dim=0)
                result[r, :, i, j] = sum(w * cells[b] for w, b in zip(weight, best, strict=True))
    return result


def test_most_similar_cells_equal_the_loop() -> None:
    torch.manual_seed(0)
    module, boxes = temporal_module(6, output_size=3, most_similar=2), random_boxes(2, 4, 5)
    features = torch.randn(3, 6, 4, 5)
    key, *references = module.tables(features)
    with torch.no_grad():
        found = gathered_regions(module, boxes, key, references)
    pooled = pooled_by_the_operator(features[:1], boxes, 3)
    for t in range(2):
        expected = slow_most_similar(pooled, features[1 + t], 2)
        torch.testing.assert_close(found[t], expected, rtol=1e-4, atol=1e-5)
        plain = most_similar_roi_align(pooled, features[1 + t : 2 + t], 2)[0]
        torch.testing.assert_close(plain, expected, rtol=1e-4, atol=1e-5)


def test_similar_cells_are_chosen_in_float32_under_autocast() -> None:
    """Cells that differ by less than bfloat16 resolves near 1 must still be told apart."""
    torch.manual_seed(0)
    features = torch.randn(1, 32, 1, 1) + 0.02 * torch.randn(2, 32, 6, 6)
    module, boxes = temporal_module(32, output_size=4, most_similar=2), random_boxes(3, 6, 6)

    def gathered() -> torch.Tensor:
        key, reference = module.tables(features)
        return gathered_regions(module, boxes, key, [reference])

    with torch.no_grad():
        expected = gathered()
        with torch.autocast("cpu", torch.bfloat16):
            found = gathered()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("blocks", [0, 2])
def test_the_gradient_is_right_through_maps_and_weights(blocks: int) -> None:
    """Two key frames, each the reference of the other, and a third map."""
    torch.manual_seed(0)
    module = temporal_module(4, output_size=2, sampling_ratio=1, most_similar=2, attention_blocks=blocks).double()
    features = torch.randn(3, 4, 3, 4, dtype=torch.float64, requires_grad=True)
    boxes = [random_boxes(2, 3, 4), random_boxes(1, 3, 4)]

    def aggregated(features: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        tables = module.tables(features)
        references = [[tables[1], tables[2]], [tables[0], tables[2]]]
        return torch.cat(module(boxes, tables[:2], references))

    assert aggregated(features).dtype == torch.float64
    assert torch.autograd.gradcheck(aggregated, (features, *module.parameters()))


def test_more_cells_wanted_than_there_are() -> None:
    module = temporal_module(3, output_size=2, most_similar=4)
    (key,), references = module.tables(torch.randn(1, 3, 2, 2)), module.tables(torch.ones(1, 3, 1, 1))
    with torch.no_grad():
        found = gathered_regions(module, random_boxes(1, 2, 2), key, references)
    torch.testing.assert_close(found, torch.ones(1, 1, 3, 2, 2))


@torch.no_grad()
@pytest.mark.parametrize("size", [1, 3, 5, 7])
def test_taps_of_a_map_summed_are_the_convolution_of_a_grid(size: int) -> None:
    """Cells of a grid are weighted sums of four cells of a map that is not square."""
    module, features = (
        temporal_module(6, output_size=size, attention_blocks=1).double(),
        torch.randn(1, 6, 4, 9).double(),
    )
    (table,) = module.tables(features)
    assert table.size == (4, 9)
    index, weight = torch.randint(36, (5, size**2, 4)), torch.randn(5, size**2, 4).double()
    grids = as_grid((table.cells[index] * weight[..., None]).sum(dim=2).flatten(0, 1), size)
    expected = torch.nn.functional.conv2d(grids, module.embed.weight, padding=1)
    for rows in (convolved(index, weight), convolved(index, weight).nonzero()):
        torch.testing.assert_close(as_grid(rows.of(table.taps), size), expected, rtol=1e-12, atol=1e-12)


def test_temporal_attention_equals_the_loop() -> None:
    torch.manual_seed(0)
    module, boxes = temporal_module(8, output_size=3, most_similar=2, attention_blocks=2), random_boxes(2, 4, 4)
    features = torch.randn(4, 8, 4, 4)
    with torch.no_grad():
        key, *references = module.tables(features)
        (found,) = module([boxes], [key], [references])
        pooled = pooled_by_the_operator(features[:1], boxes, 3)
        frames = torch.cat([pooled[None], most_similar_roi_align(pooled, features[1:], 2)])
        embedded = torch.stack([module.embed(frame) for frame in frames])
        for r, block, i, j in [(0, 0, 0, 0), (1, 1, 2, 1), (1, 0, 1, 2)]:
            channels = slice(4 * block, 4 * block + 4)
            scores = torch.stack([embedded[t, r, channels, i, j] @ embedded[0, r, channels, i, j] for t in range(4)])
            weight = (scores / math.sqrt(4)).softmax(dim=0)
            expected = sum(weight[t] * frames[t, r, channels, i, j] for t in range(4))
            torch.testing.assert_close(found[r, channels, i, j], expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("blocks", [0, 2])
def test_work_in_steps_changes_nothing(blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    module, boxes = temporal_module(8, output_size=3, attention_blocks=blocks), random_boxes(7, 4, 5)
    key, *references = module.tables(torch.randn(3, 8, 4, 5))
    (expected,) = module([boxes], [key], [references])
    monkeypatch.setattr(temporal_roi_align, "_CELLS_AT_ONCE", 3 * 9)  # three regions of nine cells
    monkeypatch.setattr(most_similar, "_PRODUCTS_AT_ONCE", 5 * 20)  # five cells with 20 map cells
    (found,) = module([boxes], [key], [references])
    torch.testing.assert_close(found, expected)


def test_key_frames_do_not_mix() -> None:
    torch.manual_seed(0)
    module = temporal_module(8, output_size=3, most_similar=2, attention_blocks=2)
    boxes = [random_boxes(2, 4, 4), random_boxes(4, 4, 4)]
    with torch.no_grad():
        keys = module.tables(torch.randn(2, 8, 4, 4))
        references = [module.tables(torch.randn(2, 8, 4, 4)) for _ in range(2)]
        together = module(boxes, keys, references)
        for i in range(2):
            torch.testing.assert_close(together[i], module([boxes[i]], [keys[i]], [references[i]])[0])
