"""Which layer was the first with a number that is not finite: forward, backward, in detection."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_model import clips_and_targets, small_detector
from torch import Tensor, nn
from training_world import micro_config, write_dataset

from clab_lite import distributed
from clab_lite.data import open_dataset
from clab_lite.dataset_detections import detect_dataset
from clab_lite.detect import detect
from clab_lite.detector import VideoDetector
from clab_lite.detector.finite import require_finite
from clab_lite.detector.video import PreparedFrame, detect_frames
from clab_lite.errors import NotFinite
from clab_lite.media.open_source import open_source
from clab_lite.nonfinite import first_bad_output, first_trouble, layer_named
from clab_lite.trained import Trained
from clab_lite.training.losses import TrainingDiverged, compute_losses, total_loss

WEIGHTS = [
    "backbone.conv1.weight", "backbone.layer2.0.bn1.weight", "backbone.layer3.1.conv2.weight", "rpn.deltas.weight",
    "box_head.aggregators.0.key.bias", "auxiliary.projector.2.bias",
]  # fmt: skip


def trouble_of(detector: VideoDetector, clips: Tensor | None = None, precision: str = "float32") -> str:
    made, targets = clips_and_targets()
    detector.train()

    def again() -> Tensor:
        torch.manual_seed(0)
        losses = compute_losses(detector, made if clips is None else clips, targets, precision)  # type: ignore[arg-type]
        return total_loss(losses, 0.1)

    return first_trouble(detector, again)


class Square0(nn.Module):
    """sqrt(0 * x): 0, and its gradient is not a number."""

    def forward(self, x: Tensor) -> Tensor:
        return x + (0 * x).sqrt()


class Overflow(nn.Module):
    """The same x, with a gradient beyond float32."""

    def forward(self, x: Tensor) -> Tensor:
        y = x.detach() + (x - x.detach()) * 1e30
        return y.detach() + (y - y.detach()) * 1e30


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_weight_that_is_no_number_is_named_with_its_layer(name: str) -> None:
    detector = small_detector()
    with torch.no_grad():
        weight = detector.get_parameter(name)
        weight[(0,) * weight.ndim] = math.nan
    found = trouble_of(detector)
    layer = name.rpartition(".")[0]
    assert found.startswith(f"The first output that is not finite is that of {layer} ("), found
    assert f"its input is finite, its weight {name} is not finite" in found


def test_an_image_that_is_not_finite_is_told_as_the_input() -> None:
    clips, _ = clips_and_targets()
    clips[1, 0, 2, 5, 7] = math.inf
    found = trouble_of(small_detector(), clips)
    assert "that of backbone.conv1 (Conv2d)" in found
    assert "1 numbers of its input are not finite, its weights are finite" in found


@pytest.mark.parametrize("name", ["backbone.layer3", "rpn.conv", "box_head.classify"])
def test_an_output_that_a_layer_makes(name: str) -> None:
    detector = small_detector()

    def poison(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        return torch.where(torch.arange(output.numel()).view_as(output) == 3, math.nan, output)

    detector.get_submodule(name).register_forward_hook(poison)
    found = trouble_of(detector)
    assert f"that of {name} (" in found and ": 1 of " in found
    assert "its input is finite, its weights are finite" in found


def test_several_results_and_what_is_outside_of_layers() -> None:
    class Losses(VideoDetector):
        def forward(self, clips: Tensor, targets: list) -> dict[str, Tensor]:
            losses = super().forward(clips, targets)
            return losses | {"rpn_box": losses["rpn_box"] / 0}

    torch.manual_seed(0)
    detector = Losses(small_detector().config)
    assert "the whole Losses, outside of its layers, (rpn_box): 1 of 5" in trouble_of(detector)


@pytest.mark.parametrize("kind", [Square0, Overflow])
@pytest.mark.parametrize("name", ["neck.conv", "rpn.conv", "auxiliary.projector.1"])
def test_a_gradient_alone(name: str, kind: Callable[[], nn.Module]) -> None:
    detector = small_detector()
    detector.set_submodule(name, nn.Sequential(detector.get_submodule(name), kind()))
    found = trouble_of(detector)
    assert found.startswith("Every output is finite. The first gradient that is not finite comes out of the backward")
    assert f"pass of {name}.1 ({kind.__name__}), into which a finite one went." in found


def test_a_gradient_of_a_weight_outside_of_its_layer_and_of_an_output() -> None:
    class Steep(VideoDetector):
        def forward(self, clips: Tensor, targets: list) -> dict[str, Tensor]:
            losses = super().forward(clips, targets)
            zero = (self.neck.conv.weight * 0).sum()
            return losses | {"rpn_box": losses["rpn_box"] + zero.abs().sqrt()}

    torch.manual_seed(0)
    assert "is that of the weight neck.conv.weight" in trouble_of(Steep(small_detector().config))
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    found = first_trouble(network, lambda: (network(torch.ones(1, 2)) * 0).sqrt().sum())
    assert "is that of the output of 1 (ReLU): what follows that layer" in found


def test_all_is_finite_when_done_again_and_nothing_has_changed() -> None:
    detector = small_detector()
    for parameter in detector.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    found = trouble_of(detector)
    assert "every output and gradient is finite; the largest gradient is that of " in found
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items())
    assert all(bool((parameter.grad == 1).all()) for parameter in detector.parameters())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in detector.modules())
    assert trouble_of(detector) == found, "hooks were left on the weights"


def test_bfloat16_looks_with_bfloat16() -> None:
    """The largest bfloat16 is 3.39e38, the largest float32 3.40e38."""
    detector = small_detector()
    assert detector.auxiliary is not None and detector.auxiliary.conv.bias is not None
    with torch.no_grad():
        detector.auxiliary.conv.bias.fill_(-3.4e38)
    assert "every output and gradient is finite" in trouble_of(detector)
    assert "that of auxiliary.conv (Conv2d)" in trouble_of(detector, precision="bfloat16")


def test_statistics_that_the_bad_step_itself_has_changed_are_not_blamed() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    image = torch.full((1, 1, 4, 4), math.inf)
    network(image)
    assert not network[1].running_mean.isfinite().all()
    found = first_bad_output(network[1:], lambda: network[1:](torch.full((1, 2, 4, 4), math.inf)))
    assert found is not None and "its weights are finite" in found


def test_what_cannot_be_done_again_does_not_hide_the_error() -> None:
    def again() -> Tensor:
        raise RuntimeError("out of memory\nand more")

    words = r"^stopped\. The layer could not be looked for \(out of memory\)\.$"
    with pytest.raises(TrainingDiverged, match=words), layer_named(nn.Linear(1, 1), again):
        raise TrainingDiverged("stopped.")


def test_alone_nobody_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "is_distributed", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    rows, labels = torch.randn(2, 3), torch.tensor([0, 1])
    with distributed.alone():
        assert distributed.world_size() == 1 and distributed.rank() == 1
        assert distributed.gather_with_gradient(rows, labels)[0] is rows
        assert distributed.average_over_ranks(rows) is rows
    assert distributed.world_size() == 2


def video(frames: int = 5, bad: int | None = None) -> list[Tensor]:
    clips, _ = clips_and_targets(1, frames - 1)
    images = list(clips[0])
    if bad is not None:
        images[bad] = images[bad].clone()
        images[bad][1, 20, 30] = math.inf
    return images


@pytest.mark.parametrize("bad", [0, 1, 4])
@pytest.mark.parametrize("references", ["adaptive", "sliding", "past"])
def test_a_frame_is_not_silently_empty(references: str, bad: int) -> None:
    """Before, a score that is no number was below every threshold."""
    found = r"conv1 \(Conv2d\): .* 1 numbers of its input are not finite, its weights are finite"
    with pytest.raises(NotFinite, match=rf"^frame {bad}: the detector's numbers are not finite\. .*{found}"):
        list(small_detector().eval().detect_video(video(bad=bad), references, 2))  # type: ignore[arg-type]


def test_frames_that_are_detected_together_and_left_out_keep_their_numbers() -> None:
    detector, images = small_detector().eval(), video(8, bad=5)
    with pytest.raises(NotFinite, match=r"^frame 5: "):
        list(detect_frames(detector, lambda n: PreparedFrame.pad(images[n]), 8, count=2, keys=[1, 3, 5, 6], at_once=3))


@pytest.mark.parametrize("name", ["rpn.objectness", "rpn.deltas", "box_head.classify", "box_head.regress",
                                  "box_head.aggregators.1.value", "box_head.aggregators.0.output"])  # fmt: skip
def test_a_layer_that_overflows_in_detection_is_named(name: str) -> None:
    detector = small_detector().eval()
    bias = detector.get_submodule(name).bias
    assert isinstance(bias, Tensor)
    with torch.no_grad():
        bias[0] = math.inf
    with pytest.raises(NotFinite, match=rf"^frame 0: .* is that of {name} \(.*its weight {name}\.bias is not finite"):
        list(detector.detect_video(video()))


def test_no_regions_are_finite() -> None:
    require_finite(nn.Identity(), [(torch.zeros(2, 4), [1, 1]), (torch.zeros(0, 3), [0, 0])], lambda: None)


def test_evaluation_and_detection_name_video_or_file(tmp_path: Path) -> None:
    index = open_dataset(write_dataset(tmp_path / "dataset"), "train", cache=False)
    detector = VideoDetector(replace(micro_config().detector, num_classes=len(index.class_names)))
    with torch.no_grad():
        detector.neck.conv.weight[0, 0, 0, 0] = math.nan
    with pytest.raises(NotFinite, match=rf"^video {index.videos[0].name}, frame 0: .* that of neck\.conv \(Conv2d\)"):
        list(detect_dataset(detector, index, progress=False))
    trained = Trained(detector.eval(), micro_config(), tuple(index.class_names), 1)
    frames = sorted((tmp_path / "dataset").rglob("*.JPEG"))[:3]
    with pytest.raises(NotFinite, match=rf"^{re.escape(str(frames[0]))}, frame 0: .* that of neck\.conv \(Conv2d\)"):
        detect(trained, open_source([frames[0].parent], 25.0), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]
