"""Changes inside files that hold other files: zip archives whose sums are right again, and safetensors."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Callable
from random import Random

from trials.fuzz.hostile import NAMES
from trials.fuzz.mutate import BYTES
from trials.fuzz.mutate_json import changed_json

_OPCODES = b"()*.012FGIJKLMNPQRSTUVX]abcdeghijlopqrstu}" + bytes(range(0x80, 0x98))
_CALLS = (
    b"ctorch._utils\n_rebuild_tensor_v2\n", b"ccollections\nOrderedDict\n", b"ctorch\nFloatStorage\n",
    b"ctorch\nSize\n", b"ctorch\nTensor\n", b"cbuiltins\nbytearray\n", b"ctorch._utils\n_rebuild_sparse_tensor\n",
    b"cos\nsystem\n",
    b"ctorch\nfloat16\n", b"ctorch\ndevice\nX\x04\0\0\0cuda\x85R", b"K\xffK\xff\x86", b"J\xff\xff\xff\x7f",
    b"\x8a\x08" + b"\xff" * 7 + b"\x7f",
    b"h\0h\0\x86", b"]q\0h\0a", b"}q\0(h\0h\0u", b"G\x7f\xf8\0\0\0\0\0\0", b"N", b"\x88", b"X\xff\xff\xff\x7f",
    b"(K\x01K\x02t",
)  # fmt: skip
"""Pieces of pickles that load, some of them what weights never need."""


def changed_pickle(rng: Random, content: bytes) -> bytes:
    """Some instructions are others, missing, or new."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        place = rng.randrange(len(changed) or 1)
        what = rng.randrange(4)
        if what == 0 and changed:
            changed[place] = rng.choice(_OPCODES)
        elif what == 1:
            changed[place:place] = rng.choice(_CALLS)
        elif what == 2 and changed:
            changed[place] = rng.randrange(256)
        else:
            del changed[place : place + rng.choice((1, 1, 2, 8))]
    return bytes(changed)


def changed_zip(rng: Random, content: bytes) -> bytes:
    """A member says something else, is missing, twice, packed, or has another name; what is no zip stays as it is."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    except Exception:  # changed before
        return content
    chosen = rng.randrange(len(members)) if members else 0
    compression = zipfile.ZIP_STORED if rng.random() < 0.9 else zipfile.ZIP_DEFLATED
    for _ in range(rng.choice((1, 1, 2)) if members else 0):
        chosen = rng.randrange(len(members))
        name, inside = members[chosen]
        members[chosen : chosen + 1] = rng.choice(_MEMBERS)(rng, name, inside)
        if not members:
            break
    file = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(file, "w", compression) as archive:
        for name, inside in members:
            archive.writestr(zipfile.ZipInfo(name.replace("\0", "")[:60_000] or "x"), inside, compression)
    return file.getvalue()


def _inside(rng: Random, name: str, inside: bytes) -> list[tuple[str, bytes]]:
    way = changed_pickle if name.endswith(".pkl") and rng.random() < 0.9 else rng.choice(BYTES)
    return [(name, way(rng, inside))]


def _named(rng: Random, name: str, inside: bytes) -> list[tuple[str, bytes]]:
    word = rng.choice((name.upper(), f"{name}x", name.rpartition("/")[2], *NAMES))
    return [(word.encode("utf-8", "replace").decode(), inside)]


_Change = Callable[[Random, str, bytes], list[tuple[str, bytes]]]
_MEMBERS: tuple[_Change, ...] = (
    _inside, _inside, _inside, _inside, _inside, _named,
    lambda _rng, _name, _inside: [],
    lambda rng, name, inside: [(name, inside), *_inside_of(rng, name, inside)],
)  # fmt: skip


def _inside_of(rng: Random, name: str, inside: bytes) -> list[tuple[str, bytes]]:
    """The same name again, with something else in it."""
    return _inside(rng, name, inside)


def changed_safetensors(rng: Random, content: bytes) -> bytes:
    """The description says something else: shapes, types, places that overlap, names, and what is beside them."""
    length = int.from_bytes(content[:8], "little")
    header, numbers = content[8 : 8 + length], content[8 + length :]
    if rng.random() < 0.1:
        length = rng.choice((0, 1, length - 1, 2**31, 2**63 - 1, 100_000_000))
        return length.to_bytes(8, "little") + header + numbers
    header = changed_json(rng, header) if rng.random() < 0.9 else rng.choice(BYTES)(rng, header)
    if rng.random() < 0.1:
        numbers = rng.choice(BYTES)(rng, numbers)
    return len(header).to_bytes(8, "little") + header + numbers


def changed_inside(keys: tuple[str, ...]) -> Callable[[Random, bytes], bytes]:
    """For safetensors whose description holds json as text under these keys: that json is other than it was."""

    def change(rng: Random, content: bytes) -> bytes:
        length = int.from_bytes(content[:8], "little")
        try:
            header = json.loads(content[8 : 8 + length])
            key = rng.choice(keys)
            header["__metadata__"][key] = changed_json(rng, header["__metadata__"][key].encode()).decode()
            text = json.dumps(header).encode()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return content
        return len(text).to_bytes(8, "little") + text + content[8 + length :]

    return change


ZIP = (changed_zip, changed_zip, changed_zip, changed_zip, *BYTES[:3])
SAFETENSORS = (changed_safetensors, changed_safetensors, changed_safetensors, *BYTES[:3])
