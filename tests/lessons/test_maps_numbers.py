"""Lesson 08: purity over the gap, what projections keep, differences over seeds, checkers."""

from __future__ import annotations

import math
from types import SimpleNamespace as Thing

import numpy as np
import pandas as pd
import pytest

from clab_lite.embeddings import EmbeddingTable
from clab_lite.errors import Notice
from clab_lite.lessons import maps
from clab_lite.lessons.maps.neighbours import finding
from clab_lite.lessons.maps.projections import far_agreement, kept_neighbours
from clab_lite.lessons.maps.seeds import Difference, differences, differences_finding, moments_of, score_name
from clab_lite.lessons.maps.spread import plane_finding
from clab_lite.lessons.maps.stragglers import straggler_words
from clab_lite.lessons.maps.tables import RELATIVE, guessed_purity
from clab_lite.study.paired import over_seeds
from clab_lite.study.setting import Setting


def _tracks(noise: float, videos: int = 6, frames: int = 6, by_class: bool = False) -> EmbeddingTable:
    """One object per video; its embedding is the video's own direction, or its class's, with noise."""
    generator = np.random.default_rng(0)
    video, frame = np.repeat(np.arange(videos), frames), np.tile(np.arange(frames), videos)
    label = video % 2
    middle = generator.normal(size=(videos, 8))
    centres = middle[label] if by_class else middle[video]
    names = np.array(["dog", "car"])[label]
    table = pd.DataFrame({"video": video, "frame": frame, "track": 0, "class_name": names, "troubles": ""})
    matrix = centres + noise * generator.normal(size=(videos * frames, 8))
    return EmbeddingTable(table, matrix.astype(np.float32), "object")


def test_purity_over_the_gap() -> None:
    """Tracks look pure until the own video is left out; classes stay pure."""
    curves = maps.purity_curves(
        {"tracks": {"object": _tracks(0.05)}, "classes": {"object": _tracks(0.05, by_class=True)}}, repeats=3
    )
    assert curves.gaps.tolist() == [0, 1, 2, 3, 4, 5]
    assert curves.control.shape == (3, 6)
    assert curves.real["tracks"][0] == 1.0
    assert curves.real["tracks"][-1] < 0.8
    assert (curves.real["classes"] == 1.0).all()
    assert "stay above" in finding(curves)
    figure, numbers = maps.draw_purity(curves, 5)
    assert numbers.startswith("gap 5: tracks ")
    assert figure.axes[1].get_title("left").startswith("Objects, classes: names without meaning reach")


def test_what_a_projection_keeps() -> None:
    generator = np.random.default_rng(0)
    angles = generator.uniform(0, 1.5, 60)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    groups = np.floor(angles * 3).astype(str)
    assert kept_neighbours(circle, circle * 7) == 1.0
    assert far_agreement(circle, circle * 7, groups) == pytest.approx(1.0)
    other = generator.permutation(circle)
    assert kept_neighbours(circle, other) < 0.4
    assert math.isnan(far_agreement(circle, circle, np.full(60, "a")))
    assert math.isnan(kept_neighbours(circle[:1], circle[:1]))


def test_equal_distances_share_a_rank() -> None:
    corners = np.eye(4, dtype=np.float32)  # six equal distances in the space: no order to agree with
    groups = np.array(["a", "b", "c", "d"])
    flat = np.array([[0, 0], [1, 0], [0, 2], [5, 5]], np.float32)
    with np.errstate(invalid="ignore"):
        assert math.isnan(far_agreement(corners, flat, groups))


def test_without_umap_the_name_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Thing:
        raise ImportError(name)

    monkeypatch.setattr("clab_lite.embeddings.import_module", missing)
    table = _tracks(0.3)
    with pytest.warns(Notice, match="principal components instead"):
        found = maps.project(table, table.groups("class_name"), "umap", seed=3)
    assert found.name == "PCA: instead of UMAP"


