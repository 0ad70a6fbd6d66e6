"""Run a notebook in a folder of its own, and measure it."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from builder.cells import FOLDER
from clab_lite.errors import DataError

_PEAK = """
import sys
try:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 if sys.platform != "darwin" else 1024))
except ImportError:  # Windows
    print(0)
"""


@dataclass(frozen=True)
class Measured:
    """What a run took."""

    seconds: float
    """From the first cell to the last."""
    peak_mb: int | None


@contextmanager
def copied_folder(notebook: Path | None = None) -> Iterator[Path]:
    """A `notebooks` folder with the questions and the measured runs, and the sample videos beside it, to work in."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "notebooks")
        folder.mkdir()
        shutil.copytree(FOLDER / "questions", folder / "questions")
        if (FOLDER / "runs.json").exists():
            shutil.copy(FOLDER / "runs.json", folder)
        if notebook is not None:
            shutil.copy(notebook, folder)
        samples = FOLDER.parent / "data_samples"
        if samples.is_dir():
            linked(samples, Path(parent, "data_samples"))
        yield folder


def linked(folder: Path, name: Path) -> None:
    """`name` for `folder`; a copy where links need privileges, as on Windows."""
    try:
        name.symlink_to(folder, target_is_directory=True)
    except OSError:
        shutil.copytree(folder, name)


def execute(notebook: NotebookNode, folder: Path, *, fast: bool, timeout: int = 1800) -> Measured:
    """Run all cells in `folder`; their outputs are then in `notebook`.

    Raises:
        DataError: a cell stopped with an error, took more than `timeout` seconds, or ended the kernel (as when memory
            runs out); the message names the cell and shows the end of the traceback.
    """
    environment = {**os.environ, "CLAB_LITE_FAST": "1" if fast else "0", "PYTHONUNBUFFERED": "1"}
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    with client.setup_kernel(env=environment):
        began = time.monotonic()
        for position, cell in enumerate(notebook.cells):
            try:
                client.execute_cell(cell, position)
            except CellExecutionError as error:
                end = "\n".join(str(error).strip().splitlines()[-12:])
                raise DataError(f"cell {cell.id} stopped:\n{cell.source}\n---\n{end}") from error
            except CellTimeoutError as error:
                raise DataError(f"cell {cell.id} took more than {timeout} s:\n{cell.source}") from error
            except DeadKernelError as error:
                raise DataError(f"the kernel died in cell {cell.id}; was memory short?\n{cell.source}") from error
        seconds = time.monotonic() - began
        peak = _peak(client, len(notebook.cells))
    notebook.metadata.pop("widgets", None)  # the state of the widgets: the static twins stand for them
    for number, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), 1):
        cell.execution_count = number
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
    return Measured(seconds, peak)


def _peak(client: NotebookClient, position: int) -> int | None:
    """Peak resident memory of the kernel in MB, asked for in a cell that the notebook does not keep."""
    asking = nbformat.v4.new_code_cell(_PEAK)
    client.nb.cells.append(asking)
    try:
        client.execute_cell(asking, position)
    finally:
        client.nb.cells.pop()
    kilobytes = int("".join(output.get("text", "") for output in asking.outputs).strip() or 0)
    return round(kilobytes / 1000) or None
