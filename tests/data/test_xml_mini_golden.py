"""The xml_mini golden: our index must hold what mmtracking's own converters wrote from the same files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from clab_lite.data import VideoIndex, open_dataset
from clab_lite.data.classes import VID_CLASSES, VID_WNIDS
from clab_lite.data.table import trainable

MINI = Path(__file__).parents[1] / "goldens/evaluation/xml_mini"
EXPECTED = json.loads((MINI / "expected.json").read_text())


def images_of(index: VideoIndex, root: str = "Data/VID") -> list[dict]:
    """The index as mmtracking's image records, without key frame marks."""
    base = MINI / "ILSVRC" / root
    return [
        {
            "file_name": index.image_path(position, frame).relative_to(base).as_posix(),
            "width": video.width,
            "height": video.height,
            "frame_id": frame,
            "video_id": position + 1,
        }
        for position, video in enumerate(index.videos)
        for frame in range(video.frame_count)
    ]


def annotations_of(index: VideoIndex) -> list[dict]:
    """The index as mmtracking's annotation records; instances are numbered as first seen, over all videos."""
    records: list[dict] = []
    instances: dict[tuple[int, int], int] = {}
    image_id = 0
    for position, video in enumerate(index.videos):
        for frame in range(video.frame_count):
            image_id += 1
            found = index.annotation(position, frame)
            for (x1, y1, x2, y2), label, track, occluded, generated in zip(
                found.boxes.tolist(), found.labels, found.track_ids, found.occluded, found.generated, strict=True
            ):
                records.append(
                    {
                        "id": len(records) + 1,
                        "video_id": position + 1,
                        "image_id": image_id,
                        "category_id": int(label) + 1,
                        "instance_id": instances.setdefault((position, int(track)), len(instances) + 1),
                        "bbox": [x1, y1, x2 - x1, y2 - y1],
                        "area": (x2 - x1) * (y2 - y1),
                        "iscrowd": False,
                        "occluded": bool(occluded),
                        "generated": bool(generated),
                    }
                )
    return records


def open_mini(split: str, source: str, tmp_path: Path, **options) -> VideoIndex:
    """The same data read from XML files, or from the converter's json."""
    if source == "xml":
        return open_dataset(MINI / "ILSVRC", split, cache=False, **options)
    path = tmp_path / f"imagenet_vid_{split}.json"
    path.write_text(json.dumps(EXPECTED[f"mmtracking_vid_{split}"]))
    return open_dataset(path, split, cache=False, **options)


def test_classes_are_the_converters():
    categories = EXPECTED["mmtracking_vid_train"]["categories"]
    assert [(c["id"], c["name"], c["encode_name"]) for c in categories] == [
        (label + 1, name, wnid) for label, (name, wnid) in enumerate(zip(VID_CLASSES, VID_WNIDS, strict=True))
    ]


@pytest.mark.parametrize("split", ["train", "val"])
def test_images_and_boxes_equal_mmtracking(split):
    index = open_dataset(MINI / "ILSVRC", split, cache=False)
    expected = EXPECTED[f"mmtracking_vid_{split}"]
    assert [video.name for video in index.videos] == [video["name"] for video in expected["videos"]]
    unmarked = [{k: v for k, v in i.items() if k not in ("id", "is_vid_train_frame")} for i in expected["images"]]
    assert images_of(index) == unmarked
    assert annotations_of(index) == expected["annotations"]


@pytest.mark.parametrize("split", ["train", "val"])
def test_json_and_xml_give_the_same_index(split, tmp_path):
    index = open_mini(split, "json", tmp_path)
    from_xml = open_mini(split, "xml", tmp_path)
    assert index.videos == from_xml.videos
    assert annotations_of(index) == annotations_of(from_xml)
    assert index.key_frames.tolist() == from_xml.key_frames.tolist()


@pytest.mark.parametrize("source", ["xml", "json"])
def test_mmtracking_key_frames_are_one_early(source, tmp_path):
    index = open_mini("train", source, tmp_path, mmtracking_key_frames=True)
    expected = EXPECTED["mmtracking_vid_train"]
    listed = [(v["id"] - 1, f) for v in expected["videos"] for f in v["vid_train_frames"] if f >= 0]
    assert [tuple(row) for row in index.table.listed_key_frames] == listed
    marked = [(i["video_id"] - 1, i["frame_id"]) for i in expected["images"] if i["is_vid_train_frame"]]
    assert listed == marked  # frame -1 has no image
    usable = [key for key in listed if has_usable_box(index, *key)]
    assert [tuple(row) for row in index.key_frames] == usable
    assert len(usable) < len(listed)


