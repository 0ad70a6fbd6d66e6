"""Backbones under the names of torchvision, detectron2 and mmdetection."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import torch
import torchvision
from safetensors.torch import load_file

from clab_lite.config import BackboneConfig
from clab_lite.detector.backbone import Backbone
from clab_lite.errors import DataError
from clab_lite.interop.backbone_names import Style, from_style, read_style, save_style, to_style

_DEPTHS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3)}


def _backbone(architecture: str, width: int) -> Backbone:
    torch.manual_seed(1)
    return Backbone(BackboneConfig(architecture, width, imagenet_weights=False, frozen_stages=0))  # type: ignore[arg-type]


def detectron2_names(architecture: str) -> set[str]:
    """Written out stage by stage: the weights of a detectron2 ResNet."""
    norm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    layers = ["stem.conv1"]
    convolutions = 2 if architecture == "resnet18" else 3
    for stage, depth in enumerate(_DEPTHS[architecture]):
        for block in range(depth):
            place = f"res{stage + 2}.{block}"
            layers += [f"{place}.conv{number + 1}" for number in range(convolutions)]
            if block == 0 and (stage > 0 or architecture == "resnet50"):
                layers.append(f"{place}.shortcut")
    return {f"{layer}.{rest}" for layer in layers for rest in ["weight", *(f"norm.{name}" for name in norm)]}


@pytest.mark.parametrize("architecture", _DEPTHS)
def test_names_of_detectron2(architecture: str) -> None:
    state = _backbone(architecture, 4).state_dict()
    renamed = to_style(state, "detectron2")
    assert renamed.keys() == detectron2_names(architecture)
    assert renamed["res3.0.shortcut.norm.bias"] is state["layer2.0.downsample.1.bias"]
    assert renamed["res2.1.conv2.norm.running_var"] is state["layer1.1.bn2.running_var"]
    assert renamed["stem.conv1.norm.weight"] is state["bn1.weight"]


def test_names_of_torchvision_and_mmdetection() -> None:
    state = _backbone("resnet50", 4).state_dict()
    whole = torchvision.models.resnet50(weights=None).state_dict()
    assert to_style(state, "torchvision").keys() == {name for name in whole if not name.startswith("fc.")}
    assert list(to_style(state, "mmdetection")) == [f"backbone.{name}" for name in state]


@pytest.mark.parametrize("architecture", _DEPTHS)
@pytest.mark.parametrize("style", get_args(Style))
def test_there_and_back(architecture: str, style: Style, tmp_path: Path) -> None:
    """In memory, through a file of torch.save, and through a file of bare tensors."""
    state = _backbone(architecture, 4).state_dict()
    for name in ("b.pth", "b.safetensors"):
        save_style(tmp_path / name, state, style)
    bare = load_file(tmp_path / "b.safetensors")
    for found in (
        from_style(to_style(state, style), style),
        read_style(tmp_path / "b.pth", style),
        from_style(bare, style),
    ):
        assert found.keys() == state.keys()
        assert all(torch.equal(found[name], value) for name, value in state.items())


def test_torchvision_computes_the_same_with_the_exported_weights(tmp_path: Path) -> None:
    """Up to C4: its layer4 is not dilated."""
    ours = _backbone("resnet18", 64).eval()
    save_style(tmp_path / "b.pth", ours.state_dict(), "torchvision")
    theirs = torchvision.models.resnet18(weights=None).eval()
    answer = theirs.load_state_dict(torch.load(tmp_path / "b.pth", weights_only=True), strict=False)
    assert answer.missing_keys == ["fc.weight", "fc.bias"] and not answer.unexpected_keys
    frames = torch.randn(1, 3, 64, 64)
    x = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(frames))))
    torch.testing.assert_close(theirs.layer3(theirs.layer2(theirs.layer1(x))), ours(frames)[0])


def test_files_are_what_their_readers_expect(tmp_path: Path) -> None:
    state = _backbone("resnet18", 4).state_dict()
    for style in get_args(Style):
        save_style(tmp_path / style, state, style)
    opened = {style: torch.load(tmp_path / style, weights_only=True) for style in get_args(Style)}
    assert opened["torchvision"].keys() == state.keys()
    assert opened["detectron2"]["matching_heuristics"] is True
    assert "res5.1.conv2.norm.bias" in opened["detectron2"]["model"]
    assert "backbone.layer4.1.bn2.bias" in opened["mmdetection"]["state_dict"]


def test_of_a_whole_model_the_backbone_is_taken(tmp_path: Path) -> None:
    whole = torchvision.models.resnet18(weights=None).state_dict()
    assert from_style(whole, "torchvision").keys() == _backbone("resnet18", 64).state_dict().keys()
    torch.save(
        {"state_dict": {f"backbone.{k}": v for k, v in whole.items()} | {"neck.w": torch.ones(1)}}, tmp_path / "m"
    )
    assert "neck.w" not in read_style(tmp_path / "m", "mmdetection")


def test_other_files_and_other_libraries_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no name is one of a ResNet of detectron2; the first is 'conv1\.weight'"):
        from_style(_backbone("resnet18", 4).state_dict(), "detectron2")
    with pytest.raises(DataError, match="no names of 'caffe'"):
        to_style({}, "caffe")  # type: ignore[arg-type]
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(DataError, match="no named tensors"):
        read_style(tmp_path / "list.pth", "torchvision")
    with pytest.raises(DataError, match="could not be written"):
        save_style(Path("/proc/none/b.pth"), {}, "torchvision")
