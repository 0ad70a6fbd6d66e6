"""Decoding: red first, grey and CMYK as colour, and one clear error for what is no picture."""

from __future__ import annotations

import os
import struct
import zlib

import pytest
import torch
from PIL import Image

from clab_lite.data.images import MAX_BYTES, read_image, read_image_size
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
        (b"hello", "not a JPEG or PNG picture"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "cannot|not a JPEG"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path, content, message):
    path = tmp_path / "000007.JPEG"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"000007\.JPEG: the image .*({message})"):
        read_image(path)


@pytest.mark.parametrize("mode", ["I;16", "F"])
def test_other_depths_are_refused_not_turned_white_or_black(tmp_path, mode):
    path = tmp_path / "deep.png"
    Image.new(mode, (16, 16), 3000).save(path, format="TIFF" if mode == "F" else "PNG")
    with pytest.raises(DataError, match=r"deep\.png: the image (has mode I|is not a JPEG or PNG)"):
        read_image(path)


def test_only_jpeg_and_png_are_opened(tmp_path):
    path = tmp_path / "000000.JPEG"
    Image.new("RGB", (16, 16)).save(path, format="EPS")  # Pillow would start Ghostscript
    for read in (read_image, read_image_size):
        with pytest.raises(DataError, match="not a JPEG or PNG picture"):
            read(path)


def test_a_header_that_promises_a_giant_is_refused(tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("L", (8, 8)).save(path)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
    for read in (read_image, read_image_size):
        with pytest.raises(DataError, match=r"bomb\.png: the image cannot be decoded .*decompression bomb"):
            read(path)


@pytest.mark.skipif(os.name != "posix", reason="pipes with names")
def test_pipes_devices_and_huge_files_are_refused_unread(tmp_path):
    os.mkfifo(tmp_path / "pipe.JPEG")
    (tmp_path / "zero.JPEG").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        for read in (read_image, read_image_size):
            with pytest.raises(DataError, match=rf"{name}\.JPEG: the image cannot be read \(not a regular file"):
                read(tmp_path / f"{name}.JPEG")
    with (tmp_path / "large.JPEG").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(DataError, match="larger than"):
        read_image(tmp_path / "large.JPEG")


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.JPEG: the image cannot be read \(No such file"):
        read_image(tmp_path / "nothing.JPEG")
