"""Commands and locks in a process that is as strict as Windows (windows_like.py), and the names that they write."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).with_name("windows_like.py")
_SMALL = (
    "--preset tiny --device cpu --detector.frame.long-side 96 --detector.frame.short-side 64 --train.iterations 2 "
    "--detector.backbone.width 8 --train.threads 1 --train.precision float32 --data.workers 1 "
    "--detector.backbone.frozen-norm --overwrite"
)
_WORLD = "--train-videos 2 --val-videos 2 --train-frames 3 --val-frames 3 --width 96 --height 64 --overwrite"
_TWICE = (
    f"make-samples world {_WORLD}",
    f"train world --out run {_SMALL}",
    "evaluate run world --device cpu",
    "detect run world/Data/VID/val/ILSVRC2015_val_00000000 --device cpu --out found --draw video",
    "export run weights.safetensors --overwrite",
    "export run official.pth --overwrite",
    "embed run world --device cpu --every 1",
)
_ONCE = (
    f"make-samples world {_WORLD} --workers 2",
    "check world",
    "check world",
    "train world --out run --resume " + _SMALL.replace("--overwrite", ""),
    "detect weights.safetensors world/Data/VID/val/ILSVRC2015_val_00000000 --device cpu --out found --draw pictures",
    "export weights.safetensors weights.safetensors --overwrite",
    "export official.pth official.pth --overwrite",
)
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="plays Windows with what /proc tells")


def _surroundings() -> dict[str, str]:
    """Text in a code page that knows few letters, as where Windows prints to a pipe and opens a file without saying."""
    strict = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "cp1252"}
    return os.environ | strict | {"PYTHONPATH": str(_SCRIPT.parents[1])}


def _bad_names(folder: Path) -> list[str]:
    """Files that Windows, or a system that does not tell upper from lower case, would refuse or mix up."""
    paths = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
    bad = [
        path
        for path in paths
        if re.search(r'[<>:"\\|?*\x00-\x1f]|[ .](/|$)', path) or len(path) > 150 or _RESERVED.fullmatch(Path(path).name)
    ]
    return bad + [name for name, count in Counter(path.casefold() for path in paths).items() if count > 1]


def test_commands_replace_what_they_wrote_and_leave_names_that_every_system_takes(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    commands = tmp_path / "commands.json"
    commands.write_text(json.dumps([line.split() for line in (*_TWICE, *_TWICE, *_ONCE)]), encoding="utf-8")
    words = [sys.executable, "-X", "utf8=0", str(_SCRIPT), str(place), str(commands)]
    done = subprocess.run(words, env=_surroundings(), capture_output=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
    assert (place / "found" / "pictures").is_dir() and (place / "run" / "report.html").is_file()
    assert _bad_names(place) == []


def test_the_lock_of_windows_keeps_others_out_and_says_who_holds_it(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("a number of before\n", encoding="utf-8")  # what is locked must not depend on it
    words = [sys.executable, str(_SCRIPT), str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, env=_surroundings(), stdin=pipe, stdout=pipe, text=True) as first:
        assert first.stdout is not None and first.stdout.readline() == "held\n"
        second = subprocess.run(words, env=_surroundings(), capture_output=True, text=True, check=False, input="")
        assert f"process {first.pid} is working in this folder" in second.stderr
        first.communicate()
