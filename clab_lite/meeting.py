"""How the processes of one start find each other where torchrun has started them before.

torchrun keeps one store of keys for all its starts, and gloo and NCCL leave their addresses in it. After a restart a
process that is early would read the address of one that has ended, and fail (pytorch/pytorch issue 167288). So the
processes first agree on a word that nobody has used yet, and put it before all their keys. (The number of restarts is
no such word: nodes count it differently.)
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from datetime import timedelta

import torch.distributed as dist

from clab_lite.errors import DataError

PATIENCE = 600.0
"""Seconds to wait for the others."""
_PAUSE = 0.02


def require_described(environment: Mapping[str, str]) -> None:
    """DataError unless the environment describes a group of processes as torchrun does: number, place, address."""
    said = {name: environment.get(name, "") for name in ("WORLD_SIZE", "RANK", "MASTER_ADDR", "MASTER_PORT")}
    wrong = [name for name in ("WORLD_SIZE", "RANK", "MASTER_PORT") if not said[name].isdecimal()]
    problem = ""
    if missing := [name for name, value in said.items() if not value]:
        problem = f"the environment holds WORLD_SIZE={said['WORLD_SIZE']}, but no {' and no '.join(missing)}"
    elif wrong:
        problem = f"the environment holds {wrong[0]}={said[wrong[0]]}, which is no number"
    elif not 0 < int(said["MASTER_PORT"]) < 65536:
        problem = f"the environment holds MASTER_PORT={said['MASTER_PORT']}; ports are 1 to 65535"
    elif int(said["RANK"]) >= int(said["WORLD_SIZE"]):
        problem = f"the environment holds RANK={said['RANK']} of WORLD_SIZE={said['WORLD_SIZE']}; ranks begin at 0"
    if problem:
        remedy = "For several processes start with torchrun; for one, `unset WORLD_SIZE RANK LOCAL_RANK`."
        raise DataError(f"{problem}. {remedy}")


def first_store(patience: float = PATIENCE) -> tuple[dist.Store, int, int]:
    """The store of the address in the environment, this process's number, and how many there are.

    Raises:
        DataError: another program has the port, or nobody has answered there for `patience` seconds.
    """
    try:
        return next(dist.rendezvous("env://", timeout=timedelta(seconds=patience)))
    except dist.DistError as error:
        place = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        problem = f"process {os.environ['RANK']} cannot meet the others at {place}"
        remedy = "Is the port another program's (choose another MASTER_PORT), or process 0 not running?"
        raise DataError(f"{problem}: {str(error).splitlines()[0]}. {remedy}") from error


def agree(store: dist.Store, rank: int, size: int, patience: float = PATIENCE) -> str:
    """A word that all of one start have, whatever earlier starts left in the store.

    Process 0 asks with a new word. Each other repeats what is asked, with a new word of its own, until an answer has
    that in it: only the process 0 of this start can have read it.
    """
    own, deadline = secrets.token_hex(8), time.monotonic() + patience
    if rank == 0:
        store.set("clab_lite/asked", own)
    while time.monotonic() < deadline:
        if rank == 0:
            said = [_read(store, f"clab_lite/said_{other}") for other in range(1, size)]
            if all(words[:1] == [own] for words in said):
                store.set("clab_lite/answer", " ".join([own, *(words[1] for words in said)]))
                return own
        else:
            store.set(f"clab_lite/said_{rank}", " ".join([*_read(store, "clab_lite/asked"), own]))
            answer = _read(store, "clab_lite/answer")
            if own in answer[1:]:
                return answer[0]
        time.sleep(_PAUSE)
    raise DataError(
        f"process {rank} of {size} waited {patience:.0f} s for the others. Look at their messages, and at the network "
        "between the machines."
    )


def _read(store: dist.Store, key: str) -> list[str]:
    """The words of a key; none where it was never set."""
    return store.get(key).decode().split() if store.check([key]) else []
