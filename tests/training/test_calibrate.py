"""Threads and precision are chosen by time, and choosing changes nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from training_world import micro_config, write_dataset

import clab_lite.train
from clab_lite.config import TrainConfig
from clab_lite.data import open_dataset
from clab_lite.training import calibrate
from clab_lite.training.calibrate import Compute, Precision, SpeedWatch, choose_compute, state_kept

_CPU = torch.device("cpu")


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: threads.append(count))
    monkeypatch.setattr(calibrate, "time", SimpleNamespace(perf_counter=lambda: clock[-1]))
    threads[:], clock[:] = [1], [0.0]


threads: list[int] = [1]
"""Stands for torch's setting: real threads would make the test depend on the machine."""
clock: list[float] = [0.0]
"""Stands for the time in seconds, for the same reason."""


def _steps(
    milliseconds: dict[tuple[int, Precision], float], tried: list[tuple[int, Precision]]
) -> Callable[[Precision], None]:
    def run(precision: Precision) -> None:
        tried.append((threads[-1], precision))
        clock.append(clock[-1] + milliseconds[threads[-1], precision] / 1000)

    return run


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        ({1: 30, 2: 15, 4: 8, "bfloat16": 3}, (4, "bfloat16")),
        ({1: 5, 2: 60, 4: 60, "bfloat16": 60}, (1, "float32")),  # busy machine
        ({1: 20, 2: 19.6, 4: 19.6, "bfloat16": 19.6}, (1, "float32")),  # near ties: the simpler one
        ({1: 30, 2: 12, 4: 40, "bfloat16": 40}, (2, "float32")),
    ],
)
def test_the_fastest_is_chosen(milliseconds: dict[int | str, float], expected: tuple[int, str]) -> None:
    table: dict[tuple[int, Precision], float] = {}
    for count in (1, 2, 4):
        table[count, "float32"] = milliseconds[count]
        table[count, "bfloat16"] = milliseconds["bfloat16"]
    found = choose_compute(TrainConfig(precision="auto"), _CPU, _steps(table, []))
    assert (found.threads, found.precision) == expected
    assert threads[-1] == expected[0]
    assert found.step_seconds == pytest.approx(table[found.threads, found.precision] / 1000)


@pytest.mark.usefixtures("four_cores")
def test_what_is_asked_for_is_not_timed() -> None:
    tried: list[tuple[int, Precision]] = []
    run = _steps({(3, "float32"): 1}, tried)
    assert choose_compute(TrainConfig(threads=3), _CPU, run) == Compute(3, "float32", None)
    assert not tried
    assert threads[-1] == 3


@pytest.mark.usefixtures("four_cores")
def test_a_hopeless_candidate_is_left_early() -> None:
    tried: list[tuple[int, Precision]] = []
    run = _steps({(1, "float32"): 2, (2, "float32"): 20, (4, "float32"): 20}, tried)
    choose_compute(TrainConfig(), _CPU, run)
    counts = [[count for count, _ in tried].count(n) for n in (1, 2, 4)]
    assert counts[0] > counts[1] == counts[2]


def test_openmp_limit_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(6)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert calibrate._thread_candidates() == [1, 2, 4, 6]
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert calibrate._thread_candidates() == [1, 2]


@pytest.mark.usefixtures("four_cores")
def test_a_machine_that_becomes_busy_gets_one_thread() -> None:
    watch = SpeedWatch(Compute(2, "float32", 0.1))
    assert all(watch.add(0.25) is None for _ in range(300)), "not slow enough"
    assert all(watch.add(0.9) is None for _ in range(10)), "a short disturbance"
    assert all(watch.add(0.1) is None for _ in range(50))
    notes = [watch.add(1.0) for _ in range(10)]
    assert notes[:5] == [None] * 5
    assert sum(note is not None for note in notes) == 1
    assert any("2 threads -> 1" in str(note) for note in notes)
    assert threads[-1] == 1
    assert watch.compute == Compute(1, "float32", None)
    assert all(watch.add(9.0) is None for _ in range(30)), "nothing is left to change"


def test_state_is_kept() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    expected = torch.get_rng_state()
    with state_kept(model):
        model(torch.randn(2, 3, 8, 8)).sum().backward()
        assert not torch.equal(model[1].running_mean, before["1.running_mean"])
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.get_rng_state(), expected)


def test_calibration_does_not_change_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With trainable norm statistics, the state that a forward pass moves."""
    config = micro_config(iterations=3)
    backbone = replace(config.detector.backbone, frozen_norm=False)
    config = replace(config, detector=replace(config.detector, backbone=backbone))
    index = open_dataset(write_dataset(tmp_path / "dataset"), "train", cache=False)
    plain = clab_lite.train.train(config, index, tmp_path / "plain", device="cpu", progress=False)

    def choose(_config: TrainConfig, _device: torch.device, run_step: Callable[[Precision], None]) -> Compute:
        for precision in ("float32", "bfloat16", "float32"):
            run_step(precision)
        return Compute(1, "float32", None)

    monkeypatch.setattr(clab_lite.train, "choose_compute", choose)
    timed = clab_lite.train.train(config, index, tmp_path / "timed", device="cpu", progress=False)
    for name, value in plain.detector.state_dict().items():
        assert torch.equal(timed.detector.state_dict()[name], value), name
