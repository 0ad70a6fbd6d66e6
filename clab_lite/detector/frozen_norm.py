"""A convolution and the BatchNorm with fixed statistics after it, keeping half as much for the backward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.nn.grad import conv2d_input, conv2d_weight


def convolve_normalised(x: Tensor, convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> Tensor:
    """norm(convolution(x)): (N, C, H, W) -> (N, C', H', W').

    With fixed statistics the backward pass does not need what the convolution gave, see `_Normalised`; where it is
    to be kept anyway (statistics follow the batch) or nothing is, these are two plain steps.
    """
    if norm.training or not torch.is_grad_enabled():
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
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, gamma, mean, variance = ctx.saved_tensors
        deviation = (variance + ctx.eps).sqrt()
        scale = (gamma / deviation)[:, None, None, None]
        kind, where = gradient.dtype, _where(ctx.convolution)  # bfloat16 under autocast
        d_x = d_weight = d_gamma = None
        if ctx.needs_input_grad[0]:
            d_x = conv2d_input(x.shape, (weight * scale).to(kind), gradient, *where).to(x.dtype)
        d_beta = gradient.sum(dim=(0, 2, 3), dtype=gamma.dtype)
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            unscaled = conv2d_weight(x.to(kind), weight.shape, gradient, *where).to(weight.dtype)
            d_weight = unscaled * scale
            d_gamma = ((unscaled * weight).sum(dim=(1, 2, 3)) - mean * d_beta) / deviation
        return d_x, d_weight, d_gamma, d_beta, None, None


def _where(convolution: nn.Conv2d) -> tuple[Any, Any, Any, int]:
    return convolution.stride, convolution.padding, convolution.dilation, convolution.groups
