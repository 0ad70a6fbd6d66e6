"""Lesson 12: geometry and pooling in its figures, the live trainings, the match under the mouse, the measured runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from clab_lite import lessons
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError
from clab_lite.lessons import crosscl
from clab_lite.lessons.crosscl.curves import draw_losses, draw_similarity, smooth
from clab_lite.lessons.crosscl.live import Live, train_live
from clab_lite.lessons.crosscl.matching import Matcher, draw_match
from clab_lite.lessons.crosscl.measured import ARMS, QUESTIONS, draw_measured, pick, summary
from clab_lite.lessons.crosscl.pairs import SHOWN, draw_pair, make_desk, pair_explorer, valid_shares
from clab_lite.lessons.crosscl.pictures import as_picture, window_at
from clab_lite.lessons.crosscl.pooling import ROW, draw_pooling, exact_mean, sampled_mean
from clab_lite.lessons.measured_file import mean_in_words
from clab_lite.methods.crosscl import lite
from clab_lite.methods.shared import PretrainConfig

SMALL = lite(
    pretrain=PretrainConfig(steps=2, batch=2, optimizer="adamw", learning_rate=0.003),
    backbone=replace(lite().backbone, width=4),
    neck_dim=8,
    queue=8,
    global_dim=6,
)


@pytest.fixture(scope="module")
def index() -> VideoIndex:
    return lessons.samples("val")


@pytest.fixture(scope="module")
def live(index: VideoIndex) -> Live:
    return train_live(lessons.samples("train").select(range(4)), index, 2, looks=2, config=SMALL)


def title(figure: Any) -> str:
    return figure.get_suptitle() or figure.axes[0].get_title(loc="left")


def test_a_window_shows_the_same_pixels_in_both_views(index: VideoIndex) -> None:
    """Without colour changes: the mean colour of a window in the one view is that of its match in the other."""
    desk = make_desk(index)
    found = 0
    for pair in range(SHOWN):
        boxes, valid = desk.mapped(pair)
        for window in valid.nonzero().flatten().tolist():
            colours = []
            for view, box in ((desk.batch.query, desk.windows[window]), (desk.batch.key, boxes[window])):
                x0, y0, x1, y1 = (round(float(value)) for value in box)
                colours.append(as_picture(view[pair])[y0:y1, x0:x1].mean(axis=(0, 1)))
            np.testing.assert_allclose(*colours, atol=0.03)
            found += 1
    assert found > 10


def test_pair_figure_says_whether_there_is_a_match(index: VideoIndex) -> None:
    desk = make_desk(index)
    for pair in range(SHOWN):
        _, valid = desk.mapped(pair)
        for window in range(len(valid)):
            if window in (0, 4):
                figure, numbers = draw_pair(desk, pair, window)
                assert ("has its match" in title(figure)) == bool(valid[window])
                assert numbers.startswith(f"{int(valid.sum())} of 9")


def test_pointing_at_a_window_chooses_it(index: VideoIndex) -> None:
    explorer = pair_explorer(index)
    explorer.point_at(1, 70.0, 10.0)
    assert explorer.values["window"] == 2
    explorer.point_at(1, 31.5, 10.0)  # between two windows
    explorer.point_at(2, 10.0, 10.0)  # another axes
    assert explorer.values["window"] == 2
    assert window_at(explorer.windows, 31.5, 10.0) is None


def test_smaller_crops_leave_fewer_windows(index: VideoIndex) -> None:
    shares = list(valid_shares(index, (0.1, 0.6, 0.9)).values())
    assert shares == sorted(shares) and shares[-1] == 1


def test_pooling_figure() -> None:
    assert exact_mean((1.0, 2.0, 4.0), 0, 2) == pytest.approx(2.25)
    assert sampled_mean(ROW, 1.0, 3.0, aligned=False) == pytest.approx(exact_mean(ROW, 1.0, 3.0))
    assert "exact mean here" in title(draw_pooling(1.0, 2.0)[0])
    assert "off by" in title(draw_pooling(0.4, 1.9)[0])
    assert sampled_mean(ROW, 1.0, 3.0, aligned=True) == pytest.approx((ROW[1] + ROW[2]) / 2)  # samples at 1 and 2


def test_both_trainings_see_the_same_and_differ_in_the_cross_terms(live: Live) -> None:
    with_terms, without = live.runs.values()
    assert with_terms.method.config.cross_weight == 1 and without.method.config.cross_weight == 0
    assert sorted(with_terms.moments) == [0, 1, 2] and with_terms.moments[0] == without.moments[0]
    first, other = with_terms.reports[0].terms, without.reports[0].terms
    assert first["p3"] == pytest.approx(other["p3"]) and first["p4_to_p3"] == pytest.approx(other["p4_to_p3"])
    assert first["total"] == pytest.approx(other["total"] + other["p3_to_p4"] + other["p4_to_p3"], rel=1e-5)
    assert not live.untrained.training and not with_terms.method.training


def test_curves_say_what_the_numbers_say(live: Live) -> None:
    assert "windows find themselves" in draw_similarity(live).axes[0].get_title(loc="left")
    share = live.runs["with cross terms"].last.retrieval
    assert f"{share:.0%} of 108" in draw_similarity(live).axes[0].get_title(loc="left")
    assert title(draw_losses(live)).startswith("The cross terms change by")
    np.testing.assert_allclose(smooth([1.0, 2.0, 3.0, 4.0], 2), [1.0, 1.5, 2.5, 3.5])


def test_matcher_equals_a_loop(live: Live) -> None:
    matcher = Matcher(live, "untrained")
    pair, window = matcher.valid.nonzero()[5].tolist()
    query = matcher.query[3][pair, window]
    scores = {
        (p, w): float(query @ matcher.key[4][p, w])
        for p in range(len(matcher.valid))
        for w in range(9)
        if matcher.valid[p, w]
    }
    at, answer, rank = matcher.find(pair, window, 3, 4)
    assert (at, answer) == max(scores, key=lambda place: scores[place])
    assert rank == sum(score >= scores[pair, window] for score in scores.values())
    assert matcher.find(0, 0, 3, 4)[2] == 0  # the first window is never whole in the smaller key view
    assert 0 <= matcher.found(3, 4) <= 1
    assert matcher.heat(pair, window, 3, 4).shape == (6, 6) and matcher.heat(pair, window, 4, 3).shape == (12, 12)


def test_match_figures_and_mouse(live: Live) -> None:
    explorer = crosscl.match_explorer(live)
    explorer.point_at(0, 80.0, 80.0)
    assert explorer.values["window"] == 8
    explorer.set(network="untrained", query=4, key=3, pair=3)
    assert explorer.figure is not None and "untrained" in explorer.numbers and "P4 on P3" in explorer.numbers
    matcher = Matcher(live, "without")
    figure, _ = draw_match(live, matcher, "without", 0, 0, 3, 4)
    assert title(figure) == "This window has no match there"
    for window in (4, 5, 7, 8):
        at, answer, rank = matcher.find(0, window, 3, 4)
        text = title(draw_match(live, matcher, "without", 0, window, 3, 4)[0])
        assert ("finds" in text) == ((at, answer) == (0, window)) and ("finds" in text or f"rank {rank}" in text)


def fake_records() -> list[dict[str, Any]]:
    def similarity(value: float) -> dict[str, float]:
        return {"retrieval": value, "same": value, "other": 0.1, "windows": 108}

    return [
        {
            "arm": arm, "seed": seed, "seconds": 10.0, "curves": {"step": [5]},
            "moments": [
                {"step": step, **{key: similarity(0.1 * step + 0.01 * seed + 0.1 * place) for key in QUESTIONS}}
                for step in (0, 5)
            ],
        }
        for place, arm in enumerate(ARMS) for seed in (0, 1)
    ]  # fmt: skip


def test_measured_runs(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    path.write_text(json.dumps(fake_records()), encoding="utf-8")
    runs = crosscl.measured_runs(path)
    assert [run.seed for run in pick(runs, "without")] == [0, 1]
    table = summary(runs)
    assert list(table["seeds"]) == [2] * 5 and table["P3 to P4"][0] == "0.51"
    figure, numbers = draw_measured(runs, "other_view")
    assert "10 runs, 2 seeds" in numbers and title(figure).startswith("50% of the windows are found, 60% without")
    with pytest.raises(DataError, match="was measured"):
        pick(runs, "other")
    for text in ("{", "[1]", '[{"arm": "cross"}]'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=r"holds no measured runs|it is not JSON"):
            crosscl.measured_runs(path)
    with pytest.raises(DataError, match="cannot be read"):
        crosscl.measured_runs(tmp_path / "none.json")


def test_interval_by_hand() -> None:
    # Three values: t of two degrees of freedom is 4.303, and the error of the mean 1 / sqrt(3).
    assert mean_in_words([1.0, 2.0, 3.0]) == "2.00 ± 2.48"
    assert mean_in_words([1.0, 2.0]) == "1.50", "two seeds have no interval worth its name"


def test_lesson_leaves_threads_and_random_state(index: VideoIndex) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    train_live(lessons.samples("train").select(range(2)), index, 1, looks=1, config=SMALL)
    assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == threads


def test_shipped_runs_meet_the_specification() -> None:
    """Window retrieval of at least 0.8 with cross terms, of at most 0.1 without, for every seed (its section 9)."""
    runs = crosscl.measured_runs()
    assert all(run.steps[-1] == lite().pretrain.steps for run in runs)
    for question in ("p3_to_p4", "p4_to_p3"):
        with_terms, without = ([run.found[question][-1] for run in pick(runs, arm)] for arm in ("cross", "without"))
        assert len(with_terms) == len(without) == 3
        assert min(found.retrieval for found in with_terms) >= 0.8
        assert max(found.retrieval for found in without) <= 0.1
