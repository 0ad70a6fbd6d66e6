"""`check_dataset` of json files: every bad record, every image, and what two of them share."""

from __future__ import annotations

import json
import os

from own_data import documented_json, write_json_dataset
from small_tree import write

from clab_lite.data.check import check_dataset
from clab_lite.data.vid import open_dataset


def other_videos(content):
    """The same, under other names."""
    for image in content["images"]:
        image["file_name"] = f"later/{image['file_name'].replace('/', '_')}"
        image["video_id"] += 10
    return content


def test_a_good_pair_passes(tmp_path):
    root = write_json_dataset(tmp_path, documented_json())
    alone = check_dataset(root / "train.json", progress=False)
    assert alone.ok
    assert "[OK] train.json: 2 videos, 6 frames, 6 objects of 2 classes, 0 bad records" in str(alone)
    assert alone.verdict.next_step.startswith(f"clab-lite train {root / 'train.json'} --preset laptop --out runs/mine ")
    (root / "val.json").unlink()
    assert "[WARN] val.json: not there" in str(check_dataset(root, progress=False))
    val = check_dataset(write_json_dataset(tmp_path / "b", documented_json()) / "val.json", progress=False)
    assert val.verdict.next_step.startswith("clab-lite evaluate RUN ")


def test_the_same_frames_in_both_files_fail(tmp_path):
    report = check_dataset(write_json_dataset(tmp_path, documented_json()), progress=False)
    assert not report.ok
    assert "[FAIL] 2 validation videos of the same source video as a training video" in str(report)
    assert "[FAIL] 6 of 6 validation images are also training images, byte for byte" in str(report)


def test_other_names_do_not_hide_the_same_frames(tmp_path):
    root = write_json_dataset(tmp_path, documented_json(), other_videos(documented_json()))
    write_json_dataset(tmp_path / "copy", other_videos(documented_json()))
    (tmp_path / "copy/later").rename(tmp_path / "later")
    report = check_dataset(root, progress=False)
    assert "same source" not in str(report)
    assert "[FAIL] 6 of 6 validation images are also training images, byte for byte" in str(report)


def test_classes_must_agree(tmp_path):
    val = documented_json()
    val["categories"][1]["name"] = "pallet"
    report = check_dataset(write_json_dataset(tmp_path, documented_json(), val), progress=False)
    line = next(line for line in report.lines if "different classes" in line.text)
    assert line.level == "FAIL"
    assert line.records == ("forklift", "pallet")


def test_still_images_missing_images_and_doubles(tmp_path):
    content = documented_json()
    for image in content["images"]:
        del image["video_id"], image["frame_id"]
    content["annotations"].append(dict(content["annotations"][0], instance_id=9))
    root = write_json_dataset(tmp_path, content)
    content["images"][1]["file_name"] = content["images"][0]["file_name"]
    write(root / "train.json", json.dumps(content))
    (root / "yard/2.jpg").unlink()
    report = check_dataset(root / "train.json", progress=False)
    for part in (
        "[FAIL] train.json: 6 still images, 6 frames, 7 objects of 2 classes, 1 bad record\n",
        "yard/2.jpg: the image cannot be read",
        "[WARN] train.json: 1 object written twice in its frame",
        "[WARN] train.json: 1 image file listed more than once",
        "- hall/0.jpg (2 times)",
    ):
        assert part in str(report)


def test_images_in_another_place_are_told_once(tmp_path):
    root = write_json_dataset(tmp_path / "a", documented_json(), images=tmp_path / "elsewhere")
    report = check_dataset(root / "train.json", progress=False)
    assert sum(line.level == "FAIL" for line in report.lines[:-1]) == 1
    assert "[FAIL] no image is where the file names say" in str(report)


def test_a_file_without_one_object_is_not_ready(tmp_path):
    empty = {**documented_json(), "annotations": []}
    root = write_json_dataset(tmp_path, documented_json(), empty)
    report = check_dataset(root, progress=False)
    assert "[WARN] val.json: not one object, so AP is undefined" in str(report)
    assert check_dataset(root / "val.json", progress=False).ok
    root = write_json_dataset(tmp_path / "b", empty)
    report = check_dataset(root / "train.json", progress=False)
    assert not report.ok and "[FAIL] train.json: not one object to learn from" in str(report)


def test_a_path_that_is_not_utf8(tmp_path):
    root = write_json_dataset(tmp_path / os.fsdecode(b"odd\xff"), documented_json())
    assert check_dataset(root / "train.json", progress=False).ok
    assert (root / ".clab_lite/check_train.jsonl").is_file()
    assert len(open_dataset(root, "train", progress=False)) == len(open_dataset(root, "train", progress=False)) == 2
    (root / "train.json").rename(root / os.fsdecode(b"m\xff.json"))
    assert len(open_dataset(root / os.fsdecode(b"m\xff.json"), progress=False)) == 2
