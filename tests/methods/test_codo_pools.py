"""Where instances and backgrounds come from, and where they never come from."""

from __future__ import annotations

import pickle
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_dataset import HEIGHT, WIDTH, open_small_dataset
from training_world import write_dataset

from clab_lite.data.vid import VideoIndex, open_dataset
from clab_lite.errors import DataError
from clab_lite.methods.codo.backgrounds import BackgroundPool
from clab_lite.methods.codo.config import WindowConfig
from clab_lite.methods.codo.frames import sources
from clab_lite.methods.codo.instances import InstancePool, cut, draw_window


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    """Three videos; the first two are snippets of one source video. Four objects."""
    return open_small_dataset(tmp_path_factory.mktemp("codo"))


def test_one_group_per_track(index: VideoIndex) -> None:
    pool = InstancePool(index)
    assert [len(group) for group in pool.groups] == [4, 3, 3, 1]
    boxes = {(i.video, i.frame): i.box for group in pool.groups for i in group}
    assert boxes[0, 2] == (10.0, 8.0, 30.0, 28.0)
    drawn = pool.draw(4, random.Random(0))
    assert len({(i.video, i.box[0] > 33) for i in drawn}) == 4, "no object twice"


def test_more_instances_than_objects_are_refused(index: VideoIndex) -> None:
    with pytest.raises(DataError, match="batch of 5 instances from 4 objects"):
        InstancePool(index).draw(5, random.Random(0))


def test_exact_pixels(index: VideoIndex) -> None:
    pool = InstancePool(index)
    car = pool.exact(pool.groups[0][0])
    assert car.shape == (3, 20, 20)
    assert bool((car.float().mean(dim=(1, 2)) - torch.tensor([200.0, 40.0, 40.0])).abs().max() < 20)


def test_detected_boxes_and_no_two_of_a_source_in_a_batch(index: VideoIndex) -> None:
    boxes = {(0, 1): torch.tensor([[-5.0, 4.0, 30.0, 300.0]]), (1, 0): torch.tensor([[1.0, 1, 9, 9], [5, 5, 5, 9]])}
    pool = InstancePool(index, {**boxes, (2, 0): torch.tensor([[2.0, 2, 12, 12]])})
    assert len(pool) == 2, "videos 0 and 1 share a source; one box has no area"
    assert pool.groups[0][0].box == (0.0, 4.0, 30.0, float(HEIGHT))
    assert len(pool.groups[0]) == 2
    with pytest.raises(DataError, match="frame 9 is outside"):
        InstancePool(index, {(0, 9): torch.zeros(0, 4)})
    with pytest.raises(DataError, match="not finite"):
        InstancePool(index, {(0, 0): torch.tensor([[0.0, 0, float("nan"), 4]])})


def test_no_boxes_is_an_error_that_says_so(index: VideoIndex) -> None:
    with pytest.raises(DataError, match="no usable detected box in 3 videos"):
        InstancePool(index, {(0, 0): torch.zeros(0, 4)})
    with pytest.raises(DataError, match="no trainable ground-truth box in 0 videos"):
        InstancePool(index.select([]))


def test_objects_without_tracks_are_one_group_per_class(index: VideoIndex) -> None:
    table = index.table
    untold = replace(index, table=replace(table, track_ids=torch.full((len(table.boxes),), -1).numpy()))
    assert [len(group) for group in InstancePool(untold).groups] == [4, 3, 3, 1]


def test_key_frames_are_enough_where_they_are_listed(tmp_path: Path) -> None:
    index = open_dataset(write_dataset(tmp_path), "train", cache=False, progress=False)
    listed = replace(index.table, listed_key_frames=np.array([[0, 2], [1, 5]]))
    pool = InstancePool(replace(index, table=listed))
    assert {(i.video, i.frame) for group in pool.groups for i in group} == {(0, 2), (1, 5)}
    assert len(pool) == 3
    none = replace(index.table, listed_key_frames=np.zeros((0, 2), np.int64))
    assert len(InstancePool(replace(index, table=none)).groups[0]) == 8


def test_windows_stay_near_their_box_and_inside_the_image() -> None:
    config, rng = WindowConfig(), random.Random(0)
    whole = 0
    for _ in range(500):
        x, y = rng.uniform(0, 40), rng.uniform(0, 30)
        box = (x, y, x + rng.uniform(1, 20), y + rng.uniform(1, 14))
        left, top, right, bottom = draw_window(box, (44, 60), rng, config)
        width, height = box[2] - box[0], box[3] - box[1]
        assert (
            max(box[0] - config.enlarge * width, 0) - 1e-6
            <= left
            < right
            <= min(box[2] + config.enlarge * width, 60) + 1e-6
        )
        assert (
            max(box[1] - config.enlarge * height, 0) - 1e-6
            <= top
            < bottom
            <= min(box[3] + config.enlarge * height, 44) + 1e-6
        )
        share = (right - left) * (bottom - top) / (width * height)
        assert config.area[0] * 0.4 < share <= (1 + 2 * config.enlarge) ** 2
        whole += share > 1
    assert whole > 50, "enlarged windows do occur"


