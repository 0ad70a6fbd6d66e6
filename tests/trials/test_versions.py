"""The trial of versions, without making an environment: what is installed, which Python, what the table keeps."""

from __future__ import annotations

import sys
from pathlib import Path

from trials.page import ROOT
from trials.versions.bounds import CELLS, LOWEST, NEWEST, OLDEST, constraints
from trials.versions.checks import LESSON, SELECTION, counted
from trials.versions.pythons import find
from trials.versions.table import Row, read, write

_PAGE = "before\n<!-- versions: written by make versions -->\n<!-- end of versions -->\nafter\n"


def test_the_bounds_are_those_of_the_project(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    text = '[project]\ndependencies = ["torch>=1.5", "numpy>=1.2", "torchvision>=0.3"]\n'
    project.write_text(f'{text}[project.optional-dependencies]\ntest = ["pytest>=7.0"]\n', encoding="utf-8")
    assert constraints(NEWEST, project) == []
    assert constraints(OLDEST, project) == ["torch==1.5", "torchvision==0.3"]
    assert constraints(LOWEST, project) == ["torch==1.5", "numpy==1.2", "torchvision==0.3", "pytest==7.0"]
    assert len(constraints(OLDEST, ROOT / "pyproject.toml")) == 2


def test_an_interpreter_counts_when_it_runs(monkeypatch, tmp_path: Path) -> None:
    own = "{}.{}".format(*sys.version_info)
    assert find(own) == [sys.executable]
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find("3.99") is None


def test_a_partial_run_keeps_the_other_rows(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(_PAGE, encoding="utf-8")
    first = Row("2.0, 0.3, 1.2", "10 passed, 0 failed, 1 skipped", "ok", "ok", "3.0", "2026-01-01")
    write({("3.12", OLDEST): first, ("3.11", NEWEST): first, ("3.13", NEWEST): Row("**no Python 3.13**")}, page)
    again = Row("2.1, 0.4, 1.2", "9 passed, **1 failed**, 1 skipped", "**train failed**", "ok", "3.0", "2026-02-02")
    refused = Row("**cannot be installed: no torch**", day="2026-02-02")
    write({("3.11", NEWEST): again, ("3.12", OLDEST): Row("**no Python 3.12**"), ("3.13", OLDEST): refused}, page)
    rows = read(page)
    assert tuple(rows) == CELLS
    assert rows["3.11", NEWEST] == again and rows["3.12", OLDEST] == first and rows["3.13", OLDEST] == refused
    assert rows["3.12", NEWEST] == Row("**not tried yet**")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("after\n")
    assert "| 3.11 | newest of everything | 2.1, 0.4, 1.2 | 9 passed, **1 failed**, 1 skipped |" in text


def test_what_pytest_says_is_counted() -> None:
    found = counted("....F\n2 failed, 10 passed, 3 skipped, 1 warning, 2 errors in 3.10s\n")
    assert (found.passed, found.failed, found.skipped, found.good) == (10, 4, 3, False)
    assert counted("1 passed in 0.1s").good
    assert not counted("no tests ran in 0.1s").good
    assert counted("ImportError: no module\n").trouble == "ImportError: no module"


def test_what_is_tried_exists() -> None:
    assert all((ROOT / name).exists() for name in SELECTION)
    assert list((ROOT / "notebooks" / "sources").glob(f"{LESSON}_*.py"))
    assert "<!-- versions: written by make versions -->" in (ROOT / "README.md").read_text(encoding="utf-8")
