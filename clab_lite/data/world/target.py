"""Put a finished folder in the place of an earlier one, and tidy up after runs that were killed.

Beside the folder `name` lie `.name.building-<process id>` while it is made, and for an instant the earlier one as
`.name.replaced-<process id>`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

BUILDING, REPLACED = "building", "replaced"


def beside(target: Path, purpose: str) -> Path:
    """This process's hidden folder beside `target`; it is not made."""
    return target.parent / f".{target.name}.{purpose}-{os.getpid()}"


def swap(building: Path, target: Path) -> None:
    """Put the finished folder in place; an earlier one is moved aside first and removed last."""
    if not target.exists():
        building.rename(target)
        return
    aside = beside(target, REPLACED)
    target.rename(aside)
    try:
        building.rename(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside)


def tidy_up(target: Path) -> None:
    """Remove what killed runs left beside `target`; a folder they had moved aside comes back if `target` is missing."""
    for path in _left_behind(target, REPLACED):
        if target.exists():
            shutil.rmtree(path)
        else:
            path.rename(target)
    for path in _left_behind(target, BUILDING):
        shutil.rmtree(path)


def _left_behind(target: Path, purpose: str) -> list[Path]:
    start = f".{target.name}.{purpose}-"
    siblings = target.parent.iterdir() if target.parent.is_dir() else ()
    found = [path for path in siblings if path.name.startswith(start) and path.is_dir() and not path.is_symlink()]
    return sorted(path for path in found if not _is_running(path.name.removeprefix(start)))


def _is_running(process_id: str) -> bool:
    """True also when it cannot be told. This process has not begun: what carries its id is an earlier one's."""
    if not process_id.isdecimal() or os.name != "posix":  # on Windows, signal 0 is not harmless
        return True
    if int(process_id) == os.getpid():
        return False
    try:
        os.kill(int(process_id), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
