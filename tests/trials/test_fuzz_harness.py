"""What finds crashes must find them: readers that crash, hang, swell and mumble, and a table that workers fill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from clab_lite.errors import DataError
from trials.fuzz import guided, watch
from trials.fuzz.isolated import try_alone
from trials.fuzz.judge import faults_of
from trials.fuzz.runner import Session, run
from trials.fuzz.tally import Tally, joined, markdown, rows
from trials.fuzz.target import Link, Special, Target, one_file
from trials.fuzz.targets import TARGETS

POSIX = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer that interrupts")


def target(read, **more) -> Target:
    """Of a file in which an X may stand anywhere."""

    def insert(rng: Random, content: bytes) -> bytes:
        place = rng.randint(0, len(content))
        return content[:place] + rng.choice((b"X", b"Y")) + content[place:]

    return one_file("made", "input.txt", lambda: [b"some valid text"], (insert,), read, 50, **more)


def crash(path: Path) -> None:
    if b"X" in path.read_bytes():
        raise KeyError("X")


def test_a_crash_is_found_cut_down_and_found_again():
    first, second = run(target(crash), 50), run(target(crash), 50)
    assert first.tried == 50 and first.read > 5 and len(first.crashes) == 1
    assert "KeyError: 'X'" in first.crashes[0] and "{'input.txt': b'X'}".strip("{}") in first.crashes[0]
    assert first.crashes == second.crashes and "seed 0, input" in first.crashes[0]
    assert run(target(crash), 50, seed=1).crashes != first.crashes


@POSIX
def test_a_reader_that_waits_for_ever_is_found():
    tally = run(target(lambda path: time.sleep(60), waiting=0.2), 1)
    assert "was not done after 0.2 s" in tally.crashes[0]


def test_a_reader_that_computes_too_long_is_found():
    def compute(path: Path) -> None:
        end = time.process_time() + 0.06
        while time.process_time() < end:
            pass

    assert "it computed for 0." in run(target(compute, seconds=0.05), 1).crashes[0]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of a process cannot be lowered")
def test_a_reader_that_swells_is_found():
    tally = run(target(lambda path: len(bytearray(b"x" * 50_000_000)), megabytes=20), 2)
    assert "the process grew by" in tally.crashes[0] and tally.growth > 40


@pytest.mark.parametrize(("message", "fault"), [
    ("/a/input.txt: it is bad", "holds no remedy"),
    ("input.txt: \x1b[2J is bad. Mend it.", "holds control characters"),
    ("it is bad. Mend the file.", "names none of input.txt"),
    ("input.txt: " + "it is very bad. " * 200, "characters long"),
])  # fmt: skip
def test_a_message_that_helps_nobody_is_found(message, fault):
    class Raw(DataError):  # the real one mends some of it
        def __str__(self) -> str:
            return message

    assert [found for found in faults_of(Raw("x"), ["input.txt"]) if fault in found]
    assert not faults_of(DataError("input.txt: it is bad. Mend it."), ["input.txt"])


@POSIX
def test_a_timer_that_ran_before_goes_on():
    rung: list[float] = []
    handler = signal.signal(signal.SIGALRM, lambda *_: rung.append(time.monotonic()))
    outer = signal.setitimer(signal.ITIMER_REAL, 0.2)  # pytest-timeout's
    try:
        with watch.alarms(), watch.within(5):
            pass
        time.sleep(0.4)
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *outer)
    assert len(rung) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes are POSIX here")
def test_an_input_leaves_nothing_behind():
    seen: list[list[str]] = []
    tree = {"a/1.txt": b"one", "a/2.txt": b"two"}
    made = Target("made", lambda: tree, lambda rng, tree: {}, lambda root: seen.append(names(root)), 1)

    def names(root: Path) -> list[str]:
        return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))

    with Session(made) as session:
        session.attempt({"a/1.txt": Special("pipe"), "a/2.txt": Link("1.txt"), "a/3.txt": b"three"}, "")
        session.attempt({"a/1.txt": Special("gone"), "a/2.txt": Special("folder")}, "")
        session.attempt({"a/" + "b" * 300: b""}, "")  # no file can have this name
        session.attempt({}, "")
        root = session.workshop.root
        assert (root / "a/1.txt").read_bytes() == b"one" and (root / "a/2.txt").read_bytes() == b"two"
    assert [len(found) for found in seen] == [3, 4, 2, 3]
    assert session.tally.tried == session.tally.read == 3


def test_tallies_of_one_reader_are_one_row():
    parts = [Tally("a", 3, 1, 2, [], {"x:1"}, 0.1), Tally("b", 1, 1), Tally("a", 2, 2, 0, ["bad"], {"x:2"}, 0.3, 5.0)]
    table = rows(joined(Tally.from_dict(part.to_dict()) for part in parts))
    assert table[1] == ("a", "5", "3", "2", "2", "1", "300 ms", "+5 MB")
    assert [row[:2] for row in table[2:]] == [("b", "1"), ("all", "6")]
    assert markdown(table).count("\n") == 4


def test_one_reader_in_a_process_of_its_own():
    tally = try_alone("class list", 40, 0)
    assert tally.tried == 44 and not tally.crashes


def test_workers_fill_the_table():
    """The line of the summary, from a run with a worker."""
    here = Path(__file__).parent
    command = [sys.executable, "-m", "pytest", "-q", "-n", "1", "--timeout=300", str(here / "test_fuzz_harness.py")]
    done = subprocess.run(
        [*command, "-k", "reports_to_the_table"], capture_output=True, text=True, check=False, cwd=here.parents[1]
    )
    assert done.returncode == 0, done.stdout
    assert "hostile files" in done.stdout
    assert [line.split()[:4] for line in done.stdout.splitlines() if line.startswith("made ")] == [
        ["made", "7", "7", "0"]
    ]


def test_reports_to_the_table(record_property):
    """Run by itself above; in a run of all tests, its row is not among the readers."""
    if os.environ.get("PYTEST_XDIST_WORKER_COUNT") == "1":
        record_property("fuzz", run(target(Path.read_bytes), 7).to_dict())


@pytest.mark.skipif(not guided.available(), reason="atheris is not installed (pip install clab-lite[fuzz])")
def test_atheris_finds_its_way():
    lists = next(target for target in TARGETS if target.name == "class list")
    tally = guided.run(lists, 300)
    assert tally.tried == 300 and tally.read and tally.refused and not tally.crashes
