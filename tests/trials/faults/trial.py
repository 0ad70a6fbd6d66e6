"""The whole trial, and its tables."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from trials.faults.child import warm
from trials.faults.clock import clock_jumps, files_from_the_future
from trials.faults.commands import COMMANDS, micro_options
from trials.faults.disk import disk_full, read_only_disk, small_disk
from trials.faults.judge import Tried
from trials.faults.kills import Killed, Scene, kill, scene
from trials.faults.permissions import dataset_not_writable, input_not_readable, output_not_allowed
from trials.faults.places import folder_removed, name_not_utf8, odd_places
from trials.faults.together import beside, twice
from trials.page import measured_on, write_section

MOMENTS, WRITES, SIZES = 20, 5, 5
MORE = ("pretrain ranked", "pretrain crosscl", "export .pth")
"""Variants of a command: fewer kills, no other faults."""
_READS_DATA = ("train", "evaluate", "check", "pretrain codo", "embed")
_FOLDERS = ("train", "evaluate", "detect", "pretrain codo")
_TRAIN_OVER = (
    "train",
    "data",
    "--out",
    "run",
    "--overwrite",
    "--train.seed",
    "7",
    *micro_options(4),
    "--device",
    "cpu",
)


@dataclass
class Result:
    """What one command went through."""

    killed: Killed
    faults: dict[str, Tried] = field(default_factory=dict)
    skipped: str = ""


def main(names: Sequence[str]) -> None:
    """Try the named commands, or all; in the second case write the page."""
    unknown = set(names) - {command.name for command in COMMANDS}
    if unknown:
        raise SystemExit(f"there is no {sorted(unknown)[0]!r} here: {', '.join(command.name for command in COMMANDS)}")
    warm()
    begun, results = time.monotonic(), {}
    chosen = [command.name for command in COMMANDS if not names or command.name in names]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("fork")) as pool:
        for name, result in zip(chosen, pool.map(whole_trial, chosen), strict=True):
            results[name] = result
            _tell(name, result)
    text = "\n".join(page(results))
    print(text)
    if not names:
        write_section("faults", f"{text}\n\n{(time.monotonic() - begun) / 60:.0f} minutes. {measured_on()}")


def whole_trial(name: str) -> Result:
    """Every fault that concerns the command."""
    command = next(command for command in COMMANDS if command.name == name)
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None  # a memory disk: what is tried is order, not durability
    with tempfile.TemporaryDirectory(dir=base, prefix="faults-") as folder, scene(command, Path(folder)) as place:
        if command.name in MORE:
            return Result(kill(place, 4, 3))
        result = Result(kill(place, MOMENTS, WRITES))
        for name, fault in _faults(place):
            result.faults[name] = fault()
        try:
            with small_disk(Path(folder) / "small") as disk:
                result.faults["disk full"] = disk_full(place, disk, SIZES)
                result.faults["read-only disk"] = read_only_disk(place, disk)
        except PermissionError as error:
            result.skipped = str(error)
        return result


def _faults(place: Scene) -> Iterator[tuple[str, Callable[[], Tried]]]:
    name = place.command.name
    yield "output without permission", lambda: output_not_allowed(place)
    if name in _READS_DATA:
        yield "read-only dataset", lambda: dataset_not_writable(place)
    yield "unreadable input", lambda: input_not_readable(place)
    yield "clock jumps ± 1 h", lambda: clock_jumps(place)
    if name in ("evaluate", "embed"):
        yield "files from the future", lambda: files_from_the_future(place)
    yield "two at once", lambda: twice(place)
    if name in ("evaluate", "embed"):
        yield "beside train --overwrite", lambda: beside(place, _TRAIN_OVER)
    yield "odd places", lambda: odd_places(place)
    yield "name not UTF-8", lambda: name_not_utf8(place)
    if name in _FOLDERS:
        yield "folder removed", lambda: folder_removed(place)


def page(results: dict[str, Result]) -> Iterator[str]:
    """Markdown."""
    yield "| command | killed | whole, nothing lost | same result | left until the next start | left after it |"
    yield "|---|---|---|---|---|---|"
    kills = {name: result.killed for name, result in results.items()}
    for name, killed in kills.items():
        yield _row(name, _count(killed), killed.whole, killed.same, _names(killed.left), _names(killed.left_after))
    total = Killed(*(sum(getattr(k, name) for k in kills.values()) for name in ("kills", "too_late", "whole", "same")))
    yield _row("**all**", _count(total), total.whole, total.same, "", "")
    yield from ("", "Survived of tried: a clear answer, nothing lost, and a second try that ends as undisturbed.", "")
    tried = {name: result.faults for name, result in results.items() if result.faults}
    yield _row("fault", *tried, "all")
    yield "|---" * (len(tried) + 2) + "|"
    for fault in dict.fromkeys(fault for faults in tried.values() for fault in faults):
        cells = [faults.get(fault) for faults in tried.values()]
        yield _row(fault, *map(_share, cells), _share(_sum(cells)))
    yield _row("**all**", *(_share(_sum(f.values())) for f in tried.values()), _share(_sum(
        each for faults in tried.values() for each in faults.values())))  # fmt: skip
    skipped = {result.skipped for result in results.values() if result.skipped}
    yield from (f"Not tried: {reason}" for reason in sorted(skipped))


def _count(killed: Killed) -> str:
    late = f" and {killed.too_late} just after its end" if killed.too_late else ""
    return f"{killed.kills - killed.too_late}{late}"


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "nothing"


def _share(tried: Tried | None) -> str:
    return "" if tried is None else f"{tried.survived}/{tried.tried}"


def _sum(parts: Iterable[Tried | None]) -> Tried:
    known = [part for part in parts if part is not None]
    return Tried(sum(part.tried for part in known), sum(part.survived for part in known))


def _tell(name: str, result: Result) -> None:
    """What went wrong, and what was answered, for whoever watches."""
    print(f"\n== {name}: {asdict(result.killed) | {'complaints': len(result.killed.complaints)}}")
    for complaint in result.killed.complaints:
        print(f"!! {complaint}")
    for fault, tried in result.faults.items():
        print(f"-- {fault}: {tried.survived}/{tried.tried}")
        for answer in dict.fromkeys(tried.answers):
            print(f"     {answer}")
        for complaint in tried.complaints:
            print(f"!! {complaint}")
    print(end="", flush=True)


def short() -> list[str]:
    """A few of the trials, in half a minute; what went wrong."""
    warm()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        for name, faults in _SHORT.items():
            command = next(command for command in COMMANDS if command.name == name)
            with scene(command, Path(folder) / name) as place:
                wrong += kill(place, 2, 1).complaints
                for fault in faults:
                    wrong += fault(place).complaints
    return wrong


_SHORT: dict[str, Sequence[Callable[[Scene], Tried]]] = {
    "train": (),
    "detect": (output_not_allowed,),
    "make-samples": (partial(twice, offsets=(0.0,)),),
    "export": (lambda place: _on_small_disk(place, partial(disk_full, sizes=2)),),
}


def _on_small_disk(place: Scene, fault: Callable[[Scene, Path], Tried]) -> Tried:
    """The fault, where a disk may be mounted; else nothing, which is said."""
    try:
        with small_disk(place.place.with_name("small")) as disk:
            return fault(place, disk)
    except PermissionError as error:
        print(f"not tried: {error}")
        return Tried()
