"""The training loop: resuming, stopping, what it writes and what it refuses."""

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
from torch import Tensor
from training_world import micro_config, write_dataset

from clab_lite.config import Config
from clab_lite.data import VideoIndex, open_dataset
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.train import Step, TrainingDiverged, TrainResult, train
from clab_lite.trained import load_run
from clab_lite.training.log import read_log

_TESTS = Path(__file__).parent
_LOSSES = {"rpn_objectness", "rpn_box", "box_class", "box_regression", "contrast", "total"}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("train") / "dataset")


@pytest.fixture(scope="module")
def index(dataset: Path) -> VideoIndex:
    return open_dataset(dataset, "train", cache=False)


@pytest.fixture(scope="module")
def straight(index: VideoIndex, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    """Forty steps without a break."""
    folder = tmp_path_factory.mktemp("straight")
    return train(micro_config(), index, folder, device="cpu", progress=False)


def _rows(folder: Path) -> list[dict[str, Any]]:
    """The log without the wall clock."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in read_log(folder / "log.jsonl")]


def _assert_same_run(found: Path, expected: Path) -> None:
    """Bit for bit: weights, optimiser, log."""
    saved = [torch.load(folder / "checkpoint.pt", weights_only=True) for folder in (found, expected)]
    assert saved[0]["iteration"] == saved[1]["iteration"]
    for name, value in saved[1]["model"].items():
        assert torch.equal(saved[0]["model"][name], value), name
    momenta = [checkpoint["optimizer"]["state"] for checkpoint in saved]
    assert momenta[0].keys() == momenta[1].keys()
    assert all(torch.equal(momenta[0][k]["momentum_buffer"], v["momentum_buffer"]) for k, v in momenta[1].items())
    assert _rows(found) == _rows(expected)


def test_killed_run_continues_bit_exactly(
    dataset: Path, index: VideoIndex, straight: TrainResult, tmp_path: Path
) -> None:
    """40 steps = 20, lost steps, kill -9, resume. Rows 21 to 27 were in the log when the process died."""
    command = [sys.executable, str(_TESTS / "killed_run.py"), str(dataset), str(tmp_path), "29"]
    paths = os.pathsep.join([str(_TESTS), str(_TESTS.parent), os.environ.get("PYTHONPATH", "")])
    died = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=120)
    assert died.returncode == -9, died.stderr
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["iteration"] == 20
    assert read_log(tmp_path / "log.jsonl")[-1]["iteration"] == 27
    train(micro_config(), index, tmp_path, device="cpu", progress=False, resume=True)
    _assert_same_run(tmp_path, straight.run_folder)


def test_stopping_between_log_rows_changes_nothing(index: VideoIndex, straight: TrainResult, tmp_path: Path) -> None:
    train(micro_config(), index, tmp_path, device="cpu", progress=False, stop_after=17)
    result = train(micro_config(), index, tmp_path, device="cpu", progress=False, resume=True)
    assert result.iterations == 40
    _assert_same_run(tmp_path, straight.run_folder)


def test_workers_and_another_random_state_change_nothing(
    index: VideoIndex, straight: TrainResult, tmp_path: Path
) -> None:
    config = micro_config()
    config = replace(config, data=replace(config.data, workers=1))
    torch.manual_seed(77)
    train(config, index, tmp_path, device="cpu", progress=False, stop_after=20)
    expected = train(micro_config(), index, tmp_path / "none", device="cpu", progress=False, stop_after=20)
    for name, value in expected.detector.state_dict().items():
        found = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["model"][name]
        assert torch.equal(found, value), name
    assert _rows(tmp_path) == _rows(straight.run_folder)[: len(_rows(tmp_path))]


def test_what_a_run_writes(straight: TrainResult) -> None:
    folder = straight.run_folder
    assert json.loads((folder / "config.json").read_text())["train"]["iterations"] == 40
    rows = read_log(folder / "log.jsonl")
    assert [row["iteration"] for row in rows] == [1, *range(3, 20, 3), 20, *range(21, 40, 3), 40]
    for row in rows:
        losses = row["losses"]
        assert losses.keys() == _LOSSES
        assert row["contrast_chance"] == pytest.approx(1.3862943611)  # ln(1 + 3 frames of the other clip)
    assert rows[0]["note"] == "train.threads = 1, train.precision = float32"
    weights = {row["iteration"]: row["contrast_weight"] for row in rows}
    assert weights[1] == pytest.approx(0.005)
    assert weights[20] > weights[21] == weights[40] == 0.0  # 20 is also the step of the snapshot
    first = rows[0]["losses"]
    parts = sum(first[name] for name in _LOSSES - {"total", "contrast"})
    assert first["total"] == pytest.approx(parts + 0.005 * first["contrast"], rel=1e-5)
    assert rows[-1]["losses"]["total"] < first["total"]
    assert list((folder / "tensorboard").glob("events.out.tfevents.*"))
    assert not list(folder.glob(".*.part"))


def test_snapshots_hold_the_start_and_the_moment_contrast_ends(straight: TrainResult) -> None:
    start = load_run(straight.run_folder, file="snapshot_start.pt")
    faded = load_run(straight.run_folder, file="snapshot_contrast_zero.pt")
    final = load_run(straight.run_folder)
    assert (start.iteration, faded.iteration, final.iteration) == (0, 20, 40)
    assert final.config == micro_config()
    torch.manual_seed(micro_config().train.seed)
    fresh = VideoDetector(micro_config().detector).state_dict()
    assert all(torch.equal(value, fresh[name]) for name, value in start.detector.state_dict().items())
    weights = [loaded.detector.state_dict()["neck.conv.weight"] for loaded in (start, faded, final)]
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])
    assert not final.detector.training


class _Poisoned(VideoDetector):
    """One loss becomes NaN in the third call."""

    calls = 0

    def forward(self, clips: Tensor, targets: list[dict[str, Any]]) -> dict[str, Tensor]:
        losses = super().forward(clips, targets)
        self.calls += 1
        return losses | {"box_class": losses["box_class"] * float("nan")} if self.calls == 3 else losses


def test_a_loss_that_is_not_finite_stops_the_run(index: VideoIndex, tmp_path: Path) -> None:
    detector = _Poisoned(micro_config().detector)
    with pytest.raises(TrainingDiverged) as caught:
        train(micro_config(), index, tmp_path, device="cpu", progress=False, detector=detector)
    message = str(caught.value)
    assert "iteration 3" in message
    assert "box_class = nan" in message
    assert "rpn_box = " in message
    assert message.count("ILSVRC2015_train_") == 2  # both clips of the batch
    assert "Done once more, every output and gradient is finite" in message  # the fourth call
    assert all(parameter.isfinite().all() for parameter in detector.parameters()), "the bad step was applied"


class _Steep(VideoDetector):
    """Finite losses, infinite gradient."""

    def forward(self, clips: Tensor, targets: list[dict[str, Any]]) -> dict[str, Tensor]:
        losses = super().forward(clips, targets)
        weight = next(self.parameters())
        zero = (weight * 0).sum()
        return losses | {"rpn_box": losses["rpn_box"] + torch.sqrt(zero.abs())}


def test_a_gradient_that_is_not_finite_stops_the_run(index: VideoIndex, tmp_path: Path) -> None:
    detector = _Steep(micro_config().detector)
    with pytest.raises(TrainingDiverged, match=r"gradient_norm = (nan|inf).*of the weight backbone\.conv1\.weight\.$"):
        train(micro_config(), index, tmp_path, device="cpu", progress=False, detector=detector)


def test_a_training_that_diverges_names_the_layer(index: VideoIndex, tmp_path: Path) -> None:
    torch.manual_seed(0)
    detector = VideoDetector(micro_config().detector)

    def break_it(step: Step) -> None:
        if step.iteration == 3:
            detector.box_head.regress.weight.data[0, 0] = float("nan")

    with pytest.raises(TrainingDiverged, match=r"stopped at iteration 4: .*box_regression = nan") as caught:
        train(micro_config(), index, tmp_path, device="cpu", progress=False, detector=detector, on_step=break_it)
    assert "that of box_head.regress (Linear)" in str(caught.value)
    assert "its weight box_head.regress.weight is not finite" in str(caught.value)


def _short(config: Config) -> Config:
    return replace(config, train=replace(config.train, iterations=2))


def test_a_folder_with_a_run_is_refused(index: VideoIndex, straight: TrainResult, tmp_path: Path) -> None:
    config = _short(micro_config())
    with pytest.raises(DataError, match=r"already holds a run .*resume"):
        train(config, index, straight.run_folder, device="cpu", progress=False)
    with pytest.raises(DataError, match=r"train\.iterations: 40 -> 2"):
        train(config, index, straight.run_folder, device="cpu", progress=False, resume=True)
    with pytest.raises(DataError, match=r"other data .*key_frames: 32 -> 16"):
        train(micro_config(), index.select([0, 1]), straight.run_folder, device="cpu", progress=False, resume=True)
    train(config, index, tmp_path, device="cpu", progress=False)
    train(config, index, tmp_path, device="cpu", progress=False, overwrite=True)
    assert [row["iteration"] for row in read_log(tmp_path / "log.jsonl")] == [1, 2]


def test_resuming_a_folder_without_a_checkpoint_starts(index: VideoIndex, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    result = train(_short(micro_config()), index, tmp_path, device="cpu", progress=False, resume=True)
    assert result.iterations == 2


@pytest.mark.parametrize(
    ("optimizer", "schedule", "precision", "contrast"),
    [("adamw", "cosine", "bfloat16", True), ("sgd", "step", "auto", False)],
)
def test_every_kind_of_step_runs(
    index: VideoIndex, tmp_path: Path, optimizer: Any, schedule: Any, precision: Any, contrast: bool
) -> None:
    config = _short(micro_config())
    branch = replace(config.detector.contrast, enabled=contrast)
    changed = replace(config.train, optimizer=optimizer, schedule=schedule, precision=precision)
    config = replace(config, detector=replace(config.detector, contrast=branch), train=changed)
    result = train(config, index, tmp_path, device="cpu", progress=False)
    assert result.compute.precision in ("float32", "bfloat16")
    assert result.last_row is not None
    assert (result.last_row["contrast_chance"] is not None) == contrast


def test_whoever_watches_sees_every_step_and_changes_nothing(
    index: VideoIndex, straight: TrainResult, tmp_path: Path
) -> None:
    """`on_step`: every iteration once, the rows as they are logged, the batch, and the weight of that step."""
    seen: list[Step] = []
    result = train(micro_config(), index, tmp_path, device="cpu", progress=False, on_step=seen.append)
    _assert_same_run(tmp_path, straight.run_folder)
    assert [step.iteration for step in seen] == list(range(1, 41)) and {step.total for step in seen} == {40}
    assert [step.row for step in seen if step.row is not None] == read_log(tmp_path / "log.jsonl")
    assert [step.weight for step in seen[:3]] == [0.005 * (1 - 2 * i / 40) for i in range(3)]
    assert all(step.detector is result.detector and step.detector.training for step in seen)
    assert seen[0].clips.shape == (2, 3, 3, 64, 96) and len(seen[0].targets) == 2
