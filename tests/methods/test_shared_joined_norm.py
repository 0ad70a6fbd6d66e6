"""BatchNorm over all processes, in one: it is BatchNorm. (In two: tests/pretraining/test_split_methods.py.)"""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from clab_lite.methods.shared.joined_norm import JoinedBatchNorm, _Joined, join_norms


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(64, 5), nn.BatchNorm1d(5)
    ).double()


@pytest.mark.parametrize("momentum", [0.1, 0.0, None])
def test_it_is_batchnorm_with_the_same_names(momentum: float | None) -> None:
    """Outputs, gradients and running statistics over two batches; None is the mean over batches."""
    plain = _network()
    for layer in plain:
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.momentum = momentum
            nn.init.uniform_(layer.weight, 0.5, 2)
    joined = copy.deepcopy(plain)
    join_norms(joined)
    assert isinstance(joined[1], JoinedBatchNorm) and isinstance(joined[4], JoinedBatchNorm)
    for seed in (1, 2):
        x = torch.randn(6, 3, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        for network in (plain, joined):
            network.zero_grad()
            network(x).pow(3).sum().backward()
        for (name, one), other in zip(plain.named_parameters(), joined.parameters(), strict=True):
            torch.testing.assert_close(other.grad, one.grad, msg=name)
    assert plain.state_dict().keys() == joined.state_dict().keys()
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(joined.state_dict()[name], value, msg=name)
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(joined.eval()(x), plain.eval()(x))


def test_its_gradient_in_float64() -> None:
    x, weight, bias = (torch.randn(size, dtype=torch.float64, requires_grad=True) for size in ((5, 3, 2), (3,), (3,)))
    assert torch.autograd.gradcheck(lambda *args: _Joined.apply(*args, 1e-5)[0], (x, weight, bias))


def test_narrow_numbers_come_back_narrow() -> None:
    layer = JoinedBatchNorm(4)
    out = layer(torch.randn(8, 4, 3).bfloat16())
    assert out.dtype == torch.bfloat16 and layer.running_var is not None and layer.running_var.dtype == torch.float32
