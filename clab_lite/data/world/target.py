"""Put a finished folder in the place of an earlier one, and tidy up after runs that were killed.

Beside the folder `name` lie `.name.building` while it is made, and for an instant the earlier one as `.name.replaced`.
Whoever works here has reserved the name (`clab_lite.locks.reserved`).
"""

from __future__ import annotations

import shutil
from pathlib import Path

BUILDING, REPLACED = "building", "replaced"


def beside(target: Path, purpose: str) -> Path:
    """The hidden folder beside `target`; it is not made."""
    return target.parent / f".{target.name}.{purpose}"


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
    """Remove what a killed run left beside `target`; a folder it had moved aside comes back if `target` is missing."""
    aside = beside(target, REPLACED)
    if aside.is_dir() and not target.exists():
        aside.rename(target)
    for path in (aside, beside(target, BUILDING)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
