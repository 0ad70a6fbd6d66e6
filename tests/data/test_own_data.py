"""Datasets with classes of their own: a folder, and the smallest json files."""

from __future__ import annotations

import copy

import pytest
from own_data import IMAGES, documented_json, write_json_dataset
from small_tree import TRAIN, VAL, annotation_xml, object_xml, write

from clab_lite.data import open_dataset
from clab_lite.data.classes import VID_CLASSES
from clab_lite.data.coco_faults import Faults
from clab_lite.data.coco_vid import read_sound
from clab_lite.errors import DataError


def rename_objects(tree, train, val):
    """Give every object of a split another class name; the box keeps moving with the frame."""
    for video in [*TRAIN, VAL]:
        for frame in range(5):
            name = val if video == VAL else train
            write(tree.xml(video, frame), annotation_xml(object_xml(name, box=(10 + frame, 5, 30, 25))))


def labels(index):
    return sorted({index.class_names[label] for label in index.table.labels})


def opened(tree, split="train"):
    return open_dataset(tree.root, split, progress=False)


def test_a_folder_of_other_names_has_the_classes_of_both_splits(tree):
    rename_objects(tree, "van", "forklift")
    for split, shown in (("train", ["van"]), ("val", ["forklift"])):
        index = opened(tree, split)
        assert index.class_names == ("forklift", "van")
        assert labels(index) == shown
        assert index.counts == {}
    assert len(opened(tree).key_frames) == 15


def test_one_known_object_makes_it_imagenet(tree):
    """In whichever split it is: both must have the same labels."""
    rename_objects(tree, "van", "forklift")
    write(tree.xml(VAL, 4), annotation_xml(object_xml()))
    for split, count in (("train", 15), ("val", 4)):
        index = opened(tree, split)
        assert index.class_names == VID_CLASSES
        assert index.counts["objects of other classes, skipped"] == count


def test_a_class_list_gives_names_and_order(tree):
    rename_objects(tree, "van", "forklift")
    write(tree.root / "classes.txt", "van\n\n  traffic light \nforklift\n")
    index = opened(tree, "val")
    assert index.class_names == ("van", "traffic light", "forklift")
    assert set(index.table.labels.tolist()) == {2}


@pytest.mark.parametrize("line", ["car", "n02958343"])
@pytest.mark.parametrize("written", ["car", "n02958343"])
def test_a_class_list_may_pick_from_imagenet(tree, line, written):
    rename_objects(tree, written, "n02084071")
    write(tree.root / "classes.txt", f"zebra\n{line}\n")
    index = opened(tree)
    assert (index.class_names, labels(index)) == (("zebra", "car"), ["car"])
    assert opened(tree, "val").counts["objects of other classes, skipped"] == 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it lists no class"),
        (b"van\ncar\nvan\n", "line 3: 'van' is listed a second time"),
        (b"car\nn02958343\n", "line 2: 'n02958343' is listed a second time"),
        (b"\xff\xfe\x00v", "not UTF-8"),
    ],
)
def test_bad_class_lists_are_named(tree, content, message):
    (tree.root / "classes.txt").write_bytes(content)
    with pytest.raises(DataError, match=rf"classes\.txt.*{message}"):
        opened(tree)


def test_the_stored_index_follows_the_classes(tree):
    """Every answer comes from a stored index first; each change must be noticed."""
    rename_objects(tree, "van", "forklift")
    assert opened(tree).class_names == opened(tree).class_names == ("forklift", "van")
    write(tree.xml(VAL, 0), annotation_xml(object_xml("crane")))  # the other split decides, too
    assert opened(tree).class_names == ("crane", "forklift", "van")
    write(tree.root / "classes.txt", "van\n")
    assert opened(tree).class_names == ("van",)
    write(tree.root / "classes.txt", "crane\nvan\n")
    assert set(opened(tree).table.labels.tolist()) == {1}
    (tree.root / "classes.txt").unlink()
    assert opened(tree).class_names == ("crane", "forklift", "van")


