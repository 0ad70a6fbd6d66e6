"""The stored index: used when nothing changed, rebuilt when anything did, harmless when it cannot be written."""

from __future__ import annotations

import os

import pytest
from small_tree import TRAIN, annotation_xml, object_xml, write

from clab_lite.data import cache, ilsvrc, open_dataset


@pytest.fixture
def builds(monkeypatch) -> list[int]:
    """Grows by one each time the XML files are really read."""
    calls: list[int] = []
    build = ilsvrc.build_table
    monkeypatch.setattr(ilsvrc, "build_table", lambda *args, **kw: (calls.append(1), build(*args, **kw))[1])
    return calls


def test_the_second_opening_reads_the_stored_index(tree, builds):
    first = open_dataset(tree.root, "train")
    second = open_dataset(tree.root, "train")
    assert len(builds) == 1
    assert second.videos == first.videos
    assert second.key_frames.tolist() == first.key_frames.tolist()
    assert second.annotation(1, 2).boxes.tolist() == first.annotation(1, 2).boxes.tolist()
    assert second.class_names == first.class_names
    assert sorted(p.name for p in (tree.root / ".clab_lite").iterdir()) == [".gitignore", "train.npz"]


def test_options_have_their_own_index(tree, builds):
    assert len(open_dataset(tree.root, "train").key_frames) == 15
    assert len(open_dataset(tree.root, "train", mmtracking_key_frames=True).key_frames) == 12
    assert len(open_dataset(tree.root, "train").key_frames) == 15
    assert len(builds) == 2


def test_a_changed_annotation_is_noticed(tree, builds):
    open_dataset(tree.root, "train")
    write(tree.xml(TRAIN[0], 1), annotation_xml(object_xml(box=(0, 0, 9, 9))))
    assert open_dataset(tree.root, "train").annotation(0, 1).boxes.tolist() == [[0, 0, 9, 9]]
    assert len(builds) == 2


def test_a_changed_list_is_noticed(tree, builds):
    open_dataset(tree.root, "train")
    write(tree.root / "Lists/VID_train_15frames.txt", f"{TRAIN[2]} 1 0 5\n")
    assert len(open_dataset(tree.root, "train")) == 1
    assert len(builds) == 2


def test_in_a_large_dataset_a_changed_folder_is_noticed(tree, builds, monkeypatch):
    monkeypatch.setattr("clab_lite.data.vid._FEW_FRAMES", 0)
    open_dataset(tree.root, "train")
    path = tree.xml(TRAIN[0], 1)
    path.rename(path.with_suffix(".old"))  # leaves a gap, which only a rebuild can see
    with pytest.raises(ValueError, match="is missing"):
        open_dataset(tree.root, "train")


def test_an_unknown_compression_is_built_again(tree, builds):
    open_dataset(tree.root, "train")
    stored = tree.root / ".clab_lite/train.npz"
    content = bytearray(stored.read_bytes())
    start = 0
    while (start := content.find(b"PK\x01\x02", start)) >= 0:  # the compression method in the zip's directory
        content[start + 10] = 99
        start += 4
    stored.write_bytes(content)
    assert len(open_dataset(tree.root, "train")) == 3
    assert len(builds) == 2


def test_without_a_home_the_dataset_still_opens(tree, monkeypatch):
    def home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr("pathlib.Path.home", home)
    refuse(monkeypatch, ["ILSVRC"])
    with pytest.warns(UserWarning, match="could not be stored"):
        assert len(open_dataset(tree.root, "train")) == 3


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a file", b"\x93NUMPY"])
def test_a_damaged_index_is_built_again(tree, builds, content):
    open_dataset(tree.root, "train")
    stored = tree.root / ".clab_lite/train.npz"
    whole = stored.read_bytes()
    for damaged in (content, whole[: len(whole) // 2]):
        stored.write_bytes(damaged)
        assert len(open_dataset(tree.root, "train")) == 3
    assert len(builds) == 3
    assert stored.stat().st_size == len(whole)


def refuse(monkeypatch, unwritable):
    """Make writing fail as on a full or read-only disk, for paths that hold one of these words."""
    write = cache.replaced

    def replaced(path):
        if any(word in str(path.parent) for word in unwritable):
            raise OSError(28, "No space left on device")
        return write(path)

    monkeypatch.setattr(cache, "replaced", replaced)


def test_a_read_only_dataset_uses_the_users_cache(tree, builds, monkeypatch, tmp_path):
    refuse(monkeypatch, ["ILSVRC"])
    open_dataset(tree.root, "train")
    open_dataset(tree.root, "train")
    assert len(builds) == 1
    assert len(list((tmp_path / "cache/clab_lite").glob("*_train.npz"))) == 1


def test_nowhere_to_write_is_a_warning(tree, monkeypatch):
    refuse(monkeypatch, ["ILSVRC", "cache"])
    with pytest.warns(UserWarning, match="No space left"):
        assert len(open_dataset(tree.root, "train")) == 3


def test_a_failing_write_leaves_nothing_behind(tree, monkeypatch):
    def fail(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.warns(UserWarning, match="No space left"):
        open_dataset(tree.root, "train")
    assert not list((tree.root / ".clab_lite").iterdir())


def test_cache_off_writes_nothing(tree):
    open_dataset(tree.root, "train", cache=False)
    assert not (tree.root / ".clab_lite").exists()
