"""Files that would run code when they are loaded carelessly: they would create a canary file."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch


class Payload:
    """Becomes a call of `Path.touch` when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.canary,)


class Nested:
    """A harmless call whose arguments come from one that is not."""

    def __init__(self, canary: Path) -> None:
        self.inner = Payload(canary)

    def __reduce__(self) -> tuple[Any, ...]:
        return OrderedDict, ([("weight", self.inner)],)


def saved(content: Any, old: bool = False) -> bytes:
    """What torch.save writes."""
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=not old)
    return file.getvalue()


def with_pickle(instructions: bytes, name: str = "archive/data.pkl", compression: int = zipfile.ZIP_STORED) -> bytes:
    """A checkpoint of the newer format whose pickle is this."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr(name, instructions)
        archive.writestr("archive/version", b"3\n")
    return file.getvalue()


def call(name: str, arguments: bytes) -> bytes:
    """Instructions of a pickle that calls one function; `arguments` leave a tuple on the stack."""
    module, _, function = name.rpartition(".")
    return b"\x80\x02c" + f"{module}\n{function}\n".encode() + arguments + b"R."


def _text(word: str) -> bytes:
    content = word.encode()
    return b"X" + len(content).to_bytes(4, "little") + content


def with_code(canary: Path) -> dict[str, bytes]:
    """Name of the way -> content of a file that would run code."""
    content = {"state_dict": OrderedDict(weight=torch.ones(2)), "meta": Payload(canary)}
    command = _text(f"touch '{canary}'")
    written = {f"pickle of protocol {number}": pickle.dumps(content["meta"], protocol=number) for number in range(6)}
    return {
        **written,
        "newer format": saved(content),
        "older format": saved(content, old=True),
        "nested call": saved({"state_dict": Nested(canary)}),
        "nested call, older format": saved({"state_dict": Nested(canary)}, old=True),
        "system": with_pickle(call("os.system", command + b"\x85")),
        "posix": with_pickle(call("posix.system", command + b"\x85")),
        "eval": with_pickle(call("builtins.eval", _text(f"open({str(canary)!r}, 'w')") + b"\x85")),
        "Python 2's eval": with_pickle(call("__builtin__.eval", _text(f"open({str(canary)!r}, 'w')") + b"\x85")),
        "attribute of an attribute": with_pickle(call("torch.serialization.os.system", command + b"\x85")),
        "stack global": with_pickle(b"\x80\x04" + _text("os") + _text("system") + b"\x93" + command + b"\x85R."),
        "INST": with_pickle(b"(" + command + b"ios\nsystem\n."),
        "in the other case": with_pickle(call("os.system", command + b"\x85"), "archive/DATA.PKL"),
        "loaded again": with_pickle(call("torch.load", _text(str(canary)) + b"\x85")),
        "type of a tensor": with_pickle(
            b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nctorch\nTensor\n" + command + b"\x85}tR."
        ),
        "TorchScript": _program(call("os.system", command + b"\x85")),
    }


def without_end() -> dict[str, bytes]:
    """Name of the way -> a small file of allowed functions that would take much memory or time."""
    number = b"\x8a\x05" + (10**11).to_bytes(5, "little")
    twenty = (b"]q%c(" % level + b"h%c" % (level - 1) * 20 + b"e" for level in range(1, 20))
    laughs = b"\x80\x02]q\0" + b"".join(twenty) + b"."
    sparse = torch.sparse_coo_tensor(torch.zeros(1, 1).long(), torch.ones(1), (10**12,), check_invariants=True)
    older = saved({"state_dict": {"a": torch.ones(2)}}, old=True)
    endless = torch.zeros(1).as_strided((31, 10**10), (0, 0))
    return {
        "an array of bytes": with_pickle(call("builtins.bytearray", number + b"\x85")),
        "Python 2's array of bytes": with_pickle(call("__builtin__.bytearray", number + b"\x85")),
        "a tensor": with_pickle(call("torch.Tensor", number + b"\x85")),
        "a float tensor": with_pickle(call("torch.FloatTensor", number + b"\x85")),
        "a storage": with_pickle(call("torch.storage.UntypedStorage", number + b"\x85")),
        "a meta tensor": saved({"state_dict": {"a": torch.empty(10**12, device="meta")}}),
        "a sparse tensor": saved({"state_dict": {"a": sparse}}),
        "a number without end": saved({"state_dict": {"a": endless}}),
        "lists of lists": with_pickle(laughs),
        "a list in itself": with_pickle(b"\x80\x02]q\0h\0a."),
        "packed zeros": with_pickle(b"\x80\x02]" + b"N0" * 1_000_000 + b".", compression=zipfile.ZIP_DEFLATED),
        "many quarters of a gigabyte": older.replace(b"K\x02N", b"J\xff\xff\xff\x0fN"),
    }  # fmt: skip


def object_arrays(canary: Path) -> bytes:
    """An npz whose array is pickled."""
    file = io.BytesIO()
    names = ("frames", "counts", "boxes", "scores", "labels", "text")
    pickled: dict[str, Any] = {name: np.array([Payload(canary)], dtype=object) for name in names}
    np.savez(file, **pickled)
    return file.getvalue()


def _program(instructions: bytes) -> bytes:
    """As torch.jit.save packs a program."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        members = {"data.pkl": instructions, "constants.pkl": b"\x80\x02).", "version": b"3\n"}
        for name, content in {**members, "code/__torch__.py": b"class Identity(Module):\n  training : bool\n"}.items():
            archive.writestr(f"archive/{name}", content)
    return file.getvalue()
