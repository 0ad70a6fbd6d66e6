"""Digests of the files that come with the repository, in the form of `sha256sum`: a list beside the files.

They tell a file that was damaged or replaced on its way. Whoever changes a file on purpose writes the list anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from clab_lite.errors import DataError
from clab_lite.files import write_text

SUMS = "SHA256SUMS"
_POINTER = b"version https://git-lfs"
_TEXTS = (".json", ".csv")


@contextmanager
def listed_anew(folder: Path, names: Iterable[str]) -> Iterator[None]:
    """Write these files of a folder in the block, and their digests into its list after it; other lines stay.

    Their old lines go first: a process that is killed leaves files that no list names, never a list that is wrong.
    """
    names = list(names)
    if (folder / SUMS).exists():
        _write(folder, {name: digest for name, digest in _listed(folder).items() if name not in names})
    yield
    _write(folder, {**_listed(folder), **{name: _digest(folder / name) for name in names}})


def require_sum(path: Path) -> None:
    """Check a file against the list beside it. A file that no list names is nobody's promise: nothing is checked.

    Raises:
        DataError: the file is another one than that of the list.
    """
    expected = _listed(path.parent).get(path.name)
    if expected is None or not path.is_file() or _digest(path) == expected:
        return
    with path.open("rb") as file:
        pointer = file.read(len(_POINTER)) == _POINTER
    if pointer:
        raise DataError.at(path, "", "is a Git LFS pointer, which only names the real file", "Run `git lfs pull`.")
    problem = f"its SHA-256 begins with {_digest(path)[:8]}, {SUMS} beside it says {expected[:8]}: damaged or replaced"
    remedy = (
        f"Restore it (`git checkout -- {path.name}` in its folder, or download the repository again). "
        f"If it is meant to be another file, remove its line from {SUMS}."
    )
    raise DataError.at(path, "", problem, remedy)


def _write(folder: Path, lines: dict[str, str]) -> None:
    write_text(folder / SUMS, "".join(f"{digest}  {name}\n" for name, digest in sorted(lines.items())))


def _listed(folder: Path) -> dict[str, str]:
    """Name -> digest; empty without a list."""
    try:
        rows = [line.split(maxsplit=1) for line in (folder / SUMS).read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        remedy = f"Restore it with `git checkout -- {SUMS}` in its folder."
        raise DataError.at(folder / SUMS, "", f"cannot be read ({error})", remedy) from error
    return {row[1].removeprefix("*").rstrip(): row[0].lower() for row in rows if len(row) == 2}


def _digest(path: Path) -> str:
    """Of a text the content counts, not the line ends: Git may write those of the system."""
    content = path.read_bytes()
    if path.suffix in _TEXTS:
        content = content.replace(b"\r\n", b"\n")
    return hashlib.sha256(content).hexdigest()
