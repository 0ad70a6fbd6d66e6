"""A convolution and the BatchNorm with fixed statistics after it, keeping half as much for the backward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from clab_lite.first_derivative import first_derivative_only


def convolve_normalised(x: Tensor, convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> Tensor:
    """norm(convolution(x)): (N, C, H, W) -> (N, C', H', W').

    With fixed statistics the backward pass does not need what the convolution gave, see `_Normalised`; where it is
    to be kept anyway (statistics follow the batch) or nothing is, these are two plain steps. So they are where the
    convolution has a bias of its own, as none of ResNet's has.
    """
    if norm.training or convolution.bias is not None or not torch.is_grad_enabled():
        return norm(convolution(x))
    return _Normalised.apply(x, convolution.weight, norm.weight, norm.bias, convolution, norm)


class _Normalised(torch.autograd.Function):
    """y = s (W * x) + t with s = gamma / sqrt(variance + eps), t = beta - mean s, channel by channel.

    Autograd keeps x and W * x, the latter only for ds = sum_nhw g (W * x). But a convolution is linear in its weights,
    so that sum is <W, D>, where D is the gradient of the weights of a convolution whose output has the gradient g; and
    with these, dW = s D and dx is the convolution's gradient with weights s W. (Forward, s is not drawn into W: that
    rounds otherwise, and goldens of gradients then move by 1e-3.)
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, gamma: Tensor, beta: Tensor, convolution: nn.Conv2d, norm: nn.BatchNorm2d
    ) -> Tensor:
        ctx.save_for_backward(x, weight, gamma, norm.running_mean, norm.running_var)
        ctx.convolution, ctx.eps = convolution, norm.eps
        out = functional.conv2d(x, weight, None, *_where(convolution))
        return functional.batch_norm(out, norm.running_mean, norm.running_var, gamma, beta, eps=norm.eps)

    @staticmethod
    @first_derivative_only
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, gamma, mean, variance = ctx.saved_tensors
        deviation = (variance + ctx.eps).sqrt()
        scale = (gamma / deviation)[:, None, None, None]
        kind = gradient.dtype  # bfloat16 under autocast
        stride, padding, dilation, groups = _where(ctx.convolution)
        wanted = (ctx.needs_input_grad[0], ctx.needs_input_grad[1] or ctx.needs_input_grad[2], False)
        # Not torch.nn.grad's two functions: they have no x to take the channels-last order from, and convert twice.
        d_x, unscaled, _ = torch.ops.aten.convolution_backward(
            gradient, x.to(kind), (weight * scale).to(kind), None, stride, padding, dilation, False, [0], groups, wanted
        )
        d_beta = gradient.sum(dim=(0, 2, 3), dtype=gamma.dtype)
        d_weight = d_gamma = None
        if unscaled is not None:
            unscaled = unscaled.to(weight.dtype)
            d_weight = unscaled * scale
            d_gamma = ((unscaled * weight).sum(dim=(1, 2, 3)) - mean * d_beta) / deviation
        return None if d_x is None else d_x.to(x.dtype), d_weight, d_gamma, d_beta, None, None


def _where(convolution: nn.Conv2d) -> tuple[Any, Any, Any, int]:
    return convolution.stride, convolution.padding, convolution.dilation, convolution.groups
