"""Batches: composites of objects and backgrounds, a function of seed and step."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from codo_world import drawn_videos, micro

from clab_lite.data.transforms import IMAGENET_MEAN, IMAGENET_STD
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.boxes import box_iou
from clab_lite.errors import DataError
from clab_lite.methods.codo import CoDo, CompositeSource, build, lite, with_background
from clab_lite.methods.codo.backgrounds import BackgroundPool
from clab_lite.methods.codo.frames import sources
from clab_lite.methods.codo.instances import InstancePool
from clab_lite.methods.shared import PretrainConfig


@pytest.fixture(scope="module")
def codo_videos(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    return drawn_videos(tmp_path_factory.mktemp("codo"))


def test_a_batch_is_a_function_of_seed_and_step(codo_videos: VideoIndex) -> None:
    config = micro()
    source, again = build(config, codo_videos)[1], build(config, codo_videos)[1]
    state = torch.random.get_rng_state()
    later, first = source.batch(3), source.batch(0)
    assert torch.equal(torch.random.get_rng_state(), state), "nothing outside notices"
    torch.rand(7), random.random()
    assert torch.equal(again.batch(3).images, later.images)
    assert not torch.equal(later.images, first.images)
    other = build(replace(config, pretrain=replace(config.pretrain, seed=1)), codo_videos)[1].batch(3)
    assert not torch.equal(other.images, later.images)


def test_a_batch_of_composites(codo_videos: VideoIndex) -> None:
    """Shapes; no object twice; boxes inside; property (b) for the batch; property (g): no own background."""
    source = build(micro(views=3), codo_videos)[1]
    for number in range(6):
        batch = source.batch(number)
        assert batch.images.shape == (3, 4, 3, 32, 32) and batch.boxes.shape == batch.jittered.shape == (3, 4, 4)
        assert len(
            {(i.video, codo_videos.annotation(i.video, i.frame).track_ids.tolist()[0], i.box) for i in batch.instances}
        )
        for boxes in (batch.boxes, batch.jittered):
            assert bool((boxes >= 0).all()) and bool((boxes <= 32).all())
        for exact, wrong in zip(batch.boxes.flatten(0, 1), batch.jittered.flatten(0, 1), strict=True):
            assert 0.5 <= float(box_iou(exact[None], wrong[None])) <= 1 + 1e-6
        for view in batch.backgrounds:
            for instance, background in zip(batch.instances, view, strict=True):
                assert background.source in sources(codo_videos) and background.source != instance.source


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_without_colours_pixels_outside_the_box_are_the_background(codo_videos: VideoIndex, flip: float) -> None:
    """Property (a), through the whole pipeline."""
    from clab_lite.data.transforms import normalise

    plain = replace(lite().composite.photo, jitter_probability=0.0, grey=0.0, blur=0.0)
    batch = build(micro(photo=plain, flip=flip), codo_videos)[1].batch(0)
    for v in range(2):
        for b in range(4):
            x1, y1, x2, y2 = (int(side) for side in batch.boxes[v, b])
            outside = torch.ones(32, 32, dtype=torch.bool)
            outside[y1:y2, x1:x2] = False
            behind = normalise(batch.backgrounds[v][b].image)
            behind = behind.flip(-1) if flip else behind
            assert torch.equal(batch.images[v, b][:, outside], behind[:, outside])
            assert not torch.equal(batch.images[v, b][:, ~outside], behind[:, ~outside])


def test_colours_change_the_whole_composite(codo_videos: VideoIndex) -> None:
    """After pasting, instance and background alike: no seam tells them apart."""
    grey = replace(lite().composite.photo, jitter_probability=0.0, grey=1.0, blur=0.0)
    images = build(micro(photo=grey), codo_videos)[1].batch(0).images
    pixels = images * torch.tensor(IMAGENET_STD)[:, None, None] + torch.tensor(IMAGENET_MEAN)[:, None, None]
    assert (pixels - pixels.mean(dim=2, keepdim=True)).abs().max() < 1e-3
    assert pixels.std() > 1


def test_same_gives_every_view_one_background(codo_videos: VideoIndex) -> None:
    batch = build(with_background(micro(), "same"), codo_videos)[1].batch(0)
    assert all(one is two for one, two in zip(*batch.backgrounds, strict=True))


def test_downstream_videos_may_be_others(codo_videos: VideoIndex, tmp_path: Path) -> None:
    other = drawn_videos(tmp_path)
    found = {
        kind: {
            b.source
            for view in build(with_background(micro(), kind), codo_videos, other)[1].batch(0).backgrounds
            for b in view
        }
        for kind in ("downstream", "pretrain", "same")
    }
    assert found["downstream"] <= set(sources(other)) and found["same"] <= set(sources(other))
    assert found["pretrain"] <= set(sources(codo_videos))


def test_one_video_or_too_few_objects(codo_videos: VideoIndex) -> None:
    with pytest.raises(DataError, match="batch of 4 instances from 2 objects"):
        build(micro(), codo_videos.select([1]))
    two = micro(pretrain=PretrainConfig(batch=2))
    with pytest.raises(DataError, match="Give a second video"):
        build(two, codo_videos.select([1]))
    with pytest.raises(DataError, match="Give a second video"):
        build(two, codo_videos, codo_videos.select([1]))
    build(with_background(two, "noise"), codo_videos.select([1]))[1].batch(0)


def test_detected_boxes_as_large_as_the_frame(codo_videos: VideoIndex) -> None:
    """Instances larger than the composite are scaled; one per source video in a batch."""
    config = micro()
    boxes = {(video, 0): torch.tensor([[-10.0, -10.0, 500.0, 500.0]]) for video in range(4)}
    pool = InstancePool(codo_videos, boxes)
    source = CompositeSource(config, pool, BackgroundPool("downstream", 32, codo_videos))
    batch = source.batch(0)
    assert sorted(instance.video for instance in batch.instances) == [0, 1, 2, 3]
    low, high = config.composite.sides
    sides = batch.boxes[..., 2:] - batch.boxes[..., :2]
    assert float(sides.max()) < high <= 32 and low > 0
    assert all(term.isfinite() for term in CoDo(config)(batch).values())
