"""Decoding: red first, grey and CMYK as colour, and one clear error for what is no picture."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from clab_lite.data.images import read_image
from clab_lite.errors import DataError


def test_red_comes_first(tmp_path):
    path = tmp_path / "red.JPEG"
    Image.new("RGB", (32, 16), (250, 10, 20)).save(path, quality=95)
    image = read_image(path)
    assert (image.shape, image.dtype) == ((3, 16, 32), torch.uint8)
    assert (image.float().mean(dim=(1, 2)) - torch.tensor([250.0, 10.0, 20.0])).abs().max() < 3


def test_rows_are_height_and_columns_are_width(tmp_path):
    picture = Image.new("RGB", (32, 16))
    picture.putpixel((20, 3), (255, 255, 255))
    picture.save(tmp_path / "dot.png")
    assert read_image(tmp_path / "dot.png")[:, 3, 20].tolist() == [255, 255, 255]


@pytest.mark.parametrize(("mode", "colour"), [("L", 200), ("CMYK", (0, 255, 255, 0))])
def test_other_colour_spaces_become_rgb(tmp_path, mode, colour):
    path = tmp_path / "other.JPEG"
    Image.new(mode, (16, 16), colour).save(path)
    red = read_image(path).float().mean(dim=(1, 2))
    assert red.shape == (3,)
    assert red[0] > 190


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"hello", "not in a known format"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "cannot|not in a known"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path, content, message):
    path = tmp_path / "000007.JPEG"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"000007\.JPEG: the image .*({message})"):
        read_image(path)


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.JPEG: the image cannot be read \(No such file"):
        read_image(tmp_path / "nothing.JPEG")
