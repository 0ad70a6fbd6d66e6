"""`clab-lite pretrain`, `train --init` and `export --names`, in process, for every method."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path
from typing import Any

import pytest
import torch
from training_world import micro_config, write_dataset
from tyro._docstrings import get_field_docstring
from tyro.conf import HelptextFromCommentsOff

from clab_lite.backbone_file import read_backbone, write_backbone
from clab_lite.cli import main
from clab_lite.cli.parsing import parse
from clab_lite.cli.pretrain import METHODS, Pretrain
from clab_lite.detector.backbone import Backbone
from clab_lite.interop import read_style
from clab_lite.pretraining.methods import preset_of
from clab_lite.training.log import read_log
from clab_lite.training.saved_config import config_to_dict, settings_from_dict

_SMALL = {
    "ranked": ["--pretrain.batch", "4", "--bank", "8"],
    "crosscl": ["--pretrain.batch", "4", "--queue", "8", "--image-size", "64", "--neck-dim", "8"],
    "codo": ["--pretrain.batch", "4", "--composite.image-size", "64", "--trunk.fpn-channels", "8"],
}
_PARTS = ["--pretrain.steps", "3", "--backbone.width", "8", "--loop.threads", "1", "--device", "cpu"]
_TRAIN = ["--preset", "lesson", "--detector.backbone.width", "8", "--train.iterations", "1", "--train.threads", "1"]


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("cli_pretrain") / "dataset")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backbone for a detector of width 8."""
    path = tmp_path_factory.mktemp("made") / "backbone.safetensors"
    torch.manual_seed(3)
    config = micro_config().detector.backbone
    write_backbone(path, Backbone(config).state_dict(), "codo", config, {}, 5)
    return path


