"""The contrastive losses where numbers are extreme: finite, and what float64 says, in value and gradient."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from pytorch_metric_learning.losses import NTXentLoss
from torch import Tensor

from clab_lite.config import ContrastConfig
from clab_lite.detector.contrast import AuxiliaryBranch
from clab_lite.methods.codo.loss import batch_losses, queue_losses
from clab_lite.methods.crosscl.config import CrossCLConfig
from clab_lite.methods.crosscl.loss import region_terms
from clab_lite.methods.ranked.loss import Ranks, ranked_loss
from clab_lite.methods.shared.info_nce import batch_info_nce, info_nce

LABELS, BANK_LABELS = torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([0, 1, 2, -1, 0, 1, 2, -1])
RANKS = Ranks.of_similarity(torch.tensor([[1, 0.5, 0.2], [0.5, 1, 0], [0.2, 0, 1]]), 2, 0.01, 0.6)
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Anchors (6, 8), keys (6, 8), negatives (8, 8) -> scalar."""


def nt_xent(a: Tensor, _k: Tensor, _n: Tensor) -> Tensor:
    """As the auxiliary branch calls it: never in less than float32."""
    with torch.autocast("cpu", enabled=False):
        return NTXentLoss(temperature=0.03)(a if a.dtype == torch.float64 else a.float(), LABELS)


LOSSES: dict[str, Loss] = {
    "nt_xent": nt_xent,
    "info_nce": lambda a, k, n: info_nce(a, k, n, 0.01).mean(),
    "batch_info_nce": lambda a, k, n: batch_info_nce(a, k, 0.01),
    "codo queue": lambda a, k, n: queue_losses(a[:, None], k[:, None], n[None], 0.01).sum(),
    "codo batch": lambda a, k, n: batch_losses(a[:, None], k[:, None], 0.01).sum(),
    "ranked in": lambda a, k, n: ranked_loss(a, k, n, LABELS, BANK_LABELS, RANKS, "in").total,
    "ranked out": lambda a, k, n: ranked_loss(a, k, n, LABELS, BANK_LABELS, RANKS, "out").total,
}


def inputs(case: str) -> list[Tensor]:
    torch.manual_seed(0)
    a, k, n = torch.randn(6, 8), torch.randn(6, 8), torch.randn(8, 8)
    if case.startswith("times"):
        return [part * float(case.split()[1]) for part in (a, k, n)]
    if case == "float16 near its largest":
        return [(part / part.abs().max() * 65_000).half() for part in (a, k, n)]
    made = {
        "bfloat16": [part.bfloat16() for part in (a, k, n)],
        "identical": [torch.ones_like(part) for part in (a, k, n)],
        "opposite": [a, -a, a.repeat(2, 1)[:8]],
        "one zero vector": [torch.cat([torch.zeros(1, 8), a[1:]]), k, n],
        "all zero": [torch.zeros_like(part) for part in (a, k, n)],
    }
    return made[case]


CASES = ["times 1", "times 1e-30", "times 1e-7", "times 1e5", "times 1e18", "float16 near its largest", "bfloat16",
         "identical", "opposite", "one zero vector", "all zero"]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", LOSSES)
def test_value_and_gradient_are_those_of_float64(name: str, case: str) -> None:
    results = []
    for wide in (False, True):
        anchors, keys, negatives = (part.double() if wide else part for part in inputs(case))
        anchors = anchors.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=not wide):
            value = LOSSES[name](anchors, keys, negatives)
        value.backward()
        assert anchors.grad is not None
        results.append((float(value.detach()), anchors.grad.double()))
    (value, gradient), (true_value, true_gradient) = results
    assert math.isfinite(value) and gradient.isfinite().all()
    assert value == pytest.approx(true_value, rel=1e-4, abs=1e-5)
    coarse = inputs(case)[0].dtype != torch.float32  # the gradient has the type of the anchors
    largest = float(true_gradient.abs().max())
    assert float((gradient - true_gradient).abs().max()) <= (0.02 if coarse else 1e-3) * largest + 1e-6


def test_nt_xent_of_the_library_stops_learning_beyond_a_gap_of_87() -> None:
    """Why CLAB's temperature should stay at 0.03 or more: a positive pair may be 2 / temperature behind a negative."""
    rows = torch.tensor([[1.0, 0], [-1, 0], [1, 0], [-1, 0]], requires_grad=True)  # own pair opposite, others alike
    turned = rows + torch.tensor([[0, 0.1], [0, 0.1], [0, -0.1], [0, -0.1]])
    for temperature, learns in ((0.03, True), (0.01, False)):
        loss = NTXentLoss(temperature=temperature)(turned, torch.tensor([0, 0, 1, 1]))
        (gradient,) = torch.autograd.grad(loss, rows, retain_graph=True)
        assert math.isfinite(loss.detach()) and bool((gradient != 0).any()) is learns


def test_the_branch_takes_similarities_in_float32_under_autocast() -> None:
    branch = AuxiliaryBranch(4, ContrastConfig(channels=4, hidden=4, embedding=4))
    branch.embed = lambda features: (features * 3e4).half()  # type: ignore[method-assign]
    features = torch.randn(6, 4).clamp(-2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        found = branch(features, LABELS)
    torch.testing.assert_close(found, branch.loss((features * 3e4).half().float(), LABELS))


@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e15])
def test_regional_terms(scale: float) -> None:
    config = CrossCLConfig(temperature=0.01)
    maps = {level: torch.randn(2, 4, 64 // 2**level * 4, 64 // 2**level * 4) * scale for level in config.stages}
    query = {level: part.clone().requires_grad_() for level, part in maps.items()}
    windows = torch.tensor([[16.0, 16, 80, 80], [32, 48, 120, 112]])
    key_windows, valid = windows.expand(2, -1, -1) + 8, torch.tensor([[True, True], [True, False]])
    terms = region_terms(query, maps, windows, key_windows, valid, config)
    torch.stack(list(terms.losses.values())).sum().backward()
    assert all(math.isfinite(value.detach()) for value in terms.losses.values())
    assert all(part.grad is not None and part.grad.isfinite().all() for part in query.values())
