"""Records, table, figures and verdict of a sweep; one tiny sweep from end to end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from clab_lite.cli import main
from clab_lite.data.world import WorldConfig, make_world
from clab_lite.errors import DataError
from clab_lite.methods.ranked.loss import Ranks
from clab_lite.methods.ranked.measure import ladder
from clab_lite.study.ranked.figures import RUNGS, by_method, finding_ladder, ladder_figure, roc_figure
from clab_lite.study.ranked.record import CURVE_POINTS, TrialRecord, read_records, thinned, write_records
from clab_lite.study.ranked.sweep import sweep, table, verdict
from clab_lite.study.ranked.trial import planned
from clab_lite.training.folder_lock import hold


def record(
    ranks: int = 3, seed: int = 0, ladder: tuple[float, ...] = (0.9, 0.7, 0.2, -0.5), **changes: object
) -> TrialRecord:
    made = TrialRecord(
        objective="ranked", variant="in", ranks=ranks, ranking="sample_world", semantics="clean", seed=seed, steps=8,
        class_names=("ant", "bee"), withheld=("cow",), counts={"train": 4, "known": 4, "near": 1, "far": 2},
        accuracy=0.75, output_accuracy=None, near_auroc=0.4, far_auroc=float("nan"), ladder=ladder,
        cosines=((0.9, 0.1), (0.2, 0.8)), class_counts=(1, 3), withheld_cosines=((0.5, 0.3),),
        near_curve=((0.0, 0.0, 1.0), (0.0, 0.4, 1.0)), far_curve=((0.0, 1.0), (0.0, 1.0)), seconds=1.5,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def same(found: TrialRecord, expected: TrialRecord) -> bool:
    return repr(found) == repr(expected)  # NaN equals itself here


def test_records_come_back(tmp_path: Path) -> None:
    records = [
        record(),
        record(1, 2, objective="softmax", output_accuracy=0.5),
        record(withheld=(), withheld_cosines=()),
    ]
    write_records(tmp_path, records)
    assert all(same(*pair) for pair in zip(read_records(tmp_path), records, strict=True))


@pytest.mark.parametrize("content", ["{}", "[1]", '[{"objective": "ranked"}]', '[{"colour": 1}]', "nothing"])
def test_what_is_no_record(content: str, tmp_path: Path) -> None:
    (tmp_path / "records.json").write_text(content)
    with pytest.raises(DataError, match=r"records.json.*ranked-sweep"):
        read_records(tmp_path)
    with pytest.raises(DataError, match="ranked-sweep"):
        read_records(tmp_path / "missing")


def test_the_ladder_of_any_ranking_from_the_stored_table() -> None:
    torch.manual_seed(3)
    labels, similarity = torch.arange(12) % 4, torch.rand(12, 4, dtype=torch.float64)
    labels[:3] = 0
    means = tuple(tuple(similarity[labels == c].mean(dim=0).tolist()) for c in range(4))
    counts = tuple(int((labels == c).sum()) for c in range(4))
    stored = record(cosines=means, class_counts=counts)
    table = torch.eye(4, dtype=torch.float64)
    table[0, 1], table[0, 2], table[3, 0] = 0.6, 0.3, 0.6
    for count in (2, 3):
        ranks = Ranks.of_similarity(table, count, 0.1, 0.6)
        expected = ladder(similarity, labels, ranks.of, count)
        np.testing.assert_allclose(stored.ladder_of(ranks.of.numpy(), count), expected, atol=1e-12)
    assert np.isnan(stored.ladder_of(np.eye(4, dtype=int) * -4 + 4, 3)[1:4]).tolist() == [True, True, True]


def test_thinned_curves_keep_their_ends() -> None:
    long = np.linspace(0, 1, 500)
    false, true = thinned((long, long**2))
    assert len(false) <= CURVE_POINTS and (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    short = thinned((np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0, 1.0])))
    assert short == ((0.0, 0.5, 1.0), (0.0, 1.0, 1.0))


def test_the_table_has_a_row_per_method() -> None:
    lines = table(
        [record(seed=0), record(seed=1, accuracy=0.85), record(objective="softmax", output_accuracy=0.8)]
    ).splitlines()
    assert lines[2].startswith("| r=3 in | 2 | 0.800 ± 0.071 |  | 0.400 ± 0.000 |")  # it has no outputs
    assert lines[3].startswith("| SoftMax | 1 | 0.750 | 0.800 | 0.400 |")  # one seed has no spread


def test_the_verdict_is_the_criterion_of_success() -> None:
    plain = [record(1, seed, (0.9, 0.0, -0.1, -0.1)) for seed in (0, 1)]
    assert verdict([*plain, record()]) == {
        "gain_rank_2": pytest.approx(0.7), "gain_rank_3": pytest.approx(0.3), "ordered": True, "met": True,
    }  # fmt: skip
    assert not verdict([*plain, record(ladder=(0.9, 0.7, 0.05, -0.5))])["met"]  # rank 3 gained 0.15
    unordered = verdict([*plain, record(ladder=(0.9, 0.7, 0.2, 0.3))])
    assert not unordered["ordered"] and not unordered["met"]
    with pytest.raises(DataError, match=r"no runs of r=1 and r=3 in. There are: r=3 in"):
        verdict([record()])


def test_the_figures_say_what_they_show() -> None:
    records = [record(1, ladder=(0.9, 0.0, -0.1, -0.1)), record(), record(3, 1), record(objective="softmax")]
    title = finding_ladder(by_method(records))
    assert title == "With three ranks the ladder falls rung by rung; rank 2 goes from 0.00 to 0.70"
    assert "does not fall" in finding_ladder(by_method([record(1), record(ladder=(0.9, 0.1, 0.2, 0))]))
    axes = ladder_figure(records).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == list(RUNGS)
    assert [text.get_text() for text in axes.texts] == ["r=1 in, 1 seed", "r=3 in, 2 seeds", "SoftMax, 1 seed"]
    near, far = roc_figure(records, ["r=3 in", "nobody"]).axes
    assert near.get_title(loc="left") == "Near (cow): AUROC 0.40" and "(no object)" in far.get_title(loc="left")
    assert [text.get_text() for text in near.get_legend().get_texts()] == ["r=3 in: 0.40"]
    ladder_figure([]), roc_figure([])


def test_the_plan() -> None:
    trials = planned(3)
    assert len(trials) == 21 and len(set(trials)) == 21
    assert {(t.ranks, t.variant) for t in trials if t.objective == "ranked"} == {
        (ranks, variant) for ranks in (1, 3, 5) for variant in ("in", "out-in")
    }


def test_a_sweep_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = WorldConfig(classes=("bird", "car", "airplane"), train_videos=6, val_videos=3, train_frames=2, val_frames=2,
                        width=96, height=64)  # fmt: skip
    make_world(tmp_path / "world", world)
    words = ["ranked-sweep", str(tmp_path / "out"), "--data", str(tmp_path / "world"), "--withheld", "car",
             "--seeds", "1", "--steps", "2"]  # fmt: skip
    assert main([*words, "--limit", "2"]) == 0
    assert {path.name for path in (tmp_path / "out").glob("[!.]*")} == {
        "records.json",
        "SHA256SUMS",
        "table.md",
        "ladder.png",
        "roc.png",
    }
    first = read_records(tmp_path / "out")
    assert [found.method for found in first] == ["r=1 in", "r=3 in"] and first[0].class_names == ("airplane", "bird")
    assert main([*words, "--limit", "1"]) == 0
    again = read_records(tmp_path / "out")
    assert same(again[0], first[0]) and again[2].method == "SoftMax" and again[2].output_accuracy is not None
    assert "3 runs" in capsys.readouterr().out
    assert main([*words[:-1], "3"]) == 2
    assert "which these runs are not" in capsys.readouterr().err
    make_world(tmp_path / "others", replace(world, classes=("dog", "car", "airplane")))
    assert main([*words[:3], str(tmp_path / "others"), *words[4:]]) == 2
    assert "which these runs are not" in capsys.readouterr().err
    assert main([*words, "--limit", "0"]) == 2 and main([*words[:-3], "0"]) == 2
    with hold(tmp_path / "out"):
        assert main(words) == 2
    assert "is working in this folder" in capsys.readouterr().err and len(read_records(tmp_path / "out")) == 3
    with pytest.raises(DataError):
        sweep(tmp_path / "nowhere", tmp_path / "other")
