"""InfoNCE and its relatives: goldens, slow twins, closed forms, empty cases."""

from __future__ import annotations

import math

import pytest
import torch
from method_goldens import agree, cases, doubles
from pytorch_metric_learning.losses import NTXentLoss, SupConLoss
from pytorch_metric_learning.reducers import MeanReducer
from torch import Tensor

from clab_lite.config import ContrastConfig
from clab_lite.detector.contrast import AuxiliaryBranch
from clab_lite.errors import DataError
from clab_lite.methods.shared import batch_info_nce, info_nce, info_nce_logits, top1


def name(case: dict) -> str:
    return case["name"]


def slow_info_nce(query: Tensor, positive: Tensor, negatives: Tensor, temperature: float) -> list[float]:
    """One query at a time, with exp and log as the formula has them."""

    def cosine(a: Tensor, b: Tensor) -> float:
        return float(a @ b / a.norm() / b.norm())

    losses = []
    for q, p in zip(query, positive, strict=True):
        good = math.exp(cosine(q, p) / temperature)
        losses.append(-math.log(good / (good + sum(math.exp(cosine(q, n) / temperature) for n in negatives))))
    return losses


@pytest.mark.parametrize("case", cases("infonce.explicit"), ids=name)
def test_info_nce_golden(case: dict) -> None:
    given = case["inputs"]
    losses = info_nce(doubles(given["q"]), doubles(given["pos"]), doubles(given["neg"]), given["temperature"])
    agree(losses.mean(), case["expected"]["loss"], case)


def test_info_nce_equals_its_slow_twin_and_ignores_length() -> None:
    query, positive, negatives = (torch.randn(n, 6, dtype=torch.float64) for n in (5, 5, 9))
    losses = info_nce(query, positive, negatives, 0.3)
    torch.testing.assert_close(losses, doubles(slow_info_nce(query, positive, negatives, 0.3)))
    torch.testing.assert_close(info_nce(3 * query, 0.1 * positive, 7 * negatives, 0.3), losses)


def test_negatives_that_do_not_count() -> None:
    query, positive, negatives = (torch.randn(n, 4, dtype=torch.float64) for n in (3, 3, 8))
    counts = torch.rand(3, 8) < 0.5
    losses = info_nce(query, positive, negatives, 0.2, counts)
    for row in range(3):
        alone = info_nce(query[row : row + 1], positive[row : row + 1], negatives[counts[row]], 0.2)
        torch.testing.assert_close(losses[row], alone[0])


def test_no_query_and_no_negative() -> None:
    query = torch.randn(3, 4, requires_grad=True)
    losses = info_nce(query, torch.randn(3, 4), torch.zeros(0, 4), 0.2)
    losses.sum().backward()
    assert losses.abs().max() < 1e-6 and query.grad is not None and query.grad.isfinite().all()
    assert info_nce(torch.zeros(0, 4), torch.zeros(0, 4), torch.randn(5, 4), 0.2).shape == (0,)
    assert top1(torch.zeros(0, 6)) == 0


def test_a_tiny_temperature_neither_overflows_nor_saturates() -> None:
    query = torch.tensor([[1.0, 0.0]], requires_grad=True)
    loss = info_nce(query, torch.tensor([[-1.0, 0.1]]), torch.tensor([[1.0, -0.1]]), 0.01).sum()
    loss.backward()
    assert loss.item() == pytest.approx(2 / math.sqrt(1.01) / 0.01, rel=1e-4)
    assert query.grad is not None and query.grad.norm() > 1


def test_half_precision_is_computed_in_float32() -> None:
    query, positive, negatives = (torch.randn(n, 8) for n in (4, 4, 6))
    with torch.autocast("cpu", torch.bfloat16):
        halved = info_nce(query, positive, negatives, 0.07)
    assert halved.dtype == torch.float32
    torch.testing.assert_close(halved, info_nce(query, positive, negatives, 0.07))
    coarse = [vectors.bfloat16() for vectors in (query, positive, negatives)]
    torch.testing.assert_close(info_nce(*coarse, 0.07), info_nce(*(vectors.float() for vectors in coarse), 0.07))
    torch.testing.assert_close(
        batch_info_nce(*coarse[:2], 0.07), batch_info_nce(*(v.float() for v in coarse[:2]), 0.07)
    )


def test_top1_is_the_share_of_first_places() -> None:
    logits = info_nce_logits(torch.eye(3), torch.eye(3), torch.tensor([[1.0, 0.2, 0.0], [0.0, 0.0, -1.0]]), 1.0)
    assert top1(logits) == 1
    assert top1(torch.tensor([[0.1, 0.5], [0.9, 0.2], [0.3, 0.4], [0.5, 0.4]])) == 0.5


@pytest.mark.parametrize(
    ("shapes", "words"),
    [([(3, 4), (2, 4), (5, 4)], "must be"), ([(3, 4), (3, 4), (5, 3)], r"\(5, 3\)"), ([(3,), (3,), (5, 3)], "must be")],
)
def test_shapes_that_do_not_fit(shapes: list, words: str) -> None:
    with pytest.raises(DataError, match=words):
        info_nce(*(torch.zeros(shape) for shape in shapes), 0.2)


