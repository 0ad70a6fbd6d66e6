"""One input handed to one reader: written, read, judged, and undone."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clab_lite.errors import DataError
from trials.fuzz import watch
from trials.fuzz.judge import faults_of
from trials.fuzz.target import Changes, Special, Target, Tree, clear, write


@dataclass(frozen=True)
class Outcome:
    """What came back."""

    kind: str
    """read, refused or crash; none: the input could not be written here."""
    place: str = ""
    """The line that raised: "lists.py:99"."""
    words: str = ""
    """Of a crash: what went wrong."""
    seconds: float = 0.0
    """Computing time."""


class Workshop:
    """A folder with the valid tree of a target, in which one input after the other is tried."""

    def __init__(self, target: Target, root: Path) -> None:
        self.target, self.root = target, root
        self.tree: Tree = target.tree()
        write(root, self.tree)

    def attempt(self, changes: Changes) -> Outcome:
        """Try one input; afterwards the tree is what it was."""
        try:
            try:
                write(self.root, changes)
            except (OSError, ValueError):  # a name that this system cannot have
                return Outcome("none")
            return self._read(changes)
        finally:
            self._undo(changes)

    def _read(self, changes: Changes) -> Outcome:
        start = time.process_time()
        try:
            with warnings.catch_warnings(), watch.within(self.target.waiting):
                warnings.simplefilter("ignore")
                self.target.read(self.root)
            kind, place, words = "read", "", ""
        except DataError as error:
            place, names = _place(error), self._names(changes)
            faults = faults_of(error, names)
            kind, words = ("crash", f"the message {'; it '.join(faults)}: {error}") if faults else ("refused", "")
        except watch.TooSlow:
            kind, place, words = "crash", "time", f"it was not done after {self.target.waiting:g} s"
        except (Exception, SystemExit) as error:  # whatever else a reader lets through is what is looked for
            kind, place, words = "crash", _place(error), f"{type(error).__name__}: {error}"
        seconds = time.process_time() - start
        if kind != "crash" and seconds > self.target.seconds:
            kind, place, words = "crash", "time", f"it computed for {seconds:.1f} s"
        return Outcome(kind, place, words[:400], seconds)

    def _names(self, changes: Changes) -> list[str]:
        """What a message may call the place: a changed file by its name, or anything in the tree by its path."""
        if not self.target.names_files:
            return []
        return [str(self.root), *(Path(name).name for name in changes)]

    def _undo(self, changes: Changes) -> None:
        added = [name for name in changes if name not in self.tree]
        with suppress(OSError, ValueError):
            for name in added:
                clear(self.root / name)
        write(self.root, {name: self.tree[name] for name in changes if name in self.tree})


def _place(error: BaseException) -> str:
    """The line that raised, in the package if any of its lines is involved."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "clab_lite" in Path(frame.filename).parts]
    last = (own or frames)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def shown(changes: Mapping[str, object]) -> str:
    """An input in words, short enough for a report."""
    parts = []
    for name, entry in changes.items():
        text = entry.kind if isinstance(entry, Special) else repr(entry)
        parts.append(f"{name!r}: {text if len(text) <= 400 else f'{text[:400]}... ({len(text):,} characters)'}")
    return ", ".join(parts)
