"""Processes of one start agree on a word, whatever an earlier start left in the store."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence

import pytest
import torch.distributed as dist

from clab_lite.errors import DataError
from clab_lite.meeting import agree, first_store, require_described


def _start(store: dist.Store, size: int, order: Sequence[int]) -> list[str]:
    """The word of every process; they come in this order, each a little after the one before."""
    words: dict[int, str] = {}
    threads = [
        threading.Thread(target=lambda rank=rank: words.update({rank: agree(store, rank, size)})) for rank in order
    ]
    for thread in threads:
        thread.start()
        thread.join(0.05)
    for thread in threads:
        thread.join(20)
    return [words[rank] for rank in range(size)]


def test_every_start_has_a_word_of_its_own() -> None:
    """The last process comes first, so it reads what the start before has left."""
    store = dist.HashStore()
    starts = [_start(store, 3, order) for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0))]
    assert all(len(set(words)) == 1 for words in starts)
    assert len({words[0] for words in starts}) == 3


def test_a_start_that_broke_off_leaves_nothing_that_misleads() -> None:
    """Its process 0 asked and process 1 repeated, then both ended."""
    store = dist.HashStore()
    for rank in (1, 0):
        with pytest.raises(DataError, match=f"process {rank} of 3 waited"):
            agree(store, rank, 3, patience=0.05)
    assert len(set(_start(store, 3, (1, 2, 0)))) == 1


GOOD = {"WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}


@pytest.mark.parametrize(("name", "value", "said"), [
    ("RANK", "x", "RANK=x, which is no number"),
    ("RANK", "-1", "RANK=-1, which is no number"),
    ("RANK", "2", "RANK=2 of WORLD_SIZE=2; ranks begin at 0"),
    ("MASTER_PORT", "http", "MASTER_PORT=http, which is no number"),
    ("MASTER_PORT", "65536", "MASTER_PORT=65536; ports are"),
    ("MASTER_ADDR", "", "WORLD_SIZE=2, but no MASTER_ADDR"),
])  # fmt: skip
def test_what_is_wrong_in_the_environment_is_named(name: str, value: str, said: str) -> None:
    require_described(GOOD)
    with pytest.raises(DataError, match=f"{said}.*unset WORLD_SIZE"):
        require_described({**GOOD, name: value})


def test_a_port_of_another_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no other process of this command that ended."""
    other = dist.TCPStore("localhost", 0, is_master=True, wait_for_workers=False)
    for name, value in {**GOOD, "RANK": "0", "MASTER_PORT": str(other.port)}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DataError, match=f"process 0 cannot meet the others at localhost:{other.port}.*MASTER_PORT"):
        first_store()


def test_nobody_is_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as held:  # bound, but nobody listens
        held.bind(("localhost", 0))
        for name, value in {**GOOD, "RANK": "1", "MASTER_PORT": str(held.getsockname()[1])}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(DataError, match=r"process 1 cannot meet the others .*process 0 not running"):
            first_store(patience=1)
