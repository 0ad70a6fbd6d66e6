"""Crops of a dataset, detected crops, backgrounds, and the batches made of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_dataset import open_small_dataset

from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError
from clab_lite.methods.ranked import RankedConfig
from clab_lite.methods.ranked.backgrounds import background_crops
from clab_lite.methods.ranked.crops import classes_in, cut, find_crops, frames_of, match_boxes
from clab_lite.methods.ranked.source import RankedSource, prepare
from clab_lite.methods.shared.recipe import PretrainConfig
from clab_lite.methods.shared.views import PhotoConfig

PLAIN = PhotoConfig(jitter_probability=0, grey=0, blur=0)


@pytest.fixture
def index(tmp_path: Path) -> VideoIndex:
    """4 + 3 frames with a car, 3 + 1 with a dog, in videos of 4, 3 and 2 frames."""
    return open_small_dataset(tmp_path)


def config(**changes: object) -> RankedConfig:
    base = RankedConfig(crop=16, photo=PLAIN, crop_area=(1.0, 1.0), flip=0.0, pretrain=PretrainConfig(4, 3))
    return replace(base, **changes)  # type: ignore[arg-type]


def test_all_objects_of_the_wanted_classes(index: VideoIndex) -> None:
    assert classes_in(index) == ("car", "dog")
    crops = find_crops(index, ("dog", "car"), 16)
    assert crops.labels.tolist() == [1, 1, 1, 1, 0, 1, 0, 1, 0, 1, 0]
    assert crops.places[:5].tolist() == [[0, 0], [0, 1], [0, 2], [0, 3], [1, 0]]
    cars = find_crops(index, ("car",), 16)
    assert len(cars) == 7 and set(cars.labels.tolist()) == {0}
    assert len(find_crops(index, ("car",), 16, every=2)) == 2 + 2


def test_pixels_are_those_of_the_box(index: VideoIndex) -> None:
    crops = find_crops(index, ("car", "dog"), 16)
    pixels = crops.pixels([0, 4, 0])
    assert pixels.shape == (3, 3, 16, 16) and pixels.dtype == torch.uint8
    car, dog = pixels[0].float().mean(dim=(1, 2)), pixels[1].float().mean(dim=(1, 2))
    assert car[0] > 150 and car[2] < 100 and dog[2] > 150 and dog[0] < 100
    assert torch.equal(pixels[0], pixels[2]) and torch.equal(pixels[0], crops.pixels([0])[0])
    assert crops.pixels([]).shape == (0, 3, 16, 16)


def test_what_is_not_kept_is_read_again(index: VideoIndex) -> None:
    crops = find_crops(index, ("car", "dog"), 16)
    forgetful = replace(crops, keep_bytes=2 * 3 * 16 * 16, _kept={})
    rows = list(range(len(crops)))
    assert torch.equal(forgetful.pixels(rows), crops.pixels(rows)) and len(forgetful._kept) == 2
    assert torch.equal(forgetful.pixels(rows[::-1]), crops.pixels(rows[::-1]))
    assert torch.equal(crops.select(np.array([5, 1])).pixels([0, 1]), crops.pixels([5, 1]))


def test_boxes_that_leave_the_frame_are_cut_off(index: VideoIndex) -> None:
    index.table.boxes[0] = (-10, -5, 20, 20)
    index.table.boxes[1] = (59, 0, 80, 20)  # one pixel of it is inside
    crops = find_crops(index, ("car",), 16)
    assert crops.boxes[0].tolist() == [0, 0, 20, 20] and len(crops) == 6


def test_cut_takes_whole_pixels() -> None:
    image = torch.arange(3 * 6 * 6, dtype=torch.uint8).view(3, 6, 6)
    assert torch.equal(cut(image, np.float32([1.4, 2, 4.6, 5]), 3), cut(image, np.float32([1, 2, 5, 5]), 3))
    assert torch.equal(cut(image, np.float32([2, 1, 5, 4]), 3), image[:, 1:4, 2:5])
    assert cut(image, np.float32([5.6, 5.6, 6, 6]), 4).shape == (3, 4, 4)


def test_no_object(index: VideoIndex) -> None:
    with pytest.raises(DataError, match=r"there is no object of zebra. Choose other classes"):
        find_crops(index, ("zebra",), 16)
    with pytest.raises(DataError, match="or a detector that finds them"):
        find_crops(index, ("car",), 16, detected=lambda video, frame: np.zeros((0, 4), np.float32))


def test_detected_boxes_take_class_and_track_of_what_they_overlap(index: VideoIndex) -> None:
    def detected(video: int, frame: int) -> np.ndarray:
        near = index.annotation(video, frame).boxes + np.float32([1, 0, 2, 1])
        return np.concatenate([np.float32([[0, 30, 8, 44]]), near[::-1]])  # and one that hits nothing

    crops, annotated = find_crops(index, ("car", "dog"), 16, detected=detected), find_crops(index, ("car", "dog"), 16)
    assert len(crops) == len(annotated)
    both = np.flatnonzero((crops.places == [1, 0]).all(axis=1))
    assert crops.labels[both].tolist() == [0, 1] and annotated.labels[both].tolist() == [1, 0]
    assert crops.tracks[both].tolist() == annotated.tracks[both][::-1].tolist()
    assert (crops.boxes[0] - annotated.boxes[0]).tolist() == [1, 0, 2, 1]


def test_matching_needs_half_of_the_union() -> None:
    annotated = np.float32([[0, 0, 10, 10], [20, 0, 30, 10]])
    found = np.float32([[0, 0, 10, 20], [0, 0, 10, 20.1], [22, 0, 30, 10]])
    kept, owner = match_boxes(found, annotated)
    assert kept.tolist() == found[[0, 2]].tolist() and owner.tolist() == [0, 1]
    for empty in (match_boxes(found[:0], annotated), match_boxes(found, annotated[:0])):
        assert empty[0].shape == (0, 4) and empty[1].shape == (0,)


def test_backgrounds_touch_nothing(index: VideoIndex) -> None:
    crops = background_crops(index, 16, 6)
    assert 1 <= len(crops) <= 6 and set(crops.labels.tolist()) == {-1}
    sizes = {tuple(size) for size in (index.table.boxes[:, 2:] - index.table.boxes[:, :2]).tolist()}
    for (video, frame), box in zip(crops.places, crops.boxes, strict=True):
        assert (box >= 0).all() and (box <= [60, 44, 60, 44]).all() and tuple(box[2:] - box[:2]) in sizes
        for taken in index.annotation(video, frame).boxes:
            assert box[0] >= taken[2] or box[2] <= taken[0] or box[1] >= taken[3] or box[3] <= taken[1]
    again = background_crops(index, 16, 6)
    assert np.array_equal(crops.boxes, again.boxes) and len({(v, f) for v, f in crops.places.tolist()}) == len(crops)
    assert len(background_crops(index, 16, 0)) == 0


def test_no_room_for_a_background(index: VideoIndex) -> None:
    index.table.boxes[:] = (0, 0, 60, 44)
    crops = background_crops(index, 16, 5)
    assert len(crops) <= 1 and crops.pixels(range(len(crops))).shape[1:] == (3, 16, 16)  # one frame is empty


def source(index: VideoIndex, **changes: object) -> RankedSource:
    return RankedSource(config(**changes), find_crops(index, ("car", "dog"), 16))


def test_every_crop_comes_once_before_any_comes_twice(index: VideoIndex) -> None:
    made = source(index)
    seen = np.concatenate([made.rows(step) for step in range(11)])  # 33 = 3 passes over 11 crops
    assert all(sorted(seen[start : start + 11].tolist()) == list(range(11)) for start in (0, 11, 22))
    assert seen[:11].tolist() != seen[11:22].tolist()


def test_a_batch_is_a_pure_function_of_seed_and_step(index: VideoIndex) -> None:
    colourful = {"photo": PhotoConfig(), "crop_area": (0.5, 1.0), "flip": 0.5}
    made, again = source(index, **colourful), source(index, **colourful)
    again.batch(0)
    torch.manual_seed(5)
    first, second = made.batch(3), again.batch(3)
    assert torch.equal(first.query, second.query) and torch.equal(first.key, second.key)
    assert not torch.equal(first.query, first.key) and not torch.equal(first.query, made.batch(4).query)
    other = source(index, **colourful, pretrain=PretrainConfig(4, 3, seed=1)).batch(3)
    assert not torch.equal(first.query, other.query)
    whole = [source(index, **colourful, pretrain=PretrainConfig(4, 11, seed=seed)) for seed in (0, 1)]
    views = [one.batch(0).query[np.argsort(one.rows(0))] for one in whole]  # the same crops, in the same order
    assert all(not torch.equal(a, b) for a, b in zip(*views, strict=True))


def test_images_give_all_their_crops(index: VideoIndex) -> None:
    made = source(index, batch_of="images", pretrain=PretrainConfig(4, 8))
    assert len(made.rows(0)) == 11  # 8 images with 11 objects: one pass
    one = source(index, batch_of="images", pretrain=PretrainConfig(4, 1))
    assert {len(one.rows(step)) for step in range(8)} == {1, 2}


def test_the_key_may_come_from_another_frame_of_the_track(index: VideoIndex) -> None:
    made = source(index, second_view="other_frame", pretrain=PretrainConfig(4, 11))
    crops = made.crops
    for row in range(11):
        mates = {made._mate(row) for _ in range(30)}
        same = (crops.places[:, 0] == crops.places[row, 0]) & (crops.tracks == crops.tracks[row])
        assert mates == (
            set(np.flatnonzero(same).tolist()) - {row} or {row}
        )  # the dog of the last video is seen once: its key is its own other view
    without = replace(crops, tracks=np.full(11, -1), _kept={})
    assert RankedSource(config(second_view="other_frame"), without)._mate(2) == 2


def test_prepared_crops_are_normalised() -> None:
    grey = torch.tensor([124, 116, 104], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 4, 4)
    assert prepare(grey).abs().max() < 0.01 and prepare(grey).dtype == torch.float32


def test_frames_of_an_index_with_key_frames(index: VideoIndex) -> None:
    table = replace(index.table, listed_key_frames=np.array([[2, 0], [0, 3], [0, 1], [2, 1]]))
    assert list(frames_of(replace(index, table=table))) == [(0, 1), (0, 3), (2, 0)]  # (2, 1) has no object
