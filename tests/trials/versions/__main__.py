"""`make versions`: makes the environments, tries them, removes them, writes the table of the README.

usage: python -m trials.versions [--python 3.12 ...] [--torch newest oldest lowest] [--keep] [--where FOLDER]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from trials.page import ROOT
from trials.versions import checks, table
from trials.versions.bounds import CELLS, MEANS, PYTHONS, constraints
from trials.versions.environment import CannotInstall, Environment, environment
from trials.versions.pythons import find


def main() -> int:
    """Try what was asked for; 1 when something failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", nargs="+", choices=PYTHONS, default=PYTHONS)
    parser.add_argument("--torch", nargs="+", choices=MEANS, default=list(MEANS), help="which versions to install")
    parser.add_argument("--where", type=Path, default=Path(tempfile.gettempdir()), help="folder with 12 GB of room")
    parser.add_argument("--keep", action="store_true", help="leave the environments in it, to be used again")
    parser.add_argument("--logs", type=Path, default=ROOT / "runs" / "versions", help="folder for what was printed")
    options = parser.parse_args()
    options.logs.mkdir(parents=True, exist_ok=True)
    good = True
    for python, choice in CELLS:
        if python in options.python and choice in options.torch:
            row = _row(python, choice, options)
            table.write({(python, choice): row})
            print(f"{python}, {MEANS[choice]}: {row.packages}; {row.tests}; {row.commands}; {row.lesson}", flush=True)
            good = good and bool(row.tests) and "**" not in f"{row}"
    return 0 if good else 1


def _row(python: str, choice: str, options: argparse.Namespace) -> table.Row:
    words = find(python)
    if words is None:
        return table.Row(f"**no Python {python} on this machine**")
    name = f"{python}-{choice}"
    log, folder = options.logs / f"{name}.log", options.where / f"clab-lite-{name}"
    log.unlink(missing_ok=True)
    try:
        with environment(words, constraints(choice, ROOT / "pyproject.toml"), folder, log, options.keep) as made:
            return _tried(made, log)
    except CannotInstall as error:
        return table.Row(f"**cannot be installed: {str(error).replace('|', '/')}**", day=date.today().isoformat())


def _tried(made: Environment, log: Path) -> table.Row:
    began = time.monotonic()
    broken = made.pip_check()
    packages = ", ".join(made.versions("torch", "torchvision", "numpy"))
    commands = checks.run_commands(made, log)
    lesson, tests = checks.run_lesson(made, log), checks.run_tests(made, log)
    minutes = f"{(time.monotonic() - began) / 60:.1f}"
    return table.Row(
        packages + (f"; **pip check: {broken}**" if broken else ""),
        _counts(tests),
        f"**{commands} failed**" if commands else "ok",
        "ok" if lesson.good else _counts(lesson),
        minutes,
        date.today().isoformat(),
    )


def _counts(tests: checks.Tested) -> str:
    if tests.trouble:
        return f"**{tests.trouble.replace('|', '/')}**"
    failed = f"**{tests.failed} failed**" if tests.failed else "0 failed"
    return f"{tests.passed} passed, {failed}, {tests.skipped} skipped"


if __name__ == "__main__":
    sys.exit(main())
