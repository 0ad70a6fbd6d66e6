"""The loop of pre-training: resuming bit by bit, stopping, what it writes and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stand_in import LOOP, StandIn, StandInConfig, StandInSource, run
from torch import Tensor
from training_world import micro_config, write_dataset

from clab_lite.backbone_file import read_backbone
from clab_lite.config import BackboneConfig
from clab_lite.data import VideoIndex, open_dataset
from clab_lite.errors import DataError
from clab_lite.methods.shared.recipe import learning_rate
from clab_lite.pretraining.loop import PretrainResult, PretrainStep
from clab_lite.pretraining.settings import LoopConfig
from clab_lite.train import train
from clab_lite.trained import load_run
from clab_lite.training.batches import seed_iteration
from clab_lite.training.folder_lock import hold
from clab_lite.training.log import read_log
from clab_lite.training.losses import TrainingDiverged

_TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("pretraining") / "dataset")


@pytest.fixture(scope="module")
def index(dataset: Path) -> VideoIndex:
    return open_dataset(dataset, "train", cache=False)


@pytest.fixture(scope="module")
def straight(index: VideoIndex, tmp_path_factory: pytest.TempPathFactory) -> PretrainResult:
    """Twelve steps without a break."""
    return run(tmp_path_factory.mktemp("straight"), index)


def _rows(folder: Path) -> list[dict[str, Any]]:
    """The log without the wall clock."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in read_log(folder / "log.jsonl")]


def _assert_same_run(found: Path, expected: Path) -> None:
    """Bit for bit: weights of both networks, queue and pointer, optimiser, log, backbone."""
    saved = [torch.load(folder / "checkpoint.pt", weights_only=True) for folder in (found, expected)]
    assert saved[0]["iteration"] == saved[1]["iteration"]
    assert saved[0]["model"].keys() == saved[1]["model"].keys()
    for name, value in saved[1]["model"].items():
        assert torch.equal(saved[0]["model"][name], value), name
    momenta = [checkpoint["optimizer"]["state"] for checkpoint in saved]
    assert all(torch.equal(momenta[0][k]["momentum_buffer"], v["momentum_buffer"]) for k, v in momenta[1].items())
    assert _rows(found) == _rows(expected)
    assert read_backbone(found).digest == read_backbone(expected).digest


def test_a_killed_run_continues_bit_exactly(dataset: Path, straight: PretrainResult, tmp_path: Path) -> None:
    """Twelve steps = five, lost steps, kill -9, resume. The row of step 6 was in the log when the process died."""
    command = [sys.executable, str(_TESTS / "stand_in.py"), str(dataset), str(tmp_path), "9"]
    paths = os.pathsep.join([str(_TESTS.parent), str(_TESTS.parents[1]), os.environ.get("PYTHONPATH", "")])
    died = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=120)
    assert died.returncode == -9, died.stderr
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["iteration"] == 5
    assert read_log(tmp_path / "log.jsonl")[-1]["iteration"] == 6
    run(tmp_path, open_dataset(dataset, "train", cache=False), resume=True)
    _assert_same_run(tmp_path, straight.run_folder)


def test_a_run_killed_before_its_last_backbone_has_it_after_resume(
    index: VideoIndex, straight: PretrainResult, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    run(folder, index, stop_after=5)
    earlier = (folder / "backbone.safetensors").read_bytes()
    run(folder, index, resume=True)
    (folder / "backbone.safetensors").write_bytes(earlier)
    run(folder, index, resume=True)  # nothing is left to do but this
    assert read_backbone(folder).digest == read_backbone(straight.backbone_file).digest


def test_stopping_workers_and_another_random_state_change_nothing(
    index: VideoIndex, straight: PretrainResult, tmp_path: Path
) -> None:
    """Stopped between two rows of the log and two checkpoints."""
    torch.manual_seed(77)
    assert run(tmp_path, index, stop_after=7).iterations == 7
    assert read_backbone(tmp_path).steps == 7
    torch.manual_seed(78)
    run(tmp_path, index, resume=True)
    _assert_same_run(tmp_path, straight.run_folder)
    run(tmp_path / "workers", index, loop=replace(LOOP, workers=1))
    assert _rows(tmp_path / "workers") == _rows(straight.run_folder)


def test_the_loop_is_these_lines(index: VideoIndex, straight: PretrainResult) -> None:
    """Written out: the rate of the step, backward, the method's update, the optimizer's step."""
    config = StandInConfig()
    torch.manual_seed(config.pretrain.seed)
    method, source = StandIn(config).train(), StandInSource(config, index)
    optimizer = torch.optim.SGD(method.trainable(), lr=1.0, momentum=0.9, weight_decay=0.0001)
    for step in range(config.pretrain.steps):
        seed_iteration(config.pretrain.seed, step)
        optimizer.param_groups[0]["lr"] = learning_rate(config.pretrain, step)
        optimizer.zero_grad()
        method(source.batch(step))["total"].backward()
        method.update()
        optimizer.step()
    found = torch.load(straight.run_folder / "checkpoint.pt", weights_only=True)["model"]
    for name, value in method.state_dict().items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6, msg=name)


