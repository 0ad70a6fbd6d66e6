"""Lesson 13: its pictures say what they show, its widgets answer, its records are read."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from clab_lite.data.vid import VideoIndex
from clab_lite.errors import DataError
from clab_lite.lessons import codo, samples
from clab_lite.lessons.codo import grids, measured, measured_figures, views
from clab_lite.lessons.codo.live import Reader
from clab_lite.methods.codo import trial
from clab_lite.methods.codo.loss import batch_losses
from clab_lite.methods.codo.measure import compare, probe_embeddings
from tests.methods.codo_world import drawn_videos, micro

RECORDS = Path(__file__).parents[2] / "data_samples" / measured.FILE


@pytest.fixture(scope="module")
def codo_videos(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    return drawn_videos(tmp_path_factory.mktemp("codo"))


@pytest.fixture(scope="module")
def live(codo_videos: VideoIndex) -> codo.LiveRun:
    return codo.train_live(codo_videos, codo_videos, 4, instances=2, backgrounds=2, looks=2, config=micro())


@pytest.fixture(scope="module")
def records(codo_videos: VideoIndex, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of five short runs: two backgrounds, two jitters, seeds."""
    folder = tmp_path_factory.mktemp("records")
    keep = trial.INSTANCES, trial.BACKGROUNDS, trial.MOMENTS
    trial.INSTANCES, trial.BACKGROUNDS, trial.MOMENTS = 2, 2, (0, 4)
    try:
        for run in (("downstream", 0.2, 0), ("downstream", 0.2, 1), ("downstream", 0.0, 0), ("noise", 0.2, 0)):
            record = trial.measure(run, codo_videos, codo_videos, micro())
            (folder / f"{trial.name_of(run)}.json").write_text(json.dumps(record))
    finally:
        trial.INSTANCES, trial.BACKGROUNDS, trial.MOMENTS = keep
    trial.gather(folder, folder / "all.json")
    return folder / "all.json"


def test_one_thing_of_every_class_in_a_clear_frame() -> None:
    desk = codo.desk(samples("train"))
    assert "dog" in desk.things and len(desk.things) == 8
    assert not any(desk.index.troubles(one.video, one.frame) for one in desk.things.values())
    with pytest.raises(DataError, match="no 'unicorn'"):
        desk.thing("unicorn")


def test_views_of_a_strip_share_all_but_the_jitter() -> None:
    desk = codo.desk(samples("train"))
    exact, wrong = (views.make_views(desk, "dog", "downstream", jitter, 3, False) for jitter in (0.0, 0.3))
    for one, other in zip(exact, wrong, strict=True):
        assert torch.equal(one.pixels, other.pixels) and torch.equal(one.exact, other.exact)
        assert one.iou == 1 and one.background == 0
    assert min(view.iou for view in wrong) >= 0.5 and max(view.background for view in wrong) > 0
    same = views.make_views(desk, "dog", "same", 0.2, 3, False)
    outside = [int((view.pixels[:, 0, 0]).sum()) for view in same]
    assert len(outside) == views.COUNT


def test_background_in_a_box_by_counting_pixels() -> None:
    exact, wrong = torch.tensor([2.0, 3, 9, 8]), torch.tensor([5.0, 1, 12, 6])
    grid = [(x, y) for x in range(20) for y in range(20)]
    inside = [(x, y) for x, y in grid if 5 <= x < 12 and 1 <= y < 6]
    behind = [(x, y) for x, y in inside if not (2 <= x < 9 and 3 <= y < 8)]
    found = views.View(torch.zeros(3, 20, 20), exact, wrong).background
    assert found == pytest.approx(len(behind) / len(inside))


