"""Interpreters of this machine that really run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_ASK = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"


def find(version: str) -> list[str] | None:
    """The words that start Python `version` ("3.12"), or None. Each candidate is tried: a shim may lead nowhere."""
    candidates = [[sys.executable], [f"python{version}"]]
    if sys.platform == "win32":
        candidates.append(["py", f"-{version}"])
    root = os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv"  # installed there, and perhaps not switched on
    candidates += [[str(path)] for path in sorted(Path(root).glob(f"versions/{version}.*/bin/python"))]
    return next((words for words in candidates if _answers(words) == version), None)


def _answers(words: list[str]) -> str:
    """The version of an interpreter that can make environments; empty when it does not run."""
    if shutil.which(words[0]) is None:
        return ""
    try:
        asked = subprocess.run([*words, "-c", _ASK], capture_output=True, encoding="utf-8", timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""
