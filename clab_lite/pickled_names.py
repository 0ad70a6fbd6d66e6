"""What a pickle would import, read from its instructions; nothing of it is run."""

from __future__ import annotations

import pickletools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

ZIP_START = b"PK\x03\x04"
"""By these first bytes PyTorch tells its newer format from the older one."""

# What named tensors and plain values need. PyTorch's own list for weights_only has more, among them what makes an array
# of any size from a few bytes.
_HARMLESS = re.compile(
    r"collections\.OrderedDict|torch\._utils\._rebuild_(tensor|tensor_v2|parameter)|torch\.\w+Storage"
    r"|torch\.[a-z]+\d+(_e\dm\d\w*)?|torch\.(bool|device|Size)|torch\.serialization\._get_layout"
)
_MOST = 2_000_000
"""Instructions of a file; a ResNet-101 detector with its optimizer has 30,000."""
_STREAMS = 5
"""Pickles at the start of a file of the older format: a number, a version, the system, the content, the order."""


def harmful_names(path: Path) -> list[str]:
    """Functions and classes that a checkpoint names and that loading weights never needs.

    Raises:
        Exception: of many kinds, when the file is damaged.
    """
    with path.open("rb") as file:
        if file.read(len(ZIP_START)) != ZIP_START:
            file.seek(0)
            return _harmful(file, _STREAMS)
    with zipfile.ZipFile(path) as archive:
        if any(name.lower().endswith("/constants.pkl") for name in archive.namelist()):
            return ["a TorchScript program"]
        found: list[str] = []
        for member in archive.infolist():  # PyTorch takes a name in any case, and may take either of two
            if member.filename.lower().endswith(".pkl"):
                with archive.open(member) as file:
                    found += _harmful(file, 1)
        return found


def unpacked_size(path: Path) -> int:
    """Bytes of everything in a zip file, as its directory says; 0 of other files."""
    with path.open("rb") as file:
        if file.read(len(ZIP_START)) != ZIP_START:
            return 0
    with zipfile.ZipFile(path) as archive:
        return sum(member.file_size for member in archive.infolist())


def _harmful(file: IO[bytes], streams: int) -> list[str]:
    names = dict.fromkeys(_imported(file, streams))
    return [name for name in names if not _HARMLESS.fullmatch(name)]


def _imported(file: IO[bytes], streams: int) -> Iterator[str]:
    done = 0
    try:
        for _ in range(streams):
            words = [""]
            for operation, argument, _ in pickletools.genops(file):
                done += 1
                if done > _MOST:
                    raise OverflowError(f"more than {_MOST:,} instructions")
                if operation.name in ("GLOBAL", "INST"):
                    yield str(argument).replace(" ", ".").replace("__builtin__.", "builtins.")  # Python 2's name
                elif operation.name == "STACK_GLOBAL":
                    yield ".".join(words[-2:])
                elif isinstance(argument, str):
                    words.append(argument)
    except ValueError:  # no further pickle
        return
