"""Which runs the shipped study is made of."""

from __future__ import annotations

from collections.abc import Callable

from clab_lite.errors import DataError
from clab_lite.study.setting import Setting

EFFECT_SEEDS = range(5)


def effect() -> list[Setting]:
    """No contrast; the paper's start weight, fading as in the paper and kept fixed; objects in place of frames.

    Five seeds of each, seed by seed.
    """
    arms = ({"start": 0.0}, {"shape": "linear"}, {"shape": "constant"}, {"start": 0.05, "level": "object"})
    return [Setting(seed=seed, **arm) for seed in EFFECT_SEEDS for arm in arms]  # type: ignore[arg-type]


def weights() -> list[Setting]:
    """What the weight explorer moves: start weights, shapes, where they end, temperatures."""
    return [
        Setting(start=0.05),
        Setting(start=0.5),
        Setting(start=0.05, shape="constant"),
        Setting(start=0.5, shape="constant"),
        Setting(start=0.05, temperature=0.5),
        Setting(start=0.05, seed=1),
        Setting(start=0.5, seed=1),
        Setting(start=0.05, shape="constant", seed=1),
        Setting(start=0.05, shape="cosine"),
        Setting(start=0.05, shape="step"),
        Setting(start=0.05, until=1.0),
        Setting(start=0.05, until=0.25),
        Setting(start=0.05, temperature=0.03),
    ]


def search() -> list[Setting]:
    """Where the branch might matter: few training videos, with frames and with objects; three seeds."""
    arms = ({"start": 0.0}, {"start": 0.05, "level": "object"}, {"start": 0.05})
    return [Setting(train_videos=32, seed=seed, **arm) for seed in range(3) for arm in arms]  # type: ignore[arg-type]


PLANS: dict[str, Callable[[], list[Setting]]] = {"effect": effect, "weights": weights, "search": search}


def settings_of(plan: str) -> list[Setting]:
    """The settings of a plan, in the order in which they are run.

    Raises:
        DataError: there is no plan of that name.
    """
    if plan not in PLANS:
        raise DataError(f"study plan {plan!r} is unknown. Choose one of: {', '.join(PLANS)}.")
    return PLANS[plan]()
