"""The text of an ImageNet VID folder: names of snippets, annotation XML and lists, exactly as the originals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clab_lite.data.classes import VID_CLASSES, VID_WNIDS
from clab_lite.data.lists import evenly_spaced
from clab_lite.data.world.config import WorldConfig
from clab_lite.data.world.render import RenderedObject

_BATCH = 1000  # snippets per ILSVRC2015_VID_train_xxxx folder
_WNID = dict(zip(VID_CLASSES, VID_WNIDS, strict=True))


def snippet_name(split: str, number: int) -> str:
    """Folder of a video below ``Data/VID`` and ``Annotations/VID``.

    A name is (source video, snippet of that source) = (%05d, %03d); every video here is its own source.
    """
    if split == "val":
        return f"val/ILSVRC2015_val_{number:05d}000"
    return f"train/ILSVRC2015_VID_train_{number // _BATCH:04d}/ILSVRC2015_train_{number:05d}000"


def annotation_xml(snippet: str, frame: int, config: WorldConfig, objects: Sequence[RenderedObject]) -> str:
    """The annotation of one frame; ``snippet`` is a ``snippet_name``. Elements come in the original order."""
    lines = [
        "<annotation>",
        f"\t<folder>{snippet.partition('/')[2]}</folder>",
        f"\t<filename>{frame:06d}</filename>",
        "\t<source>",
        "\t\t<database>ILSVRC_2015</database>",
        "\t</source>",
        "\t<size>",
        f"\t\t<width>{config.width}</width>",
        f"\t\t<height>{config.height}</height>",
        "\t</size>",
    ]
    for item in objects:
        xmin, ymin, xmax, ymax = item.box
        lines += [
            "\t<object>",
            f"\t\t<trackid>{item.track}</trackid>",
            f"\t\t<name>{_WNID[item.class_name]}</name>",
            "\t\t<bndbox>",
            f"\t\t\t<xmax>{xmax}</xmax>",
            f"\t\t\t<xmin>{xmin}</xmin>",
            f"\t\t\t<ymax>{ymax}</ymax>",
            f"\t\t\t<ymin>{ymin}</ymin>",
            "\t\t</bndbox>",
            f"\t\t<occluded>{int(item.occluded)}</occluded>",
            f"\t\t<generated>{int(item.generated)}</generated>",
            "\t</object>",
        ]
    return "\n".join([*lines, "</annotation>", ""])


def list_files(config: WorldConfig, train_classes: Sequence[Iterable[str]]) -> dict[str, str]:
    """All list files, path below the root -> text.

    Args:
        config: the world.
        train_classes: for every train video the class names that are annotated in it.
    """
    texts: dict[str, str] = {}
    for label, name in enumerate(VID_CLASSES):
        numbers = [number for number, present in enumerate(train_classes) if name in present]
        rows = [f"{snippet_name('train', number).partition('/')[2]} 1" for number in numbers]
        texts[f"ImageSets/VID/train_{label + 1}.txt"] = _lines(rows)
    frames = [
        f"{snippet_name('val', number).partition('/')[2]}/{frame:06d}"
        for number in range(config.val_videos)
        for frame in range(config.val_frames)
    ]
    texts["ImageSets/VID/val.txt"] = _lines(f"{frame} {index}" for index, frame in enumerate(frames, start=1))
    texts["Lists/VID_train_15frames.txt"] = _lines(
        f"{snippet_name('train', number)} 1 {frame} {config.train_frames}"
        for number in range(config.train_videos)
        for frame in evenly_spaced(config.train_frames)
    )
    texts["Lists/VID_val_videos.txt"] = _lines(
        f"{snippet_name('val', number)} {number * config.val_frames + 1} 0 {config.val_frames}"
        for number in range(config.val_videos)
    )
    return texts


def _lines(rows: Iterable[str]) -> str:
    return "".join(f"{row}\n" for row in rows)
