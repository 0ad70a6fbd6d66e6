"""The published counts, what two splits share, and repeated objects, each in cases that can be counted by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from small_tree import TRAIN, VAL, Tree, write

from clab_lite.data.check import check_dataset, leakage
from clab_lite.data.check.list_files import check_lists
from clab_lite.data.check.parts import repeated_objects
from clab_lite.data.check.published import compare_with_published

TRAIN_NAMES = [f"train/ILSVRC2015_VID_train_{n // 1000:04d}/ILSVRC2015_train_{n:08d}" for n in range(3862)]
VAL_NAMES = [f"val/ILSVRC2015_val_{n:08d}" for n in range(555)]
WHOLE = {"snippets": 3862, "frames": 1_122_397, "key frames": 57_834}


def one(lines):
    (line,) = lines
    return line


def test_the_whole_of_imagenet_vid_is_recognised():
    line = one(compare_with_published("train", TRAIN_NAMES, WHOLE))
    text = "train: 3,862 snippets, 1,122,397 frames, 57,834 key frames, as published for ImageNet VID"
    assert (line.level, line.text) == ("OK", text)
    val = {"snippets": 555, "frames": 176_126, "boxes": 273_505}
    assert one(compare_with_published("val", VAL_NAMES, val)).level == "OK"


@pytest.mark.parametrize("name", WHOLE)
def test_one_too_few_is_a_warning(name):
    found = {**WHOLE, name: WHOLE[name] - 1}
    line = one(compare_with_published("train", TRAIN_NAMES, found))
    assert line.level == "WARN"
    assert f"{found[name]:,} {name} (published: {WHOLE[name]:,})" in line.text


def test_less_is_called_a_subset_and_other_names_are_not_compared():
    line = one(compare_with_published("val", VAL_NAMES[:40], {"snippets": 40}))
    assert (line.level, "a subset" in line.text, "555" in line.text) == ("OK", True, True)
    assert one(compare_with_published("val", VAL_NAMES[:1], {"snippets": 1})).text.startswith("val: 1 snippet where")
    assert compare_with_published("train", [*TRAIN_NAMES[:-1], "train/hall"], WHOLE) == []


def test_the_402_repeated_stills_of_the_published_list_are_right(tmp_path):
    names = [f"train/ILSVRC2014_train_0000/ILSVRC2014_train_{n:08d} 1\n" for n in range(53_237)]
    path = tmp_path / "Lists/DET_train_30classes.txt"
    write(path, "".join(names + names[:402]))
    assert one(check_lists(tmp_path, "stills")).level == "OK"
    write(path, "".join(names + names[:401]))
    line = one(check_lists(tmp_path, "stills"))
    assert (line.level, len(line.records)) == ("WARN", 401)


def test_snippets_of_one_source_video_stay_in_one_split():
    train = ["train/batch/ILSVRC2015_train_00001000", "train/hall"]
    line = one(leakage.check_names(train, ["val/ILSVRC2015_train_00001007", "val/ILSVRC2015_val_00001000"]))
    assert (line.level, line.records) == ("FAIL", ("val/ILSVRC2015_train_00001007",))
    line = one(leakage.check_names(train, ["val/hall", "val/yard"]))
    assert (line.level, line.records) == ("WARN", ("val/hall",))
    assert leakage.check_names(train, []) == []


def copy_frame(tree: Tree, frame: int) -> None:
    tree.jpeg(VAL, frame).write_bytes(tree.jpeg(TRAIN[1], 4 - frame).read_bytes())


def test_copied_frames_are_found_wherever_they_stand(tree):
    for frame in (0, 3):
        copy_frame(tree, frame)
    line = next(x for x in check_dataset(tree.root, progress=False).lines if "training images" in x.text)
    assert (line.level, line.text) == ("FAIL", "2 of 5 validation images are also training images, byte for byte")
    assert line.records == tuple(f"{tree.jpeg(VAL, f)} is also {tree.jpeg(TRAIN[1], 4 - f)}" for f in (0, 3))


def test_a_few_copied_frames_are_a_warning(tree, monkeypatch):
    monkeypatch.setattr(leakage, "_TOLERATED", 0.2)
    copy_frame(tree, 2)
    report = check_dataset(tree.root, progress=False)
    assert report.ok
    assert "[WARN] 1 of 5 validation images is also a training image, byte for byte" in str(report)


def test_frames_that_only_end_alike_are_not_the_same(tree):
    content = bytearray(tree.jpeg(VAL, 0).read_bytes())
    tree.jpeg(VAL, 0).write_bytes(content + b"\0" * 2000 + b"\xff\xd9")
    content[30] ^= 1  # in a table of the header
    tree.jpeg(TRAIN[0], 0).write_bytes(content + b"\0" * 2000 + b"\xff\xd9")
    text = str(check_dataset(tree.root, progress=False))
    assert "none of the 5 validation images is a training image too" in text


def test_many_copies_are_counted_from_a_sample(tree, monkeypatch):
    monkeypatch.setattr(leakage, "COMPARED", 2)
    for frame in range(4):
        copy_frame(tree, frame)
    assert "[FAIL] about 4 of 5 validation images" in str(check_dataset(tree.root, progress=False))


def test_repeated_objects_equal_a_count_of_pairs():
    rng = np.random.default_rng(3)
    per_frame = rng.integers(0, 5, 40)
    count = int(per_frame.sum())
    boxes, labels = rng.integers(0, 2, (count, 4)), rng.integers(0, 2, count)
    tracks = rng.integers(-1, 3, count)
    frames = np.repeat(np.arange(40), per_frame)
    twice, same_track = set(), set()
    for a, b in combinations(range(count), 2):
        if frames[a] == frames[b]:
            twice |= {b} if labels[a] == labels[b] and (boxes[a] == boxes[b]).all() else set()
            same_track |= {b} if tracks[a] == tracks[b] >= 0 else set()
    assert len(twice) > 0
    assert list(repeated_objects(per_frame, boxes, labels, tracks).values()) == [len(twice), len(same_track)]
    assert list(repeated_objects([], [], [], []).values()) == [0, 0]
    assert list(repeated_objects([0, 1], [(0, 0, 1, 1)], [0], [0]).values()) == [0, 0]
