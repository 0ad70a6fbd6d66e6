"""What the command line does when torchrun has started it several times."""

from __future__ import annotations

import os
import time

from clab_lite.errors import DataError

SEVERAL = ("train", "pretrain", "evaluate", "compare", "embed")
"""Commands whose processes work together."""
_REMEDIES = {"detect": " For several videos start one command for each, with --device cuda:0, --device cuda:1, ..."}
_LAST_WORD = 5.0
"""Seconds to let the process speak that has something to say: torchrun ends all of them with the first that ends."""


def started() -> int:
    """How many processes torchrun started."""
    size = os.environ.get("WORLD_SIZE", "1")
    return int(size) if size.isdecimal() else 1  # what else it may be is told where the processes join


def speaks() -> bool:
    """Whether this process is the one that speaks for all."""
    return started() == 1 or os.environ.get("RANK", "0") == "0"


def let_others_speak() -> None:
    """Before this process ends because another one did."""
    time.sleep(_LAST_WORD)


def require_one(command: str) -> None:
    """DataError when several processes would each do the whole work of a command, and write the same files."""
    if started() == 1 or command in SEVERAL:
        return
    if not speaks():
        let_others_speak()
    raise DataError(
        f"`clab-lite {command}` works in one process, and {started()} were started (WORLD_SIZE={started()}). "
        f"Start it without torchrun.{_REMEDIES.get(command, '')}"
    )
