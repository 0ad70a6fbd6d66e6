"""The labelled picture of a world."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from clab_lite.data.world import WorldConfig, contact_sheet, write_contact_sheet

CONFIG = WorldConfig(width=96, height=64, classes=("car", "dog"), train_videos=1, val_videos=14, val_frames=4)


def test_the_sheet_shows_classes_troubles_and_one_video(tmp_path: Path) -> None:
    sheet = contact_sheet(CONFIG, tile_width=96)
    pixels = np.asarray(sheet)
    assert sheet.mode == "RGB"
    assert sheet.width == 2 * 14 + 4 * 96 + 3 * 8
    # At least one row for the classes, two for the troubles, one for the strip of a video.
    assert sheet.height >= 4 * (64 + 20)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 1000


def test_the_file_has_a_palette_and_replaces_an_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "pictures/world.png"
    path.parent.mkdir()
    path.write_bytes(b"old")
    write_contact_sheet(path, CONFIG)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.mode == "P"
    assert [item.name for item in path.parent.iterdir()] == ["world.png"]


def test_a_world_with_one_class_and_no_trouble_still_has_a_sheet() -> None:
    calm = WorldConfig(width=96, height=64, classes=("turtle",), val_videos=2, val_frames=2, trouble_strength=0.0)
    assert contact_sheet(calm, tile_width=96).height > 64
