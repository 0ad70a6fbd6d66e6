"""Reading files of tensors: what is read, what is refused, and what the refusal says."""

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from clab_lite.errors import DataError
from clab_lite.tensor_file import load_tensors


class Payload:
    """Would create a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("old_format", [False, True])
def test_tensors_and_plain_values_are_read(tmp_path: Path, old_format: bool) -> None:
    content = {"a": torch.arange(3), "b": OrderedDict(half=torch.ones(2, dtype=torch.float16)), "c": (1, "x", None)}
    torch.save(content, tmp_path / "good.pth", _use_new_zipfile_serialization=not old_format)
    found = load_tensors(tmp_path / "good.pth")
    assert torch.equal(found["a"], content["a"]) and found["b"]["half"].dtype == torch.float16
    assert found["c"] == (1, "x", None)


def write(path: Path, payload: Payload, how: str) -> None:
    if how == "pickle":
        path.write_bytes(pickle.dumps(payload))
    elif how == "pickle of protocol 0":
        path.write_bytes(pickle.dumps({"state_dict": payload}, protocol=0))
    else:
        content = {"a": torch.ones(2), "meta": payload}
        torch.save(content, path, _use_new_zipfile_serialization=how == "zip")


@pytest.mark.parametrize("how", ["zip", "old format", "pickle", "pickle of protocol 0"])
def test_code_is_refused_and_named(tmp_path: Path, how: str) -> None:
    ran = tmp_path / "ran"
    write(tmp_path / "bad.pth", Payload(ran), how)
    with pytest.raises(DataError, match=r"bad\.pth: holds code, not only weights \(.*\), and was not loaded") as caught:
        load_tensors(tmp_path / "bad.pth")
    assert "OrderedDict" not in str(caught.value) and "_rebuild" not in str(caught.value)
    assert "weights_only" not in str(caught.value), "no advice to load it unsafely"
    assert not ran.exists()


def test_a_torchscript_program_is_code(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "clip.pt", "w") as archive:
        for name in ("version", "data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"clip/{name}", b"\x80\x02}.")
    with pytest.raises(DataError, match=r"holds code, not only weights.*a TorchScript program"):
        load_tensors(tmp_path / "clip.pt")


@pytest.mark.parametrize(("start", "says"), [
    (b"\n<!DOCTYPE html><title>Sign in</title>", "is a web page: the download did not work"),
    (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
    (b'\x40\0\0\0\0\0\0\0{"a":{"dtype":"F32"}}', "is a safetensors file"),
    (b"", "is empty"),
    (b"PK\x03\x04 cut", "not a readable checkpoint"),
    (b"\xff\xd8\xff\xe0JFIF", "not a readable checkpoint"),
])  # fmt: skip
def test_other_files_are_recognised(tmp_path: Path, start: bytes, says: str) -> None:
    (tmp_path / "odd.pth").write_bytes(start)
    with pytest.raises(DataError, match=rf"odd\.pth: {says}"):
        load_tensors(tmp_path / "odd.pth")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.pth: cannot be read \(No such file"):
        load_tensors(tmp_path / "none.pth")
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory"):
        load_tensors(tmp_path)


@pytest.mark.parametrize("shape", [(10**6, 10**6), (31, 10**11), (4,)])
def test_a_tensor_must_hold_what_its_shape_claims(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """One number, repeated to any size: a small file would fill the memory when its values are looked at."""
    endless = torch.zeros(1).as_strided(shape, (0,) * len(shape))
    torch.save({"state_dict": OrderedDict(good=torch.ones(3), bad=[endless])}, tmp_path / "a.pth")
    with pytest.raises(DataError, match=r"a\.pth, state_dict\['bad'\]\[0\]: claims a shape of .* and holds 4"):
        load_tensors(tmp_path / "a.pth")
    part = torch.arange(100.0)[10:20]  # a view of less than its storage is nothing odd
    torch.save({"part": part, "turned": torch.ones(3, 4).T, "none": torch.zeros(0, 5)}, tmp_path / "b.pth")
    assert torch.equal(load_tensors(tmp_path / "b.pth")["part"], part)
