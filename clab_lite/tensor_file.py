"""Reading files of tensors: data only, no code of a file is ever run."""

from __future__ import annotations

import re
import reprlib
import stat
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clab_lite.errors import DataError
from clab_lite.pickled_names import harmful_names, unpacked_size

_CODE_REMEDY = (
    "Loading it could run any program. Use a file of weights only; if you trust this one, open it in the program that "
    "wrote it and save its 'state_dict' alone."
)
_REMEDY = "Use another copy, or a file that `torch.save` wrote."

# First bytes of files that people take for checkpoints.
_KINDS: tuple[tuple[str, str], ...] = (
    (r"\s*<", "is a web page: the download did not work"),
    (r"version https://git-lfs", "is a Git LFS pointer, which only names the real file"),
    (r'.{8}\{"', "is a safetensors file, not one of torch.save"),
    (r"$", "is empty"),
)

_ENTRIES, _LETTERS, _DEEPEST = 1_000_000, 100_000_000, 50
"""Of all tables of a checkpoint; a ResNet-101 detector with its optimizer has a few 10,000 entries in 4 tables."""


def load_tensors(path: Path) -> Any:
    """What `torch.save` wrote, onto the CPU, as far as it is tensors and plain values (`weights_only=True`).

    What a file would import is looked at first: it names nothing but what tensors and plain values need.

    Raises:
        DataError: the file cannot be read, is damaged or of another kind, holds code, claims more numbers than it
            holds, or holds what is no plain tensor.
    """
    _require_regular(path)
    size = path.stat().st_size
    try:
        unpacked = unpacked_size(path)
        code = harmful_names(path) if unpacked <= size else []
    except Exception as error:  # damaged files fail in as many ways as zip and pickle know
        raise DataError.at(path, "", _kind_of(path), _REMEDY) from error
    if unpacked > size:  # torch.save does not compress
        raise DataError.at(path, "", f"would unpack {size:,} bytes to {unpacked:,}", _REMEDY)
    if code:
        problem = f"holds code, not only weights ({', '.join(code[:3])[:200]}), and was not loaded"
        raise DataError.at(path, "", problem, _CODE_REMEDY)
    try:
        with warnings.catch_warnings(action="ignore"):  # on what is no checkpoint, PyTorch asks for a bug report
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files make PyTorch raise nearly every kind of exception, OSError too
        # PyTorch's own text is left out: it proposes to load the file unsafely.
        raise DataError.at(path, "", _kind_of(path), _REMEDY) from error
    _Walk(path, size).through(content)
    return content


def _require_regular(path: Path) -> None:
    """DataError for what cannot be opened, and for pipes and devices, which would keep the reader waiting."""
    try:
        if stat.S_ISREG(path.stat().st_mode):
            path.open("rb").close()
            return
        reason = "Is a directory" if path.is_dir() else "not a regular file"
        raise DataError.at(path, "", f"cannot be read ({reason})", "Correct the path.")
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        if isinstance(error, DataError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        remedy = "Correct the path or its permissions."
        raise DataError.at(path, "", f"cannot be read ({reason})", remedy) from error


class _Walk:
    """Goes through all that was loaded, and refuses what a few bytes blow up to any size.

    That is a tensor that repeats a number, one whose numbers are not in the file, and tables that hold each other over
    and over: whoever looks at all of them would fill the memory.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path, self._size, self._entries, self._letters = path, size, 0, 0
        self._held, self._storages = 0, set[int]()

    def through(self, content: Any, names: tuple[Any, ...] = ()) -> None:
        self._entries += 1
        self._letters += len(content) if isinstance(content, str | bytes) else 0
        if self._entries > _ENTRIES or self._letters > _LETTERS or len(names) > _DEEPEST:
            raise DataError.at(self._path, _place(names[:3]), "holds tables without end", _REMEDY)
        if isinstance(content, Tensor):
            self._tensor(content, names)
        entries: Iterable[tuple[Any, Any]] = content.items() if isinstance(content, Mapping) else ()
        if isinstance(content, list | tuple | set):
            entries = enumerate(content)
        for key, value in entries:
            self.through(key, (*names, key))
            self.through(value, (*names, key))

    def _tensor(self, value: Tensor, names: tuple[Any, ...]) -> None:
        if value.layout is not torch.strided or value.device.type != "cpu" or value.is_quantized or value.is_nested:
            problem = f"is no plain tensor ({value.layout}, {value.device}, {value.dtype})"
            raise DataError.at(self._path, _place(names), problem, _REMEDY)
        storage = value.untyped_storage()
        claimed, held = value.numel() * value.element_size(), storage.nbytes()
        if claimed > held:
            problem = f"claims a shape of {tuple(value.shape)}, which is {claimed:,} bytes, and holds {held:,}"
            raise DataError.at(self._path, _place(names), problem, _REMEDY)
        if storage._cdata not in self._storages:
            self._storages.add(storage._cdata)
            self._held += held
        if self._held > self._size:
            problem = f"with the tensors before it holds {self._held:,} bytes, in a file of {self._size:,}"
            raise DataError.at(self._path, _place(names), problem, _REMEDY)


def _place(names: tuple[Any, ...]) -> str:
    """model['rpn.conv.weight'][0]"""
    words = [reprlib.repr(name) if isinstance(name, str | int) else type(name).__name__ for name in names]
    return "".join(word.strip("'") if number == 0 else f"[{word}]" for number, word in enumerate(words))


def _kind_of(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(64).decode("latin-1")
    named = (what for pattern, what in _KINDS if re.match(pattern, start, re.DOTALL))
    return next(named, "not a readable checkpoint (cut short, damaged, or another kind of file)")
