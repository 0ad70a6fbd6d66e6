"""The loss: goldens, loops that say the same, and what may not change it."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from method_goldens import agree, cases, doubles
from torch import Tensor

from clab_lite.errors import DataError
from clab_lite.methods.codo.loss import Pairs, batch_losses, mean_over_pairs, pair_losses, queue_losses
from clab_lite.methods.shared import RingQueue, info_nce_logits, top1


def given(case: dict) -> tuple[Tensor, Tensor, Tensor, float]:
    """Queries, keys, level weights, temperature."""
    inputs = case["inputs"]
    weights = doubles(inputs["level_weights"])
    return doubles(inputs["z_q"]), doubles(inputs["z_k"]), weights, inputs["temperature"]


def queues_of(case: dict) -> Tensor:
    return doubles(case["inputs"]["queues_LxDxK"]).transpose(1, 2)


@pytest.mark.parametrize("case", cases("codo.levels"), ids=lambda c: c["name"])
def test_levels_golden(case: dict) -> None:
    queries, keys, weights, temperature = given(case)
    queries.requires_grad_()
    expected = case["expected"]
    queues = queues_of(case)
    losses = queue_losses(queries, keys, queues, temperature)
    agree(losses, expected["loss_per_level"], case)
    total = (losses * weights).sum()
    agree(total, expected["total"], case)
    total.backward()
    agree(queries.grad, expected["grad_total_wrt_z_q"], case)
    levels = range(queries.shape[1])
    found = [top1(info_nce_logits(queries[:, i], keys[:, i], queues[i], temperature)) for i in levels]
    agree(torch.stack(found), expected["top1"], case)
    ring = RingQueue(queues.shape[1], queues.shape[2], queues.shape[0]).double()
    ring.vectors, ring.pointer = queues, torch.tensor(case["inputs"]["queue_ptr"])
    ring.enqueue(keys.transpose(0, 1))
    agree(ring.vectors.transpose(1, 2), expected["queues_after"], case)
    assert int(ring.pointer) == expected["queue_ptr_after"]


@pytest.mark.parametrize("case", cases("codo.views"), ids=lambda c: c["name"])
def test_views_golden(case: dict) -> None:
    queries, keys, weights, temperature = given(case)
    level_losses = partial(queue_losses, queues=queues_of(case), temperature=temperature)
    expected = case["expected"]
    pairs = pair_losses(queries, keys, level_losses, "all")
    agree((pairs * weights).sum(dim=2), expected["pair_losses_query_u_key_v"], case)
    agree((mean_over_pairs(pairs, "all") * weights).sum(), expected["total_all_ordered_pairs"], case)
    first = pair_losses(queries, keys, level_losses, "first_is_query")
    total = (mean_over_pairs(first, "first_is_query") * weights).sum()
    agree(total, expected["total_first_view_is_query"], case)


@pytest.mark.parametrize("case", cases("codo.batch"), ids=lambda c: c["name"])
def test_batch_golden(case: dict) -> None:
    queries, keys, weights, temperature = given(case)
    losses = batch_losses(queries, keys, temperature)
    agree(losses, case["expected"]["loss_per_level"], case)
    agree((losses * weights).sum(), case["expected"]["total"], case)


def slow_nce(query: list[float], key: list[float], others: list[list[float]], temperature: float) -> float:
    def cosine(a: list[float], b: list[float]) -> float:
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(x * x for x in b))

    right = math.exp(cosine(query, key) / temperature)
    return -math.log(right / (right + sum(math.exp(cosine(query, other) / temperature) for other in others)))


def test_slow_twin_of_pairs_levels_and_queues() -> None:
    views, count, levels, dim, size = 3, 4, 2, 5, 6
    queries, keys = torch.randn(2, views, count, levels, dim, dtype=torch.float64)
    queues = torch.randn(levels, size, dim, dtype=torch.float64)
    weights, wanted = [1.0, 0.3], 0.0
    for u in range(views):
        for v in range(views):
            for level in range(levels):
                for b in range(count):
                    one = [t[u if t is queries else v, b, level].tolist() for t in (queries, keys)]
                    nce = slow_nce(*one, queues[level].tolist(), 0.2)
                    wanted += weights[level] * nce / count / (views * (views - 1)) if u != v else 0
    pairs = pair_losses(queries, keys, partial(queue_losses, queues=queues, temperature=0.2), "all")
    found = (mean_over_pairs(pairs, "all") * torch.tensor(weights)).sum()
    assert float(found) == pytest.approx(wanted)


def test_slow_twin_of_batch_negatives() -> None:
    queries, keys = torch.randn(2, 5, 2, 6, dtype=torch.float64)
    found = batch_losses(queries, keys, 0.3)
    for level in range(2):
        q, k = queries[:, level].tolist(), keys[:, level].tolist()
        rows = sum(slow_nce(q[b], k[b], [k[j] for j in range(5) if j != b], 0.3) for b in range(5)) / 5
        columns = sum(slow_nce(k[b], q[b], [q[j] for j in range(5) if j != b], 0.3) for b in range(5)) / 5
        assert float(found[level]) == pytest.approx((rows + columns) / 2)


def test_closed_form_of_embeddings_that_tell_nothing() -> None:
    same = torch.ones(1, 1, 1).expand(6, 3, 4)
    torch.testing.assert_close(batch_losses(same, same, 0.2), torch.full((3,), math.log(6)))
    queues = torch.ones(3, 9, 4)
    torch.testing.assert_close(queue_losses(same, same, queues, 0.2), torch.full((3,), math.log(10)))


def test_first_is_query_with_two_views_is_the_level_loss() -> None:
    """Property (c)."""
    queries, keys = torch.randn(2, 2, 4, 3, 5, dtype=torch.float64)
    level_losses = partial(queue_losses, queues=torch.randn(3, 8, 5, dtype=torch.float64), temperature=0.2)
    pairs = pair_losses(queries, keys, level_losses, "first_is_query")
    torch.testing.assert_close(mean_over_pairs(pairs, "first_is_query"), level_losses(queries[0], keys[1]))
    one = pair_losses(queries[:1], keys, level_losses, "first_is_query")
    torch.testing.assert_close(one, pairs)


def test_exchanging_views_changes_nothing_when_queries_are_keys() -> None:
    """Property (d), at the loss."""
    rows = torch.randn(3, 4, 2, 5, dtype=torch.float64)
    level_losses = partial(queue_losses, queues=torch.randn(2, 8, 5, dtype=torch.float64), temperature=0.2)
    one = mean_over_pairs(pair_losses(rows, rows, level_losses, "all"), "all")
    swapped = rows[[2, 0, 1]]
    torch.testing.assert_close(mean_over_pairs(pair_losses(swapped, swapped, level_losses, "all"), "all"), one)


def test_a_level_without_weight_has_no_gradient() -> None:
    """Property (e)."""
    queries, keys = torch.randn(2, 4, 3, 5, requires_grad=True)
    leaf = torch.randn(4, 3, 5, requires_grad=True)
    (batch_losses(leaf, keys.detach(), 0.2) * torch.tensor([1.0, 0.0, 2.0])).sum().backward()
    assert bool((leaf.grad[:, 1] == 0).all()) and bool((leaf.grad[:, [0, 2]] != 0).any())
    assert queries.shape == (4, 3, 5)


def test_scale_and_order_do_not_count() -> None:
    queries, keys = torch.randn(2, 5, 2, 6, dtype=torch.float64)
    wanted = batch_losses(queries, keys, 0.2)
    torch.testing.assert_close(batch_losses(queries * 7, keys * 0.1, 0.2), wanted)
    order = torch.randperm(5)
    torch.testing.assert_close(batch_losses(queries[order], keys[order], 0.2), wanted)


def test_one_instance_has_no_negatives_and_no_gradient() -> None:
    alone = torch.randn(1, 2, 6, requires_grad=True)
    losses = batch_losses(alone, torch.randn(1, 2, 6), 0.2)
    losses.sum().backward()
    assert bool((losses == 0).all()) and bool((alone.grad == 0).all())


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(DataError, match=r"\(3, 6\)"):
        batch_losses(torch.randn(3, 2, 6), torch.randn(4, 2, 6), 0.2)


@pytest.mark.parametrize("pairs", ["all", "first_is_query"])
@pytest.mark.parametrize("views", [1, 2, 4])
def test_any_number_of_views_is_the_mean_over_its_pairs(views: int, pairs: Pairs) -> None:
    """Against a loop over pairs; a single view has no pair, and 0 instead of 0 / 0."""
    z = torch.randn(views, 3, 2, 5, generator=torch.Generator().manual_seed(views), dtype=torch.float64)
    losses = partial(batch_losses, temperature=0.3)
    found = mean_over_pairs(pair_losses(z, z + 0.1, losses, pairs), pairs)
    asking = range(views if pairs == "all" else 1)
    expected = [losses(z[u], z[v] + 0.1) for u in asking for v in range(views) if u != v]
    torch.testing.assert_close(found, torch.stack(expected).mean(dim=0) if expected else torch.zeros(2).double())
