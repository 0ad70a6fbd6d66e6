"""The balance of the two gradients at C4, against a slow twin; measuring changes nothing."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from training_world import micro_config

from clab_lite.data.vid import VideoIndex
from clab_lite.detector import VideoDetector
from clab_lite.study.gradients import GradientBalance, gradient_balance
from clab_lite.train import for_classes_of
from clab_lite.training.losses import DETECTION_LOSSES

Batch = tuple[torch.Tensor, list[dict[str, Any]]]


def gradient_by_nudging(detector: VideoDetector, batch: Batch, names: tuple[str, ...]) -> torch.Tensor:
    """Gradient at C4 from a leaf that is added to it: a zero tensor whose .grad is what we want."""
    nudge: list[torch.Tensor] = []

    def add_zero(_module: torch.nn.Module, _inputs: object, output: tuple[torch.Tensor, torch.Tensor]) -> object:
        c4, c5 = output
        nudge.append(torch.zeros_like(c4, requires_grad=True))
        return c4 + nudge[0], c5 + 0 * nudge[0].sum()

    handle = detector.backbone.register_forward_hook(add_zero)
    torch.manual_seed(5)
    losses = detector(*batch)
    handle.remove()
    sum(losses[name] for name in names).backward()
    return nudge[0].grad


def test_contrast_side_equals_the_twin(detector: VideoDetector, batch: Batch) -> None:
    """The contrast reads C4 alone, so a leaf added after the backbone sees its whole gradient."""
    torch.manual_seed(5)
    found = gradient_balance(detector, *batch)
    expected = gradient_by_nudging(detector, batch, ("contrast",))
    torch.testing.assert_close(found.contrast, float(expected.norm()), rtol=1e-5, atol=0)


def test_detection_side_equals_the_chain_rule_through_c5(detector: VideoDetector, batch: Batch) -> None:
    """Detection reads C4 through C5 only: nudging the input of layer4 gives the same gradient."""
    nudge: list[torch.Tensor] = []

    def add_zero(_module: torch.nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        nudge.append(torch.zeros_like(inputs[0], requires_grad=True))
        return (inputs[0] + nudge[0],)

    torch.manual_seed(5)
    found = gradient_balance(detector, *batch)
    handle = detector.backbone.layer4.register_forward_pre_hook(add_zero)
    torch.manual_seed(5)
    losses = detector(*batch)
    handle.remove()
    sum(losses[name] for name in DETECTION_LOSSES).backward()
    torch.testing.assert_close(found.detection, float(nudge[0].grad.norm()), rtol=1e-5, atol=0)
    contrast = gradient_by_nudging(detector, batch, ("contrast",))
    cosine = torch.nn.functional.cosine_similarity(nudge[0].grad.flatten(), contrast.flatten(), dim=0)
    assert found.cosine == pytest.approx(float(cosine), abs=1e-5)


def test_measuring_changes_nothing(detector: VideoDetector, batch: Batch) -> None:
    detector.eval()
    before, random = deepcopy(detector.state_dict()), torch.get_rng_state()
    gradient_balance(detector, *batch)
    assert not detector.training
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items())
    assert all(parameter.grad is None for parameter in detector.parameters())
    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("supervise", ["all", "key"])
@pytest.mark.parametrize("level", ["frame", "object"])
def test_every_kind_is_measured_and_stays_as_it_was(
    index: VideoIndex, batch: Batch, level: str, supervise: str, frozen: bool
) -> None:
    """BatchNorm that trains (`frozen` False, as in the `lesson` preset) keeps its running statistics too."""
    base = for_classes_of(index, micro_config()).detector
    config = replace(
        base, supervise=supervise, contrast=replace(base.contrast, level=level),
        backbone=replace(base.backbone, frozen_norm=frozen),
    )  # fmt: skip
    torch.manual_seed(0)
    detector = VideoDetector(config)
    before = deepcopy(detector.state_dict())
    torch.manual_seed(5)
    found = gradient_balance(detector, *batch)
    assert found.detection > 0 and found.contrast > 0 and -1 <= found.cosine <= 1
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items())
    torch.manual_seed(5)
    expected = gradient_by_nudging(detector, batch, ("contrast",))
    torch.testing.assert_close(found.contrast, float(expected.norm()), rtol=1e-4, atol=0)


def test_one_clip_has_no_contrast_to_pull(detector: VideoDetector, batch: Batch) -> None:
    """Without a negative the contrast is zero, and so is its gradient: no share, no angle."""
    found = gradient_balance(detector, batch[0][:1], batch[1][:1])
    assert found.contrast == 0 and found.cosine == 0 and found.detection > 0
    assert found.share(1.0) == 0


def test_share() -> None:
    assert GradientBalance(3.0, 6.0, 0.0).share(0.5) == 0.5
    assert GradientBalance(3.0, 6.0, 0.0).share(0.0) == 0.0
    assert GradientBalance(0.0, 6.0, 0.0).share(0.1) == 1.0
    assert GradientBalance(0.0, 0.0, 0.0).share(0.1) == 0.0