def test_in_imagenet_the_other_split_does_not_matter(tree, monkeypatch):
    """A stored index of the large split must not be built again because the small one changed."""
    opened(tree)
    write(tree.xml(VAL, 0), annotation_xml(object_xml("crane")))
    monkeypatch.setattr("clab_lite.data.ilsvrc.build_table", lambda *_, **__: pytest.fail("built again"))
    assert opened(tree).class_names == VID_CLASSES


def test_a_broken_list_of_the_other_split_does_not_matter(tree):
    write(tree.root / "Lists/VID_val_videos.txt", "one two\n")
    assert len(opened(tree)) == 3


def test_the_documented_json_has_twelve_fields():
    content = documented_json()
    assert sum(len({name for record in records for name in record}) for records in content.values()) == 12


def test_the_documented_json_opens(tmp_path):
    root = write_json_dataset(tmp_path, documented_json())
    index = open_dataset(root, "train", cache=False)
    assert index.class_names == ("person", "forklift")
    assert [(video.name, video.frame_count) for video in index.videos] == [("hall", 3), ("yard", 3)]
    assert index.key_frames.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1]]
    assert index.annotation(0, 0).boxes.tolist() == [[8, 10, 28, 50], [50, 20, 86, 50]]
    assert index.load_image(1, 2).shape == (3, 64, 96)


def test_a_folder_of_json_files_has_two_splits(tmp_path):
    train, val = documented_json(), documented_json()
    val["images"] = [image for image in val["images"] if image["video_id"] == 2]
    val["annotations"] = [item for item in val["annotations"] if item["image_id"] > 3]
    root = write_json_dataset(tmp_path, train, val)
    assert [len(open_dataset(root, split)) for split in ("train", "val")] == [2, 1]
    assert open_dataset(root, "val").class_names == open_dataset(root / "train.json").class_names
    (root / "val.json").unlink()
    with pytest.raises(DataError, match=r"there is no val\.json"):
        open_dataset(root, "val")


@pytest.mark.parametrize("images", ["", "images", "val2017", "images/val2017", "instances_val2017"])
@pytest.mark.parametrize("annotations", ["", "annotations"])
def test_still_images_of_a_coco_file(tmp_path, images, annotations):
    """Each is a video of one frame, in both splits."""
    content = documented_json()
    for image in content["images"]:
        del image["video_id"], image["frame_id"]
    content["annotations"][1] |= {"iscrowd": 1, "segmentation": {"counts": "x"}, "area": 7.5}
    path = write_json_dataset(tmp_path / annotations, content, images=tmp_path / images) / "instances_val2017.json"
    (path.parent / "train.json").rename(path)
    for split, keys in (("train", 4), ("val", 0)):
        index = open_dataset(path, split, cache=False)
        assert [(video.name, video.frame_count, video.is_still) for video in index.videos] == [
            (name, 1, True) for name in IMAGES
        ]
        assert len(index.key_frames) == keys
        assert index.counts["groups (iscrowd), neither trained on nor to be found"] == 1
        assert [index.annotation(video, 0).labels.tolist() for video in (0, 1)] == [[0, 1], []]
        assert index.load_image(5, 0).shape == (3, 64, 96)


def test_areas_of_the_objects_themselves(tmp_path):
    """A mask is smaller than its box; without `area`, and in a file without any, it is width x height."""
    content = documented_json()
    content["annotations"][1]["area"] = 7.5
    for item in content["annotations"]:
        if item is not content["annotations"][1]:
            item.pop("area", None)
    root = write_json_dataset(tmp_path, content)
    boxes = [item["bbox"] for item in content["annotations"]]
    for _ in range(2):  # read, then stored
        index = open_dataset(root, "train")
        areas = dict(zip(map(tuple, index.table.boxes[:, :2].tolist()), index.table.areas.tolist(), strict=True))
        assert areas == {(x, y): 7.5 if i == 1 else w * h for i, (x, y, w, h) in enumerate(boxes)}
        assert index.select([1]).table.areas is not None
    plain = open_dataset(write_json_dataset(tmp_path / "plain", documented_json()), "train", cache=False)
    assert sorted(plain.table.areas) == sorted(w * h for _, _, w, h in boxes)


