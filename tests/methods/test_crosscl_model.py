"""The whole method: settings, data, key network, queue, gradients, auxiliary form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from clab_lite import presets
from clab_lite.data import open_dataset
from clab_lite.data.video_index import VideoIndex
from clab_lite.detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.methods.crosscl import CrossCL, CrossCLConfig, PairBatch, build, lite, paper
from clab_lite.methods.crosscl.data import PairSource
from clab_lite.methods.shared import PretrainConfig
from clab_lite.methods.shared.steps import train_steps

ROOT = Path(__file__).parents[2]
SMALL = lite(
    pretrain=PretrainConfig(steps=3, batch=4, learning_rate=0.05),
    backbone=replace(lite().backbone, width=4),
    neck_dim=8,
    queue=12,
    global_dim=6,
)
TERMS = {"global", "p3", "p4", "p3_to_p4", "p4_to_p3", "total", "valid_share"}


@pytest.fixture(scope="module")
def index() -> VideoIndex:
    return open_dataset(ROOT / "data_samples", split="train", progress=False, cache=False)


def same_views(method: CrossCL, count: int = 4) -> PairBatch:
    """Query and key are the same picture, whole: every window is valid."""
    views, crops = torch.randn(count, 3, 96, 96), torch.tensor([[0.0, 0, 128, 128]] * count, dtype=torch.float64)
    frames = torch.zeros(count, 3, dtype=torch.int64)
    return PairBatch(views, views, crops, crops, frames, torch.zeros(count, dtype=torch.bool))


def test_presets() -> None:
    assert lite() == CrossCLConfig() and lite().backbone == presets.lesson().detector.backbone
    published = paper()
    assert (published.neck_dim, published.queue, published.global_dim, published.momentum) == (256, 65_536, 128, 0.999)
    assert published.pretrain.batch == 256 and published.crop_area_min == 0.2
    assert published.gather == "deepest" and published.counts_processes and not lite().counts_processes
    assert published.backbone.architecture == "resnet50" and published.image_size == 224


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image_size": 100}, "multiple of 32"),
        ({"queue": 100}, "whole number of batches"),
        ({"image_size": 32}, "Choose less or larger views"),
        ({"stages": (3, 3)}, "once"),
        ({"stages": (3, 5)}, "from 2 to 4"),
        ({"temperature": 0}, "temperature is 0"),
        ({"pool": "mean"}, "'exact' or 'roi_align'"),
    ],
)
def test_settings_that_cannot_be_used(changes: dict, words: str) -> None:
    with pytest.raises(DataError, match=words):
        lite(**changes)


def test_a_step_gives_all_terms_and_reaches_every_trainable_parameter(index: VideoIndex) -> None:
    method, source = build(SMALL, index)
    terms = method(source.batch(0))
    assert set(terms) == TERMS and all(value.ndim == 0 and value.isfinite() for value in terms.values())
    assert 0 < terms["valid_share"] <= 1
    terms["total"].backward()
    parameters = list(method.trainable())
    assert all(parameter.grad is not None for parameter in parameters)
    named = dict(method.named_parameters())
    keys = [name for name in named if "key_" in name]
    assert keys and not any(named[name].requires_grad for name in keys)
    assert len(parameters) == len(named) - len(keys)


def test_update_fills_the_ring_once_per_batch(index: VideoIndex) -> None:
    method, source = build(SMALL, index)
    queue = method.contrast.queue
    for step, pointer in enumerate((4, 8, 0, 4)):
        before = queue.vectors.clone()
        method(source.batch(step))
        assert torch.equal(queue.vectors, before)  # the loss saw the queue as it was
        method.update()
        method.update()  # a second call has nothing to put in
        assert int(queue.pointer) == pointer
        assert int((queue.vectors != before).any(dim=1).sum()) == 4


def test_key_network_follows_before_the_forward_only_in_training() -> None:
    method = CrossCL(SMALL)
    with torch.no_grad():
        for parameter in method.trainable():
            parameter.add_(torch.ones_like(parameter))
    key = dict(method.contrast.key_heads.module.named_parameters())["image_head.0.weight"]
    query, before = method.contrast.heads.image_head[0].weight, key.clone()
    method.eval()(same_views(method))
    assert torch.equal(key, before)
    method.update()  # nothing was remembered in eval mode
    assert int(method.contrast.queue.pointer) == 0
    method.train()(same_views(method))
    torch.testing.assert_close(key, 0.99 * before + 0.01 * query)


def test_cross_weight_zero_takes_the_cross_terms_out_of_the_gradient() -> None:
    """Property (g), on the parameters: only intra terms reach the pyramid."""
    torch.manual_seed(0)
    method = CrossCL(replace(SMALL, cross_weight=0.0, intra_weight=0.0))
    method(same_views(method))["total"].backward()
    assert all(not p.grad.any() for p in method.contrast.heads.pyramid.parameters() if p.grad is not None)


def test_training_is_a_pure_function_of_the_seed(index: VideoIndex) -> None:
    def run() -> list[float]:
        torch.manual_seed(3)
        method, source = build(SMALL, index)
        return [report.terms["total"] for report in train_steps(method.train(), source, SMALL.pretrain)]

    first = run()
    assert len(first) == 3 and first == run()


def test_a_run_can_go_on_where_it_stopped(index: VideoIndex) -> None:
    torch.manual_seed(3)
    method, source = build(SMALL, index)
    whole = [report.terms["total"] for report in train_steps(method, source, SMALL.pretrain)]
    torch.manual_seed(3)
    method, source = build(SMALL, index)
    optimizer = torch.optim.SGD(list(method.trainable()), lr=1, momentum=0.9, weight_decay=1e-4)
    first = next(train_steps(method, source, SMALL.pretrain, optimizer=optimizer))
    state = method.state_dict()
    other, _ = build(SMALL, index)
    other.load_state_dict(state)
    fresh = torch.optim.SGD(list(other.trainable()), lr=1, momentum=0.9, weight_decay=1e-4)
    fresh.load_state_dict(optimizer.state_dict())
    rest = [r.terms["total"] for r in train_steps(other, source, SMALL.pretrain, optimizer=fresh, start=1)]
    assert [first.terms["total"], *rest] == pytest.approx(whole, rel=1e-5)


def test_what_is_learned_goes_into_the_detector() -> None:
    method, detector = CrossCL(lite()), VideoDetector(presets.lesson().detector)
    detector.backbone.load_state_dict(method.backbone_state())  # strict: neither more nor less
    assert torch.equal(detector.backbone.layer3[0].conv1.weight, method.backbone_state()["layer3.0.conv1.weight"])


def test_batches_are_pure_and_hold_their_geometry(index: VideoIndex) -> None:
    source = PairSource(index, SMALL)
    first, again, other = source.batch(5), PairSource(index, SMALL).batch(5), source.batch(6)
    for name, value in vars(first).items():
        assert torch.equal(value, getattr(again, name)), name
    assert not torch.equal(first.query, other.query)
    assert first.query.shape == first.key.shape == (4, 3, 96, 96) and first.query.dtype == torch.float32
    assert len(set(first.frames[:, 0].tolist())) == 4  # different videos
    assert torch.equal(first.frames[:, 1], first.frames[:, 2])  # crops of one frame
    width, height = index.frame_size(0, 0)
    for crops in (first.query_crops, first.key_crops):
        assert (crops[:, :2] >= 0).all() and (crops[:, 2] <= width).all() and (crops[:, 3] <= height).all()
        area = (crops[:, 2] - crops[:, 0]) * (crops[:, 3] - crops[:, 1]) / (width * height)
        assert (area > 0.28).all()
    assert not torch.equal(first.query_crops, first.key_crops)


def test_flip_is_shared_and_comes_before_the_crop(index: VideoIndex) -> None:
    """Without colour changes, the crop of the mirrored frame at the stored rectangle is the view."""
    from clab_lite.data.transforms import normalise
    from clab_lite.methods.shared.views import PhotoConfig, crop_and_resize, photometric

    source = PairSource(index, SMALL)
    source.photo = photometric(PhotoConfig(jitter_probability=0, grey=0, blur=0))
    seen = set()
    for step in range(4):
        batch = source.batch(step)
        for row in range(4):
            video, frame, key_frame = batch.frames[row].tolist()
            for number, crops, views in (
                (frame, batch.query_crops, batch.query),
                (key_frame, batch.key_crops, batch.key),
            ):
                image = index.load_image(video, number)
                image = image.flip(-1) if batch.flipped[row] else image
                rectangle = tuple(int(v) for v in crops[row])
                expected = normalise(crop_and_resize(image, rectangle, 96))  # type: ignore[arg-type]
                torch.testing.assert_close(views[row], expected)
            seen.add(bool(batch.flipped[row]))
    assert seen == {True, False}


def test_blur_comes_before_colour(index: VideoIndex) -> None:
    """As published; the other methods blur last."""
    first = PairSource(index, SMALL).photo.transforms[0]
    assert "GaussianBlur" in str(first) and "ColorJitter" not in str(first)


def test_temporal_views_are_whole_frames_a_gap_apart(index: VideoIndex) -> None:
    batch = PairSource(index, replace(SMALL, views="temporal", temporal_gap=3)).batch(0)
    assert torch.equal(batch.frames[:, 2] - batch.frames[:, 1], torch.full((4,), 3))
    assert torch.equal(batch.query_crops, batch.key_crops)
    still = PairSource(index, replace(SMALL, views="temporal", temporal_gap=500)).batch(0)
    assert (still.frames[:, 2] - still.frames[:, 1] == 7).all()  # as far as a video of 8 frames goes


def test_more_samples_than_videos(index: VideoIndex) -> None:
    batch = PairSource(index.select([0, 1, 2]), SMALL).batch(0)
    assert sorted(batch.frames[:, 0].tolist())[:3] != [0, 0, 0] and len(set(batch.frames[:, 0].tolist())) == 3


def test_batch_of_one_and_no_valid_window_train_on(index: VideoIndex) -> None:
    config = replace(SMALL, pretrain=replace(SMALL.pretrain, batch=1), neck_norm=False)
    method, source = build(config, index)
    batch = replace(source.batch(0), key_crops=source.batch(0).query_crops + 1000)
    terms = method(batch)
    terms["total"].backward()
    assert terms["valid_share"] == 0 and terms["total"].isfinite() and terms["p4_to_p3"] == 0
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in method.trainable())


def test_an_empty_dataset_is_refused(index: VideoIndex) -> None:
    with pytest.raises(DataError, match="holds no video"):
        PairSource(index.select([]), SMALL)
