"""RoIAlign and SELSA's attention against obviously correct twins; the backbone: dilation, frozen parts, weights."""

import hashlib
import urllib.error
from pathlib import Path

import pytest
import torch
import torchvision.models
import torchvision.ops
from torch import nn

from clab_lite.config import BackboneConfig
from clab_lite.detector.backbone import Backbone
from clab_lite.detector.roi_align import roi_align
from clab_lite.detector.selsa import SelsaAggregator
from clab_lite.errors import DataError


def random_rois(count: int, frames: int) -> torch.Tensor:
    corner = torch.rand(count, 2) * torch.tensor([180.0, 120]) - 20
    size = torch.rand(count, 2) * 120
    return torch.cat([torch.randint(frames, (count, 1)).float(), corner, corner + size], dim=1)


@pytest.mark.parametrize("sampling_ratio", [1, 2, 3])
def test_roi_align_equals_the_operator_forward_and_backward(sampling_ratio: int) -> None:
    torch.manual_seed(0)
    features = torch.randn(3, 5, 8, 12, dtype=torch.float64).float().requires_grad_()
    twin = features.detach().clone().requires_grad_()
    rois = random_rois(40, 3)
    found = roi_align(features, rois, 5, 16, sampling_ratio)
    expected = torchvision.ops.roi_align(twin, rois, 5, 1 / 16, sampling_ratio, aligned=True)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    weight = torch.randn_like(found)
    (found * weight).sum().backward()
    (expected * weight).sum().backward()
    torch.testing.assert_close(features.grad, twin.grad, rtol=1e-4, atol=1e-5)


def test_roi_align_of_a_ramp_reads_the_position() -> None:
    """On features f(x, y) = x + 100 y, in pixels, a pooled cell is the position of its centre."""
    y, x = torch.meshgrid(torch.arange(10.0), torch.arange(14.0), indexing="ij")
    ramp = ((x + 0.5) * 16 + 100 * (y + 0.5) * 16)[None, None].requires_grad_()
    (found,) = roi_align(ramp, torch.tensor([[0.0, 40, 30, 80, 110]]), 2, 16, 2)
    expected = torch.tensor([[50 + 100 * 50.0, 70 + 100 * 50], [50 + 100 * 90, 70 + 100 * 90]])
    torch.testing.assert_close(found[0], expected)


def test_no_regions() -> None:
    features = torch.randn(2, 4, 8, 8, requires_grad=True)
    found = roi_align(features, torch.zeros(0, 5), 5, 16, 2)
    assert found.shape == (0, 4, 5, 5)
    found.sum().backward()
    assert (features.grad == 0).all()


def test_aggregation_equals_the_loop_and_copes_with_no_references() -> None:
    torch.manual_seed(0)
    module = SelsaAggregator(8, attention_blocks=2)
    regions, references = torch.randn(3, 8), torch.randn(5, 8)
    with torch.no_grad():
        query, key, value = module.query(regions), module.key(references), module.value(references)
        attended = torch.zeros(3, 8)
        for r in range(3):
            for block in (slice(0, 4), slice(4, 8)):
                weight = torch.stack([query[r, block] @ key[s, block] / 2 for s in range(5)]).softmax(dim=0)
                attended[r, block] = sum(w * value[s, block] for s, w in enumerate(weight))
        torch.testing.assert_close(module(regions, module.remember(references)), module.output(attended))
        assert module(regions, module.remember(references[:0])).isfinite().all()


@pytest.mark.parametrize("architecture", ["resnet18", "resnet50", "resnext101_64x4d"])
def test_layer4_is_dilated_everywhere(architecture: str) -> None:
    with torch.device("meta"):
        backbone = Backbone(BackboneConfig(architecture, imagenet_weights=False))
        convolutions = [m for m in backbone.get_submodule("layer4").modules() if isinstance(m, nn.Conv2d)]
        c4, c5 = backbone(torch.empty(1, 3, 64, 96))
    assert all(m.stride == (1, 1) for m in convolutions)
    assert {m.dilation for m in convolutions if m.kernel_size == (3, 3)} == {(2, 2)}
    assert c4.shape[-2:] == c5.shape[-2:] == (4, 6)


