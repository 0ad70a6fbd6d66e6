"""Outputs that a repository can keep: no widget views, no noise, small pictures, no paths of a machine."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from PIL import Image, ImageChops

from clab_lite.errors import DataError
from clab_lite.lessons.card import MARK, Card
from clab_lite.lessons.twin import WIDGET_VIEW

LIMIT = 500_000
"""Bytes of one notebook."""
_LARGE_PICTURE = 12_000
"""Bytes of a PNG above which a smaller encoding is tried."""
_FORGIVEN = 36
"""Difference of a channel, of 255, from which a pixel counts as another colour."""


def clean(notebook: NotebookNode, machine_paths: tuple[Path, ...] = ()) -> None:
    """Leave of the outputs what a reader without a kernel can use.

    Args:
        notebook: executed; changed in place.
        machine_paths: folders that no output may name.

    Raises:
        DataError: a widget has no static twin, or an output names one of `machine_paths`.
    """
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        kept: list[NotebookNode] = []
        for output in cell.outputs:
            if output.output_type == "stream":
                _keep_stream(kept, output)
            else:
                _clean_data(output, cell.id)
                kept.append(output)
        cell.outputs = [output for output in kept if output.output_type != "stream" or output.text.strip()]
        _require_no_paths(cell, machine_paths)


def renew_card(notebook: NotebookNode, name: str, runs: dict[str, Any]) -> None:
    """Put the newest numbers into the card that the lesson showed when it started."""
    card = Card(name, runs)
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        if MARK in output.get("data", {}).get("text/html", ""):
            output.data["text/html"], output.data["text/plain"] = card._repr_html_(), repr(card)


def as_text(notebook: NotebookNode, name: str) -> str:
    """The notebook as its file holds it.

    Raises:
        DataError: it is not valid, or larger than LIMIT; the message names the largest outputs.
    """
    nbformat.validate(notebook)
    text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    size = len(text.encode())
    if size <= LIMIT:
        return text
    sizes = {c.id: len(json.dumps(c.outputs)) for c in notebook.cells if c.cell_type == "code"}
    largest = sorted(sizes, key=lambda cell: -sizes[cell])[:5]
    listing = ", ".join(f"{cell}: {sizes[cell] // 1000} kB" for cell in largest)
    raise DataError(
        f"{name}.ipynb would have {size // 1000} kB, more than {LIMIT // 1000}. The largest outputs: {listing}. "
        "Draw fewer or smaller pictures there."
    )


def _keep_stream(kept: list[NotebookNode], output: NotebookNode) -> None:
    """Standard output only, joined; of a line that was written over (\\r), the last state. Progress goes to stderr."""
    if output.name != "stdout":
        return
    if kept and kept[-1].output_type == "stream":
        kept[-1].text += output.text
    else:
        kept.append(output)
    kept[-1].text = "".join(line.rsplit("\r", 1)[-1] for line in kept[-1].text.splitlines(keepends=True) if line)


def _clean_data(output: NotebookNode, cell: str) -> None:
    output.metadata = NotebookNode()
    data = output.get("data", {})
    if data.pop(WIDGET_VIEW, None) is not None and set(data) <= {"text/plain"}:
        raise DataError(
            f"cell {cell} shows a widget without a static twin. Show it by lessons.explore, or wrap it: "
            "lessons.twinned(widget, figure)."
        )
    if "image/png" in data:
        _shrink(data)


def _shrink(data: NotebookNode) -> None:
    """A large PNG as the smallest of: itself, with 256 colours (drawings), as JPEG (photographs)."""
    png = base64.b64decode(data["image/png"])
    data["image/png"] = base64.b64encode(png).decode("ascii")  # in one line: notebooks are compared as text
    if len(png) <= _LARGE_PICTURE:
        return
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    few, photo = io.BytesIO(), io.BytesIO()
    flat = _few_colours(picture)
    (picture if flat is None else flat).save(few, "PNG", optimize=True)
    picture.save(photo, "JPEG", quality=84, subsampling=0, optimize=True)
    if len(photo.getvalue()) < 0.8 * len(few.getvalue()):
        del data["image/png"]
        data["image/jpeg"] = base64.b64encode(photo.getvalue()).decode("ascii")
    elif len(few.getvalue()) < len(png):
        data["image/png"] = base64.b64encode(few.getvalue()).decode("ascii")


def _few_colours(picture: Image.Image) -> Image.Image | None:
    """The picture with 256 colours; None when that would change some of them.

    The median cut, finer for photographs, gives rare colours (a few dots of one class) to their neighbours. The octree
    keeps them, more coarsely.
    """
    for method in (Image.Quantize.MEDIANCUT, Image.Quantize.FASTOCTREE):
        flat = picture.quantize(256, method, kmeans=1, dither=Image.Dither.NONE)
        if _alike(flat, picture):
            return flat
    return None


def _alike(flat: Image.Image, picture: Image.Image) -> bool:
    """Whether hardly a pixel has changed its colour by more than an eye forgives."""
    red, green, blue = ImageChops.difference(flat.convert("RGB"), picture).split()
    histogram = ImageChops.lighter(ImageChops.lighter(red, green), blue).histogram()
    return sum(histogram[_FORGIVEN:]) <= 1e-4 * sum(histogram)


def _require_no_paths(cell: NotebookNode, machine_paths: tuple[Path, ...]) -> None:
    texts = [
        output.get("text", "") + json.dumps(output.get("data", {}).get("text/plain", "")) for output in cell.outputs
    ]
    texts += [output.get("data", {}).get("text/html", "") for output in cell.outputs]
    for path in machine_paths:
        if any(str(path) in text for text in texts):
            raise DataError(f"the output of cell {cell.id} names the folder {path} of this machine. Print less of it.")
