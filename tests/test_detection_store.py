"""Detections on disk: they come back bit by bit, grow by frames, and are never those of something else."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_dataset import FlatDetector, open_small_dataset
from torch import nn

from clab_lite.data.vid import VideoIndex
from clab_lite.detection_store import (
    DetectionStore,
    Manifest,
    VideoDetections,
    digest_of_video,
    digest_of_weights,
)
from clab_lite.errors import DataError

MANIFEST = Manifest("w", "s", 90, 66, 14, "float32", ("car", "dog"))


@pytest.fixture
def index(tmp_path: Path) -> VideoIndex:
    return open_small_dataset(tmp_path / "data")


def detections(frames: dict[int, int], num_classes: int = 2, seed: int = 0) -> VideoDetections:
    """So many random detections per frame."""
    draw = np.random.default_rng(seed)
    found = {
        frame: (draw.random((n, 4), np.float32), draw.random(n, np.float32), draw.integers(0, num_classes, n))
        for frame, n in frames.items()
    }
    return VideoDetections.of(found, num_classes)


def require_same(first: VideoDetections | None, second: VideoDetections) -> None:
    assert first is not None
    for name in ("frames", "counts", "boxes", "scores", "labels"):
        a, b = getattr(first, name), getattr(second, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_they_come_back_bit_by_bit(index: VideoIndex, tmp_path: Path) -> None:
    store = DetectionStore(tmp_path / "store", MANIFEST, index)
    assert store.read(0) is None
    np.testing.assert_array_equal(store.missing(0, np.arange(4)), [0, 1, 2, 3])
    found = detections({2: 3, 0: 2, 3: 0})
    assert found.frames.tolist() == [0, 2, 3]
    with store.writing():
        store.add(0, found)
    require_same(DetectionStore(tmp_path / "store", MANIFEST, index).read(0), found)
    np.testing.assert_array_equal(store.missing(0, np.arange(4)), [1])
    assert store.read(1) is None
    assert not list(tmp_path.rglob("*.part"))


def test_frames_are_added_to_those_that_are_there(index: VideoIndex, tmp_path: Path) -> None:
    store = DetectionStore(tmp_path, MANIFEST, index)
    all_of_them = detections({0: 2, 1: 5, 2: 0, 3: 1})
    for part in ([1, 3], [0], [2]):
        store.add(0, all_of_them.of_frames(np.array(part)))
    require_same(store.read(0), all_of_them)
    again = detections({1: 4}, seed=1)
    store.add(0, again)  # detected once more: the new ones count
    read = store.read(0)
    assert read is not None
    assert read.counts.tolist() == [2, 4, 0, 1]
    require_same(read.of_frames(np.array([1])), again)


def test_a_detection_takes_21_bytes(index: VideoIndex, tmp_path: Path) -> None:
    store, count = DetectionStore(tmp_path, MANIFEST, index), 40_000
    store.add(0, detections({0: count}))
    assert store.path(0).stat().st_size < 21.1 * count
    many = DetectionStore(tmp_path, replace(MANIFEST, class_names=tuple(map(str, range(1000)))), index)
    many.add(1, detections({0: count}, num_classes=1000))
    assert many.path(1).stat().st_size < 22.1 * count
    read = many.read(1)
    assert read is not None
    assert read.labels.max() > 900


def test_damaged_files_count_as_missing(index: VideoIndex, tmp_path: Path) -> None:
    store = DetectionStore(tmp_path, MANIFEST, index)
    store.add(0, detections({0: 50, 1: 50}))
    whole = store.path(0).read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        store.path(0).write_bytes(whole[:length])
        assert store.read(0) is None
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1  # inside the boxes
    store.path(0).write_bytes(flipped)
    assert store.read(0) is None
    store.add(0, detections({9: 1}))  # the video has four frames
    assert store.read(0) is None
    store.add(0, detections({1: 2}))
    read = store.read(0)
    assert read is not None
    assert read.frames.tolist() == [1]


def test_another_setting_is_another_folder(index: VideoIndex, tmp_path: Path) -> None:
    DetectionStore(tmp_path, MANIFEST, index).add(0, detections({0: 1}))
    others: list[dict] = [
        {"weights": "v"}, {"settings": "t"}, {"long_side": 91}, {"short_side": 67}, {"references": 13},
        {"precision": "bfloat16"}, {"class_names": ("dog", "car")}, {"format": 2},
    ]  # fmt: skip
    for other in others:
        assert DetectionStore(tmp_path, replace(MANIFEST, **other), index).read(0) is None, other


def test_another_picture_is_another_file(index: VideoIndex, tmp_path: Path) -> None:
    store = DetectionStore(tmp_path, MANIFEST, index)
    store.add(0, detections({0: 1}))
    digests = {digest_of_video(index, video) for video in range(len(index))}
    assert len(digests) == len(index)
    path = index.image_path(0, 1)  # neither the first, the middle nor the last: its size tells
    path.write_bytes(path.read_bytes() + b"\0")
    assert DetectionStore(tmp_path, MANIFEST, index).read(0) is None
    path.unlink()
    assert digest_of_video(index, 0) not in digests


def test_weights_are_told_apart() -> None:
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    first = digest_of_weights(layer)
    assert first == digest_of_weights(layer)
    layer[1].running_mean[1] += 1e-6
    assert digest_of_weights(layer) != first
    assert digest_of_weights(FlatDetector().bfloat16()) != digest_of_weights(FlatDetector())


def test_one_writer_at_a_time(index: VideoIndex, tmp_path: Path) -> None:
    store = DetectionStore(tmp_path, MANIFEST, index)
    with store.writing(), pytest.raises(DataError, match="is working in this folder"), store.writing():
        pass
    assert (store.folder / "manifest.json").is_file()


def test_an_image_of_the_same_size_in_its_place_is_noticed(index: VideoIndex) -> None:
    """In a frame whose content is not read, too."""
    video = max(range(len(index)), key=lambda v: index.videos[v].frame_count)
    before, path = digest_of_video(index, video), index.image_path(video, 1)
    assert index.videos[video].frame_count == 4  # 0, 2 and 3 are read
    assert digest_of_video(index, video) == before
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1_000))
    assert digest_of_video(index, video) != before
