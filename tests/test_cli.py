"""The command line: help, closest names, exit statuses. In process, except where the process is the point."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import is_dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar, get_origin, get_type_hints
from unittest.mock import MagicMock

import pytest
from tyro.conf import HelptextFromCommentsOff

from clab_lite.cli import commands, main
from clab_lite.cli.check import Check
from clab_lite.cli.compare import Compare
from clab_lite.cli.detect import Detect
from clab_lite.cli.evaluate import Evaluate
from clab_lite.cli.export import Export
from clab_lite.cli.make_samples import MakeSamples
from clab_lite.cli.parsing import COMMANDS, PRESETS, parse
from clab_lite.cli.ranked_sweep import RankedSweep
from clab_lite.data.world import WorldConfig
from clab_lite.data.world.readme import world_readme
from clab_lite.distributed import start_from_environment
from clab_lite.errors import DataError
from clab_lite.training.losses import TrainingDiverged

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"usage: clab-lite {command}" in out
    assert "default:" in out
    if command != "train":  # there None is a value of some settings
        assert "None}" not in out  # nobody has to type what leaving out means


def test_help_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in COMMANDS)


def test_no_command_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "demo" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "closest"), [
    (["trian"], "'train'"),
    (["make_samples", "x"], "'make-samples'"),
    (["train", "data", "--preset", "papper-r50"], "'paper-r50'"),
    (["train", "data", "--preset=tinny"], "'tiny'"),
    (["train", "data", "--train.iteratons", "5"], "--train.iterations"),
    (["train", "data", "--detector.backbone.archtecture", "resnet18"], "--detector.backbone.architecture"),
    (["demo", "--sed", "5"], "--seed"),
    (["make-samples", "x", "--val-vidos", "5"], "--val-videos"),
])  # fmt: skip
def test_unknown_names_are_answered_with_the_closest(
    words: list[str], closest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert closest in capsys.readouterr().err


def test_wrong_value_names_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "data", "--train.learning-rate", "fast"]) == 2
    err = capsys.readouterr().err
    assert "--train.learning-rate" in err
    assert "fast" in err


def test_preset_gives_the_defaults_and_options_replace_them() -> None:
    command = parse(["train", "data", "--preset", "laptop", "--train.iterations", "50", "--data.flip", "0.25"])
    assert isinstance(command, commands.Train)
    assert command.config.name == "laptop"
    assert command.config.detector.frame.long_side == 480
    assert command.config.train.iterations == 50
    assert command.config.data.flip == 0.25


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_parses(name: str) -> None:
    command = parse(["train", "data", "--preset", name])
    assert isinstance(command, commands.Train)
    assert command.config.name == name


def test_help_shows_the_values_of_the_preset(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--preset", "paper-r101", "--help"]) == 0
    assert "resnet101)" in capsys.readouterr().out.replace("(default: ", "")


def test_world_options_are_checked_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["make-samples", "x", "--trouble-share", "7"]) == 2
    err = capsys.readouterr().err
    assert "7" in err
    assert "Traceback" not in err


def test_the_command_in_the_readme_of_a_world_makes_that_world() -> None:
    world = WorldConfig(seed=3, classes=("car", "dog"), val_videos=2, trouble_share=0.25, workers=2)
    (line,) = re.findall(r"^    clab-lite (.*)$", world_readme(world), re.M)
    command = parse(line.split())
    assert isinstance(command, MakeSamples)
    assert replace(command.world, workers=2) == world


def test_training_names_what_differs_from_the_preset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = SimpleNamespace(iterations=5, seconds=1.0, run_folder=tmp_path / "run")
    monkeypatch.setattr("clab_lite.data.vid.open_dataset", lambda *_, **__: MagicMock(class_names=["thing"] * 30))
    monkeypatch.setattr("clab_lite.train.train", lambda *_, **__: result)
    words = ["train", str(tmp_path), "--train.iterations", "5", "--device", "cpu", "--out", str(tmp_path / "run")]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"preset tiny, with train\.iterations: \d+ -> 5", lines[0])
    assert lines[1] == f"all settings: {tmp_path / 'run' / 'config.json'}"


class Failing:
    after_interrupt = "Go on with --resume."

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def run(self) -> int:
        raise self.error


@pytest.mark.parametrize(("error", "status", "message"), [
    (DataError("here.xml, object 2: no name. Add one."), 2, "clab-lite: here.xml, object 2: no name. Add one.\n"),
    (KeyboardInterrupt(), 130, "\nStopped. Go on with --resume.\n"),
    (NotADirectoryError(20, "Not a directory", "out/map.png"), 2, "clab-lite: out/map.png: Not a directory. "
     "A file or a broken link is where a folder is needed: name another place.\n"),
    (OSError(28, "No space left on device"), 2,
     "clab-lite: No space left on device. Make room on the disk, then run the command again.\n"),
    (OSError(5, "Input/output error", "map.png"), 2, "clab-lite: map.png: Input/output error\n"),
    (TrainingDiverged("Training stopped at iteration 3: a. Samples: b."), 2,
     "clab-lite: Training stopped at iteration 3: a. Samples: b.\n"),
])  # fmt: skip
def test_exit_statuses(
    error: BaseException, status: int, message: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("clab_lite.cli.parse", lambda _: Failing(error))
    assert main(["demo"]) == status
    assert capsys.readouterr().err == message


def test_killed_process_of_a_job_is_named_as_such(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It can have left no message, so nobody may be sent to look for one."""
    monkeypatch.setattr("clab_lite.cli.parse", lambda _: Failing(RuntimeError("Connection closed by peer [::1]:29500")))
    monkeypatch.setattr("clab_lite.cli.let_others_speak", lambda: None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["train"]) == 2
    assert "it was killed. Continue with --resume." in capsys.readouterr().err


