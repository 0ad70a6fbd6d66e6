"""`open_dataset` on an ILSVRC folder: what it reads, what it falls back to, and what it refuses."""

from __future__ import annotations

import json
import pickle
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from small_tree import TRAIN, VAL, annotation_xml, object_xml, write, write_jpeg

from clab_lite.data import Video, open_dataset
from clab_lite.errors import DataError


def test_reads_videos_boxes_and_frames(tree):
    index = open_dataset(tree.root, "train")
    assert [video.name for video in index.videos] == TRAIN
    assert (len(index), index.frame_count, len(index.key_frames)) == (3, 15, 15)
    assert index.videos[0] == Video(TRAIN[0], 5, 64, 48)
    found = index.annotation(1, 3)
    assert found.boxes.tolist() == [[13, 5, 33, 25]]
    assert found.boxes.dtype == np.float32
    assert (found.labels.tolist(), found.track_ids.tolist()) == ([6], [1])
    assert found.labels.dtype == np.int64
    image = index.load_image(1, 3)
    assert image.dtype == torch.uint8
    assert image.shape == (3, 48, 64)


def test_changing_a_returned_box_leaves_the_index_alone(tree):
    index = open_dataset(tree.root, "train")
    index.annotation(0, 0).boxes[:] = -1
    assert index.annotation(0, 0).boxes.tolist() == [[10, 5, 30, 25]]


def test_select_keeps_boxes_key_frames_and_troubles(tree):
    troubles = {name: [[], ["noise"], [], [], []] for name in TRAIN}
    write(tree.root / "troubles.json", json.dumps(troubles))
    index = open_dataset(tree.root, "train")
    part = index.select([2, 0])
    assert [video.name for video in part.videos] == [TRAIN[2], TRAIN[0]]
    assert part.annotation(0, 4).track_ids.tolist() == [2]
    assert sorted(map(tuple, part.key_frames.tolist())) == [(v, f) for v in (0, 1) for f in range(5)]
    assert part.image_path(0, 4) == index.image_path(2, 4)
    assert part.troubles(1, 1) == ("noise",)
    assert part.troubles(1, 2) == ()
    assert len(index.select([])) == 0
    with pytest.raises(DataError, match="video 3 is outside"):
        index.select([3])


def test_an_index_can_be_pickled(tree):
    index = pickle.loads(pickle.dumps(open_dataset(tree.root, "train")))
    assert index.annotation(2, 1).boxes.tolist() == [[11, 5, 31, 25]]
    assert index.load_image(2, 1).shape == (3, 48, 64)


def test_source_video_is_the_name_without_the_snippet_number():
    def source(name):
        return Video(name, 1, 1, 1).source

    assert source(TRAIN[0]) == source(TRAIN[1]) == "ILSVRC2015_train_00000"
    assert source(TRAIN[2]) == "ILSVRC2015_train_00001"
    assert source("holiday/clip_1") == "holiday/clip_1"


@pytest.mark.parametrize("place", ["ImageSets", "ImageSets/VID"])
def test_lists_are_found_where_fgfa_and_mega_keep_them(tree, place):
    (tree.root / place).mkdir(parents=True)
    shutil.move(tree.root / "Lists/VID_train_15frames.txt", tree.root / place)
    write(tree.root / place / "VID_train_15frames.txt", f"{TRAIN[1]} 1 2 5\n")
    assert open_dataset(tree.root, "train").key_frames.tolist() == [[0, 2]]


def test_without_the_15_frames_list_the_official_lists_and_the_formula_serve(tree):
    (tree.root / "Lists/VID_train_15frames.txt").unlink()
    short = [name.removeprefix("train/") for name in TRAIN]
    write(tree.root / "ImageSets/VID/train_7.txt", f"{short[2]} 1\n{short[0]} 1\n")
    write(tree.root / "ImageSets/VID/train_8.txt", f"{short[0]} 1\n")
    index = open_dataset(tree.root, "train")
    assert [video.name for video in index.videos] == [TRAIN[0], TRAIN[2]]
    assert index.key_frames[:, 1].tolist() == [0, 1, 2, 3, 4] * 2


def test_without_any_list_the_folders_serve(tree):
    shutil.rmtree(tree.root / "Lists")
    assert [video.name for video in open_dataset(tree.root, "train").videos] == TRAIN
    assert [video.name for video in open_dataset(tree.root, "val").videos] == [VAL]


def test_official_val_list(tree):
    shutil.rmtree(tree.root / "Lists")
    rows = [f"{VAL.removeprefix('val/')}/{frame:06d} {frame + 1}" for frame in range(5)]
    write(tree.root / "ImageSets/VID/val.txt", "\n".join(rows))
    index = open_dataset(tree.root, "val")
    assert (index.videos[0].name, index.frame_count, len(index.key_frames)) == (VAL, 5, 0)


