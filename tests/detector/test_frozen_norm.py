"""A convolution with its frozen BatchNorm against the two plain steps, and against finite differences."""

from __future__ import annotations

import pytest
import torch
from kept_for_backward import kept_bytes
from plain_path import backbone_plainly
from torch import Tensor, nn

from clab_lite.config import BackboneConfig
from clab_lite.detector.backbone import Backbone
from clab_lite.detector.frozen_norm import convolve_normalised

WHERE = [{}, {"stride": 2, "padding": 1}, {"padding": 2, "dilation": 2}, {"groups": 2, "padding": 1}]


def layers(**where: int) -> tuple[nn.Conv2d, nn.BatchNorm2d, Tensor]:
    """A convolution, a norm with statistics and affine parameters of its own (one gamma is 0), an input."""
    torch.manual_seed(0)
    convolution = nn.Conv2d(4, 6, 3, bias=False, **where).double()
    norm = nn.BatchNorm2d(6, eps=0.1).double().eval()
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.2, 3)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    norm.weight.data[2] = 0
    return convolution, norm, torch.randn(2, 4, 7, 6, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("where", WHERE)
def test_values_and_gradients_are_those_of_the_two_steps(where: dict[str, int]) -> None:
    convolution, norm, x = layers(**where)
    inputs = [x, convolution.weight, norm.weight, norm.bias]
    found, wanted = convolve_normalised(x, convolution, norm), norm(convolution(x))
    assert torch.equal(found, wanted)
    toward = torch.randn_like(wanted)
    torch.testing.assert_close(
        torch.autograd.grad(found, inputs, toward), torch.autograd.grad(wanted, inputs, toward), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("where", WHERE)
def test_gradients_are_finite_differences(where: dict[str, int]) -> None:
    convolution, norm, x = layers(**where)

    def result(x: Tensor, *parameters: Tensor) -> Tensor:
        assert parameters == (convolution.weight, norm.weight, norm.bias)
        return convolve_normalised(x, convolution, norm)

    assert torch.autograd.gradcheck(result, (x, convolution.weight, norm.weight, norm.bias))


@pytest.mark.parametrize("frozen", ["input", "weight", "gamma", "weight and gamma"])
def test_what_is_frozen_gets_no_gradient(frozen: str) -> None:
    convolution, norm, x = layers()
    named = {"input": x, "weight": convolution.weight, "gamma": norm.weight, "beta": norm.bias}
    learning = [tensor for name, tensor in named.items() if name not in frozen]
    for name, tensor in named.items():
        tensor.requires_grad_(name not in frozen)
    found = torch.autograd.grad(convolve_normalised(x, convolution, norm).square().sum(), learning)
    wanted = torch.autograd.grad(norm(convolution(x)).square().sum(), learning)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("count", [0, 2])
def test_gradients_keep_the_order_of_the_input_in_memory(count: int) -> None:
    """The detector is channels-last: a gradient that is not would be converted in every layer."""
    convolution, norm, x = layers(padding=1)
    x = x.detach()[:count].contiguous(memory_format=torch.channels_last).requires_grad_()
    inputs = [x, convolution.weight, norm.weight, norm.bias]
    found = torch.autograd.grad(convolve_normalised(x, convolution, norm).sum(), inputs)  # of one number, expanded
    wanted = torch.autograd.grad(norm(convolution(x)).sum(), inputs)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    assert found[0].is_contiguous(memory_format=torch.channels_last)


def test_a_convolution_with_a_bias_of_its_own() -> None:
    convolution, norm, x = layers()
    convolution.bias = nn.Parameter(torch.randn(6, dtype=torch.float64))
    found, wanted = convolve_normalised(x, convolution, norm), norm(convolution(x))
    assert torch.equal(found, wanted)
    inputs = [x, convolution.weight, convolution.bias, norm.weight, norm.bias]
    torch.testing.assert_close(
        torch.autograd.grad(found.square().sum(), inputs), torch.autograd.grad(wanted.square().sum(), inputs)
    )


def test_a_second_derivative_is_refused_and_not_wrong() -> None:
    convolution, norm, x = layers()
    (slope,) = torch.autograd.grad(convolve_normalised(x, convolution, norm).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


def test_statistics_that_follow_the_batch() -> None:
    convolution, norm, x = layers()
    norm.train()
    before = norm.running_mean.clone()
    assert convolve_normalised(x, convolution, norm).mean(dim=(0, 2, 3)).sub(norm.bias).abs().max() < 1e-12
    assert not torch.equal(norm.running_mean, before)


def test_bfloat16_is_as_near_as_the_two_steps_are() -> None:
    convolution, norm, x = layers(padding=1)
    convolution, norm, x = convolution.float(), norm.float(), x.detach().float().requires_grad_()
    inputs = [x, convolution.weight, norm.weight, norm.bias]
    exact = torch.autograd.grad(norm(convolution(x)).square().sum(), inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, wanted = convolve_normalised(x, convolution, norm), norm(convolution(x))
    assert found.dtype == wanted.dtype == torch.bfloat16 and torch.equal(found, wanted)
    for way in (found, wanted):
        for gradient, true in zip(torch.autograd.grad(way.float().square().sum(), inputs), exact, strict=True):
            assert gradient.dtype == torch.float32
            assert (gradient - true).abs().max() < 0.03 * true.abs().max()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = convolve_normalised(x, convolution, norm)
    toward = torch.randn_like(found)
    (of_beta,) = torch.autograd.grad(found, norm.bias, toward)
    torch.testing.assert_close(of_beta, toward.float().sum(dim=(0, 2, 3)))  # summed in float32


@pytest.mark.parametrize(("architecture", "kept_share"), [("resnet18", 0.8), ("resnet50", 0.7)])
def test_the_backbone_is_torchvisions_and_keeps_less(architecture: str, kept_share: float) -> None:
    torch.manual_seed(0)
    backbone = Backbone(BackboneConfig(architecture, 16, imagenet_weights=False, frozen_stages=1)).train()
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
    frames = torch.randn(2, 3, 64, 96)
    kept, found = kept_bytes(lambda: backbone(frames)[1], backbone)
    ours = torch.autograd.grad(found.square().sum(), [p for p in backbone.parameters() if p.requires_grad])
    plain_bytes, wanted = kept_bytes(lambda: backbone_plainly(backbone, frames)[1], backbone)
    theirs = torch.autograd.grad(wanted.square().sum(), [p for p in backbone.parameters() if p.requires_grad])
    assert torch.equal(found, wanted)
    for found_gradient, wanted_gradient in zip(ours, theirs, strict=True):
        largest = float(wanted_gradient.abs().max())
        torch.testing.assert_close(found_gradient, wanted_gradient, rtol=0, atol=1e-5 * largest)
    assert kept < kept_share * plain_bytes
