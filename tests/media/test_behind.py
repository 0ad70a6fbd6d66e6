"""Work that follows behind: its order, its bound, its errors, its end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator

import pytest

from clab_lite.media.behind import Behind


def test_calls_are_made_in_order_by_one_other_thread_that_ends() -> None:
    before, seen = threading.active_count(), list[tuple[int, int]]()
    with Behind(lambda number, twice: seen.append((number * twice, threading.get_ident()))) as behind:
        for number in range(50):
            behind(number, twice=2)
    assert [number for number, _ in seen] == list(range(0, 100, 2))
    assert len({thread for _, thread in seen}) == 1 and seen[0][1] != threading.get_ident()
    assert threading.active_count() == before


def test_the_caller_waits_when_too_much_is_behind() -> None:
    go, seen = threading.Event(), list[int]()

    def slow(number: int) -> None:
        assert go.wait(20)
        seen.append(number)

    with Behind(slow, most=2) as behind:
        behind(1)
        behind(2)
        third = threading.Thread(target=behind, args=(3,))
        third.start()
        third.join(0.2)
        assert third.is_alive() and seen == []
        go.set()
        third.join(20)
    assert seen == [1, 2, 3]


def call(numbers: Iterable[int], seen: list[int]) -> None:
    """Call a function that fails at 2 for each of the numbers; `seen` holds those that it was called with."""

    def second_fails(number: int) -> None:
        seen.append(number)
        if number == 2:
            raise OSError("disk full")

    with Behind(second_fails, most=3) as behind:
        for number in numbers:
            behind(number)


def test_an_error_is_raised_by_a_later_call_and_nothing_is_called_after_it() -> None:
    before, seen, numbers = threading.active_count(), list[int](), iter(range(1, 100))
    with pytest.raises(OSError, match="disk full"):
        call(numbers, seen)
    assert seen == [1, 2] and next(numbers) <= 2 + 3 + 1  # when there is no more room, at the latest
    assert threading.active_count() == before


def test_whoever_goes_on_calling_is_told_each_time() -> None:
    told = 0

    def fails() -> None:
        raise SystemExit(3)  # no Exception, and not lost either

    def insist() -> None:
        nonlocal told
        with Behind(fails, most=2) as behind:
            for _ in range(20):
                try:
                    behind()
                except SystemExit:
                    told += 1

    with pytest.raises(SystemExit):
        insist()
    assert told >= 18  # at first there was room


def test_an_error_is_raised_at_the_end() -> None:
    seen: list[int] = []
    with pytest.raises(OSError, match="disk full"):
        call([1, 2], seen)
    assert seen == [1, 2]


def test_an_error_of_the_block_comes_first_and_what_was_asked_for_is_done() -> None:
    def interrupted() -> Iterator[int]:
        yield from (1, 2)
        raise KeyboardInterrupt

    before, seen = threading.active_count(), list[int]()
    with pytest.raises(KeyboardInterrupt):
        call(interrupted(), seen)
    assert seen == [1, 2] and threading.active_count() == before


def test_ctrl_c_while_waiting_finishes_what_is_at_work_and_nothing_else() -> None:
    started, seen = threading.Event(), list[int]()

    def slow(number: int) -> None:
        started.set()
        time.sleep(0.4)
        seen.append(number)

    def work() -> None:
        with Behind(slow) as behind:
            for number in range(4):
                behind(number)
            assert started.wait(20)
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        work()
    assert seen == [0]
    time.sleep(0.5)
    assert seen == [0]
