"""One reader to be tried: what valid input looks like, how it is changed, and the call that reads it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any


@dataclass(frozen=True)
class Link:
    """A symbolic link in the place of a file."""

    to: str


@dataclass(frozen=True)
class Special:
    """Something else in the place of a file."""

    kind: str
    """folder, pipe, or gone."""


Entry = bytes | Link | Special
Tree = Mapping[str, bytes]
"""The content of each file, by its path below the root."""
Changes = dict[str, Entry]
"""What to put where in a tree: one input."""
Mutator = Callable[[Random, bytes], bytes]


@dataclass(frozen=True)
class Target:
    """A reader and its inputs.

    The tree is written once; each input changes some of its files, and is undone after it was read.
    """

    name: str
    """For the table: "annotation XML"."""
    tree: Callable[[], Tree]
    """Valid input, from the project's own writers."""
    change: Callable[[Random, Tree], Changes]
    """One input."""
    read: Callable[[Path], object]
    """Reads it, given the root of the tree. Any DataError is a refusal."""
    inputs: int
    """How many the normal suite tries."""
    factor: int = 2
    """How many times as many `make fuzz` tries."""
    names_files: bool = True
    """False for what is not in a file, such as an option: then messages need not name one."""
    seconds: float = 2.0
    """Computing time that one input may take."""
    waiting: float = 30.0
    """Seconds by the clock, after which it hangs: the machine does other things too."""
    megabytes: float = 64.0
    """The process may grow by so much."""
    guided: str | None = None
    """The file that atheris makes the content of; None: it does not."""
    strategy: Callable[[bytes], Any] | None = None
    """From that file's valid content, hypothesis' strategy for others (`SearchStrategy[bytes]`)."""


def one_file(
    name: str,
    file: str,
    seeds: Callable[[], Sequence[bytes]],
    mutators: Sequence[Mutator],
    read: Callable[[Path], object],
    inputs: int,
    **more: Any,
) -> Target:
    """The target of a reader of one file: `read` is given its path. `more` are fields of the target."""

    def change(rng: Random, _tree: Tree) -> Changes:
        return {file: mutated(rng, rng.choice(kept()), mutators)}

    made: list[bytes] = []

    def kept() -> Sequence[bytes]:
        if not made:
            made.extend(seeds())
        return made

    def tree() -> Tree:
        return {file: kept()[0]}

    return Target(name, tree, change, lambda root: read(root / file), inputs, **{"guided": file, **more})


def mutated(rng: Random, content: bytes, mutators: Sequence[Mutator]) -> bytes:
    """The content after one to three changes; one input in 50 is as it was."""
    for _ in range(rng.choice((1, 1, 1, 2, 3)) if rng.random() > 0.02 else 0):
        content = rng.choice(mutators)(rng, content)
    return content


def write(root: Path, changes: Mapping[str, Entry]) -> None:
    """Put the entries in their places, whatever is there."""
    for name, entry in changes.items():
        path = root / name
        if isinstance(entry, bytes) and path.is_file() and not path.is_symlink():
            path.write_bytes(entry)
            continue
        clear(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(entry, bytes):
            path.write_bytes(entry)
        elif isinstance(entry, Link):
            path.symlink_to(entry.to)
        elif entry.kind == "folder":
            path.mkdir()
        elif entry.kind == "pipe":
            os.mkfifo(path)


def clear(path: Path) -> None:
    """Remove a file, a link, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        for child in path.iterdir():
            clear(child)
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
