"""A labelled picture of a world: every class, every trouble, and one video over time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from clab_lite.data.classes import TROUBLES
from clab_lite.data.world.config import WorldConfig
from clab_lite.data.world.plan import VideoPlan, plan_video
from clab_lite.data.world.render import RenderedObject, RenderedVideo, render_video
from clab_lite.data.world.write import load_config
from clab_lite.files import replaced, write_picture

_COLUMNS = 4
_MARGIN, _GAP, _CAPTION, _HEADING = 14, 8, 20, 30
_PAPER, _INK, _FAINT = (255, 255, 255), (34, 36, 44), (112, 116, 126)
_BOX, _BOX_OCCLUDED = (255, 255, 255), (255, 205, 0)


@dataclass(frozen=True)
class _Tile:
    caption: str
    picture: Image.Image


@dataclass(frozen=True)
class _Sample:
    number: int
    plan: VideoPlan
    video: RenderedVideo


def contact_sheet(source: WorldConfig | str | os.PathLike[str], *, tile_width: int = 224) -> Image.Image:
    """Draw the contact sheet of a world from its validation videos.

    Args:
        source: a configuration, or the folder of a sample world (its ``world.json`` is read, its frames are rendered
            again).
        tile_width: width of one frame on the sheet in pixels. The world is drawn at that size, not enlarged.

    Returns:
        An RGB picture four tiles wide. Boxes are drawn in white, in yellow where the object is occluded.
    """
    config = source if isinstance(source, WorldConfig) else load_config(source)
    config = replace(config, width=tile_width, height=max(round(tile_width * config.height / config.width), 48))
    samples = [
        _Sample(number, plan_video(config, "val", number), render_video(config, "val", number))
        for number in range(min(config.val_videos, 96))
    ]
    used: set[int] = set()
    classes = [tile for name in config.classes for tile in _class_tile(name, samples, used)]
    shown = [*((name,) for name in TROUBLES), ("low_light", "noise")]
    troubles = [tile for names in shown for tile in _trouble_tile(names, samples, used)]
    sections = [
        (f"{len(config.classes)} classes", classes),
        ("Troubles of real video, known for every frame", troubles),
        ("One video over time", _strip(samples, used)),
    ]
    return _layout([(heading, tiles) for heading, tiles in sections if tiles], tile_width, config.height)


def write_contact_sheet(path: str | os.PathLike[str], source: WorldConfig | str | os.PathLike[str]) -> None:
    """Write the contact sheet as a PNG with 256 colours, small enough for a README; atomic."""
    picture = _with_palette(contact_sheet(source))
    with replaced(Path(path)) as beside:
        write_picture(beside, picture, "PNG", optimize=True)


def _with_palette(picture: Image.Image) -> Image.Image:
    """256 colours, a third of them for the saturated pixels: objects cover little, but their colours matter."""
    pixels = np.asarray(picture).reshape(-1, 3)
    vivid = pixels[np.ptp(pixels.astype(np.int16), axis=1) > 80]
    share = np.resize(vivid, pixels.shape) if len(vivid) else pixels
    both = Image.fromarray(np.stack((pixels, pixels, share)))
    return picture.quantize(palette=both.quantize(256), dither=Image.Dither.FLOYDSTEINBERG)


def _class_tile(name: str, samples: list[_Sample], used: set[int]) -> Iterator[_Tile]:
    """A clean frame with a large object of the class in its typical colours."""

    def score(sample: _Sample, frame: int) -> float:
        if sample.video.troubles[frame]:
            return 0
        items = sample.video.objects[frame]
        best = max((_area(item) for item in items if _shows(sample, item, name)), default=0.0)
        untouched = not any(sample.video.troubles)
        return best * (1.0 if untouched else 0.3) / len(items) ** 3 if items else 0

    found = _best(samples, used, score)
    if found is not None:
        yield _Tile(name, _picture(*found))


def _trouble_tile(names: tuple[str, ...], samples: list[_Sample], used: set[int]) -> Iterator[_Tile]:
    """A frame that carries exactly these troubles and shows them on large objects."""

    def score(sample: _Sample, frame: int) -> float:
        if set(sample.video.troubles[frame]) != set(names):
            return 0
        return sum(_area(item) * _strength(sample, item, frame, names[0]) for item in sample.video.objects[frame])

    found = _best(samples, used, score)
    if found is not None:
        yield _Tile(" and ".join(names).replace("_", " "), _picture(*found))


def _strength(sample: _Sample, item: RenderedObject, frame: int, trouble: str) -> float:
    """How well one object shows a trouble; troubles of the whole picture show on any."""
    if trouble == "occlusion":
        return item.covered * (item.covered < 0.5)
    if trouble == "truncation":
        return (1 - item.visible) * (item.visible > 0.4)
    if trouble == "motion_blur":
        before, after = (sample.plan.actors[item.track].pose(frame + step) for step in (-0.5, 0.5))
        return float(np.hypot(after.x - before.x, after.y - before.y) / after.length)
    return 1.0


def _strip(samples: list[_Sample], used: set[int]) -> list[_Tile]:
    """Four frames of a clean video with two or more objects that move."""

    def score(sample: _Sample, frame: int) -> float:
        video = sample.video
        if frame or any(video.troubles) or len(sample.plan.actors) < 2:
            return 0
        first, last = video.objects[0], video.objects[-1]
        return sum(abs(a.box[0] - b.box[0]) for a, b in zip(first, last, strict=False)) + 1

    found = _best(samples, used, score)
    if found is None:
        return []
    last = len(found[0].video.frames) - 1
    frames = [round(step * last / (_COLUMNS - 1)) for step in range(_COLUMNS)]
    return [_Tile(f"frame {frame}", _picture(found[0], frame)) for frame in frames]


def _best(samples: list[_Sample], used: set[int], score: Callable[[_Sample, int], float]) -> tuple[_Sample, int] | None:
    """The sample and frame with the highest score above 0, from videos not shown yet if there are any."""
    for pool in ([sample for sample in samples if sample.number not in used], samples):
        ranked = [(score(s, frame), -s.number, -frame) for s in pool for frame in range(len(s.video.frames))]
        value, number, frame = max(ranked, default=(0.0, 0, 0))
        if value > 0:
            used.add(-number)
            return samples[-number], -frame
    return None


def _shows(sample: _Sample, item: RenderedObject, name: str) -> bool:
    return item.class_name == name and sample.plan.actors[item.track].look.typical


def _area(item: RenderedObject) -> float:
    xmin, ymin, xmax, ymax = item.box
    return float((xmax - xmin + 1) * (ymax - ymin + 1))


def _picture(sample: _Sample, frame: int) -> Image.Image:
    picture = Image.fromarray(sample.video.frames[frame])
    pen = ImageDraw.Draw(picture)
    for item in sample.video.objects[frame]:
        pen.rectangle(item.box, outline=_BOX_OCCLUDED if item.occluded else _BOX)
    return picture


def _layout(sections: list[tuple[str, list[_Tile]]], width: int, height: int) -> Image.Image:
    rows = [-(-len(tiles) // _COLUMNS) for _, tiles in sections]
    size = (
        2 * _MARGIN + _COLUMNS * width + (_COLUMNS - 1) * _GAP,
        _MARGIN + sum(_HEADING + count * (height + _CAPTION + _GAP) for count in rows),
    )
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    heading_font, caption_font = ImageFont.load_default(17), ImageFont.load_default(14)
    top = _MARGIN // 2
    for (heading, tiles), count in zip(sections, rows, strict=True):
        pen.text((_MARGIN, top + _HEADING // 2), heading, _INK, heading_font, anchor="lm")
        for index, tile in enumerate(tiles):
            row, column = divmod(index, _COLUMNS)
            x, y = _MARGIN + column * (width + _GAP), top + _HEADING + row * (height + _CAPTION + _GAP)
            sheet.paste(tile.picture, (x, y))
            pen.text((x + 1, y + height + _CAPTION // 2 + 1), tile.caption, _FAINT, caption_font, anchor="lm")
        top += _HEADING + count * (height + _CAPTION + _GAP)
    return sheet
