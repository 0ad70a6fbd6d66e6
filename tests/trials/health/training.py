"""Training for hours: each function does `meter.length` steps and lets the meter look after each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from clab_lite import presets
from clab_lite.config import Config
from clab_lite.data.vid import open_dataset
from trials.health.meter import Meter
from trials.health.shipped import SAMPLES


def training(meter: Meter, folder: Path, config: Config | None = None, **data: Any) -> None:
    """Steps of the preset tiny, with its log, its TensorBoard events and its checkpoints; `data`: other settings."""
    from clab_lite.train import train

    config = config or presets.tiny()
    steps = replace(config.train, iterations=meter.length, checkpoint_every=max(1, min(100, meter.length // 10)))
    config = replace(config, train=steps, data=replace(config.data, **data))
    index = open_dataset(SAMPLES, split="train")
    train(config, index, folder / "run", device="cpu", on_step=lambda step: meter.look(step.iteration))


def training_with_workers(meter: Meter, folder: Path) -> None:
    """The preset lesson, with two processes that read ahead and keep no frame."""
    training(meter, folder, presets.lesson(), workers=2, cache_images=False)


def pretraining(meter: Meter, folder: Path) -> None:
    """CoDo: a key network and a queue of keys move on with every step."""
    from clab_lite.pretraining.loop import pretrain
    from clab_lite.pretraining.methods import build_method, preset_of
    from clab_lite.pretraining.settings import LoopConfig
    from clab_lite.training.dataset import describe

    config: Any = preset_of("codo", "lite")
    config = replace(config, pretrain=replace(config.pretrain, steps=meter.length))
    index = open_dataset(SAMPLES, split="train")
    pretrain(
        "codo", config, lambda: build_method("codo", config, index), describe(index), folder / "run",
        loop=LoopConfig(checkpoint_every=max(1, min(100, meter.length // 10))), device="cpu",
        on_step=lambda step: meter.look(step.iteration),
    )  # fmt: skip
