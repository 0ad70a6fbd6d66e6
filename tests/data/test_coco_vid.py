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


def test_every_image_has_its_own_size(tmp_path):
    content = copy.deepcopy(GOOD)
    content["images"][0].update(width=128, height=96)  # frame 2 of video a
    index = open_json(tmp_path, content)
    assert [index.frame_size(0, frame) for frame in range(3)] == [(64, 48), (64, 48), (128, 96)]
    assert index.counts["frames of another size than their video's first"] == 1


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
        (spoil(lambda c: c["images"][0].update(frame_id=1)), "video a: frame 1 is given 2 times"),
        (spoil(lambda c: c["images"][0].update(id=11)), "image 11: two share this id"),
        (spoil(lambda c: c["images"][0].update(video_id=5)), "video 5 does not exist"),
        (spoil(lambda c: c["images"][0].pop("file_name")), "image 12: it has no 'file_name'"),
        (spoil(lambda c: c["annotations"][0].update(image_id=99)), "annotation 1: image 99 does not exist"),
        (spoil(lambda c: c["annotations"][0].update(bbox=[1, 2, 3])), r"annotation 1: bbox is \[1, 2, 3\]"),
        (spoil(lambda c: c["annotations"][1].update(bbox=[1, 2, 3, "x"])), "annotation 2: bbox is"),
        (spoil(lambda c: c["annotations"][1].update(bbox=[1e300, 2, 3, 4])), "annotation 2: bbox is"),
        (spoil(lambda c: c["annotations"][1].update(bbox=[1, 2, 10**400, 4])), "annotation 2: bbox is"),
        (spoil(lambda c: c["annotations"][0].update(category_id="9")), "annotation 1: category_id is '9'"),
        (spoil(lambda c: c["annotations"][0].update(instance_id="abc")), "annotation 1: instance_id is 'abc'"),
        (spoil(lambda c: c["annotations"][0].update(instance_id=1e30)), r"annotation 1: instance_id is 1e\+30"),
        (spoil(lambda c: c["annotations"].append([1])), r"annotation 2: it is \[1\], not an object"),
        (spoil(lambda c: c["annotations"].append({"id": 7, "image_id": [1]})), r"annotation 7: image_id is \[1\]"),
        (spoil(lambda c: c["categories"].append({"id": 7, "name": "cat"})), "category 7: two share this id"),
        (spoil(lambda c: c["videos"].append({"id": 2, "name": "c"})), "video 2: two share this id"),
        (spoil(lambda c: c["videos"].append({"id": 3, "name": "c"})), "video c: it has no image"),
        (spoil(lambda c: c["videos"][0].update(vid_train_frames=["0"])), r"video 1: vid_train_frames is \['0'\]"),
        (spoil(lambda c: c["videos"][0].update(vid_train_frames=3)), "video 1: vid_train_frames is 3"),
        (spoil(lambda c: c["images"][0].update(id=[1])), r"image \[1\]: id is \[1\]"),
        (spoil(lambda c: c["images"][0].update(frame_id="2")), "image 12: frame_id is '2'"),
        (spoil(lambda c: c["images"][0].update(file_name=5)), "image 12: file_name is 5"),
        (spoil(lambda c: c["images"][0].update(file_name="/etc/x.png")), "image 12: file_name is .*stays below"),
        (spoil(lambda c: c["images"][0].update(file_name="a/../../x.png")), "image 12: file_name is .*stays below"),
        (spoil(lambda c: c["images"][0].update(file_name="./.")), "image 12: file_name is .*stays below"),
        *(
            (spoil(lambda c, width=width: c["images"][0].update(width=width)), "image 12: width is")
            for width in (0, -5, None, "abc", 64.5, 2e6, True)
        ),
        (json.dumps(GOOD).replace('"width": 64', '"width": 1e400', 1), "image 12: width is inf"),
        ('{"images": ' + "[" * 100_000, "nested too deeply"),
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
