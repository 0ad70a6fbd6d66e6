"""Reading files of tensors: data only, no code of a file is ever run."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch

from clab_lite.errors import DataError


def load_tensors(path: Path) -> Any:
    """What `torch.save` wrote, onto the CPU, as far as it is tensors and plain values (`weights_only=True`).

    Raises:
        DataError: the file cannot be read, is damaged or of another kind, or holds code.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # on what is no checkpoint, PyTorch asks for a bug report
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise DataError.at(
            path, "", f"cannot be read ({error.strerror or error})", "Correct the path or its permissions."
        ) from error
    except Exception as error:  # damaged files make PyTorch raise nearly every kind of exception
        code = _code_in(path)
        if code:
            problem = f"holds code, not only weights ({', '.join(code[:3])}), and was not loaded"
            raise DataError.at(path, "", problem, "Use only files of weights.") from error
        # PyTorch's own text is left out: it proposes to load the file unsafely.
        problem = "not a readable checkpoint (cut short, damaged, or another kind of file)"
        raise DataError.at(path, "", problem, "Use another copy, or a file that `torch.save` wrote.") from error


def _code_in(path: Path) -> list[str]:
    """Functions and classes that a file names and that loading weights never needs; nothing of it is run."""
    try:
        return list(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # as damaged as `load_tensors` found it
        return []
