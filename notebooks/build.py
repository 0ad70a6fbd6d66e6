"""Make the notebooks from their sources and run them.

    python notebooks/build.py                    all lessons (about half an hour on two cores)
    python notebooks/build.py 04 06              two of them
    python notebooks/build.py 04 --fast          the short version, to look at; its times are not recorded
    python notebooks/build.py 04 --no-execute    only the text; outputs stay as long as the code is the same

A notebook is written only when all its cells ran. Minutes, memory, version and date go to runs.json, into the card of
the lesson and into the table of README.md. docs/results.md takes over what the recorded runs gave.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import nbformat
from builder import cells, front_page, outputs, table
from builder.execute import Measured, copied_folder, execute
from nbformat import NotebookNode

import clab_lite
from clab_lite.errors import DataError
from clab_lite.files import replaced, write_json, write_text
from clab_lite.lessons.card import RUNS
from clab_lite.study import open_study
from clab_lite.study.comparison import open_comparison

FOLDER = cells.FOLDER
PICTURED = "06_loss_weights", "weights.weight_explorer("
"""The cell whose picture the repository's page shows."""


def build(source: Path, *, fast: bool = False, gpu: bool = False) -> Path:
    """Execute one lesson and write its notebook; the normal version also records what it took.

    Raises:
        DataError: a cell stopped, a widget has no twin, or the notebook is too large. Nothing is written then.
    """
    notebook = cells.notebook_of(source)
    with copied_folder() as folder:
        took = execute(notebook, folder, fast=fast)
        outputs.clean(notebook, (folder, FOLDER.parent, Path.home()))
    runs = recorded_runs()
    if not fast:
        _record(runs, source.stem, took, "gpu" if gpu else "cpu")
    outputs.renew_card(notebook, source.stem, runs)
    notebook.metadata["clab_lite"] = {"version": clab_lite.__version__, "run": "fast" if fast else "normal"}
    text = outputs.as_text(notebook, source.stem)
    path = FOLDER / f"{source.stem}.ipynb"
    write_text(path, text)
    if not fast:
        write_json(FOLDER / RUNS, runs)
    print(
        f"{path.name}: {took.seconds:.0f} s, peak {took.peak_mb or '?'} MB, {len(text.encode()) // 1000} kB", flush=True
    )
    return path


def refresh(source: Path) -> Path:
    """Write the notebook without running it: it keeps the outputs of the file that is there if the code is the same."""
    notebook, path = cells.notebook_of(source), FOLDER / f"{source.stem}.ipynb"
    new = [cell for cell in notebook.cells if cell.cell_type == "code"]
    old = _code_cells(path)
    same = [cell.source for cell in new] == [cell.source for cell in old[0]]
    if same:
        for cell, before in zip(new, old[0], strict=True):
            cell.outputs, cell.execution_count = before.outputs, before.execution_count
        notebook.metadata["clab_lite"] = old[1]
        outputs.renew_card(notebook, source.stem, recorded_runs())
    write_text(path, outputs.as_text(notebook, source.stem))
    print(f"{path.name}: {'outputs kept' if same else 'the code is new: no outputs; build it without --no-execute'}")
    return path


def recorded_runs() -> dict[str, Any]:
    """What runs.json holds. A card may do without a broken file; here it would be written again, without the rest.

    Raises:
        DataError: the file is broken.
    """
    path = FOLDER / RUNS
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError.at(path, "", f"is broken ({error})", "Take it from the repository again.") from error
    if not isinstance(content, dict):
        raise DataError.at(path, "", f"holds a {type(content).__name__}", "Take it from the repository again.")
    return content


def _code_cells(path: Path) -> tuple[list[NotebookNode], dict[str, Any]]:
    if not path.exists():
        return [], {}
    notebook = nbformat.read(path, 4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"], dict(notebook.metadata.get("clab_lite", {}))


def _record(runs: dict[str, Any], name: str, took: Measured, kind: str) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = f"{cores} CPU core{'s' * (cores != 1)}"
    if kind == "gpu":
        import torch

        machine = torch.cuda.get_device_name()
    runs.setdefault(name, {})[kind] = {
        "minutes": round(took.seconds / 60, 2),
        "memory_mb": took.peak_mb,
        "machine": machine,
        "version": clab_lite.__version__,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    for key in sorted(runs):
        runs[key] = runs.pop(key)


def write_readmes() -> None:
    """Renew the table of lessons, the page of results, and the picture of a lesson on the repository's page."""
    path, results = FOLDER / "README.md", FOLDER.parent / "docs" / "results.md"
    built = {file.stem for file in FOLDER.glob("*.ipynb")}
    write_text(path, table.with_table(path.read_text(encoding="utf-8"), table.table(recorded_runs(), built)))
    effects = front_page.effects(open_study(FOLDER.parent / "data_samples" / "study"))
    text = table.with_table(results.read_text(encoding="utf-8"), effects, front_page.BEGIN, front_page.END)
    methods = front_page.methods(open_comparison(FOLDER.parent / "data_samples" / "methods" / "comparison"))
    text = table.with_table(text, methods, front_page.BEGIN_METHODS, front_page.END_METHODS)
    write_text(results, text)
    lesson, code = PICTURED
    if lesson in built:
        pictured = front_page.picture(nbformat.read(FOLDER / f"{lesson}.ipynb", 4), code)
        with replaced(FOLDER.parent / "docs" / "weight_explorer.png") as beside:
            beside.write_bytes(pictured)


def main() -> int:
    """The command line; 1 where a lesson could not be built (the others are)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", help="numbers or beginnings of names, such as 04")
    parser.add_argument("--fast", action="store_true", help="the short version of the tests")
    parser.add_argument("--no-execute", action="store_true", help="only the text")
    parser.add_argument("--gpu", action="store_true", help="record the time as that of this machine's GPU")
    options = parser.parse_args()
    failed = 0
    try:
        chosen = cells.sources(options.lessons)
        recorded_runs()  # broken: known now, not after half an hour
    except DataError as error:
        print(error, file=sys.stderr)
        return 2
    for source in chosen:
        try:
            if options.no_execute:
                refresh(source)
            else:
                build(source, fast=options.fast, gpu=options.gpu)
        except DataError as error:
            print(f"{source.stem}: {error}", file=sys.stderr)
            failed += 1
    write_readmes()
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