def test_bugs_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (KeyError("bug"), RuntimeError("bug")):
        monkeypatch.setattr("clab_lite.cli.parse", lambda _, error=error: Failing(error))
        with pytest.raises(type(error)):
            main(["demo"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_full_disk_behind_the_output_is_one_line() -> None:
    command = [sys.executable, "-m", "clab_lite", "--help"]
    with Path("/dev/full").open("w") as full:
        answer = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    said = "clab-lite: No space left on device. Make room on the disk, then run the command again.\n"
    assert (answer.returncode, answer.stderr) == (2, said)


def test_stray_world_size_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for size in ("2", "many"):
        monkeypatch.setenv("WORLD_SIZE", size)
        with pytest.raises(DataError, match=rf"WORLD_SIZE={size}.*torchrun.*unset"):
            start_from_environment("cpu")


def test_module_is_the_command_line() -> None:
    answer = subprocess.run([sys.executable, "-m", "clab_lite", "chek"], capture_output=True, text=True, cwd=ROOT)
    assert answer.returncode == 2
    assert "'check'" in answer.stderr
    assert "Traceback" not in answer.stderr


def options_without_help(kind: type, prefix: str = "") -> list[str]:
    """Dotted names of the fields, of a command and of the dataclasses inside it, that `--help` says nothing about."""
    from tyro._docstrings import get_field_docstring

    found: list[str] = []
    for name, hint in get_type_hints(kind).items():
        if get_origin(hint) is ClassVar:
            continue
        if is_dataclass(hint):
            found += options_without_help(hint, f"{prefix}{name}.")
        elif not get_field_docstring(kind, name, (HelptextFromCommentsOff,)):
            found.append(f"{prefix}{name}")
    return found


@pytest.mark.parametrize(
    "command",
    [commands.Demo, commands.Train, Evaluate, Compare, Detect, commands.Embed, Check, Export, MakeSamples, RankedSweep],
)
def test_every_option_has_a_help_text(command: type) -> None:
    assert not options_without_help(command)


def test_commands_of_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"`(?:clab-lite|torchrun [^`]*-m clab_lite) ([a-z][^`]*)`", readme)
    assert {line.split()[0] for line in lines} == set(COMMANDS)
    for line in lines:
        parse(line.split())  # DataError or SystemExit when a command or an option is not there