@pytest.fixture(scope="module")
def run_from_file(file: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector's run that started from the backbone."""
    run = tmp_path_factory.mktemp("run")
    assert main(["train", str(dataset), *_TRAIN, "--init", str(file), "--out", str(run)]) == 0
    return run


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_pretrained_continued_and_starts_a_detector(
    method: str, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / method
    words = ["pretrain", method, str(dataset), "--out", str(run), *_SMALL[method], *_PARTS]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{method}, preset lite, with ") and "pretrain.steps: " in out
    assert "3 steps in " in out and f"--init {run / 'backbone.safetensors'}" in out
    assert [row["iteration"] for row in read_log(run / "log.jsonl")] == [1, 3]
    assert read_backbone(run).steps == 3
    assert main(words) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert main([*words, "--resume"]) == 0
    capsys.readouterr()
    assert main(["train", str(dataset), *_TRAIN, "--init", str(run), "--out", str(tmp_path / "detector")]) == 0
    out = capsys.readouterr().out
    left = "1 left as initialised (conv1.weight)" if method == "ranked" else "0 left as initialised"
    assert f"backbone from {method}, 3 steps, resnet18 of width 8" in out and f"{left}, 0 not used" in out


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("preset", ["lite", "paper"])
def test_options_and_files_hold_every_setting_of_a_method(method: str, preset: str) -> None:
    command = parse(["pretrain", method, "data", "--preset", preset, "--pretrain.seed", "7"])
    assert isinstance(command, Pretrain)
    config: Any = command.config
    assert config.pretrain.seed == 7 and command.method == method and command.out == Path("runs") / method
    assert settings_from_dict(type(config), config_to_dict(config), Path("x")) == config
    assert (preset_of(method, preset).backbone.architecture == "resnet50") == (preset == "paper")


def _without_help(kind: type, prefix: str = "") -> list[str]:
    found: list[str] = []
    for name, hint in typing.get_type_hints(kind).items():
        if dataclasses.is_dataclass(hint):
            found += _without_help(typing.cast(type, hint), f"{prefix}{name}.")
        elif not get_field_docstring(kind, name, (HelptextFromCommentsOff,)):
            found.append(f"{prefix}{name}")
    return found


@pytest.mark.parametrize("method", METHODS)
def test_every_option_of_a_method_has_a_help_text(method: str) -> None:
    assert not _without_help(type(preset_of(method, "lite")))


def test_names_that_are_unknown_are_answered_with_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    for words, closest in (
        (["pretrain", "rankd", "data"], "'ranked'"),
        (["pretrain", "ranked", "data", "--preset", "papre"], "lite, paper"),
        (["pretrain", "ranked", "data", "--variannt", "in"], "--variant"),
    ):
        assert main(words) == 2
        assert closest in capsys.readouterr().err
    assert main(["pretrain"]) == 2
    assert "METHOD" in capsys.readouterr().err


def test_what_only_one_method_can_use(
    dataset: Path, run_from_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Backgrounds of another dataset; a detector's boxes. A run is not continued on other backgrounds."""
    words = ["pretrain", "codo", str(dataset), "--out", str(tmp_path / "codo"), *_SMALL["codo"], *_PARTS]
    assert main([*words, "--downstream", str(dataset)]) == 0
    assert main([*words, "--resume"]) == 2
    assert "downstream" in capsys.readouterr().err
    ranked = ["pretrain", "ranked", str(dataset), "--out", str(tmp_path / "ranked"), *_SMALL["ranked"], *_PARTS]
    assert main([*ranked, "--downstream", str(dataset)]) == 2
    assert "ranked has no use for downstream videos" in capsys.readouterr().err
    assert main([*ranked, "--crop-source", "detector", "--detector", str(run_from_file)]) == 2
    assert "no object of" in capsys.readouterr().err  # a detector of one step finds nothing


def test_statistics_that_stay_frozen_are_named(
    file: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", str(dataset), *_TRAIN, "--init", str(file), "--detector.backbone.frozen-norm"]
    assert main([*words, "--out", str(tmp_path / "frozen")]) == 0
    assert "BatchNorm keeps what it saw" in capsys.readouterr().out
    assert main([*words[:-1], "--out", str(tmp_path / "free")]) == 0
    assert "BatchNorm keeps" not in capsys.readouterr().out


def test_a_backbone_that_does_not_fit_is_one_line(
    file: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", str(dataset), "--preset", "lesson", "--init", str(file), "--out", str(tmp_path / "run")]
    assert main(words) == 2
    assert "is a resnet18 of width 8, the detector's is resnet18 of width 16" in capsys.readouterr().err
    assert main([*words[:-4], "--init", str(tmp_path / "none"), "--out", str(tmp_path / "run")]) == 2
    assert "no such file of a backbone" in capsys.readouterr().err
    assert not (tmp_path / "run" / "config.json").exists()


@pytest.mark.parametrize("style", ["torchvision", "detectron2", "mmdetection"])
def test_a_backbone_is_exported_for_other_libraries(
    style: Any, file: Path, run_from_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the file, from its folder, and from a detector that started there."""
    expected = read_backbone(file).state
    for number, place in enumerate((file, file.parent)):
        target = tmp_path / f"{number}.pth"
        assert main(["export", str(place), str(target), "--names", style]) == 0
        found = read_style(target, style)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], value) for name, value in expected.items())
    out = capsys.readouterr().out
    assert "resnet18 of width 8, 120 tensors" in out and "width 8: the names are those of" in out and "Next: " in out
    assert main(["export", str(run_from_file), str(tmp_path / "s.pth"), "--names", style, "--weights", "start"]) == 0
    found = read_style(tmp_path / "s.pth", style)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_exports_that_are_refused(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(file), str(tmp_path / "a.pth")]) == 2
    assert "holds a backbone, no detector" in capsys.readouterr().err
    assert main(["export", str(file), str(tmp_path / "a.pth"), "--names", "detectron2", "--weights", "start"]) == 2
    assert "has no weights of start" in capsys.readouterr().err
    assert not (tmp_path / "a.pth").exists()
