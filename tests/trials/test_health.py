"""The health trial in short: leaks are seen, and what is repeated for hours leaves none in a few turns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("psutil", reason="psutil is not installed: IPython brings it")
from trials.health import detecting, repeating
from trials.health.meter import Look, Meter, read
from trials.health.parts import PARTS, Part
from trials.health.slope import slope_of
from trials.health.table import found_in, table

CALLS = Part("calls", "times", 100, 1_000, lambda meter, folder: None)


def looks(
    memory: Callable[[int], float], files: int = 5, threads: int = 2, extra: dict[str, float] | None = None
) -> list[Look]:
    """A hundred looks; files, threads and extras grow by so many at the half."""
    late = {True: extra or {}, False: dict.fromkeys(extra or {}, 0.0)}
    return [
        Look(at, at / 10, memory(at), 0.0, 5 if at < 50 else files, 2 if at < 50 else threads, late[at > 50])
        for at in range(1, 101)
    ]


def test_the_slope_of_a_line_and_its_error() -> None:
    exact = slope_of([0, 1, 2, 3], [1, 3, 5, 7])
    assert exact.value == pytest.approx(2) and exact.error == pytest.approx(0, abs=1e-9)
    # By hand: slope 9 / 10; residuals -0.3, 0.8, -1.1, 1, -0.4 change sides, so that all five count.
    found = slope_of(range(5), [0, 2, 1, 4, 3.5])
    assert found.value == pytest.approx(0.9)
    assert found.error == pytest.approx(((0.09 + 0.64 + 1.21 + 1 + 0.16) / 3 / 10) ** 0.5)
    with pytest.raises(ValueError, match="at least 4"):
        slope_of([1, 2, 3], [1, 2, 3])


@pytest.mark.parametrize("follows", [0.0, 0.8])
def test_the_interval_holds_the_slope_as_often_as_it_says_also_where_looks_follow_each_other(follows: float) -> None:
    random, held = np.random.default_rng(0), 0
    for _ in range(200):
        noise = random.normal(size=150)
        for place in range(1, 150):
            noise[place] += follows * noise[place - 1]
        held += slope_of(range(100), 0.1 * np.arange(100) + noise[50:]).upper > 0.1
    assert 0.87 <= held / 200 <= 1


@pytest.mark.parametrize(("seen", "fault"), [
    (looks(lambda at: 1000 + 40 * at), []),  # 1,000 more: 39 MB
    (looks(lambda at: 1000 + 60 * at), ["memory grows"]),
    (looks(lambda at: 90_000 - 60 * at), []),
    (looks(lambda at: 9000 * (at % 2)), ["not shown: memory goes up and down too much"]),
    (looks(lambda at: 9000 * min(at, 50)), []),  # a cache that has filled by the half
    (looks(lambda at: 1000, files=6), ["files stay open"]),
    (looks(lambda at: 1000, threads=3), ["threads stay"]),
    (looks(lambda at: 1000, extra={"widgets": 1, "observers": 1}), ["widgets stay", "observers stay"]),
])  # fmt: skip
def test_a_leak_is_named(seen: list[Look], fault: list[str]) -> None:
    assert found_in(seen, CALLS).faults == fault


def test_a_meter_looks_evenly_and_sees_what_a_process_leaves_open(tmp_path: Path) -> None:
    meter, kept, opened = Meter(tmp_path / "looks.jsonl", 100, looks=20), [], []
    for done in range(1, 101):
        if done % 20 == 0:
            opened.append((tmp_path / "looks.jsonl").open())
            kept.append(np.ones(5_000_000))  # 40 MB every twenty turns: no room of before is used again for so much
        meter.look(done)
    seen = read(tmp_path / "looks.jsonl")
    assert [look.at for look in seen] == list(range(5, 101, 5))
    assert [look.at for look in seen if look.extra] == [10, 50, 100]
    found = found_in(seen, CALLS)
    assert found.last.files == found.early.files + 5
    assert found.faults[:2] == ["memory grows", "files stay open"] and found.slope.value == pytest.approx(2000, rel=0.3)
    for file in opened:
        file.close()


@pytest.mark.parametrize(("work", "length"), [
    (detecting.interrupted, 6), (repeating.opening, 10), (repeating.loading, 10), (repeating.drawing_sheets, 10),
])  # fmt: skip
def test_a_few_turns_leave_no_file_no_thread_and_no_tensor(
    tmp_path: Path, work: Callable[[Meter, Path], None], length: int
) -> None:
    work(Meter(tmp_path / "looks.jsonl", length), tmp_path)
    half, last = [look for look in read(tmp_path / "looks.jsonl") if look.at in (length // 2, length)]
    assert (last.files, last.threads, last.extra["tensors"]) == (half.files, half.threads, half.extra["tensors"])


def test_the_table_has_a_line_for_every_part(tmp_path: Path) -> None:
    name = next(iter(PARTS))
    meter = Meter(tmp_path / f"{name}.jsonl", 20)
    for done in range(1, 21):
        meter.look(done)
    lines = table(tmp_path).splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[2 : 2 + len(PARTS)]] == [p.title for p in PARTS.values()]
    assert "20 steps" in lines[2] and all("not measured" in line for line in lines[3 : 2 + len(PARTS)])
    assert {line.count("|") for line in lines[: 2 + len(PARTS)]} == {10}
