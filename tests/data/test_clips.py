"""Training clips: what is in a sample, what is random, and how a batch is padded."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
import torch
from small_tree import TRAIN, annotation_xml, object_xml, write, write_jpeg
from torch.testing import assert_close
from torch.utils.data import DataLoader

from clab_lite.config import DataConfig, FrameConfig
from clab_lite.data import open_dataset
from clab_lite.data.clips import ClipDataset, ClipSampler, collate_clips
from clab_lite.data.transforms import normalise
from clab_lite.errors import DataError

PLAIN = DataConfig(flip=0.0, references=2)
SIZE = FrameConfig(64, 48)


def dataset(tree, seed=0, size=SIZE, **options) -> ClipDataset:
    return ClipDataset(open_dataset(tree.root, "train", include_det=True), replace(PLAIN, **options), size, seed)


def test_a_plain_sample_holds_the_frames_and_their_boxes(tree):
    clips = dataset(tree)
    sample = clips[0, 7]  # frame 2 of the second video
    assert sample.target["sample_id"] == f"{TRAIN[1]}/000002"
    assert sample.target["video_id"] == 1
    assert sample.target["image_size"] == (48, 64)
    assert sample.target["scale"] == (1.0, 1.0)
    assert sample.target["reference_sizes"] == [(48, 64)] * 2
    assert_close(sample.frames[0], normalise(clips.index.load_image(1, 2)))
    assert_close(sample.target["boxes"], torch.tensor([[12.0, 5, 32, 25]]))
    assert sample.target["labels"].tolist() == [6]
    assert sample.target["track_ids"].tolist() == [1]
    references = [int(target["boxes"][0, 0]) - 10 for target in sample.target["reference_targets"]]
    assert references[0] < 2 < references[1]  # the box of frame f starts at 10 + f
    for frame, number in zip(sample.frames[1:], references, strict=True):
        assert_close(frame, normalise(clips.index.load_image(1, number)))


def test_boxes_follow_the_pixels_through_resize_and_flip(tree):
    sample = dataset(tree, size=FrameConfig(128, 96), flip=1.0)[0, 2]
    assert sample.target["scale"] == (2.0, 2.0)
    assert_close(sample.target["boxes"], torch.tensor([[128 - 64.0, 10, 128 - 24, 50]]))
    plain = dataset(tree, size=FrameConfig(128, 96))[0, 2]
    for flipped, frame in zip(sample.frames, plain.frames, strict=True):
        assert_close(flipped, frame.flip(-1))


def test_unusable_boxes_are_dropped_and_the_rest_clamped(tree):
    boxes = [(-5, 40, 20, 60), (70, 5, 80, 9), (9, 9, 9, 30), (9, 9, 3, 3), (50, 5, 60, 9), (5, 49, 9, 60)]
    objects = (object_xml(box=box, track=str(number)) for number, box in enumerate(boxes))
    write(tree.xml(TRAIN[0], 0), annotation_xml(*objects))
    target = dataset(tree)[0, 0].target
    assert target["boxes"].tolist() == [[0, 40, 20, 48], [50, 5, 60, 9]]
    assert target["track_ids"].tolist() == [0, 4]


def test_a_reference_without_objects_has_empty_boxes(tree):
    for frame in (0, 1, 3, 4):
        write(tree.xml(TRAIN[0], frame), annotation_xml())
    for target in dataset(tree)[0, 0].target["reference_targets"]:
        assert target["boxes"].shape == (0, 4)
        assert target["labels"].shape == target["track_ids"].shape == (0,)


def test_references_of_a_still_image_are_copies_of_it(tree):
    write(tree.root / "Annotations/DET/train/a/a_1.xml", annotation_xml(object_xml(track=None)))
    write_jpeg(tree.root / "Data/DET/train/a/a_1.JPEG", 1)
    write(tree.root / "Lists/DET_train_30classes.txt", "train/a/a_1 1")
    sample = dataset(tree, flip=0.5, references=3, colour_jitter=0.3)[0, 15]
    assert sample.target["sample_id"] == "train/a/a_1/000000"
    assert len(sample.frames) == 4
    for number in range(3):
        assert_close(sample.frames[0], sample.frames[1 + number])
        assert_close(sample.target["reference_targets"][number]["boxes"], sample.target["boxes"])


def test_references_are_drawn_from_the_whole_range(tree):
    def distances(frame_range):
        clips = dataset(tree, frame_range=frame_range)
        targets = [target for p in range(30) for target in clips[p, 2].target["reference_targets"]]
        return {int(target["boxes"][0, 0]) - 12 for target in targets}

    assert distances(1) == {-1, 1}
    assert distances(9) == {-2, -1, 1, 2}


def same(first, second) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first.frames, second.frames, strict=True))


def test_a_sample_depends_on_seed_and_position_only(tree):
    options = {"flip": 0.5, "colour_jitter": 0.3}
    clips = dataset(tree, **options)
    first = clips[3, 7]
    clips[9, 1]
    assert same(first, clips[3, 7])
    assert same(first, pickle.loads(pickle.dumps(dataset(tree, **options)))[3, 7])
    assert not all(same(first, clips[position, 7]) for position in range(4, 8))
    assert not all(same(first, dataset(tree, seed=seed, **options)[3, 7]) for seed in range(1, 5))


def test_keeping_images_in_memory_changes_nothing(tree):
    options = {"flip": 0.5, "colour_jitter": 0.3, "scale_jitter": 0.2}
    cached, plain = dataset(tree, cache_images=True, **options), dataset(tree, **options)
    for position in range(6):
        assert same(cached[position, 7], plain[position, 7])
    assert cached._images  # it did keep them
    assert not plain._images


def test_flip_and_colour_are_shared_by_the_clip(tree):
    for frame in range(5):  # one picture, five times
        write_jpeg(tree.jpeg(TRAIN[0], frame), seed=1)
    clips = dataset(tree, flip=0.5, colour_jitter=0.4)
    keys = []
    for position in range(8):
        sample = clips[position, 2]
        assert_close(sample.frames[1], sample.frames[0])
        keys.append(sample.frames[0])
    assert any(not torch.equal(keys[0], key) for key in keys[1:])


def test_scale_jitter_changes_the_size_within_its_range(tree):
    clips = dataset(tree, scale_jitter=0.25)
    widths = {clips[position, 2].target["image_size"][1] for position in range(20)}
    assert len(widths) > 5
    assert min(widths) >= 48
    assert max(widths) <= 80
    target = clips[0, 2].target
    assert_close(target["boxes"][0, 0].item(), 12 * target["scale"][0], rtol=1e-5, atol=0)


def test_a_batch_is_padded_with_zeros_to_a_multiple_of_16(tree):
    wide, tall = dataset(tree)[0, 0], dataset(tree, size=FrameConfig(56, 56))[1, 1]
    tall.frames[0] = tall.frames[0][:, :, :30]
    clips, targets = collate_clips([wide, tall])
    assert clips.shape == (2, 3, 3, 48, 64)
    assert_close(clips[1, 0, :, :42, :30], tall.frames[0])
    assert clips[1, 0, :, 42:].abs().max() == 0
    assert clips[1, 0, :, :, 30:].abs().max() == 0
    assert targets[1]["sample_id"] == f"{TRAIN[0]}/000001"
    with pytest.raises(DataError, match="at least one clip"):
        collate_clips([])


def test_workers_deliver_the_same_batches(tree):
    clips = dataset(tree, flip=0.5)
    expected = [collate_clips([clips[item] for item in ClipSampler(15, 2, 0).batch(i)])[0] for i in range(3)]
    sampler = ClipSampler(15, 2, 0)
    loader = iter(DataLoader(clips, batch_sampler=sampler, collate_fn=collate_clips, num_workers=1))
    for batch in expected:
        assert torch.equal(next(loader)[0], batch)


def test_nothing_to_train_on_is_said(tree):
    with pytest.raises(DataError, match="no key frame holds a usable box"):
        ClipDataset(open_dataset(tree.root, "val"), PLAIN, SIZE, 0)
