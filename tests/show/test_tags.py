"""Names of boxes: each at a free edge of its box, on figures, on pictures and in pages."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest
import torch
from PIL import Image

from clab_lite.media import drawing
from clab_lite.media.free_place import Area, free_place
from clab_lite.show.frame_pair import frame_pair
from clab_lite.show.frames import draw_box, draw_pixels
from clab_lite.show.style import new_figure, to_png
from clab_lite.show.tags import Tag

FRAME: Area = (0, 0, 192, 128)
BOX: Area = (60, 40, 140, 90)
SIZE = (50, 12)
SAME = [(80, 40, 140, 90), (80, 40, 140, 90), (80, 42, 142, 92), (78, 40, 140, 90)]
AT_EDGES = [(0, 0, 60, 40), (0, 2, 60, 44), (150, 0, 192, 60), (150, 100, 192, 128), (148, 98, 192, 128)]


def meet(one: Area, other: Area) -> bool:
    return min(one[2], other[2]) - max(one[0], other[0]) > 0.01 and min(one[3], other[3]) - max(one[1], other[1]) > 0.01


def test_edges_are_taken_one_after_the_other() -> None:
    taken: list[Area] = []
    for _ in range(8):
        taken.append(free_place(BOX, SIZE, FRAME, taken))
    assert [place[:2] for place in taken] == [
        (60, 28), (60, 40), (60, 90), (60, 78), (140, 40), (140, 78), (10, 40), (10, 78),
    ]  # fmt: skip
    low = (60, 40, 140, 70)  # too low for a name inside: that would hide the object
    assert free_place(low, SIZE, FRAME, [free_place(low, SIZE, FRAME, [])])[:2] == (60, 70)
    everywhere = [*taken, FRAME]
    assert free_place(BOX, SIZE, FRAME, everywhere) in taken or free_place(BOX, SIZE, FRAME, everywhere)[2] <= 192


def test_a_name_stays_in_the_frame() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        x1, y1 = random.uniform(-20, 180), random.uniform(-20, 120)
        box = (x1, y1, x1 + random.uniform(0, 90), y1 + random.uniform(0, 90))
        x1, y1, x2, y2 = free_place(box, SIZE, FRAME, [])
        assert x1 >= 0 and y1 >= 0 and x2 <= 192 and y2 <= 128
    assert free_place(BOX, (300, 12), FRAME, [])[0] == 0  # too long: it is cut at its end


@pytest.mark.parametrize("boxes", [SAME, AT_EDGES])
@pytest.mark.parametrize("panels", [1, 2])
def test_tags_of_boxes_over_each_other_do_not_meet(boxes: list[Area], panels: int) -> None:
    figure, axes = new_figure(9.5, 4, 1, panels)
    for panel in axes:
        draw_pixels(panel, np.zeros((128, 192, 3), np.uint8))
        for number, box in enumerate(boxes):
            draw_box(panel, np.array(box), f"bicycle 0.{number}0", "black", dashed=False)
        panel.set_title("what is known only after the boxes are drawn\nchanges the axes", loc="left")
    to_png(figure, 100)
    for panel in axes:
        areas = [tag.area() for tag in panel.texts if isinstance(tag, Tag)]
        assert len(areas) == len(boxes)
        assert not any(meet(*pair) for pair in combinations(areas, 2))
        left, lower, right, upper = panel.bbox.extents
        assert all(left - 1 < a[0] and lower - 1 < a[1] and a[2] < right + 1 and a[3] < upper + 1 for a in areas)


def test_names_on_a_picture_do_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[Area] = []

    def noted(*given: object) -> Area:
        places.append(free_place(*given))  # type: ignore[arg-type]
        return places[-1]

    monkeypatch.setattr(drawing, "free_place", noted)
    found = {
        "boxes": 2.5 * torch.tensor(SAME, dtype=torch.float32),
        "scores": torch.tensor([0.9, 0.8, 0.7, 0.1]),
        "labels": torch.tensor([0, 1, 2, 3]),
    }
    picture = Image.new("RGB", (480, 320), "white")
    drawing.draw(picture, found, ("bicycle", "dog", "car", "bird"), 0.3, letters=26)
    assert len(places) == 3 and not any(meet(*pair) for pair in combinations(places, 2))
    assert places[0][1] < 2.5 * 40  # the best has the first choice: above its box
    colours = {picture.getpixel((round(x1) + 2, round(y1) + 2)) for x1, y1, _, _ in places}
    assert len(colours) == 3 and (255, 255, 255) not in colours  # each on its own ground


def test_names_in_a_page_do_not_meet() -> None:
    found = {"boxes": np.array(SAME, np.float32), "scores": np.full(4, 0.9), "labels": np.zeros(4, int)}
    text = frame_pair("f", np.zeros((3, 128, 192), np.uint8), found, (np.zeros((0, 4)), np.zeros(0, int)), ["dog"], "")
    tags = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" fill', text)
    areas = [(x, y, x + wide - 0.1, y + high - 0.1) for x, y, wide, high in (map(float, tag) for tag in tags)]
    assert len(areas) == 4 and not any(meet(*pair) for pair in combinations(areas, 2))
