"""Decode one frame to RGB.

Pillow does it: torchvision's decoder gives the same pixels, but is deprecated and will leave torchvision.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from clab_lite.errors import DataError


def read_image(path: Path) -> Tensor:
    """An image file as uint8 (3, H, W), red first; grey and CMYK files are converted.

    Raises:
        DataError: the file is missing, empty, truncated, not a picture, or absurdly large.
    """
    remedy = "Restore the file from the dataset."
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError.at(path, "", f"the image cannot be read ({error.strerror})", remedy) from error
    if not content:
        raise DataError.at(path, "", "the image is empty", remedy)
    try:
        with Image.open(io.BytesIO(content)) as image:
            pixels = np.array(image.convert("RGB"))
    except Image.UnidentifiedImageError as error:
        raise DataError.at(path, "", "the image is not in a known format", remedy) from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError.at(path, "", f"the image cannot be decoded ({error})", remedy) from error
    return torch.from_numpy(pixels).permute(2, 0, 1)
