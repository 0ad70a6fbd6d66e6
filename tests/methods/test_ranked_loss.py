"""The ranked loss: goldens, the case by hand, a slow twin, and what its formula promises (specification, section 9)."""

from __future__ import annotations

import math

import pytest
import torch
from method_goldens import agree, cases, doubles
from torch import Tensor

from clab_lite.methods.ranked.loss import RankedTerms, Ranks, rank_temperature, ranked_loss

VARIANTS = ("in", "out", "out-in")


def inputs(seed: int = 0, anchors: int = 5, bank: int = 20, classes: int = 5, dim: int = 4) -> dict[str, Tensor]:
    """A random batch; the last two places of the bank are empty."""
    draws = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (bank,), generator=draws)
    labels[-2:] = -1
    return {
        "anchor": torch.randn(anchors, dim, generator=draws, dtype=torch.float64),
        "key": torch.randn(anchors, dim, generator=draws, dtype=torch.float64),
        "bank": torch.randn(bank, dim, generator=draws, dtype=torch.float64),
        "labels": torch.randint(classes, (anchors,), generator=draws),
        "bank_labels": labels,
    }


TABLE = [  # class 2 has one similar class, class 3 none, class 4 two of the same rank
    [1.0, 0.8, 0.5, 0.0, 0.0],
    [0.7, 1.0, 0.3, 0.0, 0.2],
    [0.6, 0.0, 1.0, 0.0, 0.0],
    [0.0, 0.0, 0.0, 1.0, 0.0],
    [0.5, 0.5, 0.0, 0.0, 1.0],
]


def loss(batch: dict[str, Tensor], count: int = 3, variant: str = "in", table: object = TABLE) -> RankedTerms:
    return ranked_loss(**batch, ranks=Ranks.of_similarity(doubles(table), count, 0.1, 0.6), variant=variant)  # type: ignore[arg-type]


def slow(batch: dict[str, Tensor], count: int, variant: str) -> list[float]:
    """The formulas of section 3, one anchor and one rank at a time."""

    def cosine(a: Tensor, b: Tensor) -> float:
        return float(a @ b / a.norm() / b.norm())

    values = []
    for number in range(count):
        terms = []
        for a, k, label in zip(batch["anchor"], batch["key"], batch["labels"].tolist(), strict=True):
            scores = sorted({s for s in TABLE[label] if s > 0}, reverse=True)[:count]
            if number >= len(scores):
                continue
            tau = 0.1 + (1 - scores[number]) * 0.5
            members, below = [], []
            for x, other in [(k, label), *zip(batch["bank"], batch["bank_labels"].tolist(), strict=True)]:
                score = TABLE[label][other] if other >= 0 else 0
                rank = scores.index(score) if score in scores else count
                if rank >= number:
                    (members if rank == number else below).append(math.exp(cosine(a, x) / tau))
            if variant == "out" or (variant == "out-in" and number == 0):
                terms += [-math.log(m / (m + sum(below))) for m in members]
            elif members:
                terms.append(-math.log(sum(members) / (sum(members) + sum(below))))
        values.append(sum(terms) / len(terms) if terms else 0.0)
    return values


@pytest.mark.parametrize("case", cases("ranked.loss"), ids=lambda case: case["name"])
def test_golden(case: dict) -> None:
    given = case["inputs"]
    for name, expected in case["expected"].items():
        variant, count = name.rsplit("_r", 1)
        table = doubles(given["similarity_table"])
        ranks = Ranks.of_similarity(table, int(count), given["min_tau"], given["max_tau"])
        vectors = [doubles(given[key]) for key in ("anchor", "key", "bank")]
        labels = [torch.tensor(given[key]) for key in ("labels", "bank_labels")]
        found = ranked_loss(*vectors, *labels, ranks, variant)  # type: ignore[arg-type]
        agree(found.per_rank, expected["per_rank"], case)
        agree(found.total, expected["mean"], case)
        agree(ranked_loss(*vectors, *labels, ranks, variant, "sum").total, expected["sum"], case)  # type: ignore[arg-type]
        assert found.counts == tuple(expected.get("n_terms", found.counts))


