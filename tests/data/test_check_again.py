"""A second check reads only what has changed; a killed one goes on where it stopped."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from own_data import documented_json, write_json_dataset
from small_tree import TRAIN, VAL, annotation_xml, object_xml, write

from clab_lite.data.check import check_dataset, examine
from clab_lite.data.check.journal import Journal
from clab_lite.data.check.parts import ImagesPart, VideoPart
from clab_lite.errors import Notice

ALL = sorted([*TRAIN, VAL])


class Killed(BaseException):
    """Nothing handles it, like a kill."""


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """The keys of the parts that were read."""
    keys: list[str] = []
    for kind in (VideoPart, ImagesPart):
        whole = kind.check

        def note(part, whole=whole):
            keys.append(part.key)
            return whole(part)

        monkeypatch.setattr(kind, "check", note)
    return keys


def journal_of(tree) -> Path:
    return tree.root / ".clab_lite/check_folder.jsonl"


def check(tree, **options):
    return check_dataset(tree.root, progress=False, **options)


def test_what_has_not_changed_is_not_read_again(tree, read):
    first = check(tree)
    assert sorted(read) == ALL
    read.clear()
    second = check(tree)
    assert read == []
    assert "train: unchanged since an earlier check and not read again: 3 of 3 parts" in str(second)
    kept = [line for line in second.lines if "unchanged" not in line.text]
    assert kept == list(first.lines)
    check(tree, fresh=True)
    assert sorted(read) == ALL


@pytest.mark.parametrize("change", ["annotation", "image", "new file", "list", "classes"])
def test_what_has_changed_is_read_again(tree, read, change):
    check(tree)
    read.clear()
    if change == "annotation":
        write(tree.xml(TRAIN[1], 2), annotation_xml(object_xml(box=(0, 0, 9, 9))))
    elif change == "image":
        tree.jpeg(TRAIN[1], 2).write_bytes(tree.jpeg(TRAIN[1], 2).read_bytes()[:-2])
    elif change == "new file":
        write(tree.xml(TRAIN[1], 5), annotation_xml())
    elif change == "list":
        rows = (tree.root / "Lists/VID_train_15frames.txt").read_text().splitlines()
        rows = [f"{row[:-1]}4" if TRAIN[1] in row else row for row in rows if f"{TRAIN[1]} 1 4" not in row]
        write(tree.root / "Lists/VID_train_15frames.txt", "\n".join(rows))
    else:
        write(tree.root / "classes.txt", "car\n")
    report = check(tree)
    assert sorted(read) == (ALL if change == "classes" else [TRAIN[1]])
    assert report.ok == (change in ("annotation", "classes"))


def test_a_bad_video_is_read_until_it_is_mended(tree, read):
    content = tree.jpeg(TRAIN[0], 1).read_bytes()
    tree.jpeg(TRAIN[0], 1).write_bytes(b"text")
    check(tree)
    read.clear()
    assert not check(tree).ok
    assert read == [TRAIN[0]]
    tree.jpeg(TRAIN[0], 1).write_bytes(content)
    assert check(tree).ok
    read.clear()
    assert check(tree).ok
    assert read == []


def test_a_killed_check_goes_on_where_it_stopped(tree, read, monkeypatch):
    add, journals = Journal.add, []

    def add_and_die(journal, *result):
        add(journal, *result)
        journals.append(journal)  # kept: what it has not written yet must not reach the disk
        if len(journals) == 2:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "add", add_and_die)
        with pytest.raises(Killed):
            check(tree)
    assert [json.loads(line)["key"] for line in journal_of(tree).read_text().splitlines()] == TRAIN[:2]
    read.clear()
    assert check(tree).ok
    assert sorted(read) == sorted([TRAIN[2], VAL])


def test_a_line_that_was_cut_off_is_not_believed(tree, read):
    check(tree)
    lines = journal_of(tree).read_text().splitlines()
    assert len(lines) == 4
    journal_of(tree).write_text("\n".join([*lines[:2], "5", "{}", lines[2][:-30]]))
    read.clear()
    assert check(tree).ok
    assert len(read) == 2
    assert len(journal_of(tree).read_text().splitlines()) == 4


def test_videos_that_are_gone_leave_the_journal(tree, read):
    check(tree)
    write(tree.root / "Lists/VID_train_15frames.txt", "".join(f"{TRAIN[0]} 1 {f} 5\n" for f in range(5)))
    write(tree.xml(VAL, 0), annotation_xml())
    check(tree)
    assert len(journal_of(tree).read_text().splitlines()) == 2


def test_a_folder_that_cannot_be_written_is_remembered_elsewhere(tree, read, tmp_path):
    write(tree.root / ".clab_lite", "a file in the way")
    check(tree)
    assert len(list((tmp_path / "cache/clab_lite").glob("*_check_folder.jsonl"))) == 1
    read.clear()
    assert check(tree).ok
    assert read == []


def test_images_of_a_json_are_not_read_again(tmp_path, read):
    root = write_json_dataset(tmp_path, documented_json())
    check_dataset(root / "train.json", progress=False)
    assert sorted(read) == ["hall", "yard"]
    read.clear()
    (root / "yard/1.jpg").write_bytes(b"text")
    assert not check_dataset(root / "train.json", progress=False).ok
    assert read == ["yard"]


class AsProcesses(ThreadPoolExecutor):
    """Threads that take work and give results as processes do: as bytes. Real ones start for seconds."""

    def map(self, function, *columns):
        sent = super().map(pickle.dumps, [(function, row) for row in zip(*columns, strict=True)])
        return map(pickle.loads, super().map(work, sent))


def work(sent: bytes) -> bytes:
    function, row = pickle.loads(sent)
    return pickle.dumps(function(*row))


def test_processes_find_the_same_as_threads(tree, monkeypatch):
    tree.jpeg(TRAIN[0], 1).write_bytes(b"text")
    threads = check(tree, fresh=True)
    monkeypatch.setattr(examine, "MANY_FRAMES", 10)  # training has 15 frames, validation 5
    monkeypatch.setattr(examine, "fresh_processes", AsProcesses)
    assert check(tree, fresh=True, workers=2) == threads


def test_a_full_disk_does_not_end_a_check(tree, monkeypatch):
    """What was kept before stays; the rest is read again."""
    first, calls = check(tree, fresh=True), []

    class Full:
        name = str(journal_of(tree))

        def write(self, _):
            calls.append(1)
            raise OSError(28, "No space left on device")

        def close(self):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "_open", lambda _: Full())
    with pytest.warns(Notice, match="No space left on device.* the next check reads that again"):
        assert check(tree, fresh=True) == first
    assert calls
