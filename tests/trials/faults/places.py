"""Places that are no places: a file, a loop, names that are too long or not UTF-8, a folder that somebody removes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from trials.faults.child import Child, Ended, run
from trials.faults.contents import contents
from trials.faults.judge import Tried, answer_of, unclear
from trials.faults.kills import Scene, lost_or_half

NOT_UTF8 = os.fsdecode(b"caf\xe9")


def _file(place: Path, _: str) -> str:
    (place / "taken").write_text("mine\n")
    return "taken/x"


def _loop(place: Path, out: str) -> str:
    """A file may take the place of a broken link, a folder not."""
    (place / "loop").symlink_to("loop")
    return "loop/x" if Path(out).suffix else "loop"


ODD: dict[str, Callable[[Path, str], str]] = {
    "a file in place of a folder": _file,
    "a link to itself": _loop,
    "a name of 300 letters": lambda _, __: "x" * 300,
}


def odd_places(scene: Scene) -> Tried:
    """Where nothing can be written: a clear answer, and what is there stays."""
    tried = Tried()
    for what, make in ODD.items():
        place = scene.reset()
        name = make(place, scene.command.out)
        before = sorted(path.relative_to(place) for path in place.rglob("*"))
        ended = run(scene.command.into(name), place)
        wrong = unclear(ended) + lost_or_half_but(scene, "taken")
        wrong += [f"status {ended.status}: {ended.said[-300:]}"] if ended.status == scene.ended.status else []
        more = [path for path in place.rglob("*") if path.relative_to(place) not in before]
        wrong += [f"made {path.name}" for path in more if ".clab_lite" not in path.parts and "cache" not in path.parts]
        tried.add(f"{scene.command.name}, {what}", answer_of(ended), wrong)
    return tried


def name_not_utf8(scene: Scene) -> Tried:
    """A name that is no text is a name all the same (on Linux)."""
    tried, place = Tried(), scene.reset()
    out = f"{NOT_UTF8}{Path(scene.command.out).suffix}"
    ended = run(scene.command.into(out), place)
    wrong = unclear(ended)
    if ended.status != scene.ended.status or not (place / out).exists():
        wrong.append(f"status {ended.status}: {ended.said[-500:]}")
    tried.add(f"{scene.command.name}, a name that is not UTF-8", answer_of(ended), wrong)
    return tried


def folder_removed(scene: Scene) -> Tried:
    """Somebody removes the folder in the middle of the work: no half of it comes into being again."""
    tried = Tried()
    for share in (0.0, 0.4, 0.8):
        while (at_work := _remove_at(scene, share)) is None:
            share -= 0.1  # it was quicker this time, and had ended before
        place, ended = at_work
        there = [name for name in contents(place) if name.startswith("mine/")]
        wrong = unclear(ended) + [f"there again: {name}" for name in there]
        wrong += [] if ended.status else ["it went on"]
        tried.add(f"{scene.command.name}, folder removed after {share}", answer_of(ended), wrong)
    return tried


def _remove_at(scene: Scene, share: float) -> tuple[Path, Ended] | None:
    """Remove the output after that share of the work. The place, and how the command ended; None: it had before."""
    place = scene.reset()
    out, child = place / "mine", Child(scene.command.into("mine"), place)
    child.wait_for_work(share * scene.ended.seconds)
    while child.ended() is None and not out.exists():
        child.wait_for_work(0.001)
    if child.ended() is not None and share > 0:
        return None
    shutil.rmtree(out, ignore_errors=True)
    return place, child.wait()


def lost_or_half_but(scene: Scene, name: str) -> list[str]:
    """As `lost_or_half`, with one file more that stays as it is."""
    scene.before[name] = scene.reference[name] = b"mine\n"
    try:
        return [problem for problem in lost_or_half(scene) if not problem.startswith(f"{name} is gone")]
    finally:
        del scene.before[name], scene.reference[name]