@pytest.mark.parametrize("case", cases("ranked.tau"), ids=lambda case: case["name"])
def test_temperature_golden(case: dict) -> None:
    given = case["inputs"]
    found = [rank_temperature(s, given["min_tau"], given["max_tau"]) for s in given["similarities"]]
    agree(found, case["expected"]["tau"], case)


def test_by_hand() -> None:
    """Anchor and key point right, a class mate up, a rank 2 down (similarity 0.5), a stranger left."""
    batch = {
        "anchor": doubles([[1, 0]]),
        "key": doubles([[1, 0]]),
        "bank": doubles([[0, 1], [0, -1], [-1, 0]]),
        "labels": torch.tensor([0]),
        "bank_labels": torch.tensor([0, 1, 2]),
    }
    ranks = Ranks.of_similarity(doubles([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]), 2, 0.5, 1.0)
    found = ranked_loss(**batch, ranks=ranks)
    e2 = math.exp(2)
    first, second = math.log((e2 + 2 + 1 / e2) / (e2 + 1)), math.log(1 + math.exp(-4 / 3))
    torch.testing.assert_close(found.per_rank, doubles([first, second]), rtol=0, atol=1e-12)
    assert found.total == pytest.approx((first + second) / 2, abs=1e-12)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_equals_its_slow_twin(variant: str, count: int) -> None:
    for seed in range(3):
        batch = inputs(seed)
        torch.testing.assert_close(loss(batch, count, variant).per_rank, doubles(slow(batch, count, variant)))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_rank_is_pulled_lower_ones_pushed_and_higher_ones_left_alone(variant: str) -> None:
    batch = inputs()
    batch["anchor"] = batch["key"] = doubles([[1, 0, 0, 0]])
    batch["labels"] = torch.tensor([0])
    rank_of = {0: 0, 1: 1, 2: 2, 3: 3, 4: 3, -1: 3}
    before = loss(batch, 3, variant).per_rank
    for place, label in enumerate(batch["bank_labels"].tolist()):
        nearer = {**batch, "bank": batch["bank"].clone()}
        nearer["bank"][place, 0] += 0.5 * nearer["bank"][place].norm()
        change = loss(nearer, 3, variant).per_rank - before
        for number in range(3):
            if rank_of[label] < number:
                assert change[number] == 0
            else:
                assert (change[number] < 0) == (rank_of[label] == number) and change[number] != 0


def test_without_similar_classes_the_number_of_ranks_does_not_matter() -> None:
    batch = inputs()
    for variant in VARIANTS:
        values = [loss(batch, count, variant, torch.eye(5).tolist()).total for count in (1, 3, 5)]
        assert values[0] == values[1] == values[2]


def test_in_is_at_most_out_and_equal_for_one_member() -> None:
    batch = inputs(anchors=1)
    assert loss(batch, 1, "in").total < loss(batch, 1, "out").total
    batch["bank_labels"][batch["bank_labels"] == batch["labels"][0]] = -1  # only the own key is left
    torch.testing.assert_close(loss(batch, 1, "in").total, loss(batch, 1, "out").total)


@pytest.mark.parametrize("variant", VARIANTS)
def test_empty_places_are_negatives_and_nothing_else(variant: str) -> None:
    batch = inputs()
    stranger = {**batch, "bank_labels": torch.where(batch["bank_labels"] < 0, 3, batch["bank_labels"])}
    stranger["labels"] = batch["labels"] = torch.tensor([0, 0, 1, 0, 1])  # nobody is of class 3 or ranks it
    torch.testing.assert_close(loss(batch, 3, variant).per_rank, loss(stranger, 3, variant).per_rank)
    kept = batch["bank_labels"] >= 0
    fewer = {**batch, "bank": batch["bank"][kept], "bank_labels": batch["bank_labels"][kept]}
    assert (loss(fewer, 3, variant).per_rank < loss(batch, 3, variant).per_rank).all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_order_of_the_bank_does_not_matter_nor_do_lengths(variant: str) -> None:
    batch, order = inputs(), torch.randperm(20)
    other = {**batch, "bank": 3 * batch["bank"][order], "bank_labels": batch["bank_labels"][order]}
    other["anchor"], other["key"] = 0.2 * batch["anchor"], 5 * batch["key"]
    torch.testing.assert_close(loss(other, 3, variant).per_rank, loss(batch, 3, variant).per_rank)


