"""Momentum encoder, ring queue, labelled bank."""

from __future__ import annotations

import pytest
import torch
from method_goldens import agree, cases, doubles
from torch import nn

from clab_lite.errors import DataError
from clab_lite.methods.shared import LabelledBank, MomentumEncoder, RingQueue, info_nce


class OneVector(nn.Module):
    def __init__(self, values: torch.Tensor) -> None:
        super().__init__()
        self.values = nn.Parameter(values.clone())


@pytest.mark.parametrize("case", cases("ema"), ids=lambda c: c["name"])
def test_ema_golden(case: dict) -> None:
    given = case["inputs"]
    encoder = MomentumEncoder(OneVector(doubles(given["key_param"])), given["m"])
    steps = zip(given["query_params_per_step"], case["expected"]["key_after_each_step"], strict=True)
    for query, expected in steps:
        encoder.update(OneVector(doubles(query)))
        agree(encoder.module.values, expected, case)


def test_the_copy_is_its_own_has_no_gradient_and_keeps_its_statistics() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    encoder = MomentumEncoder(network, 0.0)
    with torch.no_grad():
        network[0].weight.fill_(1.0)
    assert not torch.equal(encoder.module[0].weight, network[0].weight)
    encoder.update(network)
    torch.testing.assert_close(encoder.module[0].weight, network[0].weight)
    mean = encoder.module[1].running_mean.clone()
    network(torch.randn(5, 3) + 10)
    encoder.update(network)
    assert torch.equal(encoder.module[1].running_mean, mean)  # buffers are not averaged
    keys = encoder(torch.randn(5, 3, requires_grad=True))
    assert not keys.requires_grad and not any(p.requires_grad for p in encoder.parameters())
    assert not torch.equal(encoder.module[1].running_mean, mean)  # but the copy keeps its own
    assert not encoder.eval().module.training and encoder.train().module.training


def test_another_network_is_refused() -> None:
    encoder = MomentumEncoder(nn.Linear(2, 2), 0.9)
    with pytest.raises(DataError, match="'bias'"):
        encoder.update(nn.Linear(2, 2, bias=False))
    with pytest.raises(DataError, match=r"is 1\.5"):
        MomentumEncoder(nn.Linear(2, 2), 1.5)


def test_ring_wraps_around_and_holds_unit_vectors() -> None:
    queue, pushed = RingQueue(6, 3), torch.randn(8, 3)
    torch.testing.assert_close(queue.vectors.norm(dim=1), torch.ones(6))
    for start in range(0, 8, 2):
        queue.enqueue(pushed[start : start + 2])
    unit = torch.nn.functional.normalize(pushed, dim=1)
    assert int(queue.pointer) == 2
    torch.testing.assert_close(queue.vectors, torch.cat([unit[6:8], unit[2:6]]))


def test_ring_wraps_inside_a_batch_when_the_batch_changes() -> None:
    queue, pushed = RingQueue(12, 3), torch.nn.functional.normalize(torch.randn(14, 3), dim=1)
    for start, end in ((0, 4), (4, 8), (8, 10), (10, 14)):
        queue.enqueue(pushed[start:end])
    assert int(queue.pointer) == 2
    torch.testing.assert_close(queue.vectors, torch.cat([pushed[12:14], pushed[2:12]]))


def test_levels_share_one_pointer() -> None:
    queue, keys = RingQueue(4, 3, levels=2), torch.randn(2, 2, 3)
    queue.enqueue(keys)
    assert int(queue.pointer) == 2 and queue.vectors.shape == (2, 4, 3)
    torch.testing.assert_close(queue.vectors[:, :2], torch.nn.functional.normalize(keys, dim=2))


@pytest.mark.parametrize(("size", "count", "words"), [(10, 4, "try 8"), (4, 5, "multiple"), (4, 0, "multiple")])
def test_a_size_that_the_batch_does_not_divide(size: int, count: int, words: str) -> None:
    with pytest.raises(DataError, match=words):
        RingQueue(size, 2).enqueue(torch.randn(count, 2))


def test_keys_of_another_shape_are_refused() -> None:
    for queue, keys in ((RingQueue(4, 2), torch.randn(2, 3)), (RingQueue(4, 2, levels=3), torch.randn(2, 2, 2))):
        with pytest.raises(DataError, match="Only B may differ"):
            queue.enqueue(keys)


def test_a_queue_may_move_on_before_backward_and_gets_no_gradient() -> None:
    queue, query = RingQueue(4, 3), torch.randn(2, 3, requires_grad=True)
    key = torch.randn(2, 3, requires_grad=True)
    loss = info_nce(query, key.detach(), queue.vectors, 0.2).sum()
    queue.enqueue(key)
    loss.backward()
    assert query.grad is not None and key.grad is None and not queue.vectors.requires_grad
    assert {"vectors", "pointer"} == set(queue.state_dict())


def test_bank_is_first_in_first_out_of_any_chunk() -> None:
    bank, pushed = LabelledBank(5, 3), torch.randn(9, 3)
    assert bank.labels.tolist() == [-1] * 5
    torch.testing.assert_close(bank.vectors.norm(dim=1), torch.ones(5))
    bank.push(pushed[:2], torch.tensor([4, 7]))
    assert bank.labels.tolist() == [4, 7, -1, -1, -1]
    bank.push(pushed[2:3], torch.tensor([1]))
    bank.push(pushed[:0], torch.zeros(0, dtype=torch.int64))
    assert bank.labels.tolist() == [1, 4, 7, -1, -1]
    torch.testing.assert_close(bank.vectors[:3], torch.nn.functional.normalize(pushed[[2, 0, 1]], dim=1))
    bank.push(pushed, torch.arange(9))
    assert bank.labels.tolist() == [0, 1, 2, 3, 4]


def test_bank_refuses_what_does_not_belong_together() -> None:
    for keys, labels in ((torch.randn(2, 3), torch.zeros(3)), (torch.randn(2, 4), torch.zeros(2))):
        with pytest.raises(DataError, match="bank of"):
            LabelledBank(5, 3).push(keys, labels)


def test_bank_keeps_keys_without_their_graph() -> None:
    bank, keys = LabelledBank(4, 3), torch.randn(2, 3, requires_grad=True)
    bank.push(keys, torch.tensor([0, 1]))
    assert not bank.vectors.requires_grad
