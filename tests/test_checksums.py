"""Shipped files are those that were shipped."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from clab_lite.checksums import SUMS, listed_anew, require_sum
from clab_lite.errors import DataError
from clab_lite.lessons import codo, crosscl
from clab_lite.study import open_study
from clab_lite.study.comparison import open_comparison
from clab_lite.study.ranked import read_records
from clab_lite.trained import load_run

SHIPPED = Path(__file__).parents[1] / "data_samples"
LISTED = sorted(SHIPPED.rglob(SUMS))


def test_every_shipped_file_is_listed_and_is_what_the_list_says() -> None:
    names = {path.parent.relative_to(SHIPPED).as_posix() for path in LISTED}
    assert names == {"trained", "study", "methods/codo", "methods/crosscl", "methods/ranked", "methods/comparison"}
    for path in LISTED:
        rows = dict(line.split("  ")[::-1] for line in path.read_text(encoding="utf-8").splitlines())
        data = {file.name for file in path.parent.iterdir() if file.suffix in (".json", ".csv", ".npz", ".safetensors")}
        assert rows.keys() == data, path
        for name in rows:
            require_sum(path.with_name(name))


READERS: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("trained/clab.safetensors", load_run),
    ("study/records.json", lambda path: open_study(path.parent)),
    ("study/clouds.npz", lambda path: open_study(path.parent)),
    ("study/points_frame.csv", lambda path: open_study(path.parent)),
    ("methods/codo/records.json", codo.measured_runs),
    ("methods/crosscl/records.json", crosscl.measured_runs),
    ("methods/ranked/records.json", lambda path: read_records(path.parent)),
    ("methods/comparison/comparison.json", lambda path: open_comparison(path.parent)),
)


@pytest.mark.parametrize(("name", "read"), READERS, ids=[name for name, _ in READERS])
def test_a_changed_file_is_refused_where_it_is_read(name: str, read: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / name
    shutil.copytree((SHIPPED / name).parent, path.parent)
    read(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    says = rf"{path.name}: its SHA-256 begins with \w{{8}}, SHA256SUMS beside it says \w{{8}}.*git checkout"
    with pytest.raises(DataError, match=says):
        read(path)


def test_a_pointer_and_the_line_ends_of_windows(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{\n"a": 1}\n')
    (tmp_path / "b.safetensors").write_bytes(b"1\n2")
    with listed_anew(tmp_path, ["a.json", "b.safetensors"]):
        pass
    (tmp_path / "a.json").write_bytes(b'{\r\n"a": 1}\r\n')
    require_sum(tmp_path / "a.json")
    (tmp_path / "b.safetensors").write_bytes(b"1\r\n2")
    with pytest.raises(DataError, match="damaged or replaced"):
        require_sum(tmp_path / "b.safetensors")
    (tmp_path / "b.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n")
    with pytest.raises(DataError, match=r"is a Git LFS pointer, .*git lfs pull"):
        require_sum(tmp_path / "b.safetensors")


def test_nothing_is_asked_of_files_that_nobody_lists(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}")
    require_sum(tmp_path / "mine.json")
    (tmp_path / SUMS).write_text(f"{'0' * 64}  other.json\nno line of a list at all\n")
    require_sum(tmp_path / "mine.json")
    require_sum(tmp_path / "other.json")  # it is not there: who reads it will say so
    (tmp_path / SUMS).write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"SHA256SUMS: cannot be read"):
        require_sum(tmp_path / "mine.json")


def test_a_killed_writer_leaves_no_wrong_line(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("1")
    (tmp_path / "b.json").write_text("1")
    with listed_anew(tmp_path, ["a.json", "b.json"]):
        pass
    with suppress(KeyboardInterrupt), listed_anew(tmp_path, ["a.json"]):
        (tmp_path / "a.json").write_text("2")
        raise KeyboardInterrupt
    require_sum(tmp_path / "a.json")
    assert (tmp_path / SUMS).read_text().split()[1:] == ["b.json"]


def test_lines_that_other_programs_wrote(tmp_path: Path) -> None:
    """Large letters, names with spaces, the star of `sha256sum --binary`; such lines stay when the list is written."""
    (tmp_path / "my file.npz").write_bytes(b"1")
    digest = hashlib.sha256(b"1").hexdigest()
    (tmp_path / SUMS).write_text(f"{digest.upper()} *my file.npz\n")
    require_sum(tmp_path / "my file.npz")
    with listed_anew(tmp_path, ["a.json"]):
        (tmp_path / "a.json").write_text("1")
    (tmp_path / "my file.npz").write_bytes(b"2")
    with pytest.raises(DataError, match="damaged or replaced"):
        require_sum(tmp_path / "my file.npz")
