"""A real JupyterLab in a headless browser: open a lesson, run it, move its widgets, look at it.

    python tests/notebooks/lab.py notebooks/04_contrast.ipynb --out shots       # pages of the whole lesson as PNG

The lesson runs in a copy of the notebooks folder; nothing here is changed. Needs playwright and a Chromium or Chrome.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SETTINGS = {
    # Every cell is in the page, also far from what is visible: a test can find it.
    "notebook-extension/tracker": {"windowingMode": "none", "kernelShutdown": True},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
}
# Not waited for here: a kernel that hangs would be waited for without end.
_RUN_ALL = """() => {
  window.lessonRan = '';
  window.jupyterapp.commands.execute('notebook:run-all-cells').then(
    () => { window.lessonRan = 'done'; }, error => { window.lessonRan = String(error); });
}"""
_RAN = "() => window.lessonRan"
_READY = """() => {
  const panel = window.jupyterapp && window.jupyterapp.shell.currentWidget;
  const kernel = panel && panel.sessionContext && panel.sessionContext.session && panel.sessionContext.session.kernel;
  return !!kernel && kernel.status === 'idle';
}"""
_RUN_CELL = """async position => {
  const app = window.jupyterapp;
  app.shell.currentWidget.content.activeCellIndex = position;
  await app.commands.execute('notebook:run-cell');
}"""
_TEXTS = "() => window.jupyterapp.shell.currentWidget.content.widgets.map(c => c.model.sharedModel.getSource())"
_BAD_MESSAGES = ("widget", "comm_", "comm ", "page error")
_BAD_WORDS = ("Error displaying widget", "model not found", "Loading widget", "could not be drawn")


def browser_path() -> str | None:
    """The browser on this machine; None where there is none."""
    return next((path for name in _BROWSERS if (path := shutil.which(name))), None)


class Lab:
    """JupyterLab without a token on a free port, and a page of it. A context manager."""

    def __init__(self, notebooks: list[Path], *, fast: bool = True, width: int = 1280, height: int = 900) -> None:
        self._notebooks, self._fast, self._size = notebooks, fast, {"width": width, "height": height}
        self.messages: list[str] = []
        """Errors in the browser's console."""

    def __enter__(self) -> Lab:
        from playwright.sync_api import sync_playwright

        self._folder = tempfile.TemporaryDirectory()
        self._server = self._start_server(Path(self._folder.name))
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=browser_path(), args=_FLAGS)
        self.page: Any = self._browser.new_page(viewport=self._size)
        self.page.on("pageerror", lambda error: self.messages.append(f"page error: {error.stack or error}"[:600]))
        self.page.on("console", lambda m: self.messages.append(m.text) if m.type == "error" else None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._browser.close()
        self._playwright.stop()
        self._server.terminate()
        try:
            self._server.wait(20)
        except subprocess.TimeoutExpired:
            self._server.kill()
        self._folder.cleanup()

    def _start_server(self, parent: Path) -> subprocess.Popen[bytes]:
        folder = parent / "notebooks"
        folder.mkdir()
        for name in ("questions", "runs.json"):
            source = ROOT / "notebooks" / name
            if source.is_dir():
                shutil.copytree(source, folder / name)
            elif source.exists():
                shutil.copy(source, folder)
        for notebook in self._notebooks:
            shutil.copy(notebook, folder)
        (parent / "data_samples").symlink_to(ROOT / "data_samples", target_is_directory=True)
        settings = parent / "settings"
        for name, content in _SETTINGS.items():
            path = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
        command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
        command += ["--IdentityProvider.token=", "--ServerApp.password=", f"--ServerApp.root_dir={folder}"]
        own = {name: str(parent / name) for name in ("config", "workspaces", "ipython", "runtime")}
        environment = os.environ | {
            "CLAB_LITE_FAST": "1" if self._fast else "0",
            "JUPYTER_CONFIG_DIR": own["config"],
            "JUPYTERLAB_SETTINGS_DIR": str(settings),
            "JUPYTERLAB_WORKSPACES_DIR": own["workspaces"],
            "IPYTHONDIR": own["ipython"],
            "JUPYTER_RUNTIME_DIR": own["runtime"],
        }
        self._log = parent / "server.log"
        with self._log.open("wb") as log:
            server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{self._url}/api", timeout=2).close()
                return server
            except OSError:
                if server.poll() is not None:
                    break
                time.sleep(0.5)
        server.kill()
        raise RuntimeError(f"JupyterLab did not start:\n{self._log.read_text(errors='replace')[-2000:]}")

    def open(self, name: str) -> None:
        """Open a notebook of the copied folder and wait for its kernel."""
        self.messages.clear()
        self.page.goto(f"{self._url}/lab/tree/{name}?reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
        self.page.wait_for_function(_READY, timeout=180_000)

    def run_all(self, seconds: float = 600) -> None:
        """Run every cell and wait until the last one is done.

        Raises:
            playwright's TimeoutError: it took more than so many seconds.
            RuntimeError: the page could not run them.
        """
        self.page.set_default_timeout(seconds * 1000)
        try:
            self.page.evaluate(_RUN_ALL)
            self.page.wait_for_function(_RAN)
            ran = self.page.evaluate(_RAN)
            if ran != "done":
                raise RuntimeError(f"running all cells failed: {ran}")
            self.page.wait_for_function(_READY)
            self.page.wait_for_timeout(1500)  # widgets arrive after their cell
        finally:
            self.page.set_default_timeout(30_000)

    def run_cell(self, position: int) -> None:
        """Run one cell and wait until it is done; its widgets arrive after that."""
        self.page.evaluate(_RUN_CELL, position)

    def cell(self, position: int) -> Any:
        """The n-th cell (the number in its id)."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(position)

    def cells_with(self, code: str) -> list[int]:
        """Positions of the cells whose text holds `code`."""
        texts = self.page.evaluate(_TEXTS)
        return [position for position, text in enumerate(texts) if code in text]

    def problems(self) -> list[str]:
        """Errors of cells, red output, widgets that did not come."""
        found = []
        for kind in ("application/vnd.jupyter.error", "application/vnd.jupyter.stderr"):
            for output in self.page.locator(f'.jp-OutputArea-output[data-mime-type="{kind}"]').all():
                found.append(output.inner_text()[-600:])
        text = self.page.locator(".jp-Notebook").inner_text()
        found += [word for word in _BAD_WORDS if word in text]
        found += [m for m in self.messages if any(word in m.lower() for word in _BAD_MESSAGES)]
        return found

    def shots(self, folder: Path) -> list[Path]:
        """The whole notebook, page by page."""
        folder.mkdir(parents=True, exist_ok=True)
        outer = self.page.locator(".jp-Notebook .jp-WindowedPanel-outer").first
        height, page = outer.evaluate("""e => {
            const last = [...e.querySelectorAll('.jp-Cell')].pop().getBoundingClientRect().bottom;
            return [last - e.getBoundingClientRect().top + e.scrollTop, e.clientHeight];
        }""")
        paths = []
        for number, top in enumerate(range(0, max(int(height) - 60, 1), page - 60), 1):
            outer.evaluate("(e, top) => { e.scrollTop = top; }", top)
            self.page.wait_for_timeout(250)
            paths.append(folder / f"page-{number:02d}.png")
            self.page.screenshot(path=str(paths[-1]))
        return paths


def main() -> int:
    """Run notebooks and take pictures of them; 1 where something went wrong in one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--normal", action="store_true", help="the normal version instead of the fast one")
    parser.add_argument("--as-saved", action="store_true", help="do not run: look at the stored outputs")
    parser.add_argument("--width", type=int, default=1280)
    options = parser.parse_args()
    failed = 0
    with Lab(options.notebooks, fast=not options.normal, width=options.width) as lab:
        for notebook in options.notebooks:
            lab.open(notebook.name)
            began = time.monotonic()
            if not options.as_saved:
                lab.run_all()
            took = time.monotonic() - began
            folder = options.out if len(options.notebooks) == 1 else options.out / notebook.stem
            problems = [] if options.as_saved else lab.problems()
            print(f"{notebook.stem}: {took:.0f} s, {len(lab.shots(folder))} pictures in {folder}")
            for problem in problems:
                print(f"  problem: {problem}")
            failed += bool(problems)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
