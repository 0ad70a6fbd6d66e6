"""The lessons as they are committed: equal to their sources, small, executed; and what every lesson has."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest
from lesson_runs import NOTEBOOKS, SOURCES, cells, outputs

from clab_lite.lessons.card import MARK, read_runs
from clab_lite.lessons.quiz import read_questions
from clab_lite.lessons.series import SERIES
from clab_lite.lessons.twin import WIDGET_VIEW

every_lesson = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
LONGEST, WIDEST = 30, 106
"""Lines of a code cell, and characters of a line: what is seen without scrolling at 1280 pixels."""


def committed(source: Path) -> nbformat.NotebookNode:
    path = NOTEBOOKS / f"{source.stem}.ipynb"
    assert path.exists(), f"run: python notebooks/build.py {source.stem[:2]}"
    return nbformat.read(path, 4)


def code_of(source: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in cells.notebook_of(source).cells if cell.cell_type == "code"]


def test_every_lesson_of_the_series_is_here() -> None:
    assert [path.stem for path in SOURCES] == [lesson.name for lesson in SERIES]
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == [lesson.name for lesson in SERIES]


@every_lesson
def test_notebook_equals_its_source(source: Path) -> None:
    def content(notebook: nbformat.NotebookNode) -> list[tuple]:
        return [(c.id, c.cell_type, c.source, list(c.metadata.get("tags", []))) for c in notebook.cells]

    remedy = f"run: python notebooks/build.py {source.stem[:2]} (--no-execute where only the text changed)"
    assert content(committed(source)) == content(cells.notebook_of(source)), remedy


@every_lesson
def test_notebook_is_executed_and_clean(source: Path) -> None:
    notebook = committed(source)
    assert notebook.metadata["clab_lite"]["run"] == "normal", f"run: python notebooks/build.py {source.stem[:2]}"
    assert "widgets" not in notebook.metadata
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for output in (output for cell in code for output in cell.outputs):
        assert output.output_type in ("display_data", "execute_result") or output.name == "stdout"
        assert WIDGET_VIEW not in output.get("data", {})
    assert (NOTEBOOKS / f"{source.stem}.ipynb").stat().st_size <= outputs.LIMIT


@every_lesson
def test_card_was_measured(source: Path) -> None:
    run = read_runs(NOTEBOOKS)[source.stem]["cpu"]
    assert run["minutes"] <= 5
    shown = [o.data["text/html"] for c in committed(source).cells for o in c.get("outputs", []) if "data" in o
             and MARK in o.data.get("text/html", "")]  # fmt: skip
    assert len(shown) == 1
    assert run["date"] in shown[0]


@every_lesson
def test_code_cells_are_short_and_hold_no_library(source: Path) -> None:
    for cell in code_of(source):
        lines = cell.source.splitlines()
        assert len(lines) <= LONGEST, f"{cell.id} has {len(lines)} lines"
        wide = [line for line in lines if len(line) > WIDEST]
        assert not wide, f"{cell.id}: {wide}"
        assert not cell.source.lstrip().startswith(("%", "!")), f"{cell.id}: no magics, they bind a lesson to Jupyter"
        kinds = {type(node) for node in ast.walk(ast.parse(cell.source))}
        assert ast.ClassDef not in kinds, f"{cell.id}: a class belongs into clab_lite"


@every_lesson
def test_three_exercises_with_solutions_and_five_questions(source: Path) -> None:
    exercises = cells.exercises(cells.notebook_of(source))
    assert len(exercises) == 3
    for exercise in exercises:
        ast.parse(exercise.solution)
        assert exercise.stub.strip() != exercise.solution.strip()
    questions = read_questions(NOTEBOOKS / "questions" / f"{source.stem}.json")
    assert len(questions) == 5
    assert all(len(question.choices) >= 3 for question in questions)
    assert len({[c.right for c in q.choices].index(True) for q in questions}) > 1, (
        "the right one is always at one place"
    )


@every_lesson
def test_parts_that_every_lesson_has(source: Path) -> None:
    code = "\n".join(cell.source for cell in code_of(source))
    assert f'lessons.start("{source.stem}")' in code
    assert code.count(".predict(") >= 2
    assert ".quiz()" in code
    text = "\n".join(cell.source for cell in cells.notebook_of(source).cells if cell.cell_type == "markdown")
    assert re.search(r"where to go next", text, re.I)
    assert text.startswith(f"# {source.stem[:2]} ")


@every_lesson
def test_links_lead_somewhere(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)\)", text):
        if not target.startswith(("http", "attachment:")):
            assert (NOTEBOOKS / target).exists(), target


@every_lesson
def test_numbers_of_runs_are_those_of_the_study(source: Path) -> None:
    """A lesson that was executed before the study grew says how many runs there were then."""
    runs = len(
        json.loads((NOTEBOOKS.parent / "data_samples/study/records.json").read_text(encoding="utf-8"))["records"]
    )
    text = "\n".join(output.get("text", "") for cell in committed(source).cells for output in cell.get("outputs", []))
    printed = [int(count) for count in re.findall(r"(\d+) (?:measured runs\. To make|runs, made by)", text)]
    assert set(printed) <= {runs}, f"run: python notebooks/build.py {source.stem[:2]}"
    assert printed or "len(study.records)" not in source.read_text(encoding="utf-8")


def test_table_of_lessons_is_renewed() -> None:
    from builder import table

    readme = (NOTEBOOKS / "README.md").read_text(encoding="utf-8")
    built = {path.stem for path in NOTEBOOKS.glob("*.ipynb")}
    expected = table.with_table(readme, table.table(read_runs(NOTEBOOKS), built))
    assert readme == expected, "run: python notebooks/build.py --no-execute"


def test_questions_are_all_used() -> None:
    files = {path.stem for path in (NOTEBOOKS / "questions").glob("*.json")}
    assert files == {lesson.name for lesson in SERIES}
    assert json.loads((NOTEBOOKS / "runs.json").read_text()).keys() <= files
