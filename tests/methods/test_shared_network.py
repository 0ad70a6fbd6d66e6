"""Stages, pyramid and projector: against torchvision, against the detector, and their options."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torchvision
from torch import nn
from torchvision.ops import FeaturePyramidNetwork

from clab_lite import presets
from clab_lite.config import BackboneConfig, ContrastConfig
from clab_lite.detector import VideoDetector
from clab_lite.detector.backbone import Backbone
from clab_lite.detector.contrast import AuxiliaryBranch
from clab_lite.methods.shared import Pyramid, Stages, projector, read_stages

SMALL = presets.lesson().detector.backbone


@pytest.mark.parametrize("architecture", ["resnet18", "resnet50"])
def test_stages_equal_torchvision(architecture: str) -> None:
    config = BackboneConfig(architecture, 64, imagenet_weights=False, frozen_stages=0)
    stages, twin = Stages(config).eval(), getattr(torchvision.models, architecture)().eval()
    for module in stages.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.0)  # the last of a block starts at 0, and would hide its branch
    missing = twin.load_state_dict(stages.detector_state(), strict=False)
    assert set(missing.missing_keys) == {"fc.weight", "fc.bias"} and not missing.unexpected_keys
    frames = torch.randn(1, 3, 64, 96)
    found = stages(frames)
    x = twin.maxpool(twin.relu(twin.bn1(twin.conv1(frames))))
    for name, value, stride, channels in zip((1, 2, 3, 4), found, stages.strides, stages.channels, strict=True):
        x = getattr(twin, f"layer{name}")(x)
        torch.testing.assert_close(value, x)
        assert value.shape == (1, channels, 64 // stride, 96 // stride)


def test_names_and_shapes_are_those_of_the_detector() -> None:
    stages, detector = Stages(SMALL), VideoDetector(presets.lesson().detector)
    theirs = detector.backbone.state_dict()
    assert {k: v.shape for k, v in stages.detector_state().items()} == {k: v.shape for k, v in theirs.items()}
    detector.backbone.load_state_dict(stages.detector_state())
    frames = torch.randn(2, 3, 64, 64)
    for mine, other in zip(stages.eval()(frames)[:3], read_stages(detector.backbone.eval(), frames)[:3], strict=True):
        torch.testing.assert_close(mine, other)  # only layer4 differs, by its dilation


def test_read_stages_of_the_detectors_backbone_are_its_c4_and_c5() -> None:
    backbone = Backbone(SMALL).eval()
    frames = torch.randn(1, 3, 64, 64)
    c4, c5 = backbone(frames)
    found = read_stages(backbone, frames)
    torch.testing.assert_close(found[2], c4)
    torch.testing.assert_close(found[3], c5)
    assert found[3].shape[-1] == 64 // 16


def test_small_stem_keeps_resolution_and_leaves_its_convolution_out() -> None:
    stages = Stages(SMALL, stem="small")
    shapes = [value.shape[-1] for value in stages(torch.randn(2, 3, 32, 32))]
    assert shapes == [32 // stride for stride in stages.strides] == [32, 16, 8, 4]
    backbone = Backbone(SMALL)
    missing = backbone.load_state_dict(stages.detector_state(), strict=False)
    assert missing.missing_keys == ["conv1.weight"] and not missing.unexpected_keys


def test_frozen_stages_and_norm_are_those_of_the_configuration() -> None:
    stages = Stages(replace(SMALL, frozen_stages=1, frozen_norm=True), stem="small").train()
    assert not stages.backbone.conv1.weight.requires_grad
    assert stages.backbone.get_submodule("layer2.0.conv1").weight.requires_grad
    assert not stages.backbone.bn1.training


def test_pyramid_equals_torchvisions() -> None:
    mine = Pyramid({3: 8, 4: 16, 5: 32}, 6)
    twin = FeaturePyramidNetwork([8, 16, 32], 6)
    for number, name in enumerate(("3", "4", "5")):
        twin.inner_blocks[number][0].load_state_dict(mine.lateral[name][0].state_dict())
        twin.layer_blocks[number][0].load_state_dict(mine.output[name][0].state_dict())
    features = {3: torch.randn(2, 8, 13, 20), 4: torch.randn(2, 16, 7, 10), 5: torch.randn(2, 32, 4, 5)}
    expected = twin({str(k): v for k, v in features.items()})
    found = mine(features)
    assert list(found) == [3, 4, 5]
    for level, value in found.items():
        torch.testing.assert_close(value, expected[str(level)])


def test_pyramid_starts_as_published() -> None:
    """Uniform with variance 1 / inputs (Kaiming, a = 1), three times that of a plain convolution; no bias."""
    for layer in Pyramid({3: 64, 4: 64}, 64).modules():
        if isinstance(layer, nn.Conv2d):
            inputs = layer.weight[0].numel()
            assert 0.98 < layer.weight.abs().max().item() / (3 / inputs) ** 0.5 <= 1
            assert layer.bias is not None and not layer.bias.any()


def test_pyramid_options() -> None:
    pyramid = Pyramid({3: 8, 4: 16, 5: 32}, 6, outputs=(4, 3), norm=True)
    assert pyramid.outputs == (3, 4) and set(pyramid.output) == {"3", "4"} and set(pyramid.lateral) == {"3", "4", "5"}
    convolutions = [m for m in pyramid.modules() if isinstance(m, nn.Conv2d)]
    assert all(conv.bias is None for conv in convolutions)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in pyramid.modules()) == len(convolutions) == 5
    features = {3: torch.randn(2, 8, 8, 8), 4: torch.randn(2, 16, 4, 4), 5: torch.randn(2, 32, 4, 4)}  # dilated C5
    found = pyramid(features)
    assert found[3].shape == (2, 6, 8, 8) and found[4].shape == (2, 6, 4, 4)
    sum(value.sum() for value in found.values()).backward()
    assert all(p.grad is not None for p in pyramid.parameters())  # no weight without use


def test_projector_is_the_one_of_the_branch() -> None:
    branch = AuxiliaryBranch(4, ContrastConfig(channels=8, hidden=6, embedding=5))
    assert {k: tuple(v.shape) for k, v in branch.state_dict().items() if "projector" in k} == {
        "projector.0.weight": (6, 8),
        "projector.0.bias": (6,),
        "projector.2.weight": (5, 6),
        "projector.2.bias": (5,),
    }
    assert [type(m) for m in projector(3, 4, 2, layers=3)] == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    assert [type(m) for m in projector(3, 4, 2, layers=1)] == [nn.Linear]
