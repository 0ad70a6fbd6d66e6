"""The released form of the loss: goldens, and each quirk seen in a small case."""

from __future__ import annotations

import pytest
import torch
from method_goldens import agree, cases, doubles

from clab_lite.errors import DataError
from clab_lite.methods.ranked.loss import Ranks, ranked_loss
from clab_lite.methods.ranked.ranking import Ranking
from clab_lite.methods.ranked.released import released_loss
from clab_lite.methods.shared import LabelledBank

NAMES = ("person", "bird", "cat", "dog", "plane")
LISTS = {"bird": ["plane"], "cat": ["dog", "bird"], "dog": ["cat"]}
RANKING = Ranking(NAMES, LISTS)
OWN_ONLY = Ranks.of_similarity(torch.eye(5), 1, 0.1, 0.6)


@pytest.mark.parametrize("case", cases("ranked.released"), ids=lambda case: case["name"])
def test_golden(case: dict) -> None:
    given = case["inputs"]
    ranking = Ranking(tuple(given["classes"]), given["ranking"])
    vectors = [doubles(given[name]) for name in ("anchor", "key", "bank")]
    labels, bank_labels = (torch.tensor(given[name]) for name in ("labels", "bank_labels"))
    for variant, expected in case["expected"].items():
        if variant == "bank_labels_after":
            bank = LabelledBank(len(bank_labels), 2)
            bank.labels = bank_labels
            bank.push(torch.randn(len(labels), 2), labels)
            assert bank.labels.tolist() == expected
            continue
        found = released_loss(*vectors, labels, bank_labels, ranking, given["n_sim_classes"], variant, 0.1, 0.6)
        agree(found.per_rank, expected["per_rank"], case)
        agree(found.total, expected["mean"], case)


def batch(labels: list[int], bank_labels: list[int], seed: int = 0) -> dict[str, torch.Tensor]:
    draws = torch.Generator().manual_seed(seed)
    return {
        "anchor": torch.randn(len(labels), 4, generator=draws, dtype=torch.float64),
        "key": torch.randn(len(labels), 4, generator=draws, dtype=torch.float64),
        "bank": torch.randn(len(bank_labels), 4, generator=draws, dtype=torch.float64),
        "labels": torch.tensor(labels),
        "bank_labels": torch.tensor(bank_labels),
    }


@pytest.mark.parametrize("variant", ["in", "out", "out-in"])
def test_with_one_rank_it_is_the_clean_loss(variant: str) -> None:
    given = batch([0, 1, 2, 3], [0, 1, 2, 3, 4, 0, -1])
    clean = ranked_loss(**given, ranks=OWN_ONLY, variant=variant)  # type: ignore[arg-type]
    found = released_loss(**given, ranking=RANKING, selected=1, variant=variant)  # type: ignore[arg-type]
    torch.testing.assert_close(found.total, clean.total)


def test_quirk_2_three_and_five_classes_give_the_same_two_terms() -> None:
    given = batch([1, 2, 3], [0, 1, 2, 3, 4, 2])
    three, five, twenty = (released_loss(**given, ranking=RANKING, selected=n).per_rank for n in (3, 5, 20))
    assert len(three) == 2 and torch.equal(three, five) and torch.equal(three, twenty)


def test_quirk_2_the_second_term_pulls_the_own_class_too() -> None:
    given = batch([3], [3, 2, 4])
    found = released_loss(**given, ranking=RANKING, selected=2)
    logits = torch.nn.functional.normalize(given["anchor"]) @ torch.nn.functional.normalize(given["bank"]).T / 0.225
    torch.testing.assert_close(found.per_rank[1], -logits.softmax(dim=1)[0, :2].sum().log())


def test_quirk_4_hard_positives_are_dropped() -> None:
    hard = {
        "anchor": torch.tensor([[1.0, 0.0]], requires_grad=True),
        "key": torch.tensor([[-1.0, 0.0]]),
        "bank": torch.tensor([[1.0, 0.0]]),
        "labels": torch.tensor([0]),
        "bank_labels": torch.tensor([1]),
    }
    found = released_loss(**hard, ranking=RANKING, selected=1)
    assert found.total == 0 and found.counts == (0,)
    assert ranked_loss(**hard, ranks=OWN_ONLY).total.item() == pytest.approx(20)


def test_quirk_5_short_lists_are_filled_with_the_first_classes() -> None:
    assert RANKING.order()[1].tolist()[:3] == [1, 4, 0]  # bird: plane, then person, who is no bird's relative
    person = batch([1, 2], [4, 0, 3])
    stranger = {**person, "bank_labels": torch.tensor([4, -1, 3])}
    with_person, without = (released_loss(**g, ranking=RANKING, selected=3) for g in (person, stranger))
    assert with_person.per_rank[1] < without.per_rank[1]  # the person counts as a positive of the bird
    assert with_person.per_rank[0] == without.per_rank[0]


def test_anchors_without_a_similar_class_leave_the_second_term() -> None:
    given = batch([0, 4, 1], [0, 1, 2, 3, 4])
    assert released_loss(**given, ranking=RANKING, selected=3).counts == (3, 1)


def test_quirk_6_a_batch_without_similar_classes_is_an_error_that_says_so() -> None:
    with pytest.raises(DataError, match=r"classes \[0, 4\] has a similar one.*semantics='clean'"):
        released_loss(**batch([0, 4, 0], [1, 2]), ranking=RANKING, selected=3)


def test_the_mean_counts_empty_terms() -> None:
    given = batch([1], [3, 3, -1])  # no plane and no bird in the bank: nothing of rank 2
    found = released_loss(**given, ranking=RANKING, selected=2)
    assert found.counts == (1, 0)
    torch.testing.assert_close(found.total, found.per_rank[0] / 2)


def test_no_bank() -> None:
    given = batch([1, 2], [])
    given["anchor"].requires_grad_()
    found = released_loss(**given, ranking=RANKING, selected=3)
    found.total.backward()
    assert found.per_rank.tolist() == [0, 0] and given["anchor"].grad.isfinite().all()  # type: ignore[union-attr]
