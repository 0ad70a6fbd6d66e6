"""The method: what its step computes, what gets gradient, what a queue remembers."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from codo_world import drawn_videos, micro
from torch import nn
from torchvision.ops import roi_align as torchvision_roi_align

from clab_lite import presets
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.backbone import Backbone
from clab_lite.detector.roi_align import roi_align
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.methods.codo import CoDo, build, lite, paper
from clab_lite.methods.codo.loss import batch_losses
from clab_lite.methods.codo.model import readings
from clab_lite.methods.codo.trunk import RegionHead, Trunk
from clab_lite.methods.shared import PretrainConfig, info_nce


@pytest.fixture(scope="module")
def codo_videos(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    return drawn_videos(tmp_path_factory.mktemp("codo"))


def step(method: CoDo, batch: object) -> dict[str, torch.Tensor]:
    terms = method(batch)
    method.zero_grad()
    terms["total"].backward()
    return terms


def test_a_step_gives_named_terms_and_gradient_to_every_part(codo_videos: VideoIndex) -> None:
    method, source = build(micro(level_weights=(1.0, 0.5)), codo_videos)
    terms = step(method, source.batch(0))
    assert list(terms) == ["P3", "P4", "total"]
    torch.testing.assert_close(terms["total"], terms["P3"] + 0.5 * terms["P4"])
    # The last BatchNorm of a residual block starts at zero: what lies before it gets its gradient a step later.
    dead = [n for n, p in method.trunk.named_parameters() if p.grad is None]
    assert not dead
    for part in ("stages.backbone.conv1.weight", "reader.pyramid.lateral.5.0.weight", "reader.head.projection.weight"):
        assert float(method.trunk.get_parameter(part).grad.abs().sum()) > 0, part


def test_without_a_key_network_first_is_query_too(codo_videos: VideoIndex) -> None:
    method, source = build(micro(pairs="first_is_query", views=3), codo_videos)
    method.eval()
    batch = source.batch(0)
    queries, keys = method.embed(batch)
    assert queries.shape[0] == 1 and keys.shape[0] == 3
    both = [batch_losses(queries[0], keys[view], 0.2) for view in (1, 2)]
    torch.testing.assert_close(method(batch)["total"], torch.stack(both).mean(dim=0).sum())


def test_exchanging_views_leaves_the_total(codo_videos: VideoIndex) -> None:
    """Property (d): keys from the same weights (m = 0), no jitter, one view at a time in eval mode."""
    config = micro(ema=0.0, negatives="queue", queue_size=64, jitter=0.0)
    method, source = build(config, codo_videos)
    method.keys.update(method.trunk)
    method.eval()
    batch = source.batch(0)
    swapped = replace(batch, images=batch.images.flip(0), boxes=batch.boxes.flip(0), jittered=batch.jittered.flip(0))
    torch.testing.assert_close(method(swapped)["total"], method(batch)["total"])


def test_first_is_query_is_the_ancestors_loss(codo_videos: VideoIndex) -> None:
    """Property (c): view 0 through jittered boxes against view 1 through exact ones, level by level."""
    config = micro(ema=0.99, negatives="queue", queue_size=64, pairs="first_is_query")
    method, source = build(config, codo_videos)
    method.eval()
    batch = source.batch(0)
    terms = method(batch)
    queries = method.trunk(batch.images[0], batch.jittered[0].expand(1, 2, -1, -1))[0]
    keys = method.keys.module(batch.images[1], batch.boxes[1].expand(1, 2, -1, -1))[0]
    for level, name in enumerate(("P3", "P4")):
        wanted = info_nce(queries[:, level], keys[:, level], method.queue.vectors[level], 0.2).mean()
        torch.testing.assert_close(terms[name], wanted)
    method.update()
    assert int(method.queue.pointer) == 4, "keys of the second view only"
    torch.testing.assert_close(method.queue.vectors[:, 1], nn.functional.normalize(keys[1], dim=-1))


def test_without_a_key_network_both_boxes_are_read_from_one_network(codo_videos: VideoIndex) -> None:
    """The query through its jittered box, the key through the exact one."""
    method, source = build(micro(jitter=0.4), codo_videos)
    method.eval()
    batch = source.batch(0)
    queries, keys = method.embed(batch)
    for view in range(2):
        for found, boxes in ((queries, batch.jittered), (keys, batch.boxes)):
            wanted = method.trunk(batch.images[view], boxes[view].expand(1, 2, -1, -1))[0]
            torch.testing.assert_close(found[view], wanted, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(queries, keys)


def test_keys_and_queue_get_no_gradient_and_the_pointer_wraps(codo_videos: VideoIndex) -> None:
    """Property (f)."""
    method, source = build(micro(ema=0.5, negatives="queue", queue_size=16), codo_videos)
    assert not any(p.requires_grad for p in method.keys.parameters())
    trained = {id(p) for p in method.trainable()}
    assert trained == {id(p) for p in method.trunk.parameters()}
    pointers = []
    for number in range(3):
        before = method.queue.vectors
        step(method, source.batch(number))
        assert method.queue.vectors is before, "the queue moves on in update, not before"
        assert all(p.grad is None for p in method.keys.parameters())
        new = method._new_keys
        method.update()
        pointers.append(int(method.queue.pointer))
        # Order (view, sample): the first four rows of the chunk are view 0.
        start = (8 * number) % 16
        wanted = nn.functional.normalize(new[1, 2], dim=-1)
        torch.testing.assert_close(method.queue.vectors[:, start + 4 + 2], wanted)
    assert pointers == [8, 0, 8]


def test_the_key_network_moves_before_its_keys_are_made(codo_videos: VideoIndex) -> None:
    method, source = build(micro(ema=0.75), codo_videos)
    with torch.no_grad():
        for parameter in method.trunk.parameters():
            parameter.add_(1.0)
    key = method.keys.module.reader.head.projection.weight.clone()
    step(method, source.batch(0))
    query = method.trunk.reader.head.projection.weight
    torch.testing.assert_close(method.keys.module.reader.head.projection.weight, key + 0.25 * (query - key))
    moved = method.keys.module.reader.head.projection.weight.clone()
    method.eval()(source.batch(1))
    assert torch.equal(method.keys.module.reader.head.projection.weight, moved), "not in evaluation"


def test_jitter_levels(codo_videos: VideoIndex) -> None:
    for where, first in (("all", 0), ("last", 1)):
        config = micro(jitter_levels=where)
        batch = build(config, codo_videos)[1].batch(0)
        wrong, exact = readings(batch, config)
        assert torch.equal(exact, batch.boxes.flatten(0, 1).expand(2, -1, -1))
        for level in range(2):
            wanted = batch.jittered if level >= first else batch.boxes
            assert torch.equal(wrong[level], wanted.flatten(0, 1))


def test_regions_are_pooled_as_the_detector_pools_them() -> None:
    maps = torch.randn(3, 4, 12, 12)
    boxes = torch.tensor([[8.0, 4, 40, 60], [0, 0, 96, 96], [11.5, 13.25, 19, 30]])
    rois = torch.cat([torch.arange(3.0)[:, None], boxes], dim=1)
    theirs = torchvision_roi_align(maps, rois, 5, 1 / 8, 2, aligned=True)
    torch.testing.assert_close(roi_align(maps, rois, 5, 8, 2), theirs)
    config = micro().trunk
    trunk = Trunk(micro().backbone, config)
    pooled = trunk.reader.pool({3: maps, 4: maps}, boxes.expand(2, -1, -1))
    wanted = roi_align(maps, rois, config.roi_size, 8, 2)
    torch.testing.assert_close(pooled[0], wanted)
    torch.testing.assert_close(pooled[1], roi_align(maps, rois, config.roi_size, 16, 2))
    with pytest.raises(DataError, match=r"Give \(L, N, 4\)"):
        trunk.reader.pool({3: maps, 4: maps}, boxes[None])


def test_the_same_box_on_every_level_and_every_reading_its_own() -> None:
    """Embeddings (R, N, L, D) come back in that order."""
    trunk = Trunk(micro().backbone, micro().trunk).eval()
    images = torch.randn(3, 3, 32, 32)
    boxes = torch.rand(2, 2, 3, 4) * 8
    boxes[..., 2:] += 12
    together = trunk(images, boxes)
    assert together.shape == (2, 3, 2, 8)
    for reading in range(2):
        for n in range(3):
            maps = trunk.reader.maps(trunk.stages(images[n : n + 1]))
            pooled = trunk.reader.pool(maps, boxes[reading, :, n : n + 1])
            for level in range(2):
                own = trunk.reader.head(pooled[level])[0]
                torch.testing.assert_close(own, together[reading, n, level], rtol=1e-4, atol=1e-5)


def test_regions_keep_their_corners_under_autocast(codo_videos: VideoIndex) -> None:
    method, source = build(micro(), codo_videos)
    method.eval()
    batch = source.batch(0)
    exact = method(batch)["total"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = method(batch)["total"]
        maps = {3: torch.randn(1, 8, 12, 12).bfloat16(), 4: torch.randn(1, 8, 6, 6).bfloat16()}
        boxes = torch.tensor([[[60.3, 33.1, 90.7, 71.9]]]).expand(2, -1, -1)
        pooled = method.trunk.reader.pool(maps, boxes)
    torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0.05)
    wanted = method.trunk.reader.pool({level: features.float() for level, features in maps.items()}, boxes)
    torch.testing.assert_close(pooled, wanted)


def test_heads_have_the_layers_of_their_recipes() -> None:
    published = RegionHead(replace(paper().trunk, fpn_channels=8, head_width=16))
    kinds = [type(layer).__name__ for layer in published.layers]
    assert kinds == ["Conv2d", "BatchNorm2d", "ReLU"] * 4 + ["Flatten", "Linear", "ReLU", "Linear", "ReLU"]
    ours = RegionHead(lite().trunk)
    assert [type(layer).__name__ for layer in ours.layers] == ["Flatten"] + ["Linear", "BatchNorm1d", "ReLU"] * 2
    assert published(torch.randn(2, 8, 7, 7)).shape == (2, 128)


def test_the_backbone_fits_the_lesson_detector() -> None:
    state = CoDo(lite()).backbone_state()
    detector = VideoDetector(presets.lesson().detector)
    detector.backbone.load_state_dict(state)
    assert Backbone(lite().backbone).state_dict().keys() == state.keys()


def test_presets() -> None:
    config = paper()
    assert config.composite.window.area == (0.2, 1.0) and config.composite.window.enlarge == 0
    assert config.composite.sides == (128, 255) and config.pretrain.learning_rate == 0.03
    assert (config.queue_size, config.ema, config.temperature, config.trunk.embedding) == (65_536, 0.999, 0.2, 128)
    assert config.trunk.levels == (2, 3, 4, 5) and config.pretrain.steps == 200 * 5004
    assert lite().composite.sides == (32, 64) and lite().composite.background == "downstream"


@pytest.mark.parametrize("changes", [
    {"negatives": "queue"}, {"negatives": "queue", "ema": 0.99, "queue_size": 20}, {"views": 1}, {"ema": 1.5},
    {"temperature": 0.0}, {"levels": (4, 3)}, {"levels": (3, 4, 5)}, {"levels": (1, 4)}, {"jitter": 1.0},
    {"instance_sides": (0.5, 0.4)}, {"instance_sides": (0.5,)}, {"background": "white"},
    {"pretrain": PretrainConfig(batch=1)},
])  # fmt: skip
def test_settings_that_cannot_work(changes: dict) -> None:
    with pytest.raises(DataError):
        micro(**changes)


def test_training_goes_on_from_a_saved_state(codo_videos: VideoIndex) -> None:
    config = micro(ema=0.9, negatives="queue", queue_size=16)
    method, source = build(config, codo_videos)
    step(method, source.batch(0))
    method.update()
    saved = copy.deepcopy(method.state_dict())
    again = CoDo(config)
    again.load_state_dict(saved)
    one, two = (m(source.batch(1))["total"] for m in (method, again))
    torch.testing.assert_close(one, two, rtol=0, atol=0)
