"""The three methods in the loop: each resumes bit by bit, and what it writes starts the detector of the same width."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from like_mps import like_mps
from training_world import write_dataset

from clab_lite.backbone_file import fit, read_backbone
from clab_lite.data import VideoIndex, open_dataset
from clab_lite.detector.backbone import Backbone
from clab_lite.errors import DataError
from clab_lite.presets import lesson
from clab_lite.pretraining.loop import PretrainResult, pretrain
from clab_lite.pretraining.methods import MethodName, build_method, preset_of
from clab_lite.pretraining.settings import LoopConfig
from clab_lite.training.batches import on_device
from clab_lite.training.dataset import describe


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    return open_dataset(write_dataset(tmp_path_factory.mktemp("methods") / "dataset"), "train", cache=False)


def _small(name: str) -> Any:
    """The lite preset with batches that four videos can fill; codo with its queue and key network."""
    config: Any = preset_of(name, "lite")
    changes: dict[str, dict[str, Any]] = {
        "ranked": {"bank": 8, "withheld": None},
        "crosscl": {"queue": 8, "image_size": 64},
        "codo": {"negatives": "queue", "queue_size": 16, "ema": 0.9},
    }
    return replace(config, pretrain=replace(config.pretrain, steps=4, batch=4), **changes[name])


def _run(name: str, index: VideoIndex, folder: Path, **options: Any) -> PretrainResult:
    config = _small(name)
    return pretrain(
        name, config, lambda: build_method(name, config, index), describe(index), folder,
        loop=LoopConfig(threads=1, log_every=1), device="cpu", progress=False, **options,
    )  # fmt: skip


@pytest.mark.parametrize("name", get_args(MethodName))
def test_a_stopped_run_continues_bit_exactly(name: str, index: VideoIndex, tmp_path: Path) -> None:
    """Weights of both networks, banks and queues, optimiser's moments, backbone."""
    _run(name, index, tmp_path / "straight")
    _run(name, index, tmp_path / "stopped", stop_after=2)
    torch.manual_seed(99)
    _run(name, index, tmp_path / "stopped", resume=True)
    saved = [torch.load(tmp_path / run / "checkpoint.pt", weights_only=True) for run in ("straight", "stopped")]
    assert saved[0]["model"].keys() == saved[1]["model"].keys()
    assert all(torch.equal(value, saved[1]["model"][key]) for key, value in saved[0]["model"].items())
    assert torch.equal(saved[0]["recent"], saved[1]["recent"])
    assert read_backbone(tmp_path / "straight").digest == read_backbone(tmp_path / "stopped").digest


@pytest.mark.parametrize("name", get_args(MethodName))
def test_the_lite_backbone_is_that_of_the_preset_lesson(name: str, index: VideoIndex, tmp_path: Path) -> None:
    _run(name, index, tmp_path, stop_after=1)
    with torch.device("meta"):
        found = fit(read_backbone(tmp_path), Backbone(lesson().detector.backbone))
    assert found.left == (("conv1.weight",) if name == "ranked" else ()) and not found.unused


@pytest.mark.parametrize("name", get_args(MethodName))
def test_a_step_needs_no_float64_of_the_device(name: str, index: VideoIndex) -> None:
    method, source = build_method(name, _small(name), index)
    batch = source.batch(0)
    with like_mps():
        method(on_device(batch, torch.device("cpu")))["total"].backward()
        method.update()


def test_unknown_names_and_what_a_method_cannot_use(index: VideoIndex) -> None:
    with pytest.raises(DataError, match="no method 'moco'"):
        preset_of("moco", "lite")
    with pytest.raises(DataError, match="preset 'report' is unknown"):
        preset_of("ranked", "report")
    with pytest.raises(DataError, match="crosscl has no use for downstream videos"):
        build_method("crosscl", _small("crosscl"), index, index)


def test_codo_pastes_on_the_downstream_videos(index: VideoIndex) -> None:
    other = index.select(range(len(index) - 1))
    source: Any = build_method("codo", _small("codo"), index, other)[1]
    assert source.backgrounds.index is other and source.instances.index is index