def test_a_temperature_of_zero_is_refused() -> None:
    with pytest.raises(DataError, match="temperature is 0"):
        info_nce(torch.eye(2), torch.eye(2), torch.eye(2), 0)


@pytest.mark.parametrize("case", cases("codo.batch"), ids=name)
def test_batch_info_nce_golden(case: dict) -> None:
    given = case["inputs"]
    query, key = doubles(given["z_q"]), doubles(given["z_k"])
    axis = query.shape.index(len(case["expected"]["loss_per_level"]))
    found = torch.stack([
        batch_info_nce(q, k, given["temperature"]) for q, k in zip(query.unbind(axis), key.unbind(axis), strict=True)
    ])  # fmt: skip
    agree(found, case["expected"]["loss_per_level"], case)


def test_batch_info_nce_is_symmetric_cross_entropy_with_gradient_on_both_sides() -> None:
    a, b = (torch.randn(6, 5, dtype=torch.float64, requires_grad=True) for _ in range(2))
    unit, entropy = torch.nn.functional.normalize, torch.nn.functional.cross_entropy
    similarity, rows = unit(a, dim=1) @ unit(b, dim=1).T / 0.2, torch.arange(6)
    expected = (entropy(similarity, rows) + entropy(similarity.T, rows)) / 2
    loss = batch_info_nce(a, b, 0.2)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(loss, batch_info_nce(b, a, 0.2))
    loss.backward()
    assert a.grad is not None and b.grad is not None and a.grad.abs().sum() > 0 and b.grad.abs().sum() > 0


def test_batch_of_one_has_nothing_to_tell_apart() -> None:
    a = torch.randn(1, 5, requires_grad=True)
    loss = batch_info_nce(a, torch.randn(1, 5), 0.2)
    loss.backward()
    assert loss == 0 and a.grad is not None and a.grad.abs().sum() == 0
    with pytest.raises(DataError, match="Both must be"):
        batch_info_nce(torch.zeros(2, 3), torch.zeros(3, 3), 0.2)


# What pytorch-metric-learning computes, which CLAB's branch and the lessons rely on.


@pytest.mark.parametrize("case", cases("losses.hand"), ids=name)
def test_library_by_hand(case: dict) -> None:
    given, expected = case["inputs"], case["expected"]
    rows, labels = doubles(given["embeddings"]), torch.tensor(given["labels"])
    agree(NTXentLoss(given["temperature"])(rows, labels), expected["ntxent"], case)
    agree(SupConLoss(given["temperature"])(rows, labels), expected["supcon"], case)


@pytest.mark.parametrize("case", cases("losses.edge"), ids=name)
def test_library_without_pairs(case: dict) -> None:
    given, expected = case["inputs"], case["expected"]
    rows = doubles(given["embeddings"])
    for which in ("distinct", "same"):
        labels = torch.tensor(given[f"labels_all_{which}"])
        agree(NTXentLoss(given["temperature"])(rows, labels), expected[f"ntxent_{which}"], case)
        agree(SupConLoss(given["temperature"])(rows, labels), expected[f"supcon_{which}"], case)


@pytest.mark.parametrize("case", cases("losses.batch"), ids=name)
def test_library_on_a_batch(case: dict) -> None:
    given, expected = case["inputs"], case["expected"]
    labels = torch.tensor(given["labels"])
    supcon, mean = SupConLoss(given["temperature_supcon"]), MeanReducer()
    for loss, short in ((NTXentLoss(given["temperature_ntxent"]), "ntxent"), (supcon, "supcon")):
        rows = doubles(given["embeddings"]).requires_grad_()
        value = loss(rows, labels)
        value.backward()
        agree(value, expected[f"{short}_pml"], case)
        agree(rows.grad, expected[f"{short}_grad"], case)
    averaged = SupConLoss(given["temperature_supcon"], reducer=mean)(doubles(given["embeddings"]), labels)
    agree(averaged, expected["supcon_mean_reducer"], case)


@pytest.mark.parametrize("case", cases("losses.clab"), ids=name)
def test_the_branch_on_official_row_order(case: dict) -> None:
    """Rows as the official code has them: all key frames, then the references of video 0, of video 1, ..."""
    given = case["inputs"]
    videos = torch.arange(given["key_frames"])
    labels = torch.cat([videos, videos.repeat_interleave(given["refs_per_key"])])
    assert labels.tolist() == case["expected"]["labels"]
    pairs = (labels[:, None] == labels).sum() - len(labels)
    assert int(pairs) == case["expected"]["n_pairs"]
    branch = AuxiliaryBranch(4, ContrastConfig(temperature=given["temperature"]))
    agree(branch.loss(doubles(given["embeddings"]), labels), case["expected"]["loss"], case)
