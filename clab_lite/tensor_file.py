"""Reading files of tensors: data only, no code of a file is ever run."""

from __future__ import annotations

import pickletools
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from clab_lite.errors import DataError

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

# What files of weights in PyTorch's older format name, and nothing else.
_HARMLESS = re.compile(r"collections\.OrderedDict|torch\._utils\._rebuild_\w+|torch\.\w*Storage|torch\.\w*\d+")


def load_tensors(path: Path) -> Any:
    """What `torch.save` wrote, onto the CPU, as far as it is tensors and plain values (`weights_only=True`).

    Raises:
        DataError: the file cannot be read, is damaged or of another kind, holds code, or claims a tensor that is larger
            than the numbers it holds for it.
    """
    try:
        path.open("rb").close()
    except OSError as error:
        raise DataError.at(
            path, "", f"cannot be read ({error.strerror or error})", "Correct the path or its permissions."
        ) from error
    try:
        with warnings.catch_warnings(action="ignore"):  # on what is no checkpoint, PyTorch asks for a bug report
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files make PyTorch raise nearly every kind of exception, OSError too
        code = _code_in(path)
        if code:
            problem = f"holds code, not only weights ({', '.join(code[:3])}), and was not loaded"
            raise DataError.at(path, "", problem, _CODE_REMEDY) from error
        # PyTorch's own text is left out: it proposes to load the file unsafely.
        raise DataError.at(path, "", _kind_of(path), _REMEDY) from error
    _require_held(path, content)
    return content


def _require_held(path: Path, content: Any, name: str = "") -> None:
    """Refuse a tensor that repeats few numbers to any size: looking at all its values would fill the memory."""
    if isinstance(content, Tensor):
        if content.layout is not torch.strided:
            return
        claimed, held = content.numel() * content.element_size(), content.untyped_storage().nbytes()
        if claimed > held:
            problem = f"claims a shape of {tuple(content.shape)}, which is {claimed:,} bytes, and holds {held:,}"
            raise DataError.at(path, name, problem, _REMEDY)
        return
    entries: Iterable[tuple[Any, Any]] = content.items() if isinstance(content, Mapping) else ()
    if isinstance(content, list | tuple):
        entries = enumerate(content)
    for key, value in entries:
        _require_held(path, value, f"{name}[{key!r}]" if name else str(key))


def _code_in(path: Path) -> list[str]:
    """Functions and classes that a file names and that loading weights never needs; nothing of it is run."""
    try:
        if not zipfile.is_zipfile(path):
            with path.open("rb") as file:
                return list(dict.fromkeys(name for name in _globals_in(file) if not _HARMLESS.fullmatch(name)))
        with zipfile.ZipFile(path) as archive:
            if any(name.endswith("/constants.pkl") for name in archive.namelist()):
                return ["a TorchScript program"]
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # as damaged as `load_tensors` found it
        return []


def _globals_in(file: IO[bytes]) -> Iterator[str]:
    """Names that the pickles at the start of a file would import: PyTorch's older format has four, and others one."""
    try:
        for _ in range(4):
            words = [""]
            for operation, argument, _ in pickletools.genops(file):
                if operation.name in ("GLOBAL", "INST"):
                    yield str(argument).replace(" ", ".")
                elif operation.name == "STACK_GLOBAL":
                    yield ".".join(words[-2:])
                elif isinstance(argument, str):
                    words.append(argument)
    except ValueError:  # no further pickle
        return


def _kind_of(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(64).decode("latin-1")
    named = (what for pattern, what in _KINDS if re.match(pattern, start, re.DOTALL))
    return next(named, "not a readable checkpoint (cut short, damaged, or another kind of file)")