@pytest.mark.parametrize("variant", VARIANTS)
def test_anchors_without_a_rank_take_no_part_in_it(variant: str) -> None:
    batch = inputs()
    batch["labels"] = torch.tensor([0, 3, 1, 3, 2])  # class 3 has only itself, class 2 two ranks
    found = loss(batch, 3, variant)
    kept = torch.tensor([0, 2, 4])
    fewer = {**batch, **{name: batch[name][kept] for name in ("anchor", "key", "labels")}}
    torch.testing.assert_close(found.per_rank[1:], loss(fewer, 3, variant).per_rank[1:])
    assert found.counts[1:] == loss(fewer, 3, variant).counts[1:]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("emptiness", ["no anchor", "no bank", "bank of own class", "bank of similar class"])
def test_empty_cases_are_finite_with_finite_gradient(variant: str, emptiness: str) -> None:
    batch = inputs()
    if emptiness == "no anchor":
        batch |= {name: batch[name][:0] for name in ("anchor", "key", "labels")}
    if emptiness == "no bank":
        batch |= {name: batch[name][:0] for name in ("bank", "bank_labels")}
    if "class" in emptiness:
        batch["labels"] = torch.zeros(5, dtype=torch.int64)
        batch["bank_labels"] = torch.full((20,), int("similar" in emptiness))
    batch["anchor"].requires_grad_()
    found = loss(batch, 3, variant)
    found.total.backward()
    assert found.per_rank.isfinite().all() and batch["anchor"].grad is not None
    assert batch["anchor"].grad.isfinite().all()
    if emptiness != "bank of similar class":
        assert found.total == 0 and not batch["anchor"].grad.any()  # nothing to push away


def test_the_temperature_rises_with_the_rank() -> None:
    ranks = Ranks.of_similarity(doubles(TABLE), 3, 0.1, 0.6)
    assert (ranks.temperatures[:2].diff(dim=1) > 0).all()
    assert ranks.of[4].tolist() == [1, 1, 3, 3, 0]  # equal similarity, equal rank
    assert ranks.of[2].tolist() == [1, 3, 0, 3, 3]  # a short list has fewer ranks


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_anchors_get_a_gradient(variant: str) -> None:
    batch = inputs()
    for name in ("anchor", "key", "bank"):
        batch[name].requires_grad_()
    loss(batch, 3, variant).total.backward()
    assert batch["anchor"].grad is not None and batch["anchor"].grad.any()
    assert batch["key"].grad is None and batch["bank"].grad is None


def test_a_hopeless_positive_still_has_a_gradient() -> None:
    """Opposite to its anchor at a temperature of 0.01, where probabilities underflow in float32."""
    anchor = torch.tensor([[1.0, 0.02]], requires_grad=True)
    ranks = Ranks.of_similarity(torch.eye(2), 1, 0.01, 0.01)
    for variant in ("in", "out"):
        found = ranked_loss(
            anchor, torch.tensor([[-1.0, 0.0]]), torch.tensor([[1.0, 0.0]]), torch.tensor([0]), torch.tensor([1]),
            ranks, variant,  # type: ignore[arg-type]
        )  # fmt: skip
        assert found.total.item() == pytest.approx(200, abs=0.1)
        anchor.grad = None
        found.total.backward()
        assert anchor.grad is not None and anchor.grad.norm() > 1


def test_autocast_does_not_touch_the_cosines() -> None:
    batch = {name: value.float() if value.is_floating_point() else value for name, value in inputs(dim=64).items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss(batch)
    assert found.total.dtype == torch.float32
    torch.testing.assert_close(found.per_rank, loss(batch).per_rank, rtol=0, atol=0)
    torch.testing.assert_close(found.total.double(), loss(inputs(dim=64)).total, rtol=1e-5, atol=1e-5)
