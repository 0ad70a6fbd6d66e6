"""Results that are put into place together, whenever the process is killed meanwhile."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from clab_lite.errors import DataError
from clab_lite.media.result_folder import ResultFolder, require_results


class Killed(BaseException):
    """Nothing handles it, like a kill."""


def _made(folder: Path, content: str, names: tuple[str, ...]) -> ResultFolder:
    require_results(folder)
    results = ResultFolder(folder, names)
    for name in names:
        (results.staging / name).parent.mkdir(exist_ok=True)
        (results.staging / name).write_text(content)
    return results


def _contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("earlier", [False, True])
def test_a_kill_while_results_are_put_into_place_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, earlier: bool
) -> None:
    """At each of the renames; the next detection in the folder finds all results of one kind."""
    old, new = ("detections.jsonl", "pictures/0.jpg"), ("annotated.mp4", "detections.jsonl", "sheet.jpg")
    real = os.replace
    for deadly in range(1, 6):
        folder, calls = tmp_path / f"{deadly}", []

        def replace(source: Path, target: Path, deadly: int = deadly, calls: list[int] = calls) -> None:
            calls.append(1)
            if len(calls) == deadly:
                raise Killed
            real(source, target)

        if earlier:
            _made(folder, "old", old).keep({})
        results = _made(folder, "new", new)
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", replace)
            with pytest.raises(Killed):
                results.keep({"frames": 1})
        again = _made(folder, "newest", new)
        found, decided = _contents(folder), deadly > 1  # the first rename is that of the hidden summary
        assert (again.rescued or "").endswith("was killed at its end") == decided
        if decided:
            assert {name: found[name] for name in new} == dict.fromkeys(new, "new")
            assert "pictures/0.jpg" not in found and "frames" in found["summary.json"]
        elif earlier:
            assert {name: found[name] for name in old} == dict.fromkeys(old, "old")
        again.keep({})
        again.discard()
        shown = _contents(folder)
        assert {name: shown[name] for name in new} == dict.fromkeys(new, "newest") and "pictures/0.jpg" not in shown
        require_results(folder)


def test_a_folder_that_was_removed_does_not_come_back(tmp_path: Path) -> None:
    results = _made(tmp_path / "out", "new", ("detections.jsonl",))
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(DataError, match="out: could not be written"):
        results.keep({})
    assert not (tmp_path / "out").exists()
