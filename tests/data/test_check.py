"""`check_dataset` reads on after a bad record, and names it."""

from __future__ import annotations

import json

import pytest
from small_tree import TRAIN, VAL, annotation_xml, object_xml, write

from clab_lite.data.check import check_dataset


def test_a_good_dataset_passes(tree):
    report = check_dataset(tree.root, progress=False)
    assert report.ok
    assert "[OK] train: 3 videos, 15 frames, 15 objects, 0 bad records" in str(report)
    assert "[OK] val: 1 videos, 5 frames, 5 objects, 0 bad records" in str(report)
    assert "[WARN]" not in str(report)


def test_every_bad_record_is_named_in_one_pass(tree):
    tree.xml(TRAIN[0], 1).write_text("<annotation>")
    tree.jpeg(TRAIN[1], 2).write_bytes(tree.jpeg(TRAIN[1], 2).read_bytes()[:-40])
    tree.jpeg(TRAIN[1], 4).write_bytes(b"text")
    tree.xml(TRAIN[2], 3).unlink()
    write(tree.xml(TRAIN[2], 3).with_name("000000.xml"), annotation_xml())
    write(tree.root / "troubles.json", json.dumps({VAL: []}))
    report = check_dataset(tree.root, progress=False)
    assert not report.ok
    text = str(report)
    assert "train: 3 videos, 5 frames, 5 objects, 4 bad records" in text
    for part in (
        f"{TRAIN[0]}/000001.xml: the annotation is not usable XML",
        f"{TRAIN[1]}/000002.JPEG: the image is truncated",
        f"{TRAIN[1]}/000004.JPEG: the image is not a JPEG or PNG picture",
        f"{TRAIN[2]}: frame 000003.xml is missing",
        f"troubles.json, {VAL}: 0 frames instead of 5",
    ):
        assert part in text


def test_oddities_are_warnings(tree):
    objects = object_xml("n00007846"), object_xml(box=(5, 5, 5, 9)), object_xml(box=(9, 9, 5, 5))
    write(tree.xml(VAL, 0), annotation_xml(*objects))
    report = check_dataset(tree.root, progress=False)
    assert report.ok
    for part in ("1 objects of other classes, skipped", "1 boxes without area", "1 inverted boxes"):
        assert f"[WARN] val: {part}" in str(report)


def test_a_picture_of_another_size_is_a_bad_record(tree):
    for frame in range(5):
        write(tree.xml(VAL, frame), annotation_xml(object_xml(), width=640))
    text = str(check_dataset(tree.root, progress=False))
    assert "000000.JPEG: 64 x 48 pixels, its annotation says 640 x 48" in text


def test_a_giants_header_is_a_bad_record(tree):
    content = bytearray(tree.jpeg(VAL, 1).read_bytes())
    start = content.index(b"\xff\xc0") + 5  # height and width in the JPEG's frame header
    content[start : start + 4] = b"\xff\xff\xff\xff"
    tree.jpeg(VAL, 1).write_bytes(content)
    report = check_dataset(tree.root, progress=False)
    assert not report.ok
    assert "000001.JPEG: the image cannot be decoded" in str(report)


def test_all_bad_records_of_a_json_are_named(tmp_path):
    size = {"width": 64, "height": 48}
    images = [{"id": i, "file_name": f"{i}.png", "video_id": 1, "frame_id": i, **size} for i in range(4)]
    content = {"categories": [{"id": 1, "name": "car"}], "videos": [{"id": 1, "name": "a"}], "images": images}
    boxes = [{"id": i, "image_id": i, "category_id": 1, "bbox": [1, 2, 3, 4]} for i in range(4)]
    boxes[0]["bbox"], boxes[2]["category_id"] = [1, 2], "1"
    images[3]["width"] = 0
    path = tmp_path / "mine.json"
    write(path, json.dumps({**content, "annotations": [*boxes, 5]}))
    text = str(check_dataset(path, progress=False))
    for part in (
        "4 bad records",
        "annotation 0: bbox is [1, 2]",
        "annotation 2: category_id is '1'",
        "annotation 4: it",
    ):
        assert part in text
    assert "image 3: width is 0" in text
    assert "does not exist" not in text  # the image was left out for its width


@pytest.mark.parametrize("spoil", ["list", "root", "json", "det list"])
def test_what_cannot_be_opened_fails_in_words(tree, spoil):
    path = tree.root
    if spoil == "list":
        (tree.root / "Lists/VID_val_videos.txt").write_text("val/x 1\n")
    elif spoil == "det list":
        write(tree.root / "Annotations/DET/a.xml", annotation_xml())
        write(tree.root / "Lists/DET_train_30classes.txt", "one-column\n")
    elif spoil == "root":
        path = tree.root / "Lists"
    else:
        path = tree.root / "mine.json"
        path.write_text("{")
    report = check_dataset(path, progress=False)
    assert not report.ok
    assert "[FAIL]" in str(report)
