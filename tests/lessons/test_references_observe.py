"""Lesson 03 shows what the detector computes: nothing else, nothing less."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision.ops
from references_scene import VIDEO, small_scene, untrained

from clab_lite import lessons
from clab_lite.config import FrameConfig
from clab_lite.data.references import adaptive_references
from clab_lite.detector.box_losses import BOX_DELTA_STD
from clab_lite.detector.boxes import decode_boxes
from clab_lite.detector.memory import FrameMemory
from clab_lite.errors import DataError
from clab_lite.lessons.references.damage import damage
from clab_lite.lessons.references.observe import Observation, observe
from clab_lite.lessons.references.scene import Scene


@pytest.fixture(scope="module")
def scene() -> Scene:
    return small_scene()


def by_library(scene: Scene, key: int, numbers: list[int]) -> dict[str, torch.Tensor]:
    memory = FrameMemory.join([scene.remembered[number] for number in numbers])
    frame = scene.prepared[key]
    return scene.detector.detect(frame.pixels, memory, frame.image_size, frame.scale)


def assert_same(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert len(wanted["scores"]) > 0
    for name, values in wanted.items():
        torch.testing.assert_close(found[name], values, rtol=0, atol=0)


@pytest.mark.parametrize("numbers", [[0, 3, 3, 7], [2]])
def test_detections_are_those_of_detect(scene: Scene, numbers: list[int]) -> None:
    assert_same(scene.look(3, numbers).detections, by_library(scene, 3, numbers))


def test_the_default_is_the_adaptive_memory_of_detect_video(scene: Scene) -> None:
    video = [frame.pixels for frame in scene.prepared]  # 192 x 128: no padding
    everything = list(scene.detector.detect_video(video))
    assert_same(scene.look(5).detections, everything[5])
    assert scene.look(5).frames == (*adaptive_references(len(scene), scene.count), 5)


def test_alone_is_the_frame_with_itself() -> None:
    scene = small_scene(temporal=False)
    seen = scene.look(1, 0)
    assert seen.frames == (1,)
    assert len(seen.observation.reference_boxes) == 1
    # detect() adds the key frame to a memory of it: attention over two copies of everything is attention over one.
    twice = by_library(scene, 1, [1])
    torch.testing.assert_close(seen.detections["scores"][:5], twice["scores"][:5], rtol=1e-4, atol=1e-6)


def test_observing_leaves_no_hooks_behind(scene: Scene) -> None:
    scene.look(0)
    assert not any(module._forward_hooks for module in scene.detector.modules())


def test_training_mode_is_refused(scene: Scene) -> None:
    scene.detector.train()
    try:
        with pytest.raises(DataError, match="training mode"):
            observe(scene.detector, scene.prepared[0], None, scene.remembered[0])
    finally:
        scene.detector.eval()


@pytest.mark.parametrize("blocks", [1, 4, 0])
def test_attention_put_together_again_is_the_modules_output(blocks: int) -> None:
    scene = small_scene(attention_blocks=blocks)
    observation = scene.look(6).observation
    assert len(observation.selsa) == len(scene.detector.box_head.layers)
    for layer in observation.selsa:
        torch.testing.assert_close(layer.rebuilt, layer.output, rtol=0, atol=1e-5)
        torch.testing.assert_close(layer.weights.sum(dim=2), torch.ones_like(layer.weights[..., 0]))
    for region in (0, 17, len(observation.regions) - 1):
        view = observation.temporal(region)
        torch.testing.assert_close(view.rebuilt, view.output, rtol=0, atol=1e-5)
        torch.testing.assert_close(view.weights.sum(dim=0), torch.ones_like(view.weights[0]))


def test_plain_selsa_has_no_temporal_view() -> None:
    seen = small_scene(temporal=False).look(2)
    assert seen.observation.temporal_call is None
    with pytest.raises(DataError, match="plain SELSA"):
        seen.observation.temporal(0)


def test_every_detection_names_the_region_it_came_from(scene: Scene) -> None:
    frame, observation = scene.prepared[3], scene.look(3).observation
    # The head again, by hand, on the same regions.
    own = scene.remembered[3]
    numbers = [*adaptive_references(len(scene), scene.count), 3]
    memory = FrameMemory.join([scene.remembered[number] for number in numbers])
    with torch.no_grad():
        logits, deltas = scene.detector.score_regions(own.features, own.proposals[0], memory)
    boxes = decode_boxes(own.proposals[0], deltas, BOX_DELTA_STD, frame.image_size)
    scores = logits.softmax(dim=1)
    found = observation.detections
    region = observation.region
    torch.testing.assert_close(boxes[region], found["boxes"], rtol=0, atol=0)
    torch.testing.assert_close(scores[region, found["labels"]], found["scores"], rtol=0, atol=0)


@torch.no_grad()
def test_boxes_are_in_pixels_of_the_stored_frame() -> None:
    """A resized, padded frame whose two sides have different factors."""
    given = untrained()
    frame = FrameConfig(long_side=101, short_side=101)
    small = replace(given, config=replace(given.config, detector=replace(given.config.detector, frame=frame)))
    scene = Scene(small, lessons.samples("val"), VIDEO)
    prepared, seen = scene.prepared[3], scene.look(3)
    (x, y), (height, width) = seen.scale, prepared.image_size
    assert x != y and x < 0.6
    assert tuple(prepared.pixels.shape[1:]) != (height, width)  # padded
    assert_same(seen.detections, by_library(scene, 3, list(seen.frames[:-1])))
    wanted = torch.stack([seen.observation.regions[:, 0::2] / x, seen.observation.regions[:, 1::2] / y], 2).flatten(1)
    torch.testing.assert_close(seen.regions, wanted)
    assert 0.8 * 192 < float(seen.regions[:, 2].max()) <= 192.01
    assert 0.8 * 128 < float(seen.regions[:, 3].max()) <= 128.01
    logits, deltas = scene.detector.score_regions(
        scene.remembered[3].features,
        seen.observation.regions,
        FrameMemory.join([scene.remembered[number] for number in seen.frames]),
    )
    boxes = decode_boxes(seen.observation.regions, deltas, BOX_DELTA_STD, prepared.image_size)
    found = boxes[seen.observation.region] / boxes.new_tensor([x, y, x, y])
    torch.testing.assert_close(found, seen.detections["boxes"], rtol=0, atol=1e-4)
    assert logits.shape[0] == len(seen.regions)


def test_similar_cells_by_a_slow_loop(scene: Scene) -> None:
    observation = scene.look(3).observation
    view = observation.temporal(5)
    assert observation.temporal_call is not None
    module, boxes, key, references, _ = observation.temporal_call
    height, width = key.size
    assert view.map_size == (height, width)
    size, key_map = module.config.output_size, key.cells.T.reshape(1, -1, height, width)
    pooled = torchvision.ops.roi_align(key_map, [boxes[5:6]], size, 1 / module.stride, 2, aligned=True)
    cell = pooled[0, :, 1, 3].tolist()
    for number in (0, 7):
        cosines = []
        for y in range(height):
            for x in range(width):
                other = references[number].cells[y * width + x].tolist()
                product = sum(a * b for a, b in zip(cell, other, strict=True))
                cosines.append(product / math.hypot(*cell) / math.hypot(*other))
        order = np.argsort(cosines)[::-1][: view.index.shape[-1]]
        assert view.index[number, 0, 1, 3].tolist() == order.tolist()
        np.testing.assert_allclose(view.cosine[number, 0, 1, 3], np.array(cosines)[order], atol=1e-5)


def selsa_total(observation: Observation) -> float:
    return float(observation.selsa[0].output.abs().sum())


def test_a_damaged_key_frame_is_damaged_among_its_references_too(scene: Scene) -> None:
    image = damage(scene.images[3], scene.truth[3].boxes[0], dark=0.8)
    seen = scene.look(3, [3, 5], image)
    frame = scene._prepare(image)
    own = scene.detector.remember(frame.pixels[None], [frame.image_size])
    memory = FrameMemory.join([own, scene.remembered[5]])
    wanted = scene.detector.detect(frame.pixels, memory, frame.image_size, frame.scale)
    assert_same(seen.detections, wanted)
    clean = FrameMemory.join([scene.remembered[3], scene.remembered[5]])
    with_clean_copy = observe(scene.detector, frame, clean)
    assert selsa_total(with_clean_copy) != pytest.approx(selsa_total(seen.observation))


def test_a_pair_is_two_looks(scene: Scene) -> None:
    alone, joined = scene.pair(2)
    assert_same(alone.detections, scene.look(2, 0).detections)
    assert_same(joined.detections, scene.look(2).detections)
