"""Readers of one file of a dataset."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from clab_lite.data.annotation_xml import read_annotation
from clab_lite.data.class_list import read_classes
from clab_lite.data.classes import VID_CLASSES
from clab_lite.data.images import read_image, read_image_size
from clab_lite.data.lists import det_listing, train_listing, val_listing
from clab_lite.data.subset import Subset
from clab_lite.data.table import VideoRecord, assemble
from clab_lite.data.troubles import read_troubles
from clab_lite.data.video_index import VideoIndex
from clab_lite.data.world import load_config
from trials.fuzz.mutate import BYTES
from trials.fuzz.mutate_json import changed_json
from trials.fuzz.mutate_lines import LINES
from trials.fuzz.mutate_xml import XML
from trials.fuzz.strategies import json_like, lines_like, xml_like
from trials.fuzz.target import Changes, Special, Target, Tree, mutated, one_file
from trials.fuzz.worlds import ilsvrc_tree, pictures, some

_FIRST_LIST = "Lists/VID_train_15frames.txt"
_LISTS = {
    _FIRST_LIST: (),
    "Lists/VID_val_videos.txt": (),
    "Lists/DET_train_30classes.txt": (),
    "ImageSets/VID/train_7.txt": (_FIRST_LIST,),
    "ImageSets/VID/val.txt": ("Lists/VID_val_videos.txt",),
}
"""Each list, and those that are read instead of it where they are there."""

_TROUBLES_FRAMES = {"val/a": 3, "val/b": 2}
_SUBSETS = (
    b"classes=dog,car motion=fast every=2", b"videos=ILSVRC*&*0 trouble=motion_blur&noise", b"size=small occluded=yes",
    b"max_videos=1 seed=7", b"every=3 every=2 trouble=any trouble=occlusion", b"classes=dog classes=dog,car",
)  # fmt: skip


def _change_lists(rng: Random, tree: Tree) -> Changes:
    name = rng.choice(list(_LISTS))
    changes: Changes = {name: mutated(rng, tree[name], (*LINES, *LINES, *LINES, *BYTES[:6]))}
    return changes | {other: Special("gone") for other in _LISTS[name]}


def _list_tree() -> dict[str, bytes]:
    tree = ilsvrc_tree()
    lists = {name: tree.get(name, b"") for name in _LISTS}
    lists["ImageSets/VID/train_7.txt"] = b"".join(some(tree, "/train_7.txt")) or b"ILSVRC2015_VID_train_0000/a 1\n"
    return lists


def _read_lists(root: Path) -> None:
    train_listing(root, mmtracking_key_frames=True)
    val_listing(root)
    det_listing(root)


def _read_picture(path: Path) -> None:
    width, height = read_image_size(path)
    assert read_image(path).shape == (3, height, width)


def _read_subset(path: Path) -> None:
    subset = Subset.parse(path.read_bytes().decode("utf-8", "surrogateescape"))
    assert len(subset.slug) < 200
    assert Subset.parse(str(subset)) == subset, f"{subset} says something else"
    subset.select(_index())


def _index() -> VideoIndex:
    record = VideoRecord("val/ILSVRC2015_val_00000000", False)
    for frame in range(4):
        record.start_frame(64, 48)
        record.add_box((4 + frame, 5, 40, 30), VID_CLASSES.index("dog"), 0, frame > 1, False)
    troubles = {record.name: (("motion_blur",), (), ("occlusion", "noise"), ())}
    return VideoIndex(assemble([record], VID_CLASSES, []), Path(), Path(), troubles)


def _troubles_json() -> bytes:
    return json.dumps({"val/a": [["noise"], [], ["motion_blur", "occlusion"]], "val/b": [[], []]}).encode()


TARGETS: tuple[Target, ...] = (
    one_file(
        "annotation XML", "000000.xml", lambda: some(ilsvrc_tree(), ".xml"), (*XML, *BYTES[:6]),
        lambda path: read_annotation(path, tracks=True), 12_000, strategy=xml_like,
    ),
    Target("list files", _list_tree, _change_lists, _read_lists, 9_000, guided=_FIRST_LIST, strategy=lines_like),
    one_file(
        "class list", "classes.txt", lambda: (b"car\ndog\nn02691156\n\nmy class\n",), (*LINES, *BYTES),
        lambda path: read_classes(path.parent), 6_000, strategy=lines_like,
    ),
    one_file(
        "troubles.json", "troubles.json", lambda: (_troubles_json(),), (*(changed_json,) * 6, *BYTES),
        lambda path: read_troubles(path, _TROUBLES_FRAMES), 4_000, strategy=json_like,
    ),
    one_file(
        "world.json", "world.json", lambda: some(ilsvrc_tree(), "world.json"), (*(changed_json,) * 6, *BYTES),
        lambda path: load_config(path.parent), 4_000, strategy=json_like,
    ),
    one_file("images", "000000.JPEG", pictures, BYTES, _read_picture, 8_000, megabytes=512),
    one_file(
        "subset", "words.txt", lambda: _SUBSETS, (*LINES, *BYTES), _read_subset, 4_000, names_files=False, guided=None
    ),
)  # fmt: skip
