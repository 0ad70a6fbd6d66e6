"""Official checkpoints: our weights under the official names, read back, and what else a file may turn out to be."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch
from torch import nn

from clab_lite.errors import DataError
from clab_lite.interop import to_mmtracking
from clab_lite.trained import load_run


def names_beside(detector: nn.Module, each: int = 1) -> pd.DataFrame:
    """Official names beside ours, the first `each` of every part of the detector, with shapes."""
    state = detector.state_dict()
    ours = {id(value): name for name, value in state.items()}
    official = to_mmtracking(state)
    rows, seen = [], dict[str, int]()
    for name, value in official.items():
        part = ".".join(ours[id(value)].split(".")[:2])
        seen[part] = seen.get(part, 0) + 1
        if seen[part] <= each:
            rows.append((name, ours[id(value)], " x ".join(map(str, value.shape)) or "1 number"))
    return pd.DataFrame(rows, columns=["official name", "our name", "shape"])


def same_weights(first: nn.Module, second: nn.Module) -> tuple[int, int]:
    """(tensors that are equal bit by bit, tensors in all)."""
    ours, theirs = first.state_dict(), second.state_dict()
    return sum(name in theirs and torch.equal(ours[name], theirs[name]) for name in ours), len(ours | theirs)


def what_is(path: Path) -> str:
    """What the library says when a file is used in place of a run: "" when it can be."""
    try:
        load_run(path)
    except DataError as error:
        return str(error).replace(str(path), path.name)
    return ""
