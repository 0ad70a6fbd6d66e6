"""Bytes and signs of life through a store of keys, in one process: what is left in the store, and what is counted."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import torch.distributed as dist

from clab_lite import team_mail
from clab_lite.team_mail import Mail
from clab_lite.team_pulse import Watch


def mail(store: dist.Store, rank: int) -> Mail:
    def wait(ready: Callable[[], bool]) -> None:
        until = time.monotonic() + 20
        while not ready():
            assert time.monotonic() < until
            time.sleep(0.001)

    return Mail("team 0", rank, lambda method, *arguments: getattr(store, method)(*arguments), wait)


def test_messages_of_any_length_arrive_in_order_and_leave_nothing() -> None:
    store, piece = dist.HashStore(), team_mail._PIECE
    messages = [b"", b"a", bytes(piece - 8), bytes(piece - 7), b"x" * (3 * piece + 5), b"last"]
    sender, receiver = mail(store, 1), mail(store, 0)
    thread = threading.Thread(target=lambda: [sender.send(0, message) for message in messages])
    thread.start()
    assert [receiver.receive(1) for _ in messages] == messages
    thread.join()
    assert store.num_keys() == 0


def test_a_sender_waits_for_a_process_that_is_busy() -> None:
    """A whole dataset's detections do not pile up in the store."""
    store, content = dist.HashStore(), bytes(6 * team_mail._PIECE)
    sender = mail(store, 1)
    thread = threading.Thread(target=lambda: sender.send(0, content))
    thread.start()
    thread.join(0.2)
    assert thread.is_alive() and store.num_keys() == team_mail._AHEAD
    assert mail(store, 0).receive(1) == content
    thread.join()


def test_work_is_counted_in_its_own_team() -> None:
    signs = {"team 0/pulse 1": json.dumps([3, "team 0.0", 5]), "team 0/pulse 2": json.dumps([9, "team 0.1", 7])}

    def ask(method: str, key: Any) -> Any:
        return key[0] in signs if method == "check" else signs[key]

    watch = Watch("team 0", 0, 4, ask)
    assert watch.done("team 0.0") == 0
    watch.look()
    assert [watch.done(name) for name in ("team 0", "team 0.0", "team 0.1")] == [0, 5, 7]