def test_frames_that_nobody_annotated(tmp_path):
    content = documented_json()
    for image in content["images"][1:3]:
        image["annotated"] = False  # their boxes are not used, not even where they are listed as key frames
    content["videos"] = [{"id": 1, "name": "hall", "vid_train_frames": [0, 1, 2]}, {"id": 2, "name": "yard"}]
    root = write_json_dataset(tmp_path, content)
    index = open_dataset(root, "train")
    for _ in range(2):  # read, then stored
        assert index.annotated(0).tolist() == [True, False, False]
        assert index.select([1, 0]).annotated(1).tolist() == [True, False, False]
        assert index.key_frames.tolist() == [[0, 0], [1, 0], [1, 1]]
        assert index.counts["frames that are not annotated, left out of training and evaluation"] == 2
        assert index.counts["frames without objects"] == 1
        index = open_dataset(root, "train")


def test_key_frames_are_spread_over_the_annotated_frames(tmp_path):
    content = documented_json()
    frames = [dict(content["images"][0], id=i, file_name=f"hall/{i}.jpg", frame_id=i) for i in range(90)]
    drawn = list(range(0, 90, 9))
    content["images"] = [image | {"annotated": image["id"] in drawn} for image in frames]
    content["annotations"] = [dict(content["annotations"][0], image_id=i) for i in drawn]
    index = open_dataset(write_json_dataset(tmp_path, content), "train")
    assert index.key_frames[:, 1].tolist() == drawn


def test_videos_without_a_folder_of_their_own_are_numbered(tmp_path):
    content = documented_json()
    for image in content["images"]:
        image["file_name"] = image["file_name"].replace("/", "_")
    index = open_dataset(write_json_dataset(tmp_path, content), "train")
    assert [video.name for video in index.videos] == ["video_1", "video_2"]


@pytest.mark.parametrize(
    ("group", "position", "change", "message"),
    [
        ("annotations", 3, {"category_id": 5}, "annotation 3: category 5 does not exist"),
        ("annotations", 2, {"image_id": 9}, "annotation 2: image 9 does not exist"),
        ("annotations", 1, {"area": "7"}, "annotation 1: area is '7'. Write the area of the object in pixels"),
        ("annotations", 1, {"area": 10**400}, "annotation 1: area is 1000"),
        ("annotations", 1, {"iscrowd": "no"}, "annotation 1: iscrowd is 'no'. Write true or false"),
        ("images", 1, {"annotated": "false"}, "image 2: annotated is 'false'. Write true or false"),
        ("images", 2, {"frame_id": 7}, "video hall: frame 2 is missing"),
        ("images", 4, {"video_id": "yard"}, "image 5: video_id is 'yard'. Write a whole number"),
        ("images", 0, {"width": 0}, "image 1: width is 0"),
        ("categories", 1, {"name": "person"}, "category 2: its name 'person' is also that of category 1"),
    ],
)
def test_bad_records_are_named(tmp_path, group, position, change, message):
    """By the reader, which stops at the first, and by the list that the checker shows."""
    content = copy.deepcopy(documented_json())
    content[group][position] |= change
    root = write_json_dataset(tmp_path, content)
    with pytest.raises(DataError, match=message):
        open_dataset(root, "train", cache=False)
    faults = Faults()
    read_sound(root / "train.json", faults)
    assert [message in problem for problem in faults.problems] == [True]


def test_videos_of_one_name_are_refused(tmp_path):
    content = documented_json() | {"videos": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]}
    with pytest.raises(DataError, match="video 2: its name 'a' is also that of video 1"):
        open_dataset(write_json_dataset(tmp_path, content), "train", cache=False)