def test_key_frames_need_a_usable_box_and_a_large_enough_frame(tree):
    write(tree.xml(TRAIN[0], 0), annotation_xml())
    write(tree.xml(TRAIN[0], 1), annotation_xml(object_xml(box=(70, 5, 80, 9))))
    write(tree.xml(TRAIN[0], 2), annotation_xml(object_xml(box=(9, 9, 3, 3))))
    write(tree.xml(TRAIN[0], 3), annotation_xml(object_xml("n00007846")))
    for frame in range(5):
        write(tree.xml(TRAIN[1], frame), annotation_xml(object_xml(), height=31))
    index = open_dataset(tree.root, "train")
    assert index.key_frames.tolist() == [[0, 4], *([2, frame] for frame in range(5))]
    assert index.annotation(0, 2).boxes.tolist() == [[9, 9, 3, 3]]  # evaluation still counts it
    assert index.counts["objects of other classes, skipped"] == 1


def test_still_images_without_annotation_are_left_out_and_counted(tree):
    write(tree.root / "Annotations/DET/train/a/a_1.xml", annotation_xml(object_xml(track=None)))
    write_jpeg(tree.root / "Data/DET/train/a/a_1.JPEG", 1)
    write(tree.root / "Lists/DET_train_30classes.txt", "train/a/a_1 1\ntrain/a/a_2 1\ntrain/a/a_1 1")
    index = open_dataset(tree.root, "train", include_det=True)
    assert [video.is_still for video in index.videos] == [False] * 3 + [True] * 2
    assert index.counts["still images without annotation file"] == 1
    assert index.load_image(4, 0).shape == (3, 48, 64)
    assert len(open_dataset(tree.root, "train")) == 3


@pytest.mark.parametrize("half", ["list", "folder"])
def test_half_of_the_still_images_is_a_warning(tree, half):
    if half == "list":
        write(tree.root / "Lists/DET_train_30classes.txt", "train/a/a_1 1")
    else:
        write(tree.root / "Annotations/DET/train/a/a_1.xml", annotation_xml())
    with pytest.warns(UserWarning, match="is missing: videos only"):
        assert len(open_dataset(tree.root, "train", include_det=True)) == 3


def test_a_change_of_size_inside_a_video_is_counted(tree):
    write(tree.xml(TRAIN[0], 3), annotation_xml(object_xml(), width=80))
    index = open_dataset(tree.root, "train")
    assert index.counts == {"frames of another size than their video's first": 1}
    assert index.videos[0].width == 64


def test_a_picture_of_another_size_than_its_annotation_is_refused(tree):
    path = tree.jpeg(VAL, 2)
    with Image.open(path) as image:
        double = image.resize((128, 96))
    double.save(path)
    index = open_dataset(tree.root, "val")
    index.load_image(0, 1)
    with pytest.raises(DataError, match=r"000002\.JPEG: 128 x 96 pixels, its annotation says 64 x 48"):
        index.load_image(0, 2)
    write(tree.xml(VAL, 2), annotation_xml(object_xml(box=(90, 5, 99, 25)), width=128, height=96))
    index = open_dataset(tree.root, "val")
    assert index.load_image(0, 2).shape == (3, 96, 128)  # sizes are each frame's own
    assert index.counts == {"frames of another size than their video's first": 1}


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("empty", [False, True])
def test_without_lists_an_unfinished_video_is_noticed(tree, split, empty):
    shutil.rmtree(tree.root / "Lists")
    video = {"train": TRAIN[1], "val": VAL}[split]
    for frame in range(5 if empty else 1):
        tree.xml(video, frame).unlink()
    with pytest.raises(DataError, match=rf"{video}: frame 000000\.xml is missing"):
        open_dataset(tree.root, split)


@pytest.mark.parametrize(("split", "names"), [("train", ["train_1", "train_30"]), ("val", ["val"])])
def test_lists_that_are_all_empty_are_not_ignored(tree, split, names):
    shutil.rmtree(tree.root / "Lists")
    for name in names:
        write(tree.root / f"ImageSets/VID/{name}.txt", "\n")
    with pytest.raises(DataError, match=rf"{names[0]}\.txt: no video is listed"):
        open_dataset(tree.root, split)


@pytest.mark.parametrize("name", ["/etc", "../val/x", "train/../../x", "C:\\\\x"])
def test_a_list_cannot_lead_out_of_the_dataset(tree, name):
    write(tree.root / "Lists/VID_val_videos.txt", f"{name} 1 0 5")
    with pytest.raises(DataError, match=r"VID_val_videos\.txt, line 1: .* leaves the dataset"):
        open_dataset(tree.root, "val")


