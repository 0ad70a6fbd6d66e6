"""What the tests of the notebooks share: the builder, and a lesson run in its short version with every solution."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))

import nbformat  # noqa: E402
from builder import cells, outputs  # noqa: E402
from builder.execute import copied_folder, execute  # noqa: E402

SOURCES = sorted((NOTEBOOKS / "sources").glob("[0-9][0-9]_*.py"))


@dataclass(frozen=True)
class Answers:
    """What the checker of one exercise said."""

    stub: str
    """To the stub as the learner finds it."""
    solution: str
    """To the hidden solution."""


def run_with_solutions(source: Path) -> list[Answers]:
    """Run every cell of a lesson (CLAB_LITE_FAST=1), then every hidden solution and its checker.

    Raises:
        DataError: a cell stopped, or shows a widget without a static twin.
    """
    notebook = cells.notebook_of(source)
    exercises = cells.exercises(notebook)
    stubs = [notebook.cells[exercise.check_cell] for exercise in exercises]
    checks = []
    for number, exercise in enumerate(exercises):
        checks.append(nbformat.v4.new_code_cell(exercise.check, id=f"check-{number}"))
        notebook.cells += [nbformat.v4.new_code_cell(exercise.solution, id=f"solution-{number}"), checks[-1]]
    with copied_folder() as folder:
        execute(notebook, folder, fast=True)
        outputs.clean(notebook)
    return [Answers(_said(stub), _said(check)) for stub, check in zip(stubs, checks, strict=True)]


def require_right_answers(answers: list[Answers]) -> None:
    """The stub is no answer, the solution a right one."""
    for number, answer in enumerate(answers, 1):
        assert "not answered yet" in answer.stub, f"exercise {number}: the unedited stub gives {answer.stub!r}"
        assert answer.solution.startswith("✓ correct"), f"exercise {number}: the solution gives {answer.solution!r}"


def _said(cell: nbformat.NotebookNode) -> str:
    """The last value that the cell shows, as text."""
    shown = [output.data.get("text/plain", "") for output in cell.outputs if "data" in output]
    return shown[-1] if shown else ""
