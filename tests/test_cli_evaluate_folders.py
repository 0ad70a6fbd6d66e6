"""The command `evaluate` from end to end: what it replaces, what it does where it may not write, what it refuses."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from own_data import documented_json, write_json_dataset
from training_world import micro_config

from clab_lite import detection_store
from clab_lite.cli import main
from clab_lite.detector import VideoDetector
from clab_lite.files import write_text
from clab_lite.interop import save_mmtracking
from clab_lite.scoring import score
from clab_lite.training.checkpoint import CHECKPOINT, write_checkpoint
from clab_lite.training.folder_lock import hold
from clab_lite.training.run_folder import EVALUATING
from clab_lite.training.saved_config import config_to_dict


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_json_dataset(tmp_path / "data", documented_json())


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder as far as `evaluate` reads it, and run.pth beside it with the same weights."""
    config = micro_config()
    names = [category["name"] for category in documented_json()["categories"]]
    config = replace(config, detector=replace(config.detector, num_classes=len(names)))
    torch.manual_seed(0)
    detector = VideoDetector(config.detector)
    content = {"config": config_to_dict(config), "class_names": names, "model": detector.state_dict(), "iteration": 40}
    (tmp_path / "run").mkdir()
    write_checkpoint(tmp_path / "run" / CHECKPOINT, content)
    content = torch.load(save_mmtracking(tmp_path / "run.pth", detector), weights_only=True)
    content["meta"]["CLASSES"] = names
    torch.save(content, tmp_path / "run.pth")
    return tmp_path / "run"


def evaluate(*words: object) -> int:
    return main(["evaluate", *map(str, words), "--resamples", "0", "--device", "cpu"])


def measured(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())["measured"]


def test_the_evaluation_of_something_else_is_not_replaced(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert evaluate(run, data) == 0
    content = (run / "metrics.json").read_text()
    assert measured(run)["weights"] == CHECKPOINT
    write_json_dataset(tmp_path / "other", documented_json())
    capsys.readouterr()
    assert evaluate(run, tmp_path / "other") == 2
    said = capsys.readouterr().err
    assert f"{run}: holds the evaluation of checkpoint.pt on {data}, split val. Name another folder with --out." in said
    assert (run / "metrics.json").read_text() == content
    monkeypatch.chdir(tmp_path)
    assert evaluate("run", "data/../data") == 0  # the same, called otherwise
    out = tmp_path / "out"
    assert evaluate(run, data, "--out", out) == 0
    assert measured(out)["weights"] == str(run / CHECKPOINT)
    for others in ([run, data, "--split", "train"], [run, data, "--subset", "every=2"], [tmp_path / "run.pth", data]):
        assert evaluate(*others, "--out", out) == 2
        assert f"{out}: holds the evaluation of {run / CHECKPOINT} on {data}, split val." in capsys.readouterr().err


def test_files_of_one_name_do_not_replace_each_other(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(tmp_path / "run.pth", tmp_path / folder / "selsa.pth")
    assert evaluate("a/selsa.pth", data) == 0
    assert measured(tmp_path / "runs/evaluation/selsa")["weights"] == "a/selsa.pth"
    assert evaluate("b/selsa.pth", data) == 2
    assert "holds the evaluation of a/selsa.pth" in capsys.readouterr().err
    assert evaluate("a/selsa.pth", data) == 0


def test_where_the_run_may_not_be_written(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hold, out = detection_store.hold, tmp_path / "out"

    @contextmanager
    def guarded(place: Path) -> Iterator[object]:
        if run in place.parents:
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        with hold(place) as held:
            yield held

    monkeypatch.setattr(detection_store, "hold", guarded)
    assert evaluate(run, data, "--out", out) == 0
    said = capsys.readouterr().out
    assert (
        f"{run / 'detections'} cannot be written (Permission denied): the detections go to {out / 'detections'}" in said
    )
    assert list((out / "detections").glob("*/*.npz")) and not (run / "detections").exists()
    assert main(["compare", str(run), str(run), str(data), "--resamples", "0", "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert said.count(f"{run / 'detections'} cannot be written (Permission denied): the detections are not kept") == 2

    def refuse(folder: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr("clab_lite.files.try_folder", refuse)
    assert evaluate(run, data) == 2
    assert f"{run}: cannot be written (Permission denied). Name another folder with --out." in capsys.readouterr().err


def test_what_is_missing_is_named(run: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "val.json").rename(data / "kept")
    assert evaluate(run, data) == 2
    assert f"{data}: there is no val.json. Write it, or use --split train." in capsys.readouterr().err
    (data / "train.json").rename(data / "val.json")
    assert evaluate(run, data, "--split", "train") == 2
    said = capsys.readouterr().err
    assert f"{data}: there is no train.json. Write it, or evaluate on the other file with --split val." in said


def test_a_link_to_itself_is_no_place_for_results(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found by `make faults`: asked where such a link leads, Python up to 3.12 raises RuntimeError."""
    (tmp_path / "loop").symlink_to("loop")
    for out in (tmp_path / "loop", tmp_path / "loop" / "deeper"):
        assert evaluate(run, data, "--out", out) == 2
        assert f"{out}: cannot be followed: a symbolic link" in capsys.readouterr().err


def test_no_ground_truth_is_said(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = {**documented_json(), "annotations": []}
    assert evaluate(run, write_json_dataset(tmp_path / "empty", empty)) == 0
    assert capsys.readouterr().out.count("there is no ground truth: AP is undefined\n") == 1


def test_two_evaluations_of_one_folder_do_not_mix(run: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """But a run may be evaluated while it is trained."""
    with hold(run, EVALUATING):
        assert evaluate(run, data) == 2
    assert "is working in this folder. Wait for it" in capsys.readouterr().err
    assert not (run / "metrics.json").exists()
    with hold(run):
        assert evaluate(run, data) == 0


@pytest.mark.parametrize("what", ["replaced", "removed"])
def test_a_run_that_goes_meanwhile_gets_no_results(
    run: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    write_text(run / "config.json", "{}")

    def meanwhile(*arguments: Any, **named: Any) -> object:
        result = score(*arguments, **named)
        if what == "removed":
            shutil.rmtree(run)
        else:
            write_text(run / "config.json", "{ }")
        return result

    monkeypatch.setattr("clab_lite.scoring.score", meanwhile)
    out = ("--out", run.with_name("out")) if what == "removed" else ()
    assert evaluate(run, data, *out) == 2
    assert "was removed or given to another run while its weights were at work" in capsys.readouterr().err
    assert not list(run.parent.rglob("metrics.json"))
