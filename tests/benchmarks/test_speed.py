"""The measuring itself: what is charged to which part, what is counted, what the tables say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from speed import __main__ as command
from speed import paired, parts, training
from speed.alone import alone, megabytes_of
from speed.drawing import draw_growth
from speed.growth import video
from speed.inference import differences
from speed.machine import describe
from speed.scene import SMALL, Case, training_batch
from speed.tables import BEGIN, END, between_marks, page, parts_table, ratios
from speed.trace import REST, Trace, multiply_adds_by_part

from clab_lite.detector.sparse_rows import SparseRows

ROOT = Path(__file__).parents[2]
SHORT = Case(size=(96, 144), references=2, proposals=20)


def results() -> dict[str, Any]:
    return json.loads((ROOT / "docs/speed.json").read_text())


def test_a_part_is_charged_without_the_parts_inside_it() -> None:
    now = 0.0

    def spend(seconds: float) -> None:
        nonlocal now
        now += seconds

    trace = Trace(lambda: now)
    inner = trace.around(lambda: spend(2), "inner")

    def outer() -> None:
        spend(10)
        inner()
        spend(20)

    trace.start()
    spend(100)
    trace.around(outer, "outer")()
    inner()
    with pytest.raises(ZeroDivisionError):
        trace.around(lambda: 1 / 0, "broken")()
    spend(1000)
    trace.charge()
    assert trace.parts == {REST: 1100, "outer": 30, "inner": 4, "broken": 0}


def test_multiply_adds_of_products_and_of_sparse_rows() -> None:
    table = torch.randn(5, 7)
    rows = SparseRows.equal(torch.tensor([[0, 1, 4], [2, 2, 3]]), torch.ones(2, 3))

    class Work:
        @staticmethod
        def sums() -> torch.Tensor:
            return rows.of(table)

        @staticmethod
        def product() -> torch.Tensor:
            return torch.randn(3, 5) @ table

    found = multiply_adds_by_part(
        lambda: (Work.sums(), Work.product(), torch.randn(2, 5) @ table),
        [(Work, "sums", "sums"), (Work, "product", "product")],
    )
    assert found == {"sums": 6 * 7, "product": 3 * 5 * 7, REST: 2 * 5 * 7}


def test_the_parts_of_a_small_frame_are_counted_as_the_papers_have_them() -> None:
    rows = {row["part"]: row for row in parts.measure(SHORT)}
    frames, regions, cells, channels, grid = 3, 20, 6 * 9, 512, 49
    plain = {name: row["plain_gmac"] * 1e9 for name, row in rows.items()}
    ours = {name: row["ours_gmac"] * 1e9 for name, row in rows.items()}
    assert plain[parts.EMBEDDING] == (frames + 1) * regions * grid * 9 * channels**2
    assert plain[parts.PRODUCTS] == frames * regions * grid * cells * channels
    assert ours[parts.PRODUCTS] == frames * cells**2 * channels
    assert ours[parts.TAPS] == 9 * channels**2 * cells
    assert plain[parts.BACKBONE] == ours[parts.BACKBONE] > 1e9
    assert ours[parts.SELSA] == 3 * 2 * regions * frames * regions * 1024
    assert plain[parts.RPN] == frames * ours[parts.RPN] > 0
    assert ours[parts.SEARCH] > 0 and 0 < ours[parts.EMBEDDING] < plain[parts.EMBEDDING] / 10
    spent = sum(row["ours_ms"] for row in rows.values())
    assert rows[REST]["ours_ms"] < spent / 2 and all(row["ours_ms"] >= 0 for row in rows.values())


def test_growth_by_the_parts_laws() -> None:
    spent = {parts.BACKBONE: 1.0, parts.PRODUCTS: 2.0, parts.SEARCH: 4.0, parts.HEAD: 8.0, parts.SELSA: 16.0}
    middle = Case(size=(320, 480), references=14, proposals=300)
    assert parts.grown(spent, middle, middle) == 31
    assert parts.grown(spent, middle, replace(middle, references=29)) == 1 + 2 * 2 + 4 * 2 + 8 + 16 * 2
    assert parts.grown(spent, middle, replace(middle, proposals=600)) == 1 + 2 + 4 * 2 + 8 * 2 + 16 * 4
    assert parts.grown(spent, middle, replace(middle, size=(640, 480))) == 2 + 2 * 4 + 4 * 2 + 8 + 16
    assert set(parts.GROWTH) == set(parts.PARTS)


def test_ratios_are_taken_turn_by_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([(8.0, 4.0), (2.0, 1.0), (9.0, 5.0), (1.0, 1.0), (10.0, 6.0), (5.0, 3.0)])
    monkeypatch.setattr(paired, "seconds", lambda work: (work(), next(times))[1])
    calls: list[str] = []
    ways = {"ours": lambda: calls.append("ours")}
    found = paired.compare(lambda: calls.append("plain"), ways, 3)["ours"]
    assert calls == ["ours", "plain", "ours", "plain", "ours", "plain", "ours"]
    assert (found["ratio"], found["ratio_least"], found["ratio_most"], found["turns"]) == (4, 2, 9, 3)
    assert (found["plain_cpu_s"], found["ours_cpu_s"]) == (9, 2)
    assert (found["plain_wall_s"], found["ours_wall_s"]) == (5, 1)


def held() -> tuple[float, float]:
    np.ones(50_000_000)  # 400 MB, gone before it is measured
    return megabytes_of(lambda: np.ones(25_000_000).sum())


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads memory from Linux's /proc")
def test_memory_is_that_of_the_call_alone() -> None:
    before, most = alone(held)
    assert 190 < most - before < 260


def test_differences_of_detections() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [50, 50, 60, 60]])
    wanted = {"boxes": boxes, "scores": torch.tensor([0.5, 0.5]), "labels": torch.tensor([1, 2])}
    moved = {"boxes": (boxes + 0.25).flip(0), "scores": torch.tensor([0.5, 0.375]), "labels": torch.tensor([2, 1])}
    assert differences(wanted, wanted) == {"found": 2, "wanted": 2, "score": 0, "box": 0}
    assert differences(moved, wanted) == {"found": 2, "wanted": 2, "score": 0.125, "box": 0.25}
    assert differences({**wanted, "labels": torch.tensor([1, 1])}, wanted)["box"] == float("inf")
    fewer = {name: value[:1] for name, value in wanted.items()}
    assert differences(fewer, wanted)["box"] == float("inf")
    none = {name: value[:0] for name, value in wanted.items()}
    assert differences(none, none) == {"found": 0, "wanted": 0, "score": 0, "box": 0}
    both = {**wanted, "labels": torch.tensor([1, 1])}
    twice = {**both, "boxes": boxes[[0, 0]]}
    assert differences(twice, both)["box"] == differences(both, twice)["box"] == 50


def test_largest_differences_of_training() -> None:
    wanted = {"box_class": torch.tensor(2.0), "a.weight": torch.tensor([4.0, -8.0]), "a.key.bias": torch.tensor([1e-9])}
    found = {"box_class": torch.tensor(2.5), "a.weight": torch.tensor([4.0, -7.0]), "a.key.bias": torch.tensor([1e-8])}
    assert training.largest_difference(found, wanted) == {"loss": 0.25, "gradient": 0.125}


def test_a_training_batch_has_its_key_frames_first() -> None:
    clips, targets = training_batch(2, 2, (96, 144))
    assert clips.shape == (2, 3, 3, 96, 144) and len(targets) == 2
    assert targets[0]["boxes"][0].tolist() == pytest.approx([14.4, 19.2, 72, 67.2])


def test_a_whole_video_is_measured() -> None:
    found = video(5, SHORT)
    assert found["cpu_s"] > 0 and found["once_cpu_s"] > 0 and found["memory_mb"] > 100


def test_the_machine_is_named() -> None:
    machine = describe(torch.device("cpu"))
    assert machine["device"] and machine["gflops"]["float32"] > 1
    assert machine["torch"] == torch.__version__


def test_a_part_has_its_share_of_the_matrix_rate() -> None:
    row = {"part": "x", "plain_gmac": 5.0, "ours_gmac": 2.0, "plain_ms": 40.0, "ours_ms": 80.0}
    text = parts_table([row], {"gflops": {"float32": 100.0}})  # 50 GMAC a second: 2 take 40 ms
    assert "| x | 5.0 | 2.0 | 40 | 80 | 50% |" in text
    assert "| **all** | 5.0 | 2.0 | 40 | 80 | 50% |" in text


def test_tables_are_written_between_the_marks() -> None:
    assert between_marks(f"a{BEGIN}old{END}b", "new") == f"a{BEGIN}\nnew\n{END}b"
    with pytest.raises(SystemExit, match="speed: written by"):
        between_marks("nothing", "new")


@pytest.mark.parametrize(("name", "content"), [("README.md", ratios), ("docs/speed.md", page)])
def test_the_pages_say_what_was_measured(name: str, content: Callable[[dict[str, Any]], str]) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert between_marks(text, content(results())) == text


def test_what_was_measured_keeps_what_the_readme_promises() -> None:
    """The numbers that the library is held to, of the run that is recorded."""
    found = results()
    small, _, full = (case for case in found["inference"]["found"])
    assert tuple(small["size"]) == SMALL and small["float32"]["ratio"] > 6 and full["float32"]["ratio"] > 3
    assert all(case["differences"]["score"] < 1e-5 for case in (small, full))
    assert all(case["differences"]["box"] < 1e-3 for case in (small, full))
    assert small["bfloat16"]["ratio"] > 12
    ap50 = found["bfloat16"]["found"]["ap50"]
    assert abs(ap50["float32"] - ap50["bfloat16"]) < 0.003


def test_the_growth_is_drawn(tmp_path: Path) -> None:
    draw_growth(results()["growth"]["found"], tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_measures_what_is_named_and_writes_the_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recorded, page_file = results(), tmp_path / "page.md"
    page_file.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(command, "RESULTS", tmp_path / "speed.json")
    monkeypatch.setattr(command, "PICTURE", tmp_path / "growth.png")
    monkeypatch.setattr(command, "PAGES", {page_file: ratios})
    monkeypatch.setattr(command.torch, "set_num_threads", lambda _: None)
    for name in recorded:
        monkeypatch.setitem(command.MEASURES, name, lambda name=name: {"new": name})
    with pytest.raises(SystemExit, match="nothing is called wheels"):
        command.main(["wheels"])
    with pytest.raises(SystemExit, match=r"speed.json has no bfloat16.*measure that too"):
        command.main(["training"])
    (tmp_path / "speed.json").write_text(json.dumps(recorded))
    command.main(["bfloat16"])
    written = json.loads((tmp_path / "speed.json").read_text())
    assert written["bfloat16"]["found"] == {"new": "bfloat16"} and written["training"] == recorded["training"]
    assert page_file.read_text(encoding="utf-8") == f"before\n{BEGIN}\n{ratios(recorded)}\n{END}\nafter\n"
    assert (tmp_path / "growth.png").exists()
