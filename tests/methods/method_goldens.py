"""Reads the goldens of the related methods: float64 tensors, and each case's own tolerance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

FOLDER = Path(__file__).parents[1] / "goldens/methods"


def cases(kind: str, *files: str) -> list[dict[str, Any]]:
    """Every case of a kind, from all files (or those given)."""
    names = files or tuple(sorted(path.stem for path in FOLDER.glob("*.json")))
    found = [json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["cases"] for name in names]
    return [case for listed in found for case in listed if case["kind"] == kind]


def doubles(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def agree(found: Any, expected: Any, case: dict[str, Any]) -> None:
    """Compare in float64 with the case's tolerance (none: exactly)."""
    found = found.detach() if isinstance(found, Tensor) else torch.tensor(found, dtype=torch.float64)
    tolerance = {"rtol": 0.0, "atol": 0.0, **case["tol"]}
    torch.testing.assert_close(found, doubles(expected).reshape(found.shape), **tolerance)