def test_frozen_parts_stay_frozen() -> None:
    backbone = Backbone(BackboneConfig("resnet18", imagenet_weights=False)).train()
    assert not any(
        p.requires_grad for p in (*backbone.conv1.parameters(), *backbone.get_submodule("layer1").parameters())
    )
    assert all(p.requires_grad for p in backbone.get_submodule("layer2").parameters())
    assert not any(m.training for m in backbone.modules() if isinstance(m, nn.BatchNorm2d))


def test_without_a_network_the_message_says_what_to_do(monkeypatch, caplog, tmp_path) -> None:
    """ImageNet weights cannot be reached: training goes on from random weights, loudly."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def unreachable(*_args, **_kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("torch.hub.download_url_to_file", unreachable)
    backbone = Backbone(BackboneConfig("resnet18"))
    assert "could not be downloaded" in caplog.text and "random weights" in caplog.text
    assert backbone.conv1.weight.isfinite().all()


def cached_weights(monkeypatch, folder: Path, state: object) -> Path:
    """Put a file where torchvision keeps ResNet-18; its hash becomes the expected one."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(folder))
    file = folder / "checkpoints" / Path(torchvision.models.ResNet18_Weights.IMAGENET1K_V1.url).name
    file.parent.mkdir()
    torch.save(state, file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setattr("clab_lite.detector.backbone._hash_prefix", lambda _file: digest[:8])
    return file


def test_downloaded_weights_are_loaded(monkeypatch, tmp_path) -> None:
    state = torchvision.models.resnet18(weights=None).state_dict()
    cached_weights(monkeypatch, tmp_path, state)
    backbone = Backbone(BackboneConfig("resnet18"))
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, state[name]), name


def test_a_damaged_download_is_named(monkeypatch, tmp_path) -> None:
    file = cached_weights(monkeypatch, tmp_path, {})
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"resnet18-.*delete it"):
        Backbone(BackboneConfig("resnet18"))


def test_a_download_of_another_file_is_refused(monkeypatch, tmp_path) -> None:
    """The file that torchvision fetches is checked while it comes in, and again each time it is read."""
    torch.save({}, tmp_path / "served.pth")
    weights = torchvision.models.ResNet18_Weights.IMAGENET1K_V1
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    address = (tmp_path / "served.pth").as_uri()
    real = torch.hub.download_url_to_file
    monkeypatch.setattr("torch.hub.download_url_to_file", lambda _url, *rest: real(address, *rest, progress=False))
    with pytest.raises(DataError, match=r"resnet18-f37072fd\.pth: is not the published file \(invalid hash value"):
        Backbone(BackboneConfig("resnet18"))
    assert not list((tmp_path / "hub" / "checkpoints").iterdir())
    (tmp_path / "hub" / "checkpoints" / Path(weights.url).name).write_bytes((tmp_path / "served.pth").read_bytes())
    with pytest.raises(DataError, match=r"resnet18-f37072fd\.pth: its hash begins with \w{8}\. .*delete it"):
        Backbone(BackboneConfig("resnet18"))


def test_code_in_a_weights_file_does_not_run(monkeypatch, tmp_path) -> None:
    class Payload:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "ran",))

    cached_weights(monkeypatch, tmp_path, {"conv1.weight": Payload()})
    with pytest.raises(DataError, match="holds code"):
        Backbone(BackboneConfig("resnet18"))
    assert not (tmp_path / "ran").exists()


def test_imagenet_weights_need_the_published_width() -> None:
    with pytest.raises(DataError, match="width 64, not 32"):
        Backbone(BackboneConfig("resnet18", width=32))
