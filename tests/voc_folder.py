"""A made VOC 2007 of a few grey images, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from clab_lite.data.voc import VOC_FOLDER

CAT = (
    "<object><name>cat</name><difficult>0</difficult>"
    "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>10</xmax><ymax>12</ymax></bndbox></object>"
)


def write_voc(root: Path, images: dict[str, str], part: str = "trainval") -> Path:
    """Images 40 wide and 36 high, with the given objects."""
    base = root / VOC_FOLDER
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    for name, objects in images.items():
        Image.fromarray(np.full((36, 40, 3), 90, np.uint8)).save(base / f"JPEGImages/{name}.jpg")
        size = "<size><width>40</width><height>36</height><depth>3</depth></size>"
        (base / f"Annotations/{name}.xml").write_text(f"<annotation>{size}{objects}</annotation>")
    (base / f"ImageSets/Main/{part}.txt").write_text("".join(f"{name}\n" for name in images))
    return root