@pytest.mark.parametrize("source", ["xml", "json"])
def test_default_key_frames_are_the_lists_column(source, tmp_path):
    index = open_mini("train", source, tmp_path)
    rows = [line.split() for line in (MINI / "ILSVRC/Lists/VID_train_15frames.txt").read_text().splitlines()]
    order = {video.name: position for position, video in enumerate(index.videos)}
    listed = [(order[name], int(frame)) for name, _, frame, _ in rows]
    if source == "json":  # mmtracking lost frame 0 of each video as frame -1; adding one brings it back
        assert (0, 0) in listed
    assert [tuple(row) for row in index.table.listed_key_frames] == listed
    assert [tuple(row) for row in index.key_frames] == [key for key in listed if has_usable_box(index, *key)]
    assert (1, 1) not in {tuple(row) for row in index.key_frames}  # a frame without an object


def has_usable_box(index: VideoIndex, video: int, frame: int) -> bool:
    size = index.videos[video]
    return any(
        x2 - x1 >= 1 and y2 - y1 >= 1 and x2 > 0 and y2 > 0 and x1 < size.width and y1 < size.height
        for x1, y1, x2, y2 in index.annotation(video, frame).boxes.tolist()
    )


def test_val_has_no_key_frames():
    assert open_dataset(MINI / "ILSVRC", "val", cache=False).key_frames.shape == (0, 2)


@pytest.mark.parametrize("source", ["xml", "json"])
def test_still_images_follow_the_videos(source, tmp_path):
    expected = EXPECTED["mmtracking_det"]
    if source == "json":
        (tmp_path / "imagenet_det_30plus1cls.json").write_text(json.dumps(expected))
    index = open_mini("train", source, tmp_path, include_det=True)
    stills = index.select([v for v, video in enumerate(index.videos) if video.is_still])
    listed = [image for image in expected["images"] if image["is_vid_train_frame"]]
    assert [video.name + ".JPEG" for video in stills.videos] == [image["file_name"] for image in listed]
    assert [(v.width, v.height, v.frame_count) for v in stills.videos] == [(i["width"], i["height"], 1) for i in listed]
    for position, image in enumerate(listed):
        wanted = [a for a in expected["annotations"] if a["image_id"] == image["id"] and a["category_id"] <= 30]
        found = stills.annotation(position, 0)
        assert (found.labels + 1).tolist() == [a["category_id"] for a in wanted]
        x1, y1, x2, y2 = found.boxes.T
        assert np.stack((x1, y1, x2 - x1, y2 - y1), 1).tolist() == [a["bbox"] for a in wanted]
    assert stills.key_frames.tolist() == [[position, 0] for position in range(len(listed))]
    first = len(index) - len(stills)
    assert index.image_path(first, 0).as_posix().endswith("Data/DET/" + listed[0]["file_name"])


def test_oddities_are_counted():
    counts = open_dataset(MINI / "ILSVRC", "train", include_det=True, cache=False).counts
    assert counts == {
        "objects of other classes, skipped": 3,  # one in VID, two in DET
        "boxes without area": 1,
        "inverted boxes": 1,
        "boxes leaving the frame": 1,
        "frames without objects": 2,
    }


def test_boxes_kept_for_training_are_megas():
    """Both drop the zero-area and the inverted box and keep the one that leaves the frame."""
    frames = {frame["frame"]: frame for frame in EXPECTED["mega_parse"]}
    for split in ("train", "val"):
        index = open_dataset(MINI / "ILSVRC", split, cache=False)
        for position, video in enumerate(index.videos):
            for frame in range(video.frame_count):
                expected = frames[f"{video.name}/{frame:06d}"]
                boxes = index.annotation(position, frame).boxes
                kept = boxes[trainable(boxes, video.width, video.height)]
                limit = np.array([video.width, video.height] * 2, np.float32) - 1  # MEGA counts to the last pixel
                assert np.minimum(kept, limit).tolist() == expected["kept_after_clip_for_training"]
