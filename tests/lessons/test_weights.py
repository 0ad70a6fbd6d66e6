"""The measured half of lesson 06: shares, the nearest run, the explorer, the overview, exercises, resuming."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from clab_lite.errors import DataError
from clab_lite.lessons import weights
from clab_lite.lessons.weights import check, overview, shares
from clab_lite.lessons.weights.explorer import mean_words
from clab_lite.lessons.weights.nearest import Asked, differences, find, run_words
from clab_lite.lessons.weights.resume import hook_weights
from clab_lite.study.paired import over_seeds
from clab_lite.study.setting import Setting
from tests.lessons.weights_study import fake_study, record

ROOT = Path(__file__).parents[2]


def test_share_by_hand_and_back() -> None:
    assert weights.share(2.0, 4.0, 0.5) == pytest.approx(0.5)
    assert weights.share([0.0, 0.0], [1.0, 0.0], 1.0).tolist() == [1.0, 0.0]
    w = weights.weight_for_share(0.1, 2.0, 8.0)
    assert float(weights.share(2.0, 8.0, w)) == pytest.approx(0.1)
    with pytest.raises(DataError, match="outside"):
        weights.weight_for_share(1.0, 1.0, 1.0)
    with pytest.raises(DataError, match="no share"):
        weights.weight_for_share(0.1, 1.0, 0.0)


@pytest.mark.parametrize("shape", shares.SHAPES)
def test_balance_takes_the_weight_of_the_run(shape: str) -> None:
    run = record(Setting(start=0.1, shape=shape))
    balance = shares.balance_of(run)
    weight = shares.schedule_of(shape, 0.1, 0.5)
    assert balance.weight == pytest.approx([weight(s / run.setting.iterations) for s in run.balance["iteration"]])
    assert balance.share == pytest.approx(run.share(), abs=1e-6)
    assert balance.share_with(weight) == pytest.approx(balance.share)


def test_moments_without_numbers_are_left_out() -> None:
    run = record(Setting())
    run.balance["contrast"][3] = np.nan
    balance = shares.balance_of(run)
    assert len(balance.share) == len(run.balance["iteration"]) - 1 and np.isfinite(balance.share).all()


def test_unknown_shape() -> None:
    with pytest.raises(DataError, match="zigzag"):
        shares.schedule_of("zigzag", 0.1, 0.5)


@pytest.mark.parametrize(("asked", "setting", "names"), [
    (Asked(0.02), Setting(start=0.05), ["start"]),
    (Asked(0.05), Setting(start=0.05), []),
    (Asked(0.0, 0.9, "step", 0.5, "object"), Setting(start=0.0), []),
    (Asked(0.05, 0.9, "constant"), Setting(start=0.05, shape="constant"), []),
    (Asked(0.05, 0.9), Setting(start=0.05), ["until"]),
    (Asked(0.05, 0.9, "constant"), Setting(start=0.05), ["shape"]),
    (Asked(0.05, temperature=0.5, level="object"), Setting(start=0.05), ["temperature", "level"]),
])  # fmt: skip
def test_differences_name_what_is_not_as_asked(asked: Asked, setting: Setting, names: list[str]) -> None:
    assert [name for name, _, _ in differences(asked, setting)] == names


def test_the_sentence_says_what_was_asked_and_what_is_shown() -> None:
    found = find(fake_study(), Asked(0.02))
    assert found.sentence == "You asked start 0.02; the nearest measured run has start 0.05 (seed 0)."
    assert len(found.seeds) == 3
    assert "exactly" in find(fake_study(), Asked(0.05)).sentence


@pytest.mark.parametrize("change", [{"clips": 8}, {"train_videos": 32}, {"iterations": 50}])
@pytest.mark.parametrize("start", [0.0, 0.05])
def test_a_run_of_another_size_is_never_exactly_what_was_asked(start: float, change: dict[str, int]) -> None:
    ((name, asked, measured),) = differences(Asked(start), Setting(start=start, **change))
    assert name in ("clips", "training videos", "steps")
    assert (asked, measured) == (str(getattr(Setting(), next(iter(change)))), str(next(iter(change.values()))))


def test_a_run_in_words() -> None:
    assert run_words(Setting(seed=2)) == "frames, 0.005 linear to 0 at 50 %, 4 clips, 400 steps, seed 2"
    assert run_words(Setting(start=0.0)) == "baseline (weight 0), 4 clips, 400 steps, seed 0"
    kept = run_words(Setting(shape="constant", temperature=0.5, level="object"))
    assert kept.startswith("objects, 0.005 constant, τ 0.5, 4 clips")
    assert "32 videos, 4 clips" in run_words(Setting(train_videos=32))


def test_the_notebook_shows_the_shipped_runs() -> None:
    shipped = json.loads((ROOT / "data_samples/study/records.json").read_text(encoding="utf-8"))["records"]
    cells = json.loads((ROOT / "notebooks/06_loss_weights.ipynb").read_text(encoding="utf-8"))["cells"]
    texts = ["".join(output.get("text", "")) for cell in cells for output in cell.get("outputs", [])]
    assert any(text.startswith(f"{len(shipped)} measured runs.") for text in texts)


def test_a_mean_in_words() -> None:
    assert mean_words(over_seeds([0.5])) == "0.500 (one seed: too few for an interval)"
    assert mean_words(over_seeds([0.5, 0.7])) == "0.600 (two seeds: too few for an interval)"
    assert mean_words(over_seeds([0.5, 0.5, 0.5])) == "0.500 (mean of 3 seeds, 95 % interval 0.500 to 0.500)"


def test_explorer_moves_and_says_which_run() -> None:
    explorer = weights.weight_explorer(fake_study())
    assert next(iter(explorer.controls)) == "start" and explorer.controls["start"].value == 0.05
    before, first = explorer.picture.value, explorer.numbers
    explorer.set(start=0.005, progress=0.75)
    assert explorer.picture.value != before and explorer.numbers != first
    assert "0.005 linear to 0 at 50 %" in explorer.numbers and "3 seeds" in explorer.numbers
    explorer.set(start=0.0)
    assert "baseline" in explorer.numbers and "share of the gradient 0 %" in explorer.numbers
    for change in ({"shape": "step"}, {"level": "object"}, {"cloud": "frame", "colour": "video_name"}):
        explorer.set(**change)
        assert "could not" not in explorer.numbers


def test_slider_stops_hold_zero_and_every_measured_weight() -> None:
    study = fake_study()
    values = [value for _, value in weights.weight_explorer(study).controls["start"].options]
    assert values[0] == 0.0 and values == sorted(values)
    assert {r.setting.start for r in study.records} <= set(values)


def test_finding_says_within_noise_or_not() -> None:
    seeds = range(5)
    rng = np.random.default_rng(0)
    noise = {s: 0.02 * rng.normal() for s in seeds}
    base = [record(Setting(start=0.0, seed=s), 0.3 + noise[s]) for s in seeds]

    def title(gain: float) -> str:
        jitter = (0.01, -0.01, 0.0, 0.005, -0.005)
        other = [record(Setting(start=0.05, seed=s), 0.3 + noise[s] + gain + jitter[s]) for s in seeds]
        arms = overview.arms_of(fake_study().__class__((*base, *other), {}, ""))
        return overview.finding(arms, "AP50", weights.final_ap())

    assert "within noise" in title(0.0)
    assert "more than seed noise" in title(0.05)
    assert "clearly below" in title(-0.05) and "even that is a loss" in title(-0.05)
    assert "three seeds" not in title(0.0)


def test_finding_says_that_settings_with_fewer_seeds_were_left_out() -> None:
    runs = [record(Setting(start=start, seed=s)) for start in (0.0, 0.005, 0.05) for s in range(3)]
    arms = overview.arms_of(fake_study().__class__(tuple(runs[:-1]), {}, ""))
    assert "best mean of three seeds or more at weight 0.005" in overview.finding(arms, "AP50", weights.final_ap())


def test_runs_judged_on_other_videos_are_not_compared() -> None:
    study = fake_study()
    arms = overview.arms_of(study)
    assert sum(len(arm.records) for arm in arms) == len(study.records)
    other = record(Setting(start=0.05, train_videos=32))
    arms = overview.arms_of(study.__class__((*study.records, other), {}, ""))
    assert sum(len(arm.records) for arm in arms) == len(study.records)
    with pytest.raises(DataError, match="no record"):
        overview.arms_of(study.__class__((), {}, ""))


def test_figures_of_the_study() -> None:
    study = fake_study()
    scores = [("AP50", weights.final_ap()), ("kNN", weights.final_score("object", "knn_class"))]
    assert len(weights.against_start(study, scores).axes) == 2
    table = weights.table(study, scores)
    assert len(table) == len(overview.arms_of(study)) and "AP50: gain [95 %]" in table.columns
    assert weights.lengths_figure(study, 0.05)[0].axes[1].get_title(loc="left").startswith("w = 0.05: share ")
    _, words = weights.lengths_figure(study, 0.05)
    assert "measured runs" in words
    detection, contrast = weights.first_lengths(study)
    assert 1 <= detection <= 1.2 and 6 <= contrast <= 7
    with pytest.raises(DataError, match="logged"):
        weights.lengths_figure(study.__class__((), {}, ""), 0.05)
    assert "linear 0.00125" in weights.compare_shapes(0.005, 0.5)[1]


def test_hook_equals_the_released_code_and_forgets_when_resumed_late() -> None:
    golden = json.loads((ROOT / "tests/goldens/official/aux_head.json").read_text(encoding="utf-8"))["hook"]
    ours = hook_weights(golden["value"], golden["num_step"], 30001)
    for iteration, weight in golden["weights"].items():
        assert ours[int(iteration)] == pytest.approx(weight, abs=1e-12)
    assert hook_weights(0.005, 50, 100, 70)[69:].tolist() == [0.0] + [0.005] * 30
    assert hook_weights(0.005, 50, 100, 30).tolist() == hook_weights(0.005, 50, 100).tolist()
    with pytest.raises(DataError, match="inside"):
        hook_weights(0.005, 50, 100, 100)


def test_resuming_early_changes_nothing_and_late_does() -> None:
    early, late = weights.resumed_figure(0.3), weights.resumed_figure(0.7)
    assert early[1].endswith(": 0%.") and not late[1].endswith(": 0%.")


@pytest.mark.parametrize(("answer", "word"), [
    (lambda p, s, u: max(0.0, s * (1 - p / u)), "no state"),
    (lambda p, s, u: s * (1 - p / u), "negative"),
    (lambda p, s, _: s * (1 - p), "end of training"),
    (lambda p, s, u: s if p < u else 0.0, "step"),
    (lambda p, s, u: s * (1 - p / u) if p < u else s, "hook"),
    (lambda p, s, u: s * p / u if p < u else 0.0, "rises"),
    (lambda *_: 0.1, "straight line gives"),
    (lambda p, *_: p / 0, "ZeroDivisionError"),
])  # fmt: skip
def test_linear_decay_names_the_mistake(answer: object, word: str) -> None:
    verdict = check.linear_decay(answer)
    assert word in verdict.message and verdict.ok == (word == "no state")


@pytest.mark.parametrize(("answer", "word"), [
    (lambda d, c, w: w * c / (d + w * c), "never passes"),
    (lambda d, c, _: c / (d + c), "forgot the weight"),
    (lambda d, c, w: w * c / d, "ratio"),
    (lambda d, c, w: w * c / (d + c), "below"),
    (lambda d, c, w: d / (d + w * c), "detection"),
    (lambda d, c, w: 100 * w * c / (d + w * c), "percent"),
    (lambda *given: given[2], "itself"),
    (lambda *_: 0.3, "the share is"),
])  # fmt: skip
def test_gradient_share_names_the_mistake(answer: object, word: str) -> None:
    verdict = check.gradient_share(answer)
    assert word in verdict.message and verdict.ok == (word == "never passes")


@pytest.mark.parametrize(("answer", "word"), [
    (0.1 * 2 / (0.9 * 8), "10 %"),
    (0.1, "not the share"),
    (0.1 * 2 / 8, "ratio"),
    (0.1 * 8 / 2, "swapped"),
    (0.1 * 8 / (0.9 * 2), "swapped"),
    (-1.0, "zero or less"),
    (0.5, "Solve"),
])  # fmt: skip
def test_start_weight_names_the_mistake(answer: float, word: str) -> None:
    verdict = check.start_weight(answer, 2.0, 8.0)
    assert word in verdict.message and verdict.ok == (word == "10 %")


def test_stubs_are_not_answered_yet() -> None:
    verdicts = (check.linear_decay(lambda *_: ...), check.gradient_share(lambda *_: ...))
    assert [v.state for v in (*verdicts, check.start_weight(..., 1.0, 2.0))] == ["unanswered"] * 3


def test_percent_for_people() -> None:
    assert [shares.percent(v) for v in (0.123, 0.004, 0.0, float("nan"))] == ["12 %", "0.4 %", "0 %", "unknown"]