def test_steps_show_the_view_that_the_library_makes() -> None:
    desk = codo.desk(samples("train"))
    figure, numbers = views.draw_steps(desk, "dog", 4)
    assert len(figure.axes) == 5 and "dog ends up" in numbers
    # The paste that is drawn is the one inside the last picture: the box is the same, mirrored or not.
    x1, y1, x2, y2 = _outline(figure.axes[3])
    u1, v1, u2, v2 = _outline(figure.axes[4])
    assert (y1, y2) == (v1, v2)
    assert (x1, x2) == (u1, u2) or (96 - x2, 96 - x1) == (u1, u2)


def _outline(axes: object) -> tuple[float, float, float, float]:
    box = axes.patches[0].get_bbox()
    return box.x0, box.y0, box.x1, box.y1


def test_the_curve_of_jitter_begins_at_zero_and_rises() -> None:
    shares = codo.jitter_curve([0.0, 0.1, 0.2])
    assert shares[0] == 0 < shares[1] < shares[2] < 0.3


def test_widgets_answer(codo_videos: VideoIndex, live: codo.LiveRun) -> None:
    desk = codo.desk(codo_videos)
    strip = codo.strip_explorer(desk).set(jitter=0.4, background="noise", colours=True)
    assert "Box jitter 0.4" in strip.numbers
    assert "exact boxes" in codo.strip_explorer(desk).set(jitter=0.0).figure.get_suptitle()
    assert "ends up" in codo.steps_explorer(desk).set(number=3).numbers
    batch = codo.batch_explorer(live).set(network="untrained", level="P4", step=2)
    assert batch.figure.get_suptitle().startswith("P4, untrained: ")
    assert "ln 4 = 1.39" in batch.numbers
    probe = codo.probe_explorer(live)
    before = probe.numbers
    assert probe.set(background="noise", jitter=0.3).numbers != before


def test_a_live_run_measures_what_it_says(live: codo.LiveRun) -> None:
    assert sorted(live.moments) == [0, 2, 4] and len(live.losses) == 4
    assert live.network("untrained") is not live.network("trained")
    weights = [dict(live.network(name).named_parameters())["trunk.reader.head.projection.weight"]
               for name in ("untrained", "trained")]  # fmt: skip
    assert not torch.equal(*weights)
    figure = codo.draw_training(live)
    gaps = [live.moments[step].gap for step in (0, 4)]
    assert f"{gaps[0]:.2f} → {gaps[1]:.2f}" in figure.axes[1].get_title(loc="left")
    bars = codo.draw_bars({"untrained": live.moments[0], "trained": live.moments[4]}, 0.5)
    assert f"Gap {gaps[0]:.2f} → {gaps[1]:.2f}" in bars.get_suptitle()
    assert len(codo.draw_probe(live.probe).axes) == 4


def test_the_loss_under_the_square_is_the_librarys(live: codo.LiveRun) -> None:
    batch = live.source.batch(live.config.pretrain.steps + 10)
    with torch.no_grad():
        queries, keys = live.trained.embed(batch)
    wanted = batch_losses(queries[0], keys[1], 0.2)[0]
    assert f"Loss {float(wanted):.2f};" in codo.batch_explorer(live).numbers


def test_searches_count_over_batches(live: codo.LiveRun) -> None:
    found = codo.searches(live, batches=2)
    assert list(found) == ["untrained", "trained"] and list(found["trained"]) == ["P3", "P4"]
    titles = [codo.batch_explorer(live).set(level="P4", step=step).figure.get_suptitle() for step in (0, 1)]
    hits = [int(title.split(": ")[1].split(" of ")[0]) for title in titles]
    assert found["trained"]["P4"] == sum(hits) / 2


def test_a_reader_reads_what_the_probe_reads(live: codo.LiveRun) -> None:
    for jitter in (0.0, 0.3):
        wanted = probe_embeddings(live.trained.trunk, live.probe, live.probe.jittered(jitter))
        torch.testing.assert_close(Reader(live.trained, live.probe).rows(jitter), wanted, rtol=1e-4, atol=1e-5)


