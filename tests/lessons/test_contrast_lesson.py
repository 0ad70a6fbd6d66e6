"""Lesson 04: its numbers are the library's, and its pictures say what the numbers say."""

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_metric_learning.losses import NTXentLoss, SupConLoss

from clab_lite.errors import DataError
from clab_lite.lessons.contrast.angles import draw_angles
from clab_lite.lessons.contrast.counting import Batch, losses_that_know_nothing
from clab_lite.lessons.contrast.counting_figures import draw_batch, draw_readings
from clab_lite.lessons.contrast.flow import Flow, move_points, train_branch
from clab_lite.lessons.contrast.flow_figures import draw_flow, draw_story, finding
from clab_lite.lessons.contrast.temperature import NEGATIVES, anchor, draw_temperature, that_count
from clab_lite.lessons.contrast.terms import nt_xent, on_circle, pairs_of, pull_alone
from clab_lite.lessons.contrast.variants import cases, compare_losses, draw_half_precision, textbook
from clab_lite.show.style import GREEN
from clab_lite.training.losses import contrast_chance

GOLDEN = json.loads((Path(__file__).parents[1] / "goldens/methods/losses.json").read_text(encoding="utf-8"))
CASES = {case["name"]: case for case in GOLDEN["cases"]}


def rows(name: str) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Embeddings, labels and temperature of a golden case."""
    given = CASES[name]["inputs"]
    labels = given["labels"] if "labels" in given else CASES[name]["expected"]["labels"]
    temperature = given["temperature"] if "temperature" in given else given["temperature_ntxent"]
    return torch.tensor(given["embeddings"], dtype=torch.float64), torch.tensor(labels), temperature


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("hand_two_pairs", "ntxent"),
        ("hand_three_positives", "ntxent"),
        ("batch8", "ntxent_pml"),
        ("clab_B3_R2", "loss"),
    ],
)
def test_nt_xent_is_the_golden_one(name: str, key: str) -> None:
    embeddings, labels, temperature = rows(name)
    assert float(nt_xent(embeddings, labels, temperature)) == pytest.approx(CASES[name]["expected"][key], abs=1e-9)
    pairs = CASES[name]["expected"].get("ntxent_n_pairs", CASES[name]["expected"].get("n_pairs"))
    assert pairs is None or len(pairs_of(embeddings, labels, temperature).losses) == pairs


def test_nt_xent_has_the_golden_gradient() -> None:
    embeddings, labels, temperature = rows("batch8")
    embeddings.requires_grad_()
    nt_xent(embeddings, labels, temperature).backward()
    wanted = torch.tensor(CASES["batch8"]["expected"]["ntxent_grad"], dtype=torch.float64)
    torch.testing.assert_close(embeddings.grad, wanted, rtol=0, atol=1e-9)


def test_without_positives_or_negatives_the_loss_and_its_gradient_are_zero() -> None:
    for key in ("labels_all_distinct", "labels_all_same"):
        given = CASES["edge_no_pairs"]["inputs"]
        embeddings = torch.tensor(given["embeddings"], requires_grad=True)
        loss = nt_xent(embeddings, torch.tensor(given[key]), given["temperature"])
        loss.backward()
        assert loss.item() == 0 and embeddings.grad is not None and embeddings.grad.abs().max() == 0


def test_extreme_cosines_stay_finite() -> None:
    loss = nt_xent(on_circle([0, 180, 0]), torch.tensor([0, 0, 1]), 0.001)
    assert loss == pytest.approx((2000 + math.log(2)) / 2, rel=0.01)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(DataError, match="temperature is 0"):
        pairs_of(on_circle([0, 1]), torch.tensor([0, 0]), 0)
    with pytest.raises(DataError, match="2 embeddings have 3 labels"):
        pairs_of(on_circle([0, 1]), torch.tensor([0, 0, 1]), 1)


@pytest.mark.parametrize(("clips", "gpus", "references"), [(2, 1, 2), (3, 2, 1), (1, 4, 3)])
def test_counts_are_those_of_the_library(clips: int, gpus: int, references: int) -> None:
    batch = Batch(clips, gpus, references)
    same = batch.labels[:, None] == batch.labels[None]
    assert len(batch.labels) == batch.anchors
    assert set((~same).sum(dim=1).tolist()) == {batch.negatives}
    assert int(same.sum()) - batch.anchors == batch.pairs
    library = contrast_chance("frame", batch.frames, [{}] * batch.clips)
    assert library == pytest.approx(batch.chance)


def test_embeddings_that_know_nothing_stand_at_chance_or_above() -> None:
    batch = Batch(2, 4, 2)
    losses = losses_that_know_nothing(batch, 0.1)
    assert losses["all equal"] == pytest.approx(batch.chance, abs=1e-5)
    assert losses["untrained branch"] == pytest.approx(batch.chance, abs=0.05)
    assert losses["random directions"] > batch.chance + 0.1
    assert set(losses_that_know_nothing(Batch(1, 1, 2), 0.1).values()) == {0.0}


def test_a_batch_outside_its_range_is_refused() -> None:
    with pytest.raises(DataError, match="gpus"):
        Batch(2, 0, 2)


def test_points_gather_by_clip_and_clips_part() -> None:
    flow = move_points(seed=0)
    assert flow.angles.shape == (flow.steps + 1, 12)
    assert all(after <= before + 1e-6 for before, after in pairwise(flow.losses[30:]))
    assert flow.widest_clip(flow.steps) < 10 and flow.nearest_clips(flow.steps) > 70
    assert flow.alignment[-1] < 0.01 < flow.alignment[0]
    assert flow.losses[-1] < 0.1 < flow.chance < flow.losses[0]


def test_a_step_is_the_library_gradient() -> None:
    flow = move_points(steps=1, temperature=0.3)
    angles = torch.from_numpy(flow.angles[0]).requires_grad_()
    points = torch.stack([angles.cos(), angles.sin()], dim=1)
    NTXentLoss(0.3)(points, torch.from_numpy(flow.labels)).backward()
    assert angles.grad is not None
    np.testing.assert_allclose(flow.angles[1], flow.angles[0] - 0.3 * angles.grad.numpy(), atol=1e-9)


def test_without_negatives_free_points_crowd_and_the_branch_collapses() -> None:
    alone = move_points(negatives=False)
    assert alone.alignment[-1] < 1e-3 and alone.uniformity[-1] > move_points().uniformity[-1]
    collapsed, spread = train_branch(negatives=False), train_branch()
    assert spread.losses[0] == pytest.approx(spread.chance, abs=0.1) and spread.losses[-1] < 0.5
    assert collapsed.losses[0] < 0.01 and collapsed.uniformity[-1] > -0.05 > spread.uniformity[-1]
    assert finding(collapsed, collapsed.steps) == "everything points one way"
    assert finding(spread, spread.steps).startswith("clips apart")


def test_training_the_branch_leaves_the_generator_alone() -> None:
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    train_branch.__wrapped__(steps=1)
    losses_that_know_nothing.__wrapped__(Batch(), 0.1)
    torch.testing.assert_close(torch.rand(1), wanted)


def test_words_for_the_points_follow_the_points() -> None:
    def at(degrees: list[float]) -> Flow:
        return Flow(np.radians([degrees]), np.array([0, 0, 1, 1]), np.zeros(1), 0.2, True)

    assert finding(at([0, 1, 2, 3]), 0) == "everything points one way"
    assert finding(at([0, 5, 90, 95]), 0) == "clips apart, 85° or more"
    assert finding(at([350, 5, 25, 30]), 0) == "clips are tight, two only 20° apart"
    assert finding(at([0, 100, 200, 210]), 0) == "a clip spans up to 100°"


def test_pull_alone_ignores_negatives() -> None:
    labels = torch.tensor([0, 0, 1])
    near, far = on_circle([0, 60, 30]), on_circle([0, 60, 240])
    assert float(pull_alone(near, labels, 0.5)) == pytest.approx(0.5 / 0.5)
    assert float(pull_alone(near, labels, 0.5)) == pytest.approx(float(pull_alone(far, labels, 0.5)))


def test_pushes_are_the_gradient_and_sum_to_the_pull() -> None:
    case, temperature = anchor(0.6, 0.8), 0.2
    cosines = torch.tensor([case.positive, *case.negatives], dtype=torch.float64, requires_grad=True)
    (-torch.log_softmax(cosines / temperature, dim=0)[0]).backward()
    assert cosines.grad is not None
    gradient = cosines.grad.numpy()
    np.testing.assert_allclose(case.pushes(temperature), gradient[1:] / gradient[1:].sum(), atol=1e-12)
    assert case.gradient(temperature) == pytest.approx(-gradient[0])
    assert -gradient[0] == pytest.approx(gradient[1:].sum())


def test_a_small_temperature_sees_one_negative_a_large_one_all() -> None:
    case = anchor(0.6, 0.8)
    assert that_count(case.pushes(0.01)) == pytest.approx(1, abs=0.01)
    assert that_count(case.pushes(100)) == pytest.approx(NEGATIVES, abs=0.01)


@pytest.mark.parametrize(("positive", "place"), [(0.9, -0.5), (0.8, 0), (0.725, 0.5), (0.5, 2), (-0.4, 8), (-0.9, 8)])
def test_the_positive_stands_where_its_cosine_lies_among_the_bars(positive: float, place: float) -> None:
    figure, _ = draw_temperature(0.1, positive, 0.8)  # bars 0 to 8: cosines 0.8, 0.65, ... -0.4
    (line,) = [line for line in figure.axes[0].lines if line.get_color() == GREEN]
    assert line.get_xdata() == pytest.approx([place, place])
    (text,) = [text for text in figure.axes[0].texts if text.get_color() == GREEN]
    assert text.get_text() == f"the positive: {positive:.2f}{' (closer than all)' if place < 0 else ''}"
    assert text.get_ha() == ("right" if place > 4 else "left")


def test_the_table_of_losses_is_the_libraries() -> None:
    table = compare_losses(cases(), 1.0)
    for name, case in (("2 + 2, perfect", "hand_two_pairs"), ("3 + 1, perfect", "hand_three_positives")):
        wanted = CASES[case]["expected"]
        assert table[name].tolist() == pytest.approx([wanted["ntxent"], wanted["supcon"], wanted["supcon"]], abs=1e-4)
    embeddings, labels = cases()["3 + 3 + 3 + 3, random"]
    assert float(textbook(embeddings, labels, 0.5)) == pytest.approx(float(SupConLoss(0.5)(embeddings, labels)))
    unequal = table["6 + 3 + 3, random"]
    assert unequal["textbook, all others"] != unequal["SupCon"]


def title(drawn: tuple[Any, str], axes: int = 0) -> str:
    return drawn[0].axes[axes].get_title(loc="left")


def test_titles_follow_the_numbers() -> None:
    assert title(draw_angles(20, 50, 200, 0.5), 1).endswith("better than chance (ln 2 = 0.693)")
    assert "worse than chance" in title(draw_angles(0, 180, 5, 0.5), 1)
    assert title(draw_angles(30, 30, 30, 0.5), 1).startswith("Mean loss 0.693: chance")
    assert title(draw_angles(30, 30, 210, 0.05)) == "Nothing pulls any more"
    assert title(draw_angles(10, 40, 200, 0.5)) == "The loss turns A and A′ to each other"
    assert title(draw_temperature(0.1, 0.6, 0.8), 1) == "1 − the positive's share: 0.90 (loss 2.35)"
    assert title(draw_temperature(0.02, 0.95, 0.8), 1).startswith("Saturated")
    assert title(draw_temperature(0.02, 0.0, 0.8), 1).startswith("All wrong")
    assert title(draw_batch(1, 1, 2)) == "No negative: there is no other clip"
    assert title(draw_batch(2, 1, 0), 1) == "The loss is exactly 0: no anchor has a positive"
    assert title(draw_readings(1.5)) == "A loss of 1.50 is better than chance from 3 clips on"
    assert "worse than chance at every size" in title(draw_readings(5.3))
    assert title(draw_flow(move_points(negatives=False), 80), 1).startswith("Loss 0.00")


def test_the_static_story_shows_three_steps_and_the_curves_once() -> None:
    flow = move_points()
    figure = draw_story(flow, (0, 26, 80))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert [text.split(":")[0] for text in titles[:3]] == ["Step 0", "Step 26", "Step 80"]
    assert titles[4].endswith(f"→ {flow.uniformity[-1]:.2f}")


def test_numbers_are_the_library_loss() -> None:
    _, numbers = draw_angles(20, 50, 100, 0.5)
    loss = float(NTXentLoss(0.5)(on_circle([20, 50, 100]), torch.tensor([0, 0, 1])))
    assert f"NTXentLoss {loss:.4f}" in numbers


def test_float16_stops_where_float32_goes_on() -> None:
    figure, numbers = draw_half_precision(0.1)
    assert numbers == "largest loss: float32 20.00, float16 9.70"
    assert title((figure, "")).startswith("float16 stops at 9.7")
    assert "keeps up" in title(draw_half_precision(1.0))
