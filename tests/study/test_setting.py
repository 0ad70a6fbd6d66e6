"""Settings: names are unique, an arm is a setting without its seed, a bad value is refused."""

import pytest

from clab_lite.errors import DataError
from clab_lite.schedule import contrast_schedule
from clab_lite.study.plans import PLANS, settings_of
from clab_lite.study.setting import Setting


def test_names_of_all_plans_are_unique() -> None:
    every = {setting for plan in PLANS for setting in settings_of(plan)}
    assert len({setting.name for setting in every}) == len(every)
    assert not any("/" in setting.name or " " in setting.name for setting in every)


def test_every_run_has_its_baseline_in_the_plans() -> None:
    """A run of `effect` or `search` is compared with one of the same seed, data and steps."""
    every = {setting for plan in ("effect", "search") for setting in settings_of(plan)}
    assert all(setting.baseline() in every for setting in every)


def test_effect_pairs_five_seeds() -> None:
    arms: dict[Setting, set[int]] = {}
    for setting in settings_of("effect"):
        arms.setdefault(setting.arm, set()).add(setting.seed)
    assert list(arms.values()) == [{0, 1, 2, 3, 4}] * 4


def test_config_carries_the_setting() -> None:
    setting = Setting(start=0.05, shape="cosine", until=0.25, temperature=0.5, level="object", clips=6, seed=3)
    config = setting.config()
    weight = contrast_schedule(config.train.contrast, 100)
    assert (weight(0.0), weight(0.25)) == (0.05, 0.0)
    assert config.detector.contrast.temperature == 0.5
    assert config.detector.contrast.level == "object"
    assert (config.train.clips_per_rank, config.train.seed, config.train.iterations) == (6, 3, Setting.iterations)


def test_baseline_differs_in_the_contrast_only() -> None:
    setting = Setting(start=0.05, level="object", train_videos=32, seed=2)
    assert setting.baseline() == Setting(start=0.0, train_videos=32, seed=2)


@pytest.mark.parametrize("wrong", [{"start": -1.0}, {"temperature": 0.0}, {"shape": "round"}, {"seed": -1}])
def test_bad_values_are_refused(wrong: dict) -> None:
    with pytest.raises(DataError, match=next(iter(wrong))):
        Setting(**wrong)


def test_unknown_plan_is_refused() -> None:
    with pytest.raises(DataError, match=r"'all'.*effect, weights, search"):
        settings_of("all")
