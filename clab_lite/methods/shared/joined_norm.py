"""BatchNorm over the batches of all processes: each sees what one process with the joined batch would see.

MoCo and its descendants (CrossCL, InsLoc) leave BatchNorm to each GPU and shuffle the key images between GPUs instead:
otherwise a query and its key would share statistics with few others, and give one another away. With the statistics of
the joined batch nobody stands out (as in SimCLR, arXiv 2002.05709, section 2.2), so nothing needs to be shuffled, and
what is learned does not depend on the number of processes. `torch.nn.SyncBatchNorm` does the same on GPUs only.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from clab_lite.distributed import sum_over_ranks
from clab_lite.first_derivative import first_derivative_only


class JoinedBatchNorm(_BatchNorm):
    """A BatchNorm1d or 2d whose statistics in training are those of all processes' batches (N, C, ...).

    N may differ between processes. In evaluation it is the layer that it replaces.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        pass

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        output, mean, variance, count = _Joined.apply(input, self.weight, self.bias, self.eps)
        with torch.no_grad():
            cast(Tensor, self.num_batches_tracked).add_(1)
            share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum  # type: ignore[arg-type]
            cast(Tensor, self.running_mean).lerp_(mean, share)
            cast(Tensor, self.running_var).lerp_(variance * (count / (count - 1).clamp(min=1)), share)
        return output


def join_norms(module: nn.Module) -> None:
    """Replace every BatchNorm inside a module by one over all processes, with the same tensors under the same names."""
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm) and not isinstance(child, JoinedBatchNorm):
            joined = JoinedBatchNorm(child.num_features, child.eps, child.momentum)
            joined.weight, joined.bias = child.weight, child.bias
            for buffer, value in child.named_buffers():
                setattr(joined, buffer, value)
            setattr(module, name, joined.train(child.training))
        else:
            join_norms(child)


class _Joined(torch.autograd.Function):
    """x -> (x - m) / sqrt(v + eps) * weight + bias, m and v (biased) of all processes; also gives m, v and the count.

    Two sums over the processes forward (the mean first: squares of distances to it do not cancel), one backward.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        over = [axis for axis in range(x.ndim) if axis != 1]
        wide = x.to(weight.dtype)
        sums = torch.cat([wide.sum(over), wide.new_full((1,), x.numel() / x.shape[1])])
        sums = sum_over_ranks(sums)
        count = sums[-1]
        mean = sums[:-1] / count
        centred = wide - _along(mean, x)
        variance = sum_over_ranks(centred.square().sum(over)) / count
        scale = (variance + eps).rsqrt()
        normal = centred * _along(scale, x)
        ctx.save_for_backward(normal, weight, scale, count)
        ctx.mark_non_differentiable(mean, variance, count)
        return (normal * _along(weight, x) + _along(bias, x)).to(x.dtype), mean, variance, count

    @staticmethod
    @first_derivative_only
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor, Tensor, Tensor, None]:
        normal, weight, scale, count = ctx.saved_tensors
        over = [axis for axis in range(normal.ndim) if axis != 1]
        wide = gradient.to(weight.dtype)
        d_bias, d_weight = wide.sum(over), (wide * normal).sum(over)
        means = sum_over_ranks(torch.cat([d_bias, d_weight])) / count
        mean, slope = means.chunk(2)
        d_x = (wide - _along(mean, normal) - normal * _along(slope, normal)) * _along(weight * scale, normal)
        return d_x.to(gradient.dtype), d_weight, d_bias, None


def _along(values: Tensor, like: Tensor) -> Tensor:
    """(C,) as (1, C, 1, ...)."""
    return values.view(1, -1, *[1] * (like.ndim - 2))
