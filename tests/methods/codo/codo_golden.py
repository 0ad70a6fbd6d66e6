"""The golden cases of CoDo-style pre-training, by kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "goldens/methods/codo.json"


def cases(kind: str) -> list[dict[str, Any]]:
    """Every case of a kind, for example "codo.paste"."""
    found = [case for case in json.loads(FILE.read_text())["cases"] if case["kind"] == kind]
    assert found, kind
    return found
