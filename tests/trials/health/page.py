"""A lesson in a real JupyterLab and a real browser, moved by hand and looked at from both sides."""

from __future__ import annotations

import ast
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from trials.page import ROOT

sys.path.append(str(ROOT / "tests" / "notebooks"))  # as pytest does
from lab import Lab

_ASK = """async expression => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const asked = kernel.requestExecute({code: '', silent: true, user_expressions: {answer: expression}});
  const answer = (await asked.done).content.user_expressions.answer;
  return answer.status === 'ok' ? answer.data['text/plain'] : 'error: ' + JSON.stringify(answer);
}"""
_COUNTS = "__import__('trials.health.kernel', fromlist=['counts']).counts()"
PATIENCE = 30.0
"""Seconds until a move must be seen."""


class Page:
    """One opened lesson, all of whose cells have run."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._tools = lab.page.context.new_cdp_session(lab.page)

    def counts(self) -> dict[str, float]:
        """What the kernel counts (`trials.health.kernel`), and of the page: its heap, nodes and listeners."""
        answer = self.lab.page.evaluate(_ASK, _COUNTS)
        if answer.startswith("error"):
            raise RuntimeError(answer)
        self._tools.send("HeapProfiler.collectGarbage")
        page, heap = self._tools.send("Memory.getDOMCounters"), self._tools.send("Runtime.getHeapUsage")
        return ast.literal_eval(answer) | {
            "page_kb": heap["usedSize"] / 1024, "nodes": page["nodes"], "listeners": page["jsEventListeners"],
        }  # fmt: skip

    def cell(self, code: str) -> int:
        """The position of the one cell whose text holds `code`."""
        (position,) = self.lab.cells_with(code)
        return position

    def rerun(self, position: int) -> None:
        """Run one cell again, and wait until its widget is there."""
        before = self.pictures(position)
        self.lab.run_cell(position)
        self._until_changed(position, before)

    def press(self, position: int, key: str, slider: int = 0) -> bool:
        """Press a key on a slider of a cell, and wait until the picture has changed; False where it does not."""
        before = self.pictures(position)
        self.lab.cell(position).locator("[role=slider]").nth(slider).press(key)
        return self._until_changed(position, before, must=False)

    def pictures(self, position: int) -> list[str]:
        """Addresses of a cell's pictures: each new picture of a widget gets a new one."""
        found = "cell => [...cell.querySelectorAll('img.widget-image')].map(picture => picture.src)"
        return self.lab.cell(position).evaluate(found)

    def _until_changed(self, position: int, before: list[str], must: bool = True) -> bool:
        end = time.monotonic() + (PATIENCE if must else 5.0)
        while (now := self.pictures(position)) == before or not now:
            if time.monotonic() > end:
                if must:
                    raise RuntimeError("the picture did not come")
                return False
            time.sleep(0.02)
        return True


@contextmanager
def lesson(name: str) -> Iterator[Page]:
    """A lesson, run once in its short version; its kernel imports this package and clab_lite from here."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    with Lab([ROOT / "notebooks" / f"{name}.ipynb"]) as lab:
        lab.open(f"{name}.ipynb")
        lab.run_all()
        yield Page(lab)
        problems = lab.problems()
        if problems:
            raise RuntimeError(f"{name}: {problems}")
