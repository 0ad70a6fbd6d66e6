"""What a training does to its folder when it cannot start, and when it is stopped."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from training_world import micro_config, write_dataset

from clab_lite.config import Config
from clab_lite.data import VideoIndex, open_dataset
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.train import TrainResult, train
from clab_lite.trained import load_run
from clab_lite.training.interrupt import Stopped
from clab_lite.training.log import read_log


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("stops") / "dataset")


@pytest.fixture(scope="module")
def index(dataset: Path) -> VideoIndex:
    return open_dataset(dataset, "train", cache=False)


def _run(folder: Path, index: VideoIndex, config: Config | None = None, **options: Any) -> TrainResult:
    return train(config or micro_config(6), index, folder, device="cpu", progress=False, **options)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != ".lock"}


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_that_cannot_start_leaves_the_old_one(dataset: Path, tmp_path: Path, workers: int) -> None:
    """Every frame of the new dataset is broken; the message is one line also when a worker found it."""
    shutil.copytree(dataset, tmp_path / "dataset")
    index, folder = open_dataset(tmp_path / "dataset", "train", cache=False), tmp_path / "run"
    _run(folder, index, micro_config(1))
    (folder / "metrics.json").write_text("{}")
    before = _files(folder)
    for image in (tmp_path / "dataset").rglob("*.JPEG"):
        image.write_bytes(image.read_bytes()[:200])
    config = micro_config(2)
    config = replace(config, data=replace(config.data, workers=workers))
    with pytest.raises(DataError, match=r"\.JPEG") as caught:
        _run(folder, index, config, overwrite=True)
    assert "Traceback" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert _files(folder) == before


def test_overwriting_removes_results_of_the_old_weights(index: VideoIndex, tmp_path: Path) -> None:
    _run(tmp_path, index, micro_config(1))
    (tmp_path / "metrics.json").write_text("{}")
    _run(tmp_path, index, micro_config(2), overwrite=True)
    assert not (tmp_path / "metrics.json").exists()
    assert load_run(tmp_path).iteration == 2


class _Interrupted(VideoDetector):
    """A signal in the middle of its fourth step."""

    calls = 0
    number = signal.SIGINT

    def forward(self, clips: Tensor, targets: list[dict[str, Any]]) -> dict[str, Tensor]:
        self.calls += 1
        if self.calls == 4:
            signal.raise_signal(self.number)
        return super().forward(clips, targets)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_checkpoint_that_continues_bit_exactly(
    index: VideoIndex, tmp_path: Path, number: signal.Signals
) -> None:
    torch.manual_seed(micro_config().train.seed)
    before = signal.getsignal(number)
    detector = _Interrupted(micro_config().detector)
    detector.number = number
    with pytest.raises(Stopped) as stopped:
        _run(tmp_path / "stopped", index, detector=detector)
    assert stopped.value.number == number and isinstance(stopped.value, KeyboardInterrupt)
    assert signal.getsignal(number) is before
    assert load_run(tmp_path / "stopped").iteration == 4
    found = _run(tmp_path / "stopped", index, resume=True).detector.state_dict()
    for name, value in _run(tmp_path / "straight", index).detector.state_dict().items():
        assert torch.equal(found[name], value), name
    rows = [read_log(tmp_path / name / "log.jsonl") for name in ("stopped", "straight")]
    assert [row["losses"] for row in rows[0]] == [row["losses"] for row in rows[1]]


class _WorkersToo(_Interrupted):
    """SIGTERM to the data workers as well, as a batch system sends it to all processes of a job."""

    def forward(self, clips: Tensor, targets: list[dict[str, Any]]) -> dict[str, Tensor]:
        if self.calls == 3:
            for worker in multiprocessing.active_children():
                os.kill(worker.pid or 0, signal.SIGTERM)
        return super().forward(clips, targets)


@pytest.mark.skipif(sys.platform == "win32", reason="there SIGTERM ends a process at once")
def test_data_workers_outlive_the_signal(index: VideoIndex, tmp_path: Path) -> None:
    config = micro_config(6)
    detector = _WorkersToo(config.detector)
    detector.number = signal.SIGTERM
    with pytest.raises(Stopped):
        _run(tmp_path, index, replace(config, data=replace(config.data, workers=2)), detector=detector)
    assert load_run(tmp_path).iteration == 4
    assert not multiprocessing.active_children()


def test_another_dataset_of_the_same_size_is_refused(index: VideoIndex, tmp_path: Path) -> None:
    _run(tmp_path, index.select([0, 1]), stop_after=1)
    with pytest.raises(DataError, match=r"other data \(digest: "):
        _run(tmp_path, index.select([0, 2]), resume=True)
    assert _run(tmp_path, index.select([0, 1]), resume=True).iterations == 6


def test_another_number_of_processes_is_refused(index: VideoIndex, tmp_path: Path) -> None:
    """With two processes other clips would meet in a step."""
    _run(tmp_path, index, stop_after=1)
    content = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    content["dataset"]["processes"] = 2
    torch.save(content, tmp_path / "checkpoint.pt")
    with pytest.raises(DataError, match=r"number of processes \(2 -> 1\).*nproc-per-node 2"):
        _run(tmp_path, index, resume=True)


def test_resuming_without_a_checkpoint_says_so(
    index: VideoIndex, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        _run(tmp_path, index, micro_config(1), resume=True)
    assert "starts from the beginning" in caplog.text


def test_a_setting_that_the_checkpoint_does_not_know_has_its_default(index: VideoIndex, tmp_path: Path) -> None:
    _run(tmp_path, index, stop_after=1)
    content = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    del content["config"]["train"]["momentum"]  # 0.9, also the default
    torch.save(content, tmp_path / "checkpoint.pt")
    assert _run(tmp_path, index, resume=True).iterations == 6


def test_a_state_that_does_not_fit_is_explained(index: VideoIndex, tmp_path: Path) -> None:
    _run(tmp_path, index, stop_after=1)
    content = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    torch.save({**content, "compute": {"threads": 1, "colour": 2}}, tmp_path / "checkpoint.pt")
    with pytest.raises(DataError, match=r"checkpoint of step 1 does not fit .*colour"):
        _run(tmp_path, index, resume=True)


def test_more_classes_than_outputs_are_refused(index: VideoIndex, tmp_path: Path) -> None:
    config = micro_config()
    config = replace(config, detector=replace(config.detector, num_classes=3))
    with pytest.raises(DataError, match=r"30 classes.*num_classes is 3.*--detector\.num-classes 30"):
        _run(tmp_path / "run", index, config)
    assert not (tmp_path / "run").exists()


def test_a_restart_by_torchrun_does_not_overwrite(
    index: VideoIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(tmp_path, index, micro_config(1))
    before = _files(tmp_path)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    with pytest.raises(DataError, match=r"restart 1.*--overwrite.*Use --resume"):
        _run(tmp_path, index, micro_config(1), overwrite=True)
    assert _files(tmp_path) == before
