"""Lesson 03: damage, numbers behind the figures, explorers and their mouse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from references_scene import VIDEO, small_scene, untrained

import clab_lite as cl
from clab_lite import lessons
from clab_lite.lessons.references import (
    by_hand,
    cost,
    selsa_view,
    survey,
    sweeps,
    temporal_view,
    timeline,
    trouble_lab,
)
from clab_lite.lessons.references.damage import KINDS, damage, damage_of
from clab_lite.lessons.references.scene import Scene, Seen, best_score, on_object

BOX = np.array([2.0, 1.0, 10.0, 5.0])


@pytest.fixture(scope="module")
def scene() -> Scene:
    return small_scene()


@pytest.fixture(scope="module")
def seen(scene: Scene) -> Seen:
    return scene.look(6)


def picture() -> torch.Tensor:
    return torch.arange(3 * 8 * 12, dtype=torch.uint8).reshape(3, 8, 12)


def test_no_damage_is_the_same_picture() -> None:
    torch.testing.assert_close(damage(picture(), BOX), picture())


def test_a_cover_hides_its_share_of_the_box_and_nothing_else() -> None:
    changed = (damage(picture(), BOX, cover=0.5) != picture()).any(dim=0)
    assert changed[1:5, 2:6].all()
    assert changed.sum() == 4 * 4


def test_darkness_and_blur() -> None:
    bright = torch.full((3, 8, 12), 200, dtype=torch.uint8)
    assert damage(bright, BOX, dark=1.0).unique().tolist() == [8]  # 4 % of 200
    torch.testing.assert_close(damage(bright, BOX, blur=1.0), bright)  # nothing to smear
    line = torch.zeros(3, 8, 12, dtype=torch.uint8)
    line[:, :, 6] = 90
    assert damage(line, BOX, blur=2 / 39)[0, 0].tolist() == [0, 0, 0, 0, 0, 30, 30, 30, 0, 0, 0, 0]
    assert [damage_of(kind, 0.3) for kind in KINDS] == [{"blur": 0.3}, {"cover": 0.3}, {"dark": 0.3}]


def test_score_of_an_object_needs_its_class_and_its_place(seen: Seen) -> None:
    box, label = torch.from_numpy(seen.truth.boxes[:1]), int(seen.truth.labels[0])
    found = {"boxes": torch.cat([box, box, box + 500]), "scores": torch.tensor([0.9, 0.6, 0.95]),
             "labels": torch.tensor([label + 1, label, label])}  # fmt: skip
    assert best_score(found, seen.truth, 0) == pytest.approx(0.6)
    assert not on_object(box, None).any()


def test_weights_of_proposals_add_copies_up(seen: Seen) -> None:
    weights = selsa_view.proposal_weights(seen, 4, 1, None)
    assert list(weights) == seen.distinct() == list(range(10))
    assert sum(float(part.sum()) for part in weights.values()) == pytest.approx(1, abs=1e-5)
    single = selsa_view.proposal_weights(seen, 4, 1, 2)
    row = seen.observation.selsa[1].weights[2, 4].double()
    parts = row.split([len(boxes) for boxes in seen.observation.reference_boxes])
    wanted = sum(float(part.sum()) for part, number in zip(parts, seen.frames, strict=True) if number == 6)
    assert single[6].sum() == pytest.approx(wanted, abs=1e-6)


def test_object_share_of_even_weights_is_the_even_share(scene: Scene, seen: Seen) -> None:
    total = sum(len(boxes) for boxes in seen.observation.reference_boxes)
    even = {n: np.full(len(seen.proposals(n)), seen.frames.count(n) / total) for n in seen.distinct()}
    share, expected = selsa_view.object_share(scene, seen, even, int(seen.truth.track_ids[0]))
    assert share == pytest.approx(expected)


def test_frame_weights_sum_to_one_and_stand_first_for_the_region(seen: Seen) -> None:
    view = seen.observation.temporal(3)
    weights = temporal_view.frame_weights(seen, view, 1, 2, None)
    assert len(weights) == 1 + len(seen.distinct())
    assert weights.sum() == pytest.approx(1, abs=1e-5)
    assert weights[0] == pytest.approx(float(view.weights[0, :, 0, 1, 2].mean()))
    assert temporal_view.frame_weights(seen, view, 1, 2, 3)[0] == pytest.approx(float(view.weights[0, 3, 0, 1, 2]))


def test_similar_cells_lie_on_the_map(scene: Scene, seen: Seen) -> None:
    for box in temporal_view.similar_cells(scene, seen, seen.observation.temporal(0), 2, 0, 0):
        assert (box[2] - box[0], box[3] - box[1]) == (16, 16)
        assert 0 <= box[0] <= 176 and 0 <= box[1] <= 112


def test_a_click_chooses_a_box_and_a_cell(scene: Scene, seen: Seen) -> None:
    explorer = selsa_view.explore_selsa(scene, seen)
    options = [position for _, position in selsa_view.offered(scene, seen)]
    mouse = selsa_view.clicks(explorer, scene, seen)
    boxes = seen.detections["boxes"][options]
    smallest = int(((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).argmin())
    mouse._on_point(0, *((boxes[smallest, :2] + boxes[smallest, 2:]) / 2).tolist())
    assert explorer.controls["box"].value == options[smallest]
    mouse._on_point(2, 0.0, 0.0)  # beside the key frame: nothing happens
    assert explorer.controls["box"].value == options[smallest]

    explorer = temporal_view.explore_temporal(scene, seen, 0)
    x1, y1, x2, y2 = seen.regions[0].tolist()
    temporal_view.clicks(explorer, seen, 0, 5)._on_point(0, x1 + 0.9 * (x2 - x1), y1 + 0.1 * (y2 - y1))
    assert (explorer.controls["row"].value, explorer.controls["column"].value) == (0, 4)
    assert isinstance(explorer.figure, Figure)


def test_trouble_moves_the_figure(scene: Scene) -> None:
    explorer = trouble_lab.explore_trouble(scene, 1)
    before = explorer.picture.value
    assert before == explorer.twin
    explorer.set(dark=0.9)
    assert explorer.picture.value != before
    assert not explorer.numbers.startswith("could not")
    counts = trouble_lab.explore_counts(scene, 6)
    assert "Reference frames: none" in counts.set(references=0).numbers


def test_sweeps_have_a_row_per_object_and_strength() -> None:
    objects = pd.DataFrame({"video": [VIDEO], "frame": [1], "item": [0]})
    curves = sweeps.sweeps(untrained(), lessons.samples("val"), objects, [0.0, 1.0])
    assert list(curves) == list(KINDS)
    for rows in curves.values():
        assert rows.shape == (1, 2, 7)
        assert 1 / 15 <= rows[0, 0, 5] < rows[0, 0, 6] < 0.5  # the key frame may be named twice
        np.testing.assert_allclose(rows[0, 0, 1:], curves["cover"][0, 0, 1:])  # strength 0 is no trouble at all
    assert isinstance(sweeps.draw_sweeps(curves), Figure)


def test_the_telling_object_is_the_one_that_gains_most(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = pd.DataFrame({"video": [VIDEO] * 3, "frame": [1, 3, 5], "item": [0] * 3})
    scores = {1: (0.8, 0.9), 3: (0.2, 0.6), 5: (0.4, 0.5)}  # the second gains most, the first ends highest
    monkeypatch.setattr(sweeps, "sweep", lambda _, frame, *__: np.array([[0.8, *scores[frame], 0, 0, 0, 0]]))
    assert sweeps.telling(untrained(), lessons.samples("val"), objects).frame == 3


def test_the_summary_holds_means_over_the_objects() -> None:
    rows = np.zeros((2, 2, 7))
    rows[:, :, 0] = [0.0, 0.5]
    rows[:, :, 1], rows[:, :, 2], rows[:, :, 3] = [[0.9, 0.3], [0.7, 0.1]], [[1.0, 0.6], [0.8, 0.6]], [[0.1, 0.04]] * 2
    assert sweeps.summary({"grain": rows}).splitlines() == [
        "grain: strength 0.0, 0.5",
        "   SELSA's attention 10%, 4%",
        "   score alone 0.80, 0.20",
        "   score with references 0.90, 0.60",
    ]


def table() -> pd.DataFrame:
    gains = {0: [0.2, 0.4], 1: [0.0], 2: [-0.3], 3: [0.1], 4: [0.1]}
    rows = [
        (v, i, 0, "car", "noise" if v else "", 0.5, 0.5 + g, g) for v, many in gains.items() for i, g in enumerate(many)
    ]
    return pd.DataFrame(
        rows, columns=["video", "frame", "item", "class_name", "troubles", "alone", "with_references", "gain"]
    )


def test_survey_numbers() -> None:
    mean, interval = survey.mean_gain(table())
    assert mean == pytest.approx(0.5 / 6)
    assert interval is not None and interval[0] < mean < interval[1]
    assert survey.mean_gain(table()[table().video < 4])[1] is None
    assert survey.best_case(table()) == (0, 1, 0)  # no troubled video has clean frames: the largest gain of all
    blurred = table().assign(troubles=table().troubles.str.replace("noise", "motion_blur"))
    clean = pd.concat([table()[table().video == 4].assign(frame=number, troubles="", gain=0.0) for number in (5, 6, 7)])
    assert survey.best_case(pd.concat([blurred, clean])) == (4, 0, 0)  # the others have nothing to borrow
    assert survey.best_case(pd.concat([table(), clean])) == (0, 1, 0)  # grain
    assert "more scores rise than fall (100%, 0%)" in survey.answer(table()[table().video < 1])
    assert "cannot exclude that it is zero" in survey.answer(table().assign(troubles="noise"))
    found = survey.cases(table(), 2)
    assert found.loc["helped"].video.tolist() == [3, 4] and found.loc["hurt"].video.tolist() == [2]
    assert survey.clear_objects(table(), 3).video.tolist() == [0]
    assert isinstance(survey.draw_survey(table()), Figure)


def test_survey_of_a_video_agrees_with_looking(scene: Scene) -> None:
    found = survey.survey(untrained(), lessons.samples("val"), [VIDEO])
    row = found[found.frame == 6].iloc[0]
    assert row.with_references == pytest.approx(scene.look(6).score(0))
    assert row.gain == pytest.approx(row.with_references - row.alone)


def test_attention_by_hand() -> None:
    scores, weights, output = by_hand.attend(np.array([2.0, 0.0]), np.array([[1.0, 0], [0, 1]]), np.eye(2))
    np.testing.assert_allclose(scores, [2**0.5, 0])
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(output, weights)
    figure, line = by_hand.draw_attention(20, 10)
    assert "a points most" in figure.texts[0].get_text() and "1.00 a" not in line
    by_hand.draw_attention(0, 0)


def test_timeline_says_who_can_work_live() -> None:
    assert timeline.chosen(20, 10, 4) == {"adaptive": [0, 6, 13, 19], "sliding": [8, 9, 11, 12], "past": [6, 7, 8, 9]}
    figure, line = timeline.draw_timeline(30, 12, 6)
    assert "adaptive 17, sliding 3, past 6" in figure.texts[0].get_text()
    assert "Key frame 4 " in timeline.draw_timeline(5, 40, 3)[1], line


def test_cost_by_hand(scene: Scene) -> None:
    counts = cost.comparisons(cl.presets.named("paper-r50").detector)
    assert counts["proposals"] == 15 * 300
    assert counts["selsa"] == 300 * 4500 * 3 * 16
    assert counts["temporal"] == 300 * 49 * 15 * (63 * 38)
    shown = cost.comparison_table({"paper": cl.presets.named("paper-r50").detector}).loc["paper"]
    assert shown.to_dict() == {
        "references": "14", "proposals": "4,500", "SELSA comparisons": "64,800,000", "cell comparisons": "527,877,000"
    }  # fmt: skip
    times = cost.measure(scene, (0, 2), repeats=1)
    assert (times[["own", "temporal", "head"]] > 0).all(axis=None)
    assert isinstance(cost.draw_cost(times), Figure)
    assert not any(module._forward_hooks for module in scene.detector.modules())
