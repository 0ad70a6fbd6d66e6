"""Sources to cells, and what a test asks about them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from clab_lite.errors import DataError

FOLDER = Path(__file__).resolve().parents[1]
"""notebooks/"""
EXERCISE = "exercise"
"""Tag of a cell that the learner edits; the next code cell checks it."""
_SOLUTION = re.compile(r"<details>\s*<summary>\s*Solution\s*</summary>\n\n```python\n(.*?)```.*?</details>", re.DOTALL)


@dataclass(frozen=True)
class Exercise:
    """A cell to edit, the cell that checks it, and the hidden solution."""

    stub: str
    check: str
    solution: str
    check_cell: int
    """Position among the cells."""


def sources(wanted: list[str] | None = None) -> list[Path]:
    """The sources whose names begin with one of `wanted` ("04"); all of them for none.

    Raises:
        DataError: one of `wanted` fits no source.
    """
    every = sorted((FOLDER / "sources").glob("[0-9][0-9]_*.py"))
    for start in wanted or []:
        if not any(path.stem.startswith(start) for path in every):
            names = ", ".join(path.stem for path in every) or "none yet"
            raise DataError(f"no lesson begins with {start!r}. There are: {names}.")
    return [path for path in every if not wanted or any(path.stem.startswith(start) for start in wanted)]


def notebook_of(source: Path) -> NotebookNode:
    """The notebook of a source (jupytext's percent format) without outputs; cell ids are its number and a count."""
    parsed = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent")
    cells = []
    for position, cell in enumerate(parsed.cells):
        tags = list(cell.metadata.get("tags", []))
        new = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
        made = new(cell.source, id=f"{source.stem[:2]}-{position:03d}")
        made.metadata = NotebookNode({"tags": tags} if tags else {})
        cells.append(made)
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    language = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python", "pygments_lexer": "ipython3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": language})


def exercises(notebook: NotebookNode) -> list[Exercise]:
    """The exercises of a notebook in their order.

    Raises:
        DataError: an exercise lacks its checking cell or its solution.
    """
    found = []
    cells = notebook.cells
    for position, cell in enumerate(cells):
        if EXERCISE not in cell.metadata.get("tags", []):
            continue
        after = [i for i in range(position + 1, len(cells)) if cells[i].cell_type == "code"]
        place = f"the exercise in cell {cell.id}"
        if not after:
            raise DataError(f"{place} has no code cell after it that checks it. Add one.")
        end = after[1] if len(after) > 1 else len(cells)
        text = "\n\n".join(c.source for c in cells[after[0] + 1 : end] if c.cell_type == "markdown")
        match = _SOLUTION.search(text)
        if match is None:
            raise DataError(
                f"{place} has no hidden solution after its check. Write <details><summary>Solution</summary>, a blank "
                "line, a ```python block, a blank line, </details>."
            )
        found.append(Exercise(cell.source, cells[after[0]].source, match[1], after[0]))
    return found
