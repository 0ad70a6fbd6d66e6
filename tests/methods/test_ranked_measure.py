"""Class means, accuracy, AUROC and the ladder: golden, by hand on a circle, empty cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from method_goldens import agree, cases, doubles
from scipy.integrate import trapezoid
from torch import Tensor, nn

from clab_lite.methods.ranked.loss import Ranks
from clab_lite.methods.ranked.measure import (
    class_means,
    cosines,
    embed_all,
    known_score,
    ladder,
    released_curve,
    score,
)


def circle(*degrees: float) -> Tensor:
    angles = torch.deg2rad(doubles(degrees))
    return torch.stack([angles.cos(), angles.sin()], dim=1)


@pytest.mark.parametrize("case", cases("ranked.eval"), ids=lambda case: case["name"])
def test_golden(case: dict) -> None:
    given, expected = case["inputs"], case["expected"]
    train, test, ood = (doubles(given[name]) for name in ("train_feats", "test_feats", "ood_feats"))
    labels, truth = torch.tensor(given["train_labels"]), torch.tensor(given["test_labels"])
    means = class_means(train, labels, int(labels.max()) + 1)
    agree(means, expected["class_means"], case)
    similarity = cosines(test, means)
    assert similarity.argmax(dim=1).tolist() == expected["pred"]
    count = len(means)
    found = score(means, test, truth, ood, ood[:0], Ranks.of_similarity(torch.eye(count), 1, 0.1, 0.6))
    agree(found.accuracy, expected["accuracy"], case)
    agree(found.near_auroc, expected["auroc_max_softmax_T1"], case)
    inside, outside = similarity, cosines(ood, means)
    agree(found.near_cosine_auroc, expected["auroc_max_cosine"], case)
    false, true = released_curve(known_score(inside).numpy(), known_score(outside).numpy())
    agree(abs(trapezoid(true, false)), expected["released_grid_auc"], case)
    agree((false[0], true[0]), expected["released_grid_first_point"], case)
    agree((false[-1], true[-1]), expected["released_grid_last_point"], case)
    assert math.isnan(found.far_auroc)


def test_the_ladder_by_hand() -> None:
    """Class means at 0, 60, 90 and 180 degrees; class 0 ranks 1, then 2; class 3 nobody."""
    means = circle(0, 60, 90, 180)
    rank = torch.tensor([[0, 1, 2, 3], [3, 0, 3, 3], [3, 3, 0, 3], [3, 3, 3, 0]])
    steps = ladder(cosines(circle(0), means), torch.tensor([0]), rank, 3)
    np.testing.assert_allclose(steps, [1, 0.5, 0, -1], atol=1e-12)
    both = ladder(cosines(circle(0, 180), means), torch.tensor([0, 3]), rank, 3)
    np.testing.assert_allclose(both, [1, 0.5, 0, (-1 + (-1 - 0.5 + 0) / 3) / 2], atol=1e-12)


def test_a_rank_with_several_classes_counts_once_per_crop() -> None:
    means, rank = circle(0, 60, 120), torch.tensor([[0, 1, 1], [2, 0, 2], [2, 2, 0]])
    steps = ladder(cosines(circle(0), means), torch.tensor([0]), rank, 2)
    np.testing.assert_allclose(steps[:2], [1, 0], atol=1e-12)
    assert math.isnan(steps[2])  # class 0 has no other class left


def test_class_means_ignore_lengths_and_know_empty_classes() -> None:
    found = class_means(torch.cat([5 * circle(10), circle(50), 2 * circle(180)]), torch.tensor([0, 0, 2]), 3)
    torch.testing.assert_close(found, torch.cat([circle(30), doubles([[0, 0]]), circle(180)]))


def test_known_score_is_between_its_limits() -> None:
    similarity = doubles([[1, -1, -1], [0.2, 0.2, 0.2]])
    first = math.e / (math.e + 2 / math.e)
    torch.testing.assert_close(known_score(similarity), doubles([first, 1 / 3]))


def test_nothing_to_judge() -> None:
    means, none = circle(0, 90), torch.zeros(0, 2, dtype=torch.float64)
    ranks = Ranks.of_similarity(torch.eye(2), 1, 0.1, 0.6)
    found = score(means, none, torch.zeros(0, dtype=torch.int64), none, none, ranks)
    assert math.isnan(found.accuracy) and math.isnan(found.near_auroc) and np.isnan(found.ladder).all()


def test_embeddings_do_not_depend_on_the_batch_and_the_model_stays_as_it_was() -> None:
    class Model(nn.Sequential):
        def embed(self, crops: Tensor) -> Tensor:
            return self(crops)

    model = Model(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten())
    model(torch.randn(8, 3, 5, 5))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    images = torch.randn(7, 3, 5, 5)
    torch.testing.assert_close(embed_all(model, images, 7), embed_all(model, images, 2))
    assert model.training and all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not embed_all(model, images).requires_grad
    assert embed_all(model, images[:0]).shape == (0, 36)