def test_live_runs_leave_torch_as_it_was(codo_videos: VideoIndex) -> None:
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    one, two = (codo.train_live(codo_videos, codo_videos, 2, instances=2, backgrounds=2, looks=1, config=micro())
                for _ in range(2))  # fmt: skip
    assert torch.equal(torch.random.get_rng_state(), state)
    assert one.losses == two.losses


def test_squares_of_cosines() -> None:
    rows = torch.randn(3, 2, 2, 4)
    found = grids.cosines(rows)
    flat = torch.nn.functional.normalize(rows, dim=-1)
    wanted = (flat[1, 0] * flat[2, 1]).sum(dim=-1).mean()
    assert found.shape == (6, 6) and found[2, 5] == pytest.approx(float(wanted), abs=1e-6)
    figure, numbers = grids.draw_grids({"untrained": rows, "trained": rows}, ("dog", "car", "domestic_cat"))
    share = compare(rows).background_share
    assert f"{grids.share_words(share)} untrained" in figure.get_suptitle()
    assert f"{compare(rows).gap:.2f} trained" in numbers
    assert grids.share_words(math.nan) == "undefined"


def test_records_are_read_and_summed_up(records: Path) -> None:
    runs = codo.measured_runs(records)
    assert len(runs) == 4 and runs[0].steps == (0, 4) and len(runs[0].after) == len(trial.PROBE_JITTER)
    table = codo.summary(runs)
    assert table["background"].tolist() == ["training frames", "training frames", "noise"]
    assert table["seeds"].tolist() == [1, 2, 1]
    gaps = [run.embedding[-1].gap for run in codo.pick(runs, "downstream", 0.2)]
    assert table["gap after"][1] == f"{np.mean(gaps):.2f}", "two seeds have no interval worth its name"
    with pytest.raises(DataError, match="no run with background 'same'"):
        codo.pick(runs, "same", 0.2)


def test_measured_explorer_says_what_was_not_measured(records: Path) -> None:
    runs = codo.measured_runs(records)
    explorer = codo.measured_explorer(runs).set(background="noise", jitter=0.0)
    assert explorer.numbers.startswith("Jitter 0 was not measured here. Pasted on noise, box jitter 0.2")
    explorer.set(background="downstream", jitter=0.2, probe_jitter=0.3)
    assert "read with jitter 0.3" in explorer.numbers
    chosen = codo.pick(runs, "downstream", 0.2)
    gaps = [np.mean([run.embedding[place].gap for run in chosen]) for place in (0, -1)]
    assert f"Gap {gaps[0]:.2f} → {gaps[1]:.2f} (seeds: 2)" == explorer.figure.axes[0].get_title(loc="left")
    title = measured_figures.draw_sources(runs, 0.2).get_suptitle()
    shares = [codo.pick(runs, kind, 0.2) for kind in ("downstream", "noise")]
    ends = [np.mean([run.embedding[-1].background_share for run in chosen]) for chosen in shares]
    assert title.endswith(f"of 2. Share of the background at the end: {ends[0]:.0%}, {ends[1]:.0%}")


def test_broken_records_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        codo.measured_runs(tmp_path / "none.json")
    (tmp_path / "odd.json").write_text('[{"background": "noise"}]')
    with pytest.raises(DataError, match=r"holds no measured runs|it is not JSON"):
        codo.measured_runs(tmp_path / "odd.json")


@pytest.mark.skipif(not RECORDS.exists(), reason="no measured runs here")
def test_shipped_records_are_complete_and_small() -> None:
    runs = codo.measured_runs()
    assert {run.background for run in runs} >= {"downstream", "same", "noise"}
    assert {(run.background, run.jitter, run.seed) for run in runs} == set(trial.RUNS)
    for run in codo.pick(runs, "downstream", 0.2):
        assert run.embedding[-1].gap > measured_figures.GOAL > run.embedding[0].gap
        assert run.embedding[-1].background_share < 0.5 * run.embedding[0].background_share
    assert RECORDS.stat().st_size < 300_000
