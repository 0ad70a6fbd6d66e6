"""Decode one frame to RGB.

Pillow does it: torchvision's decoder gives the same pixels, but is deprecated and will leave torchvision.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from clab_lite.data.source_file import read_source, require_file
from clab_lite.errors import DataError

MAX_BYTES = 200_000_000
"""Larger files are refused unread: a PNG of 8000 x 8000 pixels is smaller."""

MAX_PIXELS = 64_000_000
"""Larger pictures are refused undecoded, whatever few bytes they are packed in; twice an 8K frame fits."""

_FORMATS = ("JPEG", "PNG")
"""Pillow reads many more, some with outside programs (EPS starts Ghostscript)."""

_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")
"""What becomes 8 bit RGB without loss of meaning. Of 16 bit or float grey, nothing tells what is white."""


def read_image(path: Path) -> Tensor:
    """A JPEG or PNG file as uint8 (3, H, W), red first; grey, palette and CMYK files are converted.

    Raises:
        DataError: the file is missing, empty, truncated, not a JPEG or PNG picture, not of 8 bits per colour,
            or absurdly large.
    """
    content = read_source(path, "the image", MAX_BYTES)
    with _opened(path, io.BytesIO(content)) as image:
        pixels = np.array(image if image.mode == "RGB" else image.convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1)


def read_image_size(path: Path) -> tuple[int, int]:
    """(width, height) in the file's header; the pixels are not decoded. Errors as for `read_image`."""
    require_file(path, "the image", MAX_BYTES)
    try:
        file = path.open("rb")
    except OSError as error:
        remedy = "Check its permissions."
        raise DataError.at(path, "", f"the image cannot be read ({error.strerror})", remedy) from error
    with file, _opened(path, file) as image:
        return image.size


@contextmanager
def _opened(path: Path, file: IO[bytes]) -> Iterator[Image.Image]:
    """The picture in `file`, its mode checked; whatever fails in the block is said of `path`."""
    remedy = "Restore the file from the dataset."
    if not file.read(1):
        raise DataError.at(path, "", "the image is empty", remedy)
    file.seek(0)
    try:
        with Image.open(file, formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                problem = f"the image has {image.width:,} x {image.height:,} pixels, more than {MAX_PIXELS:,}"
                raise DataError.at(path, "", problem, "Make it smaller.")
            if image.mode not in _MODES:
                remedy = "Convert it to 8 bits per colour."
                raise DataError.at(path, "", f"the image has mode {image.mode}, not one of {', '.join(_MODES)}", remedy)
            yield image
    except DataError:
        raise
    except Image.UnidentifiedImageError as error:
        raise DataError.at(path, "", "the image is not a JPEG or PNG picture", remedy) from error
    except Exception as error:  # Pillow's decoders fail on damaged files in many ways
        raise DataError.at(path, "", f"the image cannot be decoded ({error})", remedy) from error