def damage(tree, what):
    video, xml, jpeg = TRAIN[0], tree.xml(TRAIN[0], 2), tree.jpeg(TRAIN[0], 2)
    train_list = tree.root / "Lists/VID_train_15frames.txt"
    actions = {
        "missing xml": xml.unlink,
        "missing first xml": tree.xml(video, 0).unlink,
        "missing jpeg": jpeg.unlink,
        "empty xml": lambda: xml.write_text(""),
        "extra frame": lambda: shutil.copy(xml, xml.with_name("000005.xml")),
        "missing video": lambda: shutil.rmtree(xml.parent),
        "empty list": lambda: train_list.write_text("\n"),
        "short row": lambda: train_list.write_text(f"{video} 1 0\n"),
        "frame beyond the end": lambda: train_list.write_text(f"{video} 1 0 5\n{video} 1 5 5\n"),
        "two lengths": lambda: train_list.write_text(f"{video} 1 0 5\n{video} 1 1 6\n"),
        "words for numbers": lambda: train_list.write_text(f"{video} 1 -1 5\n"),
        "no annotations": lambda: shutil.rmtree(tree.root / "Annotations"),
    }
    actions[what]()


@pytest.mark.parametrize(
    ("what", "parts"),
    [
        ("missing xml", [TRAIN[0], "frame 000002.xml is missing (4 files for 5 frames)"]),
        ("missing first xml", [TRAIN[0], "frame 000000.xml is missing"]),
        ("missing jpeg", ["Data/VID", TRAIN[0], "frame 000002.JPEG is missing"]),
        ("empty xml", [TRAIN[0], "000002.xml", "is empty"]),
        ("extra frame", [TRAIN[0], "6 files where the list says 5"]),
        ("missing video", ["VID_train_15frames.txt", TRAIN[0], "does not exist"]),
        ("empty list", ["VID_train_15frames.txt", "no video is listed"]),
        ("short row", ["VID_train_15frames.txt", "line 1", "3 columns instead of 4"]),
        ("frame beyond the end", ["line 2", "frame 5 of a video of 5 frames"]),
        ("two lengths", ["line 2", "has 6 frames here and 5 above"]),
        ("words for numbers", ["line 1", "'-1' is not a number from 0 to"]),
        ("no annotations", ["Data/VID but no Annotations/VID"]),
    ],
)
def test_damage_is_refused_with_its_place(tree, what, parts):
    damage(tree, what)
    with pytest.raises(DataError) as caught:
        open_dataset(tree.root, "train")
    for part in parts:
        assert part in str(caught.value)


def test_wrong_roots_say_what_to_give(tree, tmp_path):
    with pytest.raises(DataError, match=r"Did you mean .*ILSVRC"):
        open_dataset(tree.root.parent)
    with pytest.raises(DataError, match="does not exist"):
        open_dataset(tmp_path / "nowhere")
    with pytest.raises(DataError, match="not an ILSVRC folder"):
        open_dataset(tree.root / "Lists")
    with pytest.raises(DataError, match="split 'test' is unknown"):
        open_dataset(tree.root, "test")


@pytest.mark.parametrize("keep", [0, 2, 100, -2])
def test_truncated_images_are_named(tree, keep):
    path = tree.jpeg(VAL, 1)
    path.write_bytes(path.read_bytes()[:keep])
    index = open_dataset(tree.root, "val")
    index.load_image(0, 0)
    with pytest.raises(DataError, match=r"000001\.JPEG: the image"):
        index.load_image(0, 1)


def test_impossible_positions_are_refused(tree):
    index = open_dataset(tree.root, "val")
    with pytest.raises(DataError, match="video 1 is outside"):
        index.annotation(1, 0)
    with pytest.raises(DataError, match="frame 5 is outside"):
        index.image_path(0, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({VAL: [[]] * 4}, "4 frames instead of 5"),
        ({VAL: [["fog"], [], [], [], []]}, "'fog' is unknown"),
        ([], "not an object"),
        ({VAL: [[], 1, [], [], []]}, "frame 1: 1 is not a list"),
        ({VAL: [[], [], [{"a": 1}], [], []]}, "frame 2: {'a': 1} is unknown"),
        ({VAL: ["noise", [], [], [], []]}, "frame 0: 'noise' is not a list"),
        ("{", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_bad_troubles_are_refused_when_the_dataset_is_opened(tree, content, message):
    write(tree.root / "troubles.json", content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(DataError, match=message):
        open_dataset(tree.root, "val")


def test_no_troubles_file_means_no_troubles(tree):
    assert open_dataset(tree.root, "val").troubles(0, 0) == ()
