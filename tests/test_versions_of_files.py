"""Older files are read, newer ones refused; cut, foreign and misfitting ones say what they are and what to do."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from training_world import micro_config

from clab_lite.backbone_file import read_backbone, write_backbone
from clab_lite.config import Config
from clab_lite.detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.evaluation_report import EvaluationReport, Scores
from clab_lite.interop import save_mmtracking
from clab_lite.study import open_study
from clab_lite.study.comparison import open_comparison
from clab_lite.trained import load_run
from clab_lite.training.checkpoint import write_checkpoint
from clab_lite.training.saved_config import config_to_dict
from clab_lite.weights_file import write_weights

NAMES = ("car", "dog", "fox")
SHIPPED = Path(__file__).parents[1] / "data_samples"
NEWER = "has format 2, this clab-lite reads up to 1. Install a newer clab-lite"


@pytest.fixture(scope="module")
def config() -> Config:
    config = micro_config()
    return replace(config, detector=replace(config.detector, num_classes=3))


@pytest.fixture(scope="module")
def files(config: Config, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One of every kind that holds weights."""
    folder = tmp_path_factory.mktemp("files")
    detector = VideoDetector(config.detector)
    content = {"config": config_to_dict(config), "class_names": list(NAMES), "iteration": 4}
    write_checkpoint(folder / "one.pt", {**content, "model": detector.state_dict()})
    save_mmtracking(folder / "official.pth", detector, NAMES, 4)
    write_weights(folder / "one.safetensors", detector, config, NAMES, 4)
    backbone = config.detector.backbone
    write_backbone(folder / "backbone.safetensors", detector.backbone.state_dict(), "codo", backbone, {}, 4)
    return {path.name: path for path in folder.iterdir()}


def read(path: Path) -> object:
    return read_backbone(path) if path.name == "backbone.safetensors" else load_run(path)


@pytest.mark.parametrize("name", ["one.pt", "official.pth", "one.safetensors", "backbone.safetensors"])
def test_cut_anywhere(name: str, files: dict[str, Path], tmp_path: Path) -> None:
    content = files[name].read_bytes()
    places = {0, 1, 4, 8, 100, len(content) - 1, *(random.randrange(len(content)) for _ in range(10))}
    for length in places:
        (tmp_path / name).write_bytes(content[:length])
        with pytest.raises(DataError, match=rf"{name}: .*(not a readable checkpoint|is empty|cannot be read).* Use "):
            read(tmp_path / name)


def changed(path: Path, to: Path, **entries: object) -> Path:
    """A copy of a file of weights with other entries; None: without."""
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as opened:
            about = {**opened.metadata(), **entries}
        save_file(load_file(path), to, metadata={name: value for name, value in about.items() if value is not None})
    else:
        content = {**torch.load(path, weights_only=True), **entries}
        torch.save({name: value for name, value in content.items() if value is not None}, to)
    return to


@pytest.mark.parametrize("name", ["one.pt", "one.safetensors", "backbone.safetensors"])
def test_older_and_newer_weights(name: str, files: dict[str, Path], tmp_path: Path) -> None:
    read(changed(files[name], tmp_path / name, format=None))
    number = "2" if name.endswith("safetensors") else 2
    with pytest.raises(DataError, match=f"{name}: {NEWER}"):
        read(changed(files[name], tmp_path / name, format=number))
    for wrong in ("0", "x" * 1000, "-1", "1.0", "٣"):
        with pytest.raises(DataError, match=f"{name}: has format .*reads up to 1") as caught:
            read(changed(files[name], tmp_path / name, format=wrong))
        assert len(str(caught.value)) < 500


