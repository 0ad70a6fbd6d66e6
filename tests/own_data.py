"""The json file that docs/your_data.md shows, with drawn pictures for it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

DOCUMENT = Path(__file__).parents[1] / "docs/your_data.md"
IMAGES = [f"{video}/{frame}.jpg" for video in ("hall", "yard") for frame in range(3)]
_COLOURS = {1: (200, 60, 40), 2: (60, 90, 210)}


def documented_json() -> dict[str, Any]:
    """A fresh copy of the complete example."""
    text = re.search(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert text is not None
    return json.loads(text.group(1))


def write_json_dataset(
    root: Path, train: dict[str, Any], val: dict[str, Any] | None = None, images: Path | None = None
) -> Path:
    """Write train.json and val.json (the same, unless given) and a picture for each image. Returns `root`."""
    root.mkdir(parents=True, exist_ok=True)
    for name, content in (("train", train), ("val", val or train)):
        (root / f"{name}.json").write_text(json.dumps(content))
    for image in train["images"]:
        pixels = np.full((64, 96, 3), 120, np.uint8)
        for item in train["annotations"]:
            if item["image_id"] == image["id"]:
                x, y, width, height = item["bbox"]
                pixels[y : y + height, x : x + width] = _COLOURS.get(item["category_id"], (0, 0, 0))
        path = (images or root) / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, quality=90)
    return root
