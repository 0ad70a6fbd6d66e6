"""Deterministic runs: settings that come and go, the same bits in two processes, and with two numbers of threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from training_world import micro_config, write_dataset

from clab_lite.cli.parsing import parse
from clab_lite.config import Config, TrainConfig
from clab_lite.data import open_dataset
from clab_lite.errors import DataError
from clab_lite.train import train
from clab_lite.training.calibrate import Compute, Precision, choose_compute
from clab_lite.training.deterministic import CUBLAS_WORKSPACE, deterministic, prepare_cublas

_CPU, _CUDA = torch.device("cpu"), torch.device("cuda")
_TESTS = Path(__file__).parents[1]


def settings() -> tuple[Any, ...]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
    )


@pytest.mark.parametrize("mode", ["default", "warn"])
def test_settings_are_those_of_before_also_after_an_error(mode: str) -> None:
    torch.set_deterministic_debug_mode(mode)
    torch.backends.cudnn.benchmark = True
    try:
        before = settings()
        with deterministic(False, _CPU):
            assert settings() == before
        with deterministic(True, _CPU):
            assert settings() == (True, False, False, True)
        assert settings() == before
        with pytest.raises(ValueError, match="inside"), deterministic(True, _CPU):
            raise ValueError("inside")
        assert settings() == before
    finally:
        torch.set_deterministic_debug_mode("default")
        torch.backends.cudnn.benchmark = False


def test_cublas_is_told_before_cuda_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CUBLAS_WORKSPACE, ":16:8")
    prepare_cublas()
    assert os.environ[CUBLAS_WORKSPACE] == ":16:8"
    monkeypatch.delenv(CUBLAS_WORKSPACE)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    with (
        pytest.raises(DataError, match=r"Start again with CUBLAS_WORKSPACE_CONFIG=:4096:8"),
        deterministic(True, _CUDA),
    ):
        pass
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    with deterministic(True, _CUDA):
        assert os.environ[CUBLAS_WORKSPACE] == ":4096:8"


def test_nothing_is_timed() -> None:
    def run_step(_: Precision) -> None:
        raise AssertionError("timed")

    def chosen(**changes: Any) -> Compute:
        return choose_compute(TrainConfig(deterministic=True, **changes), _CPU, run_step)

    try:
        assert chosen(precision="auto") == Compute(1, "float32")
        assert chosen(precision="bfloat16", threads=2) == Compute(2, "bfloat16")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_the_command_line() -> None:
    command: Any = parse(["train", "data", "--deterministic"])
    assert command.deterministic and not command.config.train.deterministic
    command = parse(["train", "data", "--train.deterministic"])
    assert command.config.train.deterministic and not command.deterministic
    command = parse(["pretrain", "crosscl", "data", "--deterministic", "--loop.deterministic"])
    assert command.deterministic and command.loop.deterministic


def deterministic_config(threads: int | None = None, iterations: int = 5) -> Config:
    config = micro_config(iterations)
    return replace(config, train=replace(config.train, deterministic=True, threads=threads, precision="auto"))


def trained_in_a_process(dataset: Path, folder: Path, threads: int | None) -> dict[str, Any]:
    """The checkpoint of a run in a process of its own."""
    command = [sys.executable, __file__, str(dataset), str(folder), json.dumps(threads)]
    paths = os.pathsep.join([str(_TESTS), str(_TESTS.parent), os.environ.get("PYTHONPATH", "")])
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment["OMP_WAIT_POLICY"] = "passive"  # tests run side by side: threads that wait shall sleep
    ended = subprocess.run(
        command, env=environment | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=240
    )
    assert ended.returncode == 0, ended.stderr
    return torch.load(folder / "checkpoint.pt", weights_only=True)


def largest_difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Between the weights of two checkpoints, as a share of the largest number of each weight."""
    pairs = [(value.double(), other["model"][name].double()) for name, value in one["model"].items()]
    return max(float((a - b).abs().max() / a.abs().max().clamp(min=1e-30)) for a, b in pairs)


def test_two_processes_give_the_same_bits_and_more_threads_nearly(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "dataset")
    first, again = (trained_in_a_process(dataset, tmp_path / name, None) for name in ("first", "again"))
    assert first["compute"] == again["compute"] == {"threads": 1, "precision": "float32", "step_seconds": None}
    assert first["iteration"] == 5 and largest_difference(first, again) == 0
    assert torch.equal(first["recent"], again["recent"])
    two = trained_in_a_process(dataset, tmp_path / "two", 2)
    assert two["compute"]["threads"] == 2 and largest_difference(first, two) < 1e-3


def test_a_checkpoint_from_before_there_was_the_setting_goes_on(tmp_path: Path) -> None:
    index = open_dataset(write_dataset(tmp_path / "dataset"), "train", cache=False)
    config = micro_config(4)
    train(config, index, tmp_path / "run", device="cpu", progress=False, stop_after=2)
    saved = torch.load(tmp_path / "run/checkpoint.pt", weights_only=True)
    del saved["config"]["train"]["deterministic"]
    torch.save(saved, tmp_path / "run/checkpoint.pt")
    fixed = replace(config, train=replace(config.train, deterministic=True))
    with pytest.raises(DataError, match=r"train\.deterministic: False -> True"):
        train(fixed, index, tmp_path / "run", device="cpu", progress=False, resume=True)
    assert train(config, index, tmp_path / "run", device="cpu", progress=False, resume=True).iterations == 4


if __name__ == "__main__":
    threads: int | None = json.loads(sys.argv[3])
    videos = open_dataset(sys.argv[1], "train", cache=False)
    train(deterministic_config(threads), videos, sys.argv[2], device="cpu", progress=False)
