"""COCO-VID json: its own traits and its errors. What it shares with XML is in test_xml_mini_golden.py."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from clab_lite.data import open_dataset
from clab_lite.data.classes import VID_CLASSES
from clab_lite.errors import DataError

REAL = Path(__file__).parents[2].parent / "shared/real"

GOOD = {
    "categories": [{"id": 7, "name": "car"}, {"id": 9, "name": "dog"}],
    "videos": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
    "images": [
        {"id": 10 * v + f, "file_name": f"pics/{v}_{f}.png", "width": 64, "height": 48, "video_id": v, "frame_id": f}
        for v in (1, 2)
        for f in (2, 0, 1)
    ],
    "annotations": [
        {"id": 1, "image_id": 11, "category_id": 9, "bbox": [1, 2, 10, 20], "instance_id": 5, "occluded": True},
        {"id": 2, "image_id": 20, "category_id": 7, "bbox": [1.5, 2, 10, 20]},
    ],
}


def open_json(tmp_path, content, split="train"):
    path = tmp_path / "annotations/mine.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return open_dataset(path, split, cache=False)


def test_frames_are_ordered_and_named_as_the_file_says(tmp_path):
    index = open_json(tmp_path, GOOD)
    assert [(video.name, video.frame_count) for video in index.videos] == [("a", 3), ("b", 3)]
    assert index.image_path(1, 2).name == "2_2.png"
    assert index.class_names == VID_CLASSES
    found = index.annotation(0, 1)
    assert (found.labels.tolist(), found.track_ids.tolist(), found.occluded.tolist()) == ([8], [5], [True])
    assert found.boxes.tolist() == [[1, 2, 11, 22]]
    assert index.annotation(1, 0).track_ids.tolist() == [-1]  # the file does not tell
    assert index.key_frames.tolist() == [[0, 1], [1, 0]]  # evenly spaced, with a box
    assert len(open_json(tmp_path, GOOD, "val").key_frames) == 0


@pytest.mark.parametrize("folder", ["annotations", "Data/VID", "annotations/Data/VID", "."])
def test_images_are_found_beside_the_json(tmp_path, folder):
    picture = tmp_path / folder / "pics/1_0.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"x")
    assert open_json(tmp_path, GOOD).image_path(0, 0).resolve() == picture.resolve()


def test_own_classes_keep_their_names_and_order(tmp_path):
    content = copy.deepcopy(GOOD)
    content["categories"] = [{"id": 9, "name": "person"}, {"id": 7, "name": "car"}]
    index = open_json(tmp_path, content)
    assert index.class_names == ("car", "person")
    assert index.annotation(0, 1).labels.tolist() == [1]


def test_a_file_that_lists_the_last_frame_counts_from_zero(tmp_path):
    content = copy.deepcopy(GOOD)
    content["videos"][0]["vid_train_frames"] = [0, 2]
    content["videos"][1]["vid_train_frames"] = [-1, 0]  # mmtracking: one early
    index = open_json(tmp_path, content)
    assert index.table.listed_key_frames.tolist() == [[0, 0], [0, 2], [1, 0], [1, 1]]


def spoil(change):
    content = copy.deepcopy(GOOD)
    change(content)
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[]", "not a COCO-VID object"),
        ({"images": []}, "it has no list 'categories'"),
        ({"categories": [], "images": [], "annotations": []}, "lists no image"),
        (spoil(lambda c: c["images"].pop(1)), "video a: frame 0 is missing"),
        (spoil(lambda c: c["images"][0].update(frame_id=1)), "video a: frame 2 is missing or given twice"),
        (spoil(lambda c: c["images"][0].update(id=11)), "two images share an id"),
        (spoil(lambda c: c["images"][0].update(video_id=5)), "video 5 does not exist"),
        (spoil(lambda c: c["images"][0].pop("file_name")), "image 12: it has no 'file_name'"),
        (spoil(lambda c: c["annotations"][0].update(image_id=99)), "annotation 1: image 99 does not exist"),
        (spoil(lambda c: c["annotations"][0].update(bbox=[1, 2, 3])), r"annotation 1: bbox is \[1, 2, 3\]"),
        (spoil(lambda c: c["annotations"][1].update(bbox=[1, 2, 3, "x"])), "annotation 2: bbox is"),
    ],
)
def test_bad_files_name_the_record(tmp_path, content, message):
    with pytest.raises(DataError, match=message) as caught:
        open_json(tmp_path, content)
    assert "mine.json" in str(caught.value)


def test_a_missing_json_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.json.*cannot be read"):
        open_dataset(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    ("clip", "frames", "boxes", "shape"),
    [("ilsvrc_val_00007010", 144, 42, (3, 720, 1280)), ("davis_car_shadow", 40, 40, (3, 480, 854))],
)
def test_real_clips(clip, frames, boxes, shape):
    if not REAL.is_dir():
        pytest.skip("the real clips are not here")
    index = open_dataset(REAL / clip / "gt_cocovid.json", "val", cache=False)
    assert (len(index), index.frame_count, len(index.table.boxes)) == (1, frames, boxes)
    assert index.load_image(0, frames - 1).shape == shape
