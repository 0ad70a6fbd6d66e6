"""Lesson 07: the board watches without touching, bands come from records, runs are compared to the bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from clab_lite import presets
from clab_lite.config import Config
from clab_lite.data.vid import VideoIndex, open_dataset
from clab_lite.errors import DataError
from clab_lite.lessons import training
from clab_lite.lessons.training.band import Band
from clab_lite.lessons.training.plan import NEW_SEED, comparable
from clab_lite.lessons.twin import WIDGET_VIEW
from clab_lite.show.style import to_png
from clab_lite.study import Setting
from clab_lite.study.plans import PLANS, settings_of
from clab_lite.train import TrainingDiverged, train
from clab_lite.training.log import read_log
from tests.training_world import micro_config, write_dataset


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    return open_dataset(write_dataset(tmp_path_factory.mktemp("world")), split="train")


def record(setting: Setting, shift: float = 0.0, steps: tuple[int, ...] = (1, 10, 20)) -> Any:
    log = {"iteration": np.array(steps), "detection": np.array([4.0, 3, 2]) + shift, "contrast": np.ones(3) + shift}
    return SimpleNamespace(setting=setting, log=log, ap={"all": 0.3 + shift})


def study_of(*records: Any) -> Any:
    return SimpleNamespace(records=records)


# ---- plan ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [0.0, 0.005])
def test_the_lesson_trains_what_the_study_trains(weight: float) -> None:
    config = training.run_config("lesson", weight, log_every=2)
    assert comparable(config, Setting(start=weight).config())
    assert config.train.seed == NEW_SEED
    assert not comparable(config, Setting(start=0.5).config())
    assert not comparable(config, Setting(start=weight, iterations=100).config())


def test_no_planned_run_has_the_seed_of_the_lesson() -> None:
    assert all(setting.seed != NEW_SEED for plan in PLANS for setting in settings_of(plan))


def test_other_presets_keep_their_length() -> None:
    config = training.run_config("laptop", 0.0)
    assert config.train.iterations == presets.laptop().train.iterations
    assert config.train.contrast.start == 0
    assert training.shortened(config, 5, learning_rate=2.0).train.learning_rate == 2.0
    with pytest.raises(DataError, match="unknown"):
        training.run_config("giant")


# ---- band ----------------------------------------------------------------------------------------------------------


def test_the_band_is_lowest_to_highest_of_the_other_seeds(index: VideoIndex) -> None:
    own = replace(Setting(), train_videos=len(index))
    study = study_of(
        record(replace(own, seed=0), -0.5),
        record(replace(own, seed=1), 0.5),
        record(replace(own, seed=NEW_SEED), 9.0),  # the run itself
        record(replace(own, seed=2, start=0.5), 9.0),  # another setting
        record(replace(own, seed=3, train_videos=1), 9.0),  # other data
    )
    band = training.expected_band(training.run_config("lesson"), index, study)
    assert band.runs == 2
    assert band.low["detection"].tolist() == [3.5, 2.5, 1.5]
    assert band.high["detection"].tolist() == [4.5, 3.5, 2.5]
    assert band.ap == pytest.approx((-0.2, 0.8))
    assert band.inside("detection", [1, 5, 20], [4.0, 0.0, 2.6]) == (1, 2)
    assert "33%" in str(band)


def test_without_runs_there_is_no_band_and_a_reason(index: VideoIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise DataError("is not JSON")

    monkeypatch.setattr("clab_lite.lessons.training.band.shipped_study", broken)
    with pytest.raises(DataError, match="is not JSON"):  # there, but broken
        training.expected_band(training.run_config("lesson"), index)
    monkeypatch.setattr("clab_lite.lessons.training.band.has_study", lambda: False)
    config = training.run_config("lesson")
    assert "no measured runs" in str(training.expected_band(config, index))
    one = study_of(record(replace(Setting(), train_videos=len(index))))
    assert "1 measured run of" in str(training.expected_band(config, index, one))
    uneven = Band.of([record(Setting()), record(Setting(seed=1), steps=(1, 2, 3))])
    assert uneven.runs == 0
    assert uneven.inside("detection", [1], [4.0]) == (0, 0)


# ---- board ---------------------------------------------------------------------------------------------------------


def short(steps: int = 4) -> Config:
    return training.shortened(micro_config(), steps)


def test_the_board_watches_and_changes_nothing(index: VideoIndex, tmp_path: Path) -> None:
    config = short()
    train(config, index, tmp_path / "alone", progress=False)
    board = training.Board("run", config, index.select([0]), ap_at=(2, 4))
    with board:
        train(config, index, tmp_path / "watched", progress=False, on_step=board)
    same = training.compare_runs(tmp_path / "alone", tmp_path / "watched")
    assert same.same, str(same)
    assert [row["iteration"] for row in board.rows] == [1, 2, 3, 4]
    assert [step for step, _ in board.ap] == [2, 4]
    assert board.line.startswith("run: step 4 of 4")
    assert bytes(board.picture.value).startswith(b"\x89PNG")
    assert {WIDGET_VIEW, "image/png"} <= set(board._repr_mimebundle_())


def test_a_resumed_run_goes_on_on_its_board_and_is_the_same_run(index: VideoIndex, tmp_path: Path) -> None:
    config = short()
    train(config, index, tmp_path / "whole", progress=False)
    board = training.Board("run", config, index.select([0]))
    for resume, stop in ((False, 2), (True, None)):
        with board:
            train(config, index, tmp_path / "parts", progress=False, on_step=board, stop_after=stop, resume=resume)
        if stop:
            assert training.checkpoint_step(tmp_path / "parts") == 2
            assert training.steps_of(tmp_path / "parts") == [1, 2]
    assert board.sittings == [0, 2]
    assert [row["iteration"] for row in board.rows] == training.steps_of(tmp_path / "whole") == [1, 2, 3, 4]
    same = training.compare_runs(tmp_path / "whole", tmp_path / "parts")
    assert same.same
    assert str(same).count("equal to the last bit") == 2


def test_different_runs_are_told_apart(index: VideoIndex, tmp_path: Path) -> None:
    train(short(2), index, tmp_path / "one", progress=False)
    other = training.shortened(micro_config(), 2, seed=1)
    train(other, index, tmp_path / "other", progress=False)
    train(short(3), index, tmp_path / "longer", progress=False)
    same = training.compare_runs(tmp_path / "one", tmp_path / "other")
    assert not same.same
    assert "step 1" in same.first_difference
    assert same.different_weights > 0
    assert "2 rows against 3" in str(training.compare_runs(tmp_path / "one", tmp_path / "longer"))


def test_an_absurd_learning_rate_diverges_and_says_where(index: VideoIndex, tmp_path: Path) -> None:
    wild = training.shortened(micro_config(), 30, learning_rate=900.0, gradient_clip=1e12)
    with pytest.raises(TrainingDiverged, match=r"iteration \d+.*Samples: "):
        train(wild, index, tmp_path, progress=False)
    assert len(read_log(tmp_path / "log.jsonl")) < 30


# ---- figures -------------------------------------------------------------------------------------------------------


def row(step: int, total: int = 40, contrast: float = 1.5, chance: float | None = 2.3) -> dict[str, Any]:
    losses = {"rpn_objectness": 0.5, "rpn_box": 0.1, "box_class": 1.0, "box_regression": 0.4, "contrast": contrast}
    return {
        "iteration": step,
        "progress": step / total,
        "learning_rate": 0.01,
        "contrast_weight": 0.5,
        "losses": {**losses, "total": 2.0 + 0.5 * contrast},
        "contrast_chance": chance,
        "gradient_norm": 3.0,
        "seconds": 1.5,
    }


def test_boards_of_every_state_draw() -> None:
    config = micro_config()
    band = Band.of([record(Setting(), -0.5), record(Setting(seed=1), 0.5)])
    for rows, ap, sittings in (
        ([], [], []),
        ([row(1)], [(1, float("nan"))], [0]),
        ([row(1, chance=None), row(10), row(20)], [(10, 0.1), (20, 0.3)], [0, 10]),
    ):
        behind = band if rows else Band.none("nothing")
        figure = training.draw_board("run", config, rows, ap, behind, sittings)
        assert to_png(figure, 60).startswith(b"\x89PNG")
        assert figure.get_figwidth() <= 9.5
        assert not any("nan" in axes.get_title(loc="left") for axes in figure.axes)


def test_titles_say_what_the_rows_say() -> None:
    band = Band.of([record(Setting(), -3), record(Setting(seed=1), 0.5)])
    figure = training.draw_board("run", micro_config(), [row(1), row(10)], [(10, 0.25)], band)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[0] == "Detection loss 2.00: 2 of 2 rows in the band"
    assert titles[3] == "AP50 0.25 on held-out videos"
    notes = [text.get_text() for text in figure.axes[0].texts]
    assert any("about 1 of 2 rows inside" in note for note in notes)  # two runs: a third of two rows
    assert {axes.get_ylim() for axes in figure.axes[3:]} == {(0.0, 0.5)}
    few = training.draw_board("run", micro_config(), [row(1)], [(10, 0.25)], band, videos=8)
    assert few.axes[3].get_title(loc="left") == "AP50 0.25 on 8 held-out videos"
    two = training.draw_two(("a", [row(1), row(10)], [(10, 0.2)]), ("b", [row(1), row(10)], [(10, 0.1)]), band)
    assert two.axes[0].get_title(loc="left") == "The two losses lie 0.00 apart, the band is 3.50 wide"
    assert two.axes[1].get_title(loc="left") == "AP50, one seed: 0.20 and 0.10"


def test_the_gap_in_ap_is_told_beside_that_of_seeds() -> None:
    band = Band.of([record(Setting(), 0.0), record(Setting(seed=1), 0.1)])
    near, far = training.ap_gap([(9, 0.3)], [(9, 0.35)], band), training.ap_gap([(9, 0.3)], [(9, 0.6)], band)
    assert "0.05 apart" in near and "is less than the 0.10" in near and "0.30 to 0.40" in near
    assert "no less than the 0.10" in far
    assert "not measured" in training.ap_gap([(9, 0.3)], [(9, 0.6)], Band.none(""))
    assert "not measured" in training.ap_gap([], [(9, 0.6)], band)
    assert "not measured in both" in training.ap_gap([(9, 0.3)], [(9, float("nan"))], band)
    assert "after 9 and after 6 steps" in training.ap_gap([(9, 0.3)], [(6, 0.6)], band)
    two = training.draw_two(("a", [row(1)], [(9, 0.3)]), ("b", [row(1)], [(9, float("nan"))]), band)
    assert two.axes[1].get_title(loc="left") == "AP50: not measured"


def test_a_row_adds_up() -> None:
    figure, line = training.draw_row([row(1), row(10)], 1)
    assert line == "four losses + weight × contrast = 2.750; losses.total says 2.750"
    assert figure.axes[1].get_title(loc="left") == "The contrast is 27.3% of the total"