def test_a_window_of_everything_is_the_box() -> None:
    box = (3.0, 4.0, 20.0, 30.0)
    whole = [draw_window(box, (44, 60), random.Random(seed), WindowConfig(0.0, (1.0, 1.0))) for seed in range(20)]
    assert set(whole) == {box}, "no part of another shape covers all of it"


def test_windows_have_areas_and_shapes_of_the_whole_range() -> None:
    rng, shares, aspects = random.Random(0), [], []
    for _ in range(300):
        left, top, right, bottom = draw_window((0, 0, 40, 40), (40, 40), rng, WindowConfig(0.0, (0.2, 0.4)))
        shares.append((right - left) * (bottom - top) / 1600)
        aspects.append((right - left) / (bottom - top))
    assert 0.2 <= min(shares) < 0.22 and 0.38 < max(shares) <= 0.4
    assert 0.5 <= min(aspects) < 0.55 and 1.85 < max(aspects) <= 2.0


def test_a_cut_has_at_least_one_pixel() -> None:
    image = torch.arange(3 * 4 * 5).reshape(3, 4, 5)
    assert cut(image, (1.2, 2.0, 3.0, 3.0)).shape == (3, 1, 2)
    assert cut(image, (5.0, 4.0, 5.0, 4.0)).shape == (3, 1, 1)
    assert torch.equal(cut(image, (0, 0, 5, 4)), image)


@pytest.mark.parametrize("kind", ["downstream", "pretrain", "same"])
def test_no_background_is_from_the_instances_own_source(index: VideoIndex, kind: str) -> None:
    """Property (g), and what 'same' means."""
    pool = BackgroundPool(kind, 32, index)
    rng, seen = random.Random(0), set()
    for never in sources(index):
        for _ in range(30):
            drawn = pool.draw(3, never, rng)
            assert all(background.source != never for background in drawn)
            assert all(background.image.shape == (3, 32, 32) for background in drawn)
            same = all(background is drawn[0] for background in drawn)
            assert same if kind == "same" else True
            seen |= {background.source for background in drawn}
    assert len(seen) == 2, "both sources serve the instances of the other"


def test_sources_of_two_datasets_are_not_confused(index: VideoIndex, tmp_path: Path) -> None:
    """The same names below another folder are other videos."""
    other = open_small_dataset(tmp_path)
    pool = BackgroundPool("downstream", 32, other)
    seen = {pool.draw(1, sources(index)[0], random.Random(i))[0].source for i in range(40)}
    assert seen == set(sources(other))


def test_every_other_frame_is_drawn_evenly_also_of_a_selection(index: VideoIndex) -> None:
    chosen = index.select([2, 0])
    pool = BackgroundPool("downstream", 16, chosen)
    rng = random.Random(0)
    elsewhere = (Path("/nowhere"), "x")
    pixels = [pool.draw(1, elsewhere, rng)[0].image.float().mean().item() for _ in range(600)]
    counts = {value: pixels.count(value) for value in set(pixels)}
    assert len(counts) == 6, "two frames of video 2, four of video 0"
    assert all(60 < count < 150 for count in counts.values())


def test_boxes_move_along_with_the_resized_frame(index: VideoIndex) -> None:
    background = BackgroundPool("downstream", 30, index).at(0, 0)
    wanted = torch.tensor([[4 * 30 / WIDTH, 8 * 30 / HEIGHT, 24 * 30 / WIDTH, 28 * 30 / HEIGHT]])
    torch.testing.assert_close(background.boxes, wanted)


def test_one_video_alone_has_no_background(index: VideoIndex) -> None:
    alone = index.select([2])
    pool = BackgroundPool("downstream", 32, alone)
    with pytest.raises(DataError, match="every background comes from ILSVRC2015_val_00001, where"):
        pool.draw(2, sources(alone)[0], random.Random(0))
    with pytest.raises(DataError, match="draws frames, but there are none"):
        BackgroundPool("same", 32, None)


def test_noise_needs_no_frames_and_differs_per_view() -> None:
    one, two = BackgroundPool("noise", 16, None).draw(2, (Path("/"), ""), random.Random(0))
    assert one.source is None and not torch.equal(one.image, two.image)
    assert 100 < float(one.image.float().mean()) < 155


def test_pools_can_be_sent_to_workers(index: VideoIndex) -> None:
    for pool in (InstancePool(index), BackgroundPool("downstream", 16, index)):
        assert pickle.loads(pickle.dumps(pool)) is not None


def test_the_sample_videos_hold_enough_objects() -> None:
    index = open_dataset(Path(__file__).parents[2] / "data_samples", "train", progress=False)
    assert len(InstancePool(index)) >= 128