def test_newer_settings(files: dict[str, Path], config: Config, tmp_path: Path) -> None:
    """A field of a later version, in a file whose format stayed the same."""
    settings = config_to_dict(config)
    settings["detector"]["rpn"]["wings"] = 2
    says = r"field detector\.rpn\.wings: unknown field.*If a newer clab-lite wrote it, install that"
    with pytest.raises(DataError, match=says):
        read(changed(files["one.pt"], tmp_path / "one.pt", config=settings))
    with pytest.raises(DataError, match=says):
        read(changed(files["one.safetensors"], tmp_path / "one.safetensors", config=json.dumps(settings)))
    meta = {"clab_lite": settings["detector"]}
    with pytest.raises(DataError, match=says):
        read(changed(files["official.pth"], tmp_path / "official.pth", meta=meta))


def test_another_architecture_and_number_of_classes(files: dict[str, Path], config: Config, tmp_path: Path) -> None:
    deeper = replace(config.detector, box_head=replace(config.detector.box_head, layers=3))
    wider = replace(config.detector, neck_channels=32)
    for detector, says in ((deeper, r"lacks box_head\.\w+"), (wider, "has shape .*, expected")):
        other = config_to_dict(replace(config, detector=detector))
        with pytest.raises(DataError, match=rf"one\.pt.*do not fit the configuration beside them: {says}"):
            read(changed(files["one.pt"], tmp_path / "one.pt", config=other))
        with pytest.raises(DataError, match=rf"do not fit the description beside them: {says}"):
            read(changed(files["one.safetensors"], tmp_path / "one.safetensors", config=json.dumps(other)))
    for names, says in ((["car"], "are 1 for 3 classes"), ([1, 2, 3], "are no list of names")):
        with pytest.raises(DataError, match=rf"one\.pt, class_names: {says}"):
            read(changed(files["one.pt"], tmp_path / "one.pt", class_names=names))
    four = config_to_dict(replace(config, detector=replace(config.detector, num_classes=4)))
    with pytest.raises(DataError, match="do not fit the configuration beside them: has shape"):
        read(changed(files["one.pt"], tmp_path / "one.pt", config=four, class_names=[*NAMES, "elk"]))


def test_a_description_costs_no_memory(files: dict[str, Path], config: Config, tmp_path: Path) -> None:
    """A few letters that ask for layers of 17 GB each."""
    box_head = replace(config.detector.box_head, layers=64, width=65_536, attention_blocks=1)
    giant = config_to_dict(replace(config, detector=replace(config.detector, box_head=box_head)))
    with pytest.raises(DataError, match="do not fit"):
        read(changed(files["one.pt"], tmp_path / "one.pt", config=giant))
    with pytest.raises(DataError, match="do not fit"):
        read(changed(files["one.safetensors"], tmp_path / "one.safetensors", config=json.dumps(giant)))
    with pytest.raises(DataError, match=r"official\.pth, state_dict: lacks keys"):
        read(changed(files["official.pth"], tmp_path / "official.pth", meta={"clab_lite": giant["detector"]}))


@pytest.mark.parametrize(("name", "open_it"), [
    ("study/records.json", lambda path: open_study(path.parent)),
    ("methods/comparison/comparison.json", lambda path: open_comparison(path.parent)),
])  # fmt: skip
def test_older_and_newer_records(name: str, open_it: Callable[[Path], object], tmp_path: Path) -> None:
    for file in (SHIPPED / name).parent.iterdir():
        if file.name != "SHA256SUMS":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    path = tmp_path / Path(name).name
    open_it(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert "format" not in content, "shipped files are of before"
    path.write_text(json.dumps({**content, "format": 2}))
    with pytest.raises(DataError, match=rf"{path.name}: {NEWER}"):
        open_it(path)


def test_older_and_newer_reports(tmp_path: Path) -> None:
    assert EvaluationReport.from_json(SHIPPED / "trained" / "clab.json").ap50
    report = EvaluationReport(Scores(0.5, 0.25, 1, 2, 3), {}, {})
    content = json.loads(report.to_json())
    assert content.pop("format") == 1 and EvaluationReport.from_json(json.dumps(content)) == report
    with pytest.raises(DataError, match=NEWER):
        EvaluationReport.from_json(json.dumps({**content, "format": 2}))
