"""Pasting: goldens, a slow twin, and what may not happen to the pixels around."""

from __future__ import annotations

import random

import pytest
import torch
from method_goldens import cases

from clab_lite.data.transforms import flip_boxes
from clab_lite.detector.boxes import box_iou
from clab_lite.errors import DataError
from clab_lite.methods.codo.paste import HIDES, fit_size, paste, paste_view


@pytest.mark.parametrize("case", cases("codo.fit_size"), ids=lambda c: c["name"])
def test_fit_size_golden(case: dict) -> None:
    found = [list(fit_size(tuple(i["crop_hw"]), tuple(i["target_pair"]))) for i in case["inputs"]["items"]]
    assert found == case["expected"]["new_hw"]


@pytest.mark.parametrize("case", cases("codo.paste"), ids=lambda c: c["name"])
def test_paste_golden(case: dict) -> None:
    for item, expected in zip(case["inputs"]["items"], case["expected"]["items"], strict=True):
        background, instance = (torch.tensor(item[k], dtype=torch.float64) for k in ("background", "instance"))
        image, box = paste(background, instance, item["x"], item["y"])
        torch.testing.assert_close(image, torch.tensor(expected["image"], dtype=torch.float64), rtol=0, atol=0)
        assert box.tolist() == expected["box_xyxy"]


def test_fit_size_fits_both_numbers_and_touches_one() -> None:
    rng = random.Random(0)
    for _ in range(500):
        crop = rng.randint(1, 300), rng.randint(1, 300)
        pair = rng.randint(1, 300), rng.randint(1, 300)
        size = fit_size(crop, pair)
        assert max(size) <= max(pair) and (min(size) <= min(pair) or min(size) == 1)
        assert max(size) == max(pair) or min(size) == min(pair)
        # The aspect is kept to half a pixel of either side.
        scale = min(max(pair) / max(crop), min(pair) / min(crop))
        assert all(abs(side * scale - new) <= 0.5 or new == 1 for side, new in zip(crop, size, strict=True))


def test_only_pixels_inside_the_box_change() -> None:
    """Property (a), pixel by pixel."""
    background, instance = torch.rand(3, 20, 24), torch.rand(3, 5, 7) + 2
    before = background.clone()
    image, box = paste(background, instance, 4, 11)
    x1, y1, x2, y2 = (int(v) for v in box)
    for y in range(20):
        for x in range(24):
            inside = x1 <= x < x2 and y1 <= y < y2
            wanted = instance[:, y - y1, x - x1] if inside else before[:, y, x]
            assert torch.equal(image[:, y, x], wanted)
    assert torch.equal(background, before)


def test_an_instance_as_large_as_the_background_fits_and_a_larger_one_does_not() -> None:
    background = torch.zeros(3, 8, 8)
    image, box = paste(background, torch.ones(3, 8, 8), 0, 0)
    assert bool((image == 1).all()) and box.tolist() == [0, 0, 8, 8]
    for shape, x, y in [((3, 8, 9), 0, 0), ((3, 9, 8), 0, 0), ((3, 4, 4), 5, 0), ((3, 4, 4), 0, -1)]:
        with pytest.raises(DataError, match="does not fit into a background of 8 x 8"):
            paste(background, torch.ones(shape), x, y)


def test_a_view_scales_what_is_larger_than_the_background() -> None:
    rng = random.Random(1)
    for shape in [(3, 400, 300), (3, 1, 900), (3, 900, 1), (3, 2, 2)]:
        background = torch.zeros(3, 32, 32, dtype=torch.uint8)
        instance = torch.full(shape, 255, dtype=torch.uint8)
        for _ in range(20):
            image, box = paste_view(instance, background, (10, 33), rng)
            x1, y1, x2, y2 = (int(v) for v in box)
            assert x1 >= 0 and y1 >= 0 and x2 <= 32 and y2 <= 32 and x2 - x1 >= 2 and y2 - y1 >= 2
            assert int((image == 255).all(dim=0).sum()) == (x2 - x1) * (y2 - y1)
            assert image.dtype == torch.uint8


def test_a_view_is_a_function_of_its_generator() -> None:
    instance, background = torch.rand(3, 9, 12), torch.rand(3, 32, 32)
    one, two, other = (paste_view(instance, background, (8, 20), random.Random(s)) for s in ("a", "a", "b"))
    assert torch.equal(one[0], two[0]) and torch.equal(one[1], two[1])
    assert not torch.equal(one[0], other[0])


@pytest.mark.parametrize(("sides", "shape"), [((0, 4), (3, 4, 4)), ((4, 4), (3, 4, 4)), ((4, 34), (3, 4, 4)),
                                              ((4, 8), (3, 0, 4)), ((4, 8), (3, 4, 0))])  # fmt: skip
def test_impossible_views_are_refused(sides: tuple[int, int], shape: tuple[int, int, int]) -> None:
    with pytest.raises(DataError, match=r"sides from|has \d x \d pixels"):
        paste_view(torch.zeros(shape), torch.zeros(3, 32, 32), sides, random.Random(0))


def test_labelled_objects_are_not_hidden_where_there_is_room() -> None:
    avoid = torch.tensor([[0.0, 0.0, 16.0, 16.0]])
    instance, background = torch.rand(3, 16, 16), torch.zeros(3, 32, 32)

    def overlaps(avoided: torch.Tensor | None) -> list[float]:
        rng = random.Random(2)
        boxes = [paste_view(instance, background, (16, 17), rng, avoided)[1] for _ in range(300)]
        return [float(box_iou(box[None], avoid)) for box in boxes]

    assert max(overlaps(avoid)) <= HIDES
    assert max(overlaps(None)) > HIDES, "places are drawn without it that hide the object"
    # An object that fills everything cannot be avoided: after ten tries a place is taken.
    everywhere = torch.tensor([[0.0, 0.0, 32.0, 32.0]])
    assert len(paste_view(torch.rand(3, 9, 9), background, (31, 32), random.Random(3), everywhere)[1]) == 4


def test_a_mirrored_composite_has_a_mirrored_box() -> None:
    image, box = paste(torch.zeros(3, 10, 14), torch.ones(3, 3, 4), 2, 5)
    x1, y1, x2, y2 = (int(v) for v in flip_boxes(box[None], 14)[0])
    flipped = image.flip(-1)
    assert (x1, y1, x2, y2) == (8, 5, 12, 8)
    assert bool((flipped[:, y1:y2, x1:x2] == 1).all()) and flipped.sum() == 3 * 12


def test_every_place_that_has_room_is_drawn() -> None:
    rng = random.Random(0)
    corners = {
        tuple(paste_view(torch.ones(3, 3, 3), torch.zeros(3, 5, 5), (3, 4), rng)[1][:2].tolist()) for _ in range(200)
    }
    assert corners == {(x, y) for x in (0.0, 1.0, 2.0) for y in (0.0, 1.0, 2.0)}
