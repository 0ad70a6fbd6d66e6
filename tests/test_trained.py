"""A detector from a run folder, from one of its files, or from an official checkpoint; and the command `export`."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_world import micro_config

from clab_lite.cli import main
from clab_lite.config import Config
from clab_lite.data.classes import VID_CLASSES
from clab_lite.detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.interop import save_mmtracking
from clab_lite.trained import load_run
from clab_lite.training.checkpoint import CHECKPOINT, SNAPSHOT_START, write_checkpoint
from clab_lite.training.saved_config import config_to_dict


def small_config(classes: int = 3) -> Config:
    config = micro_config()
    return replace(config, detector=replace(config.detector, num_classes=classes))


def write_run(folder: Path, config: Config, names: tuple[str, ...]) -> VideoDetector:
    """A run folder as far as `load_run` reads it."""
    folder.mkdir()
    torch.manual_seed(1)
    detector = VideoDetector(config.detector).eval()
    content = {"config": config_to_dict(config), "class_names": list(names)}
    write_checkpoint(folder / CHECKPOINT, {**content, "model": detector.state_dict(), "iteration": 40})
    start = {name: torch.zeros_like(value) for name, value in detector.state_dict().items()}
    write_checkpoint(folder / SNAPSHOT_START, {**content, "model": start, "iteration": 0})
    return detector


def assert_same_weights(found: VideoDetector, expected: VideoDetector) -> None:
    for name, value in expected.state_dict().items():
        assert torch.equal(found.state_dict()[name], value), name


def test_a_run_its_file_and_its_export_are_the_same_detector(tmp_path: Path, capsys) -> None:
    names = ("car", "dog", "fox")
    detector = write_run(tmp_path / "run", small_config(), names)
    file = tmp_path / "out" / "clab.pth"
    assert main(["export", str(tmp_path / "run"), str(file)]) == 0
    said = capsys.readouterr().out
    assert "clab.pth: resnet18, 2 SELSA layers, Temporal RoI Align, auxiliary branch; 3 classes; " in said
    assert f"Next: clab-lite detect {file}" in said
    for place in (tmp_path / "run", tmp_path / "run" / CHECKPOINT, file):
        found = load_run(place)
        assert found.class_names == names and found.iteration == 40 and not found.detector.training
        assert found.detector.config == small_config().detector
        assert found.config.detector == found.detector.config
        assert_same_weights(found.detector, detector)
    assert load_run(file).config.name == "clab"


def test_export_takes_care_of_files(tmp_path: Path, capsys) -> None:
    write_run(tmp_path / "run", small_config(), ("car", "dog", "fox"))
    file = tmp_path / "start.pth"
    words = ["export", str(tmp_path / "run"), str(file), "--weights", "start"]
    assert main(words) == 0
    assert not load_run(file).detector.rpn.conv.weight.any() and load_run(file).iteration == 0
    assert main(words[:3]) == 2
    assert "start.pth: is there already. Name another file, or replace it with --overwrite." in capsys.readouterr().err
    assert not load_run(file).detector.rpn.conv.weight.any(), "the file is as it was"
    assert main([*words[:3], "--overwrite"]) == 0
    assert load_run(file).detector.rpn.conv.weight.any()
    assert main([*words[:2], str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err
    assert main(["export", str(file), str(tmp_path / "again.pth")]) == 0
    assert_same_weights(load_run(tmp_path / "again.pth").detector, load_run(file).detector)


@pytest.mark.parametrize(("classes", "names"), [(30, VID_CLASSES), (2, ("class 0", "class 1"))])
def test_classes_of_a_file_that_does_not_name_them(tmp_path: Path, classes: int, names: tuple[str, ...]) -> None:
    detector = VideoDetector(small_config(classes).detector)
    assert load_run(save_mmtracking(tmp_path / "unnamed.pth", detector)).class_names == names


def test_wrong_places_are_explained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such run folder"):
        load_run(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"checkpoint\.pt: no such checkpoint"):
        load_run(tmp_path)
    file = tmp_path / "resnet.pth"
    torch.save({"conv1.weight": torch.zeros(2), "layer1.0.conv1.weight": torch.zeros(2)}, file)
    with pytest.raises(DataError, match=r"resnet\.pth, state_dict: .*a plain ResNet"):
        load_run(file)
    with pytest.raises(DataError, match=r"is one file of weights, so there is no snapshot_start\.pt in it"):
        load_run(file, file=SNAPSHOT_START)


def test_defaults_stand_beside_an_official_detector(tmp_path: Path) -> None:
    config = load_run(save_mmtracking(tmp_path / "a.pth", VideoDetector(small_config().detector))).config
    assert config.data == Config().data and config.train == Config().train