def test_stragglers_and_guessing() -> None:
    table = _tracks(0.0)
    table.matrix[4] = -table.matrix[4]
    table.table.loc[4, "troubles"] = "low_light"
    assert maps.far_from_video(table, 0.01).tolist() == [4]
    assert straggler_words(table, 0.01).endswith("1 low light (3% of all are)")
    assert guessed_purity(table) == pytest.approx(2 / 5)  # two of the five other videos have the same class
    assert guessed_purity(EmbeddingTable(table.table[:6], table.matrix[:6], "object")) == 0  # there is no other video
    line = maps.beside_guessing({"one": {"object": table}}, "object")
    assert line.startswith("by class, own video out: one ") and line.endswith("guessing would give 0.40")


def test_projections() -> None:
    table = _tracks(0.3)
    colours = maps.colouring(table, "class")
    flat = maps.project(table, colours.names, "pca")
    assert flat.name == "PCA"
    assert "neighbours kept" in flat.note
    figure = maps.draw_projections([flat] * 4, colours)
    assert figure.get_suptitle().startswith("4 pictures of the same 36 rows")


def test_plane() -> None:
    index = pd.MultiIndex.from_tuples([("track", "start"), ("track", "end")], names=["by", "moment"])
    table = pd.DataFrame({"alignment": [0.01, 0.2], "uniformity": [-0.1, -1.0], RELATIVE: [0.5, 0.25]}, index=index)
    figure, numbers = maps.draw_plane(table, "track")
    assert "start 0.50 · end 0.25" in numbers
    assert "because all its vectors are alike" in figure.axes[0].get_title("left")
    table["alignment"] = [0.3, 0.2]
    assert plane_finding(table, "track") == "“end” has the best alignment by track;\n“start” is the least spread out"


def _record(setting: Setting, value: float) -> Thing:
    weights = {0: setting.start, 150: 0.0 if setting.shape == "linear" else setting.start, 300: 0.0}
    moments = [Thing(iteration=i, weight=w, scores={"object": {"knn_class": value + i}}) for i, w in weights.items()]
    return Thing(setting=setting, moments=tuple(moments), videos="some videos")


def test_differences_are_paired_by_seed() -> None:
    runs = []
    for seed, (without, with_branch) in enumerate([(1.0, 1.2), (5.0, 5.3), (3.0, 3.1)]):
        runs += [_record(Setting(start=0.0, seed=seed), without), _record(Setting(seed=seed), with_branch)]
    found = differences(runs)
    assert {d.moment for d in found} == {"contrast off", "at the end"}
    end = next(d for d in found if d.moment == "at the end")
    assert end.change.values == pytest.approx((0.2, 0.3, 0.1))
    assert end.change.half == pytest.approx(4.302653 * 0.1 / math.sqrt(3), rel=1e-4)  # Student's t, 2 degrees
    assert not end.change.certain
    assert "frames, w = 0.005 linear to 0 at 50%" in end.arm
    assert differences(runs[:4]) == []  # two pairs tell nothing
    assert differences([run for run in runs if run.setting.start]) == []
    figure, line = maps.draw_differences(found, end.arm)
    assert line == "every interval holds zero"
    told = "At the end 0 of 1 score differences have a 95% interval without zero (3 seeds)"
    assert figure.get_suptitle() == f"{told}\n{end.arm}"


def test_a_weight_that_never_falls_has_no_moment_off() -> None:
    constant = _record(Setting(shape="constant"), 0.0)
    _, half, end = constant.moments
    assert moments_of(constant) == {"half way": half, "at the end": end}


def test_certain_differences_are_named() -> None:
    found = [Difference("arm", "at the end", "frame", "knn_class", over_seeds((0.2, 0.21, 0.19)))]
    _, line = maps.draw_differences(found, "arm")
    assert line.startswith("zero is left out by: frames, kNN purity by class, own video out, at the end: +0.200 ± 0.0")
    assert "three paired seeds" in differences_finding([])
    assert maps.draw_differences([], "none")[1] == "nothing measured"
    nothing = maps.draw_differences([], "none")[0]
    assert not nothing.axes and nothing.texts[0].get_text().startswith("No setting with three paired seeds")
    assert score_name("uniformity") == "uniformity"
