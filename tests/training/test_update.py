"""Steps of `train` against stochastic gradient descent written out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from training_world import micro_config, write_dataset

from clab_lite.config import Config, WeightScheduleConfig
from clab_lite.data import open_dataset
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.schedule import learning_rate
from clab_lite.train import train
from clab_lite.training.batches import batches, seed_iteration

STEPS = 5


def by_hand(config: Config, index: VideoIndex) -> dict[str, torch.Tensor]:
    """Weights after STEPS steps: every rule of the recipe as one line."""
    settings = config.train
    torch.manual_seed(settings.seed)
    detector = VideoDetector(config.detector).train()
    parameters = dict(detector.named_parameters())
    velocity: dict[str, torch.Tensor] = {}
    for iteration, (clips, targets) in zip(range(STEPS), batches(config, index, 0, torch.device("cpu")), strict=False):
        seed_iteration(settings.seed, iteration)
        losses = detector(clips, targets)
        weight = max(0.0, 0.5 * (1 - iteration / STEPS / 0.5))  # linear from 0.5 to zero at half of training
        total = sum(value * (weight if name == "contrast" else 1.0) for name, value in losses.items())
        gradients = dict(zip(parameters, torch.autograd.grad(total, list(parameters.values())), strict=True))
        norm = torch.stack([g.square().sum() for g in gradients.values()]).sum().sqrt()
        rate = learning_rate(settings, iteration, STEPS)
        with torch.no_grad():
            for name, parameter in parameters.items():
                step = gradients[name] * min(1.0, settings.gradient_clip / (float(norm) + 1e-6))
                step = step + settings.weight_decay * parameter
                velocity[name] = settings.momentum * velocity[name] + step if iteration else step
                step = step + settings.momentum * velocity[name] if settings.nesterov else velocity[name]
                parameter -= rate * step
    return detector.state_dict()


def test_train_is_the_recipe(tmp_path: Path) -> None:
    """Rate, momentum, Nesterov, weight decay, clipping and the contrast's weight all count here."""
    index = open_dataset(write_dataset(tmp_path / "data"), "train", cache=False)
    base = micro_config(iterations=STEPS)
    contrast = WeightScheduleConfig(start=0.5, until=0.5)
    training = replace(base.train, weight_decay=0.01, gradient_clip=1.0, learning_rate=0.05, contrast=contrast)
    for nesterov in (False, True):
        config = replace(base, train=replace(training, nesterov=nesterov))
        result = train(config, index, tmp_path / f"run{nesterov}", device="cpu", progress=False)
        for name, value in by_hand(config, index).items():
            found = result.detector.state_dict()[name]
            torch.testing.assert_close(found, value, rtol=1e-3, atol=2e-5, msg=f"{name}, nesterov {nesterov}")
