"""Lesson 09: effects are paired by seed and by the videos judged on; sentences follow the numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from evaluation_study import GAIN, REPORT, SEARCH, made_study, record

from clab_lite.lessons import evaluation
from clab_lite.study.setting import Setting
from clab_lite.study.store import Study


def test_pairs_share_seed_data_and_videos() -> None:
    pairs = evaluation.paired_runs(made_study())
    both = pairs[pairs["measure"] == "AP50 all"]
    assert set(both["videos"]) == {REPORT, SEARCH}
    for row in both.itertuples():
        baselines = {r.ap["all"] for r in made_study().records if not r.setting.start and r.setting.seed == row.seed}
        assert row.baseline in baselines


def test_a_run_without_its_baseline_is_left_out_and_counted() -> None:
    alone = Setting(start=0.05, train_videos=32, seed=1)
    other_videos = Study((record(alone), record(alone.baseline(), SEARCH)), {}, "")
    assert evaluation.unpaired(other_videos) == [alone.name]
    assert evaluation.table_of_effects(other_videos).empty
    same_videos = Study((record(alone), record(alone.baseline())), {}, "")
    assert not evaluation.unpaired(same_videos)
    assert evaluation.table_of_effects(same_videos)["seeds"].unique().tolist() == [1]


def test_a_real_gain_is_found_and_paid_for() -> None:
    seeds = range(5)
    arms = [Setting(seed=seed, start=start, level="object") for seed in seeds for start in (0.0, 0.05)]
    effects = evaluation.table_of_effects(made_study(arms))
    row = effects[effects["measure"] == "AP50 all"].iloc[0]
    assert row["difference"] == pytest.approx(GAIN, abs=0.01)
    assert row["low"] > 0
    text = evaluation.conclusion(effects)
    assert "object, 0.05" in text
    assert f"paying for the {len(effects.dropna(subset=['p_value']))} looks of this table" in text
    assert "above zero" in evaluation.in_words(next(effects[effects["measure"] == "AP50 all"].itertuples()))


def test_two_seeds_that_agree_are_no_finding() -> None:
    arms = [Setting(seed=seed, start=start, level="object") for seed in range(2) for start in (0.0, 0.05)]
    study = made_study(arms)
    effects = evaluation.table_of_effects(study)
    assert effects["low"].isna().all()
    assert evaluation.conclusion(effects).startswith("No interval")
    draw, settings, _ = evaluation.explore_effects(study)
    figure, words = draw(setting=settings[0], measure="AP50 all")
    assert "too few seeds for an interval (2)" in words
    assert "too few seeds to tell (2)" in figure.axes[1].get_title(loc="left")
    assert "1 with too few seeds" in evaluation.draw_search(effects).axes[0].texts[-1].get_text()


def test_without_an_effect_the_conclusion_says_none() -> None:
    rows = [("a", "v", f"m{i}", 5, 0.4, 0.4, 0.0, -0.1, 0.1, 0.9) for i in range(10)]
    columns = [
        "setting",
        "videos",
        "measure",
        "seeds",
        "baseline",
        "with_branch",
        "difference",
        "low",
        "high",
        "p_value",
    ]
    text = evaluation.conclusion(pd.DataFrame(rows, columns=columns))
    assert text.startswith("0 of 10 intervals leave out zero; by chance alone about 0.5")
    assert "None stays when the 10 looks of this table (10 measures of 1 setting, no others) are paid for" in text
    alone = pd.DataFrame(rows, columns=columns).assign(p_value=np.nan)
    assert evaluation.conclusion(alone).startswith("No interval")


def test_names_tell_settings_apart() -> None:
    effects = evaluation.table_of_effects(made_study())
    names = effects["setting"].unique()
    assert any("train videos 32" in name for name in names)
    assert any("constant" in name for name in names)
    assert all("τ" in name for name in names)


def test_the_published_setting_comes_first() -> None:
    _, settings, _ = evaluation.explore_effects(made_study())
    assert settings[0] == "frame, 0.005 linear to 0 at 0.5, τ 0.1"


def test_when_the_weight_reaches_zero_is_another_moment() -> None:
    """The made-up branch raises the frame silhouette by 0.05 there, and by nothing at the end."""
    at = {when: evaluation.table_of_effects(made_study(), when) for when in ("end", "fade")}
    rows = {when: table[table["measure"] == "frame silhouette by video"].iloc[0] for when, table in at.items()}
    assert rows["end"]["difference"] == pytest.approx(0)
    assert rows["fade"]["difference"] == pytest.approx(0.05)


def test_figures_of_effects() -> None:
    study = made_study()
    effects, pairs = evaluation.table_of_effects(study), evaluation.paired_runs(study)
    draw, settings, measures = evaluation.explore_effects(study)
    figure, words = draw(setting=settings[0], measure="AP50 all")
    figure.canvas.draw()
    assert "seeds" in words
    assert draw(setting=settings[0], measure="nothing")[1] == "not measured for this setting"
    for kind in ("AP50", "frame", "object"):
        evaluation.draw_effects(effects, settings[0], kind).canvas.draw()
    evaluation.draw_seeds(pairs, settings[0], measures[0]).canvas.draw()
    titles = [axes.texts[-1].get_text() for axes in evaluation.draw_search(effects).axes]
    assert any(SEARCH in title for title in titles)
    assert any("1 above zero" in title for title in titles)


def test_an_empty_study_is_no_error() -> None:
    effects = evaluation.table_of_effects(replace(made_study(), records=()))
    assert effects.empty
    evaluation.draw_search(effects).canvas.draw()
