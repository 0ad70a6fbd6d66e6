"""CrossCL beside detector training: views from clips, the loop of `clab_lite.train`, a plain detector at the end."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from clab_lite import presets
from clab_lite.config import WeightScheduleConfig
from clab_lite.data import open_dataset
from clab_lite.detector import VideoDetector
from clab_lite.methods.crosscl import lite
from clab_lite.methods.crosscl.auxiliary import CrossStageDetector, pairs_from_clips
from clab_lite.methods.shared import PretrainConfig
from clab_lite.train import train

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/detector"))

from tiny_model import clips_and_targets, small_config  # noqa: E402

SMALL = lite(pretrain=PretrainConfig(batch=2), neck_dim=8, queue=8, global_dim=6)


def test_views_are_cut_from_the_key_frame_inside_its_padding() -> None:
    clips, targets = clips_and_targets(3)
    for target in targets:
        target["image_size"] = (50, 90)
    clips[..., 50:, :] = clips[..., :, 90:] = 1000.0  # padding that must not be seen
    clips[:, 1:] = 1000.0  # nor the reference frames
    batch = pairs_from_clips(clips, targets, SMALL)
    assert batch.query.shape == batch.key.shape == (3, 3, 96, 96)
    for crops, views in ((batch.query_crops, batch.query), (batch.key_crops, batch.key)):
        assert (crops[:, 2] <= 90).all() and (crops[:, 3] <= 50).all() and views.max() < 100


def test_temporal_views_are_the_key_frame_and_its_reference() -> None:
    clips, targets = clips_and_targets(2, height=96, width=96)
    batch = pairs_from_clips(clips, targets, replace(SMALL, views="temporal"))
    torch.testing.assert_close(batch.query, clips[:, 0])
    torch.testing.assert_close(batch.key, clips[:, 1])
    assert torch.equal(batch.query_crops, batch.key_crops)


def test_contrast_is_the_cross_stage_total_and_trains_the_backbone() -> None:
    torch.manual_seed(0)
    detector = CrossStageDetector(small_config(), SMALL).train()
    clips, targets = clips_and_targets()
    losses = detector(clips, targets)
    assert set(losses) == {"rpn_objectness", "rpn_box", "box_class", "box_regression", "contrast"}
    torch.testing.assert_close(losses["contrast"].detach(), detector.last_terms["total"])
    assert {"p3_to_p4", "p4_to_p3", "global", "valid_share"} <= set(detector.last_terms)
    losses["contrast"].backward()
    assert detector.backbone.conv1.weight.grad is not None and detector.backbone.conv1.weight.grad.abs().sum() > 0
    assert detector.rpn.objectness.weight.grad is None
    assert int(detector.cross.queue.pointer) == 2
    assert not any(p.requires_grad for name, p in detector.named_parameters() if "cross.key_" in name)


def test_a_plain_detector_remains() -> None:
    detector = CrossStageDetector(small_config(), SMALL)
    config = small_config()
    plain = VideoDetector(replace(config, contrast=replace(config.contrast, enabled=False)))
    plain.load_state_dict(detector.detector_state())  # strict: neither more nor less
    assert torch.equal(plain.rpn.objectness.weight, detector.rpn.objectness.weight)


def test_the_training_loop_takes_it(tmp_path: Path) -> None:
    index = open_dataset(ROOT / "data_samples", split="train", progress=False, cache=False)
    config = presets.lesson()
    config = replace(
        config,
        detector=replace(config.detector, num_classes=len(index.class_names)),
        train=replace(
            config.train, iterations=2, threads=1, clips_per_rank=2, precision="float32",
            contrast=WeightScheduleConfig(start=0.01, until=1.0),
        ),
    )  # fmt: skip
    torch.manual_seed(0)
    detector = CrossStageDetector(config.detector, SMALL)
    result = train(config, index.select(range(4)), tmp_path / "run", detector=detector, progress=False, device="cpu")
    assert result.iterations == 2 and result.last_row is not None
    row = result.last_row
    assert row["contrast_weight"] == pytest.approx(0.005) and row["losses"]["contrast"] > 1
