"""Lessons 00, 02, 04 ...: every cell runs, every solution is right. The others have a file of their own: two cores."""

from __future__ import annotations

from pathlib import Path

import pytest
from lesson_runs import SOURCES, require_right_answers, run_with_solutions


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES[0::2], ids=lambda path: path.stem)
def test_lesson_runs_and_its_solutions_are_right(source: Path) -> None:
    require_right_answers(run_with_solutions(source))
