"""Commands that are killed at random moments and just before their writes, and tried a second time."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from trials.faults.child import Child, Ended, call, run
from trials.faults.commands import Command, write_data
from trials.faults.contents import NotWhole, contents, hidden

_DIGEST = re.compile(r"(ILSVRC2015_\w+_)?\b[0-9a-f]{12}\b|(ILSVRC2015_\w+_)[0-9a-f]{12}")
_WRITES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
"""Names of Python's audit events, each raised before the system is asked."""
_EARLIER, _SHORTEST = 0.9, 0.005
INCOMPLETE = ".incomplete."
"""Detections that a killed process had finished: kept beside those of the second try, and no part of the result."""


@dataclass
class Scene:
    """A command, what lies there before it, and what it leaves when nothing disturbs it."""

    command: Command
    template: Path
    place: Path
    before: dict[str, Any]
    reference: dict[str, Any]
    kept_hidden: list[str]
    """What it leaves under hidden names, undisturbed: locks."""
    ended: Ended
    writes: int
    """Opened for writing, renamed, removed, made: how often."""

    def reset(self) -> Path:
        """The place as it was before; its path."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.template, self.place, symlinks=True)
        return self.place


@contextmanager
def scene(command: Command, folder: Path) -> Iterator[Scene]:
    """Prepare a command in a folder of its own, and run it undisturbed."""
    template, place = folder / "template", folder / "place"
    template.mkdir(parents=True)
    call(partial(write_data, template), template)
    command.prepare(template)
    (template / "cache").mkdir(exist_ok=True)
    shutil.copytree(template, place, symlinks=True)
    log = folder / "writes"
    ended = run(command.words, place, partial(on_writes, place, partial(_note, log)))
    if ended.status:
        raise RuntimeError(f"{command.name}\n{ended.said}")
    writes = len(log.read_bytes()) if log.exists() else 0
    try:
        yield Scene(command, template, place, contents(template), contents(place), hidden(place), ended, writes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Killed:
    """What the kills of one command came to."""

    kills: int = 0
    too_late: int = 0
    """Of them: the command had ended."""
    whole: int = 0
    same: int = 0
    left: set[str] = field(default_factory=set)
    """Hidden names between the kill and the second try."""
    left_after: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)


def kill(scene: Scene, moments: int, writes: int, seed: int = 0) -> Killed:
    """Kill a command at so many random moments, and before so many of its writes; try each a second time.

    moments: evenly drawn from its working time, one from each of as many equal parts, so that they are spread.
    """
    found, draw = Killed(), random.Random(f"{seed} {scene.command.name}")
    for number in range(moments):
        seconds = (number + draw.random()) / moments * scene.ended.seconds
        ended = Child(scene.command.words, scene.reset()).kill_after(seconds)
        while ended.status != -signal.SIGKILL and seconds > _SHORTEST:  # it was quicker this time
            seconds *= _EARLIER
            ended = Child(scene.command.words, scene.reset()).kill_after(seconds)
        _judge(scene, ended, f"{seconds:.3f} s", found)
    chosen = sorted(draw.sample(range(1, scene.writes + 1), min(writes, scene.writes)))
    for number in chosen:
        place = scene.reset()
        deadly = partial(on_writes, place, partial(_die, [number]))
        _judge(scene, run(scene.command.words, place, deadly), f"write {number} of {scene.writes}", found)
    return found


def _judge(scene: Scene, ended: Ended, moment: str, found: Killed) -> None:
    """Look at what a killed command left, and at what a second try makes of it."""
    command, place = scene.command, scene.place
    found.kills += 1
    found.too_late += ended.status != -signal.SIGKILL
    wrong = lost_or_half(scene)
    found.whole += not wrong
    found.complaints += [f"{command.name}, killed at {moment}: {what}" for what in wrong]
    found.left |= {named(name) for name in hidden(place) if name not in scene.kept_hidden}
    wrong = second_try(scene)
    found.same += not wrong
    found.complaints += [f"{command.name}, killed at {moment}, second try: {what}" for what in wrong]
    after = {*hidden(place), *(name for name in _names(place) if INCOMPLETE in name)}
    found.left_after |= {named(name) for name in after if name not in scene.kept_hidden}


def lost_or_half(scene: Scene, partial: tuple[str, ...] = ()) -> list[str]:
    """What a person would miss after a fault: a file that is half, that is neither old nor new, or that is gone."""
    try:
        now = contents(scene.place)
    except NotWhole as error:
        return [f"half written: {error}"]
    before, reference, wrong = scene.before, scene.reference, []
    aside = any(name.rpartition("/")[2].startswith(f".{scene.command.out}.replaced") for name in hidden(scene.place))
    for name in sorted({*before, *now}):
        if (name.endswith(scene.command.progress) and name in now) or name.endswith(partial):
            continue
        if name not in now:
            if (
                name in reference
                and "/.clab_lite/" not in name
                and not (aside and name.startswith(f"{scene.command.out}/"))
            ):
                wrong.append(f"{name} is gone")
        elif name.startswith("cache/"):
            continue
        elif now[name] not in [content[name] for content in (before, reference) if name in content]:
            wrong.append(f"{name} is neither as before nor as at the end")
    return wrong


def second_try(scene: Scene) -> list[str]:
    """Run the command again; how it, or what it leaves, differs from an undisturbed run."""
    ended = run(scene.command.second, scene.place)
    if ended.status != scene.ended.status or ended.crashed:
        return [f"status {ended.status}: {ended.said[-1000:]}"]
    return differing(scene)


def differing(scene: Scene) -> list[str]:
    """How the place differs from what an undisturbed run leaves."""
    try:
        now = contents(scene.place)
    except NotWhole as error:
        return [f"half written: {error}"]
    return differences(now, scene.reference)


def differences(now: Mapping[str, Any], reference: Mapping[str, Any]) -> list[str]:
    """Names of files that are missing, too many, or of another content."""
    wrong = []
    for name in sorted({*now, *reference}):
        cached = name.startswith("cache/") or "/.clab_lite/" in name
        if name not in now:
            wrong += [] if cached else [f"{name} is missing"]
        elif name not in reference:
            if not cached and not (INCOMPLETE in name and _begins(now[name], reference)):
                wrong.append(f"{name} is too many")
        elif now[name] != reference[name]:
            wrong.append(f"{name} differs")
    return wrong


def named(name: str) -> str:
    """A name without what is random in it."""
    parts = []
    for part in name.split("/"):
        if part.endswith(".part"):
            part = ".".join([*part.split(".")[:-2], "*", "part"])
        parts.append(_DIGEST.sub("*", part))
    return "/".join(parts)


def _names(place: Path) -> list[str]:
    return [path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()]


def _begins(lines: Any, reference: Mapping[str, Any]) -> bool:
    """Whether lines of an incomplete detection are the first of a whole one."""
    whole = next(content for name, content in reference.items() if name.endswith("detections.jsonl"))
    return lines == whole[: len(lines)]


def on_writes(place: Path, then: Callable[[], None]) -> None:
    """From now on in this process, call `then` before each change of a file or folder below the place."""
    home = f"{place}{os.sep}"

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if not isinstance(flags, int) or not flags & (os.O_WRONLY | os.O_RDWR):
                return
        elif event in _WRITES:
            path = arguments[0]
        else:
            return
        if isinstance(path, str | bytes | os.PathLike) and os.path.abspath(os.fsdecode(path)).startswith(home):
            then()

    sys.addaudithook(heard)


def _note(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, b".")
    os.close(descriptor)


def _die(left: list[int]) -> None:
    left[0] -= 1
    if not left[0]:
        os.killpg(0, signal.SIGKILL)