def test_what_a_run_writes(straight: PretrainResult, index: VideoIndex) -> None:
    folder = straight.run_folder
    settings = json.loads((folder / "config.json").read_text())
    assert settings["method"] == "standin" and settings["loop"]["log_every"] == 3
    assert settings["pretrain"]["steps"] == 12 and settings["backbone"]["width"] == 8
    rows = read_log(folder / "log.jsonl")
    assert [row["iteration"] for row in rows] == [1, 3, 6, 9, 12]
    assert all(row["losses"].keys() == {"contrast", "size", "total"} for row in rows)
    assert all(row["gradient_norm"] > 0 for row in rows)
    first = rows[0]["losses"]
    assert first["total"] == pytest.approx(first["contrast"] + 0.01 * first["size"], rel=1e-5)
    assert rows[0]["note"] == "loop.threads = 1, loop.precision = float32"
    assert [row["learning_rate"] for row in rows] == [
        learning_rate(StandInConfig().pretrain, row["iteration"] - 1) for row in rows
    ]
    assert straight.last_row == rows[-1]
    assert list((folder / "tensorboard").glob("events.out.tfevents.*"))
    assert not list(folder.glob(".*.part"))
    found = read_backbone(straight.backbone_file)
    assert (found.method, found.steps, found.backbone.width) == ("standin", 12, 8)
    assert found.settings["dim"] == 8 and len(found.settings["pretrain"]) > 5
    for name, value in straight.method.backbone_state().items():
        assert torch.equal(found.state[name], value), name


class _Interrupted(StandIn):
    """Ctrl-C in the middle of its fourth step."""

    calls = 0

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        self.calls += 1
        if self.calls == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return super().forward(batch)


def test_ctrl_c_leaves_a_checkpoint_that_continues_bit_exactly(
    index: VideoIndex, straight: PretrainResult, tmp_path: Path
) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, index, method=_Interrupted)
    assert signal.getsignal(signal.SIGINT) is before
    assert read_backbone(tmp_path).steps == 4
    run(tmp_path, index, resume=True)
    _assert_same_run(tmp_path, straight.run_folder)


class _Poisoned(StandIn):
    """One term becomes NaN in the third call."""

    calls = 0

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        terms = super().forward(batch)
        self.calls += 1
        if self.calls == 3:
            bad = terms["size"] * float("nan")
            return terms | {"size": bad, "total": terms["contrast"] + bad}
        return terms


def test_a_term_that_is_not_finite_stops_the_run_and_is_named(index: VideoIndex, tmp_path: Path) -> None:
    made: list[StandIn] = []

    def poisoned(config: StandInConfig) -> StandIn:
        made.append(_Poisoned(config))
        return made[0]

    with pytest.raises(TrainingDiverged) as caught:
        run(tmp_path, index, method=poisoned)
    message = str(caught.value)
    assert "iteration 3" in message and "size = nan" in message and "contrast = " in message
    assert "contrast = nan" not in message and "pretrain.learning_rate" in message
    assert all(parameter.isfinite().all() for parameter in made[0].parameters()), "the bad step was applied"


def test_a_deterministic_run_is_the_same_and_says_so(
    index: VideoIndex, straight: PretrainResult, tmp_path: Path
) -> None:
    """One thread as `straight` has, but not asked for."""
    fixed = replace(LOOP, threads=None, deterministic=True)
    run(tmp_path, index, loop=fixed, stop_after=7)
    assert not torch.are_deterministic_algorithms_enabled()
    with pytest.raises(DataError, match=r"began otherwise \(loop\.deterministic: True -> None"):
        run(tmp_path, index, loop=replace(LOOP, threads=None), resume=True)
    found = run(tmp_path, index, loop=fixed, resume=True).run_folder
    written = [json.loads((folder / "config.json").read_text())["loop"] for folder in (found, straight.run_folder)]
    assert written[0]["deterministic"] and "deterministic" not in written[1]
    saved = [torch.load(folder / "checkpoint.pt", weights_only=True) for folder in (found, straight.run_folder)]
    assert all(torch.equal(saved[0]["model"][name], value) for name, value in saved[1]["model"].items())


def test_the_layer_that_was_not_finite_is_named(index: VideoIndex, tmp_path: Path) -> None:
    def broken(config: StandInConfig) -> StandIn:
        method = StandIn(config)
        with torch.no_grad():
            method.head.bias[0] = float("nan")
        return method

    with pytest.raises(TrainingDiverged, match=r"iteration 1: .*that of head \(Linear\).*its weight head\.bias is not"):
        run(tmp_path, index, method=broken)


