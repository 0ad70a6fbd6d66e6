"""`check_dataset` leaves the bad records of a json file out, and names everything else in the same run."""

from __future__ import annotations

import json

import pytest
from own_data import documented_json, write_json_dataset
from small_tree import write

from clab_lite.data.check import check_dataset
from clab_lite.data.coco_faults import Faults
from clab_lite.data.coco_vid import read_sound


def checked(tmp_path, content):
    """The report of a file with these records, beside the images of the documented one."""
    root = write_json_dataset(tmp_path / "mine", documented_json())
    write(root / "train.json", json.dumps(content))
    return check_dataset(root / "train.json", progress=False)


def problems(tmp_path, content):
    """What is wrong with the records, and what could not be checked."""
    write(tmp_path / "mine.json", json.dumps(content))
    faults = Faults()
    read_sound(tmp_path / "mine.json", faults)
    found = [problem.removeprefix(f"{tmp_path / 'mine.json'}, ").partition(". ")[0] for problem in faults.problems]
    return found, faults.unchecked


def test_all_faults_are_told_in_one_run(tmp_path):
    content = documented_json()
    images, annotations = content["images"], content["annotations"]
    annotations[0]["bbox"] = [1, 2, 3]
    annotations[1]["category_id"] = 5
    images[1]["width"] = 95
    images[5]["frame_id"] = 3
    annotations.append(annotations[3])
    annotations.append({**annotations[4], "bbox": [80, 50, 40, 40]})
    report = checked(tmp_path, content)
    text = str(report)
    for part in (
        "[FAIL] train.json: 2 videos, 6 frames, 6 objects of 2 classes, 4 bad records\n",
        "annotation 0: bbox is [1, 2, 3]",
        "annotation 1: category 5 does not exist",
        "video yard: frame 2 is missing. ",
        "hall/1.jpg: 96 x 64 pixels, its annotation says 95 x 64",
        "[WARN] train.json: 1 object written twice in its frame",
        "[WARN] train.json: 2 objects with the track id of another object of their frame",
        "[WARN] train.json: 1 box leaving the frame",
    ):
        assert part in text
    assert report.verdict.text == "verdict: not to be used yet, 4 to mend"
    assert "may follow" not in text


def test_records_of_every_kind_are_named(tmp_path):
    content = documented_json()
    content["annotations"] += [5, {"id": 9, "image_id": 1, "category_id": "1", "bbox": [0, 0, 5, 5]}]
    content["images"][3]["width"] = 0
    content["categories"][1]["name"] = ""
    found, unchecked = problems(tmp_path, content)
    assert found == [
        "category 2: name is ''",
        "image 4: width is 0",
        "annotation 6: it is 5, not an object",
        "annotation 9: category_id is '1'",
    ]  # that their objects point nowhere, and that frame 0 is missing, are no faults of their own
    assert unchecked == []


def test_images_left_out_keep_their_frames_and_their_files(tmp_path):
    content = documented_json()
    content["images"][1]["height"] = None
    content["images"][4]["height"] = "64"
    root = write_json_dataset(tmp_path / "mine", documented_json())
    write(root / "train.json", json.dumps(content))
    (root / "hall/1.jpg").write_bytes(b"text")
    text = str(check_dataset(root / "train.json", progress=False))
    assert "2 videos, 4 frames, 4 objects of 2 classes, 3 bad records\n" in text
    assert "hall/1.jpg: the image is not a JPEG or PNG picture" in text
    assert "is missing" not in text
    assert "may follow" not in text


@pytest.mark.parametrize(
    ("position", "change", "expected", "not_checked"),
    [
        (1, {"frame_id": "1"}, ["image 2: frame_id is '1'"], 1),
        (2, {"frame_id": "2"}, ["image 3: frame_id is '2'"], 0),  # frames 0 and 1 are whole without it
        (1, {"video_id": "hall"}, ["image 2: video_id is 'hall'"], 1),
        (1, {"video_id": "hall", "frame_id": 9}, ["image 2: video_id is 'hall'"], 1),
        (1, {"id": "x"}, ["image 'x': id is 'x'"], 1),
        (4, {"frame_id": 2}, ["video yard: frame 2 is given 2 times", "video yard: frame 1 is missing"], 0),
        (4, {"frame_id": 9}, ["video yard: frame 1 is missing, and 6 after it"], 0),
        (4, {"frame_id": 2**63 - 1}, [f"video yard: frame 1 is missing, and {2**63 - 4:,} after it"], 0),
        (4, {"id": 4}, ["image 4: two share this id", "annotation 5: image 5 does not exist"], 0),
    ],
)
def test_gaps_that_bad_records_explain_are_no_faults(tmp_path, position, change, expected, not_checked):
    content = documented_json()
    content["images"][position] |= change
    found, unchecked = problems(tmp_path, content)
    assert found == expected
    assert len(unchecked) == not_checked


def test_more_gaps_than_bad_records_explain_are_faults(tmp_path):
    content = documented_json()
    content["images"][1]["frame_id"], content["images"][2]["frame_id"] = "1", 5
    found, _ = problems(tmp_path, content)
    assert found == ["image 2: frame_id is '1'", "video hall: frame 1 is missing, and 3 after it"]


def test_videos_and_categories_that_share_an_id(tmp_path):
    content = documented_json() | {"videos": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}, {"id": 2, "name": "c"}]}
    content["categories"].append({"id": 2, "name": "pallet"})
    found, unchecked = problems(tmp_path, content)
    assert found == ["category 2: two share this id", "video 1: two share this id"]
    assert unchecked == ["the frames of video 1, as two share this id"]


def test_what_cannot_be_checked_is_said(tmp_path):
    content = documented_json()
    content["categories"][0]["id"] = "1"
    content["annotations"][0]["category_id"] = 7
    report = checked(tmp_path, content)
    assert "[WARN] train.json: more may follow, as not everything could be checked" in str(report)
    assert "- not checked: each category_id, as the id of one category cannot be read" in str(report)
    assert report.verdict.text == "verdict: not to be used yet, 1 to mend, and more may follow"
    assert "other classes" not in str(report)
    for broken in ("{", "[]", json.dumps(content | {"images": [1]})):
        write(tmp_path / "mine.json", broken)
        report = check_dataset(tmp_path / "mine.json", progress=False)
        assert report.verdict.text.endswith("to mend, and more may follow")
        assert "- not checked: its images" in str(report)


def test_pairs_are_compared_as_far_as_they_can_be(tmp_path):
    content = documented_json()
    content["annotations"][0]["bbox"] = []
    root = write_json_dataset(tmp_path, documented_json())
    write(root / "train.json", json.dumps(content))
    text = str(check_dataset(root, progress=False))
    assert "[OK] train and val have the same 2 classes" in text
    assert "[FAIL] 6 of 6 validation images are also training images, byte for byte" in text
    content["categories"][0]["name"] = 5
    write(root / "train.json", json.dumps(content))
    text = str(check_dataset(root, progress=False))
    assert "[WARN] train and val: more may follow" in text
    assert "different classes" not in text


def test_troubles_of_a_json_are_read(tmp_path):
    root = write_json_dataset(tmp_path, documented_json())
    write(root / "troubles.json", json.dumps({"hall": []}))
    report = check_dataset(root / "train.json", progress=False)
    assert [line.text for line in report.lines if line.level == "FAIL"][:1] == [
        f"{root / 'troubles.json'}, hall: 0 frames instead of 3"
    ]
    assert "2 videos, 6 frames, 6 objects of 2 classes, 0 bad records" in str(report)
