"""One folder, one user at a time: other processes and this one are kept out until the work in it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clab_lite.distributed import is_main
from clab_lite.errors import DataError
from clab_lite.files import naming, remove_parts
from clab_lite.locks import FolderInUse, locked

__all__ = ["LOCK", "FolderInUse", "HeldFolder", "hold"]

LOCK = ".lock"


@dataclass(frozen=True)
class HeldFolder:
    """A folder inside its `hold` block."""

    path: Path
    lock: str = LOCK

    def require_there(self) -> None:
        """DataError when somebody has removed the folder: what is written would make half of one anew."""
        if not (self.path / self.lock).exists():
            remedy = "What was in it is lost: run the command again from the start."
            raise DataError.at(self.path, "", "was removed while this process worked in it", remedy)


@contextmanager
def hold(place: Path | HeldFolder, lock: str = LOCK, files: Sequence[str] | None = None) -> Iterator[HeldFolder]:
    """Lock a folder (it is made) for the block, and remove what a killed writer left half written in it.

    A folder that is held already stays held by its own block. Of several processes that train together only the main
    one locks.

    Args:
        place: the folder.
        lock: name of the lock; two kinds of work that go on side by side in a folder have two.
        files: what this kind of work writes there; None is any file.

    Raises:
        FolderInUse: another process, or another block in this one, holds the folder.
        OSError: it cannot be made or written.
    """
    if isinstance(place, HeldFolder):
        yield place
        return
    with naming(place):
        place.mkdir(parents=True, exist_ok=True)
    if not is_main():
        yield HeldFolder(place, lock)
        return
    with locked(place / lock, place):
        remove_parts(place, files)
        yield HeldFolder(place, lock)