def test_a_folder_with_a_run_is_refused(index: VideoIndex, straight: PretrainResult, tmp_path: Path) -> None:
    folder = straight.run_folder
    other = replace(StandInConfig(), pretrain=replace(StandInConfig().pretrain, steps=3))
    with pytest.raises(DataError, match=r"already holds a run .*backbone\.safetensors.*resume"):
        run(folder, index)
    with pytest.raises(DataError, match=r"pretrain\.steps: 12 -> 3"):
        run(folder, index, other, resume=True)
    with pytest.raises(DataError, match=r"other data .*key_frames: 32 -> 16"):
        run(folder, index.select([0, 1]), resume=True)
    with pytest.raises(DataError, match=r"began otherwise .*loop\.log_every: 3 -> 10"):
        run(folder, index, resume=True, loop=LoopConfig(threads=1))
    with hold(tmp_path), pytest.raises(DataError, match="working in this folder"):
        run(tmp_path, index)
    run(tmp_path, index, other)
    run(tmp_path, index, other, overwrite=True)
    assert read_backbone(tmp_path).steps == 3


def test_the_two_kinds_of_runs_are_not_taken_for_each_other(
    index: VideoIndex, straight: PretrainResult, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"is of a pre-training \(standin\).*--init"):
        load_run(straight.run_folder)
    with pytest.raises(DataError, match="is of a pre-training"):
        train(micro_config(1), index, straight.run_folder, device="cpu", progress=False, resume=True)
    train(micro_config(1), index, tmp_path, device="cpu", progress=False)
    with pytest.raises(DataError, match="training of a detector"):
        run(tmp_path, index, resume=True)
    run(tmp_path, index, overwrite=True, stop_after=1)
    assert not (tmp_path / "snapshot_start.pt").exists()
    train(micro_config(1), index, tmp_path, device="cpu", progress=False, overwrite=True)
    assert not (tmp_path / "backbone.safetensors").exists()


def test_a_state_that_does_not_fit_is_explained(index: VideoIndex, tmp_path: Path) -> None:
    run(tmp_path, index, stop_after=1)
    content = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    del content["model"]["queue.vectors"]
    torch.save(content, tmp_path / "checkpoint.pt")
    with pytest.raises(DataError, match=r"checkpoint of step 1 does not fit .*queue\.vectors"):
        run(tmp_path, index, resume=True)


def test_a_broken_frame_is_named_in_one_line(dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset, tmp_path / "dataset")
    broken = open_dataset(tmp_path / "dataset", "train", cache=False)
    for image in (tmp_path / "dataset").rglob("*.JPEG"):
        image.write_bytes(image.read_bytes()[:200])
    for workers in (0, 1):
        with pytest.raises(DataError, match=r"\.JPEG") as caught:
            run(tmp_path / "run", broken, loop=replace(LOOP, workers=workers))
        assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "run" / "config.json").exists()


def test_threads_are_timed_on_a_copy(
    index: VideoIndex, straight: PretrainResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calibration moves no key network, no queue, no BatchNorm statistics and no random state."""
    monkeypatch.setattr("clab_lite.training.calibrate._thread_candidates", lambda: [1, 1])
    run(tmp_path, index, loop=replace(LOOP, threads=None))
    assert _rows(tmp_path) == _rows(straight.run_folder)
    assert read_backbone(tmp_path).digest == read_backbone(straight.run_folder).digest


def test_whoever_watches_sees_every_step(index: VideoIndex, straight: PretrainResult, tmp_path: Path) -> None:
    seen: list[PretrainStep] = []
    run(tmp_path, index, on_step=seen.append)
    _assert_same_run(tmp_path, straight.run_folder)
    assert [step.iteration for step in seen] == list(range(1, 13))
    assert seen[0].terms == pytest.approx(read_log(tmp_path / "log.jsonl")[0]["losses"])
    assert seen[0].batch["frames"].shape == (4, 3, 64, 96)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_every_optimizer_and_a_frozen_stage(index: VideoIndex, tmp_path: Path, optimizer: Any) -> None:
    recipe = replace(StandInConfig().pretrain, optimizer=optimizer, steps=2)
    frozen = BackboneConfig("resnet18", 8, imagenet_weights=False, frozen_stages=1)
    result = run(tmp_path, index, replace(StandInConfig(), pretrain=recipe, backbone=frozen))
    torch.manual_seed(recipe.seed)
    before = StandIn(replace(StandInConfig(), backbone=frozen)).backbone_state()
    after = read_backbone(result.backbone_file).state
    assert torch.equal(after["conv1.weight"], before["conv1.weight"])
    assert not torch.equal(after["layer2.0.conv1.weight"], before["layer2.0.conv1.weight"])


def test_no_step_may_be_asked_for(index: VideoIndex, tmp_path: Path) -> None:
    """The run is there and can be continued, as with `train`."""
    result = run(tmp_path, index, stop_after=0)
    assert (result.iterations, result.last_row) == (0, None)
    assert (tmp_path / "config.json").exists() and not (tmp_path / "checkpoint.pt").exists()
    assert run(tmp_path, index, resume=True).iterations == 12
