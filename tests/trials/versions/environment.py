"""One environment in a temporary folder, with the project installed in it as a user would, from a copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trials.page import ROOT

_REPORT = "import sys, importlib.metadata as m; print(*(m.version(name) for name in sys.argv[1:]))"


class CannotInstall(Exception):
    """pip refused; the message is its reason."""


@dataclass(frozen=True)
class Environment:
    """An interpreter with everything installed, and the copy of the project that it was installed from."""

    folder: Path
    project: Path

    def command(self, name: str) -> Path:
        """A program of the environment: python, pytest, clab-lite."""
        return self.folder / ("Scripts" if sys.platform == "win32" else "bin") / name

    def versions(self, *names: str) -> list[str]:
        """Of installed packages."""
        words = [str(self.command("python")), "-c", _REPORT, *names]
        return subprocess.run(words, capture_output=True, encoding="utf-8", check=True).stdout.split()

    def pip_check(self) -> str:
        """Empty, or the first requirement that is not met."""
        words = [str(self.command("python")), "-m", "pip", "check"]
        done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False)
        return "" if done.returncode == 0 else done.stdout.strip().splitlines()[0]


@contextmanager
def environment(
    python: Sequence[str], constraints: Sequence[str], folder: Path, log: Path, keep: bool
) -> Iterator[Environment]:
    """Make one in `folder`, and remove it at the end of the block: several GB.

    Args:
        python: words that start the interpreter.
        constraints: lines for pip.
        folder: one that was kept is used again, with the project of now.
        log: what is printed is added to it.
        keep: leave the folder.

    Raises:
        CannotInstall: there is no such combination of versions.
    """
    made = Environment(folder / "environment", folder / "project")
    try:
        shutil.rmtree(made.project, ignore_errors=True)
        copy_project(made.project)
        file = folder / "constraints.txt"
        file.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
        with log.open("a", encoding="utf-8") as output:
            if not made.command("pip").exists():
                subprocess.run([*python, "-m", "venv", str(made.folder)], stdout=output, stderr=output, check=True)
            words = [str(made.command("python")), "-m", "pip", "install", "--no-cache-dir", "--quiet"]
            words += ["--constraint", str(file), f"{made.project}[test]"]
            done = subprocess.run(words, stdout=output, stderr=output, check=False)
        if done.returncode != 0:
            raise CannotInstall(_reason(log))
        yield made
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def copy_project(target: Path) -> None:
    """The files of the repository, tracked and new, without what builds and runs left behind."""
    words = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, capture_output=True, check=True).stdout
    for name in map(os.fsdecode, listed.split(b"\0")):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def _reason(log: Path) -> str:
    """pip's first line about the conflict, short enough for a table."""
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if "ERROR: " in line]
    return lines[0].partition("ERROR: ")[2][:160] if lines else "pip failed"
