"""Datasets whose lists, names and stored files lead elsewhere, claim too much, or never end."""

from __future__ import annotations

import json
import os
import sys
import tracemalloc
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from own_data import documented_json, write_json_dataset
from small_tree import TRAIN, VAL, write
from voc_folder import CAT, write_voc

from clab_lite.data import cache
from clab_lite.data.check import check_dataset
from clab_lite.data.vid import open_dataset
from clab_lite.data.voc import VOC_FOLDER
from clab_lite.errors import DataError

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes are POSIX here")
OUTSIDE = ["../../../etc/passwd", "/etc/passwd", "a/../../b", "..\\..\\b", "\\\\host\\share\\a", "C:\\a", "C:a"]
FIFTEEN, VIDEOS = "Lists/VID_train_15frames.txt", "Lists/VID_val_videos.txt"


def opened(root: Path, split: str = "train", **options: bool) -> DataError | None:
    """The error of opening it, if there is one; a check must find one too."""
    try:
        open_dataset(root, split, cache=False, progress=False, **options)
    except DataError as error:
        assert not check_dataset(root, progress=False, workers=1, fresh=True).ok
        return error
    return None


@pytest.mark.parametrize(("name", "row"), [
    (FIFTEEN, f"{TRAIN[0]} 1 0 1000000000"), (FIFTEEN, f"{TRAIN[0]} 1 0 9999999"),
    (FIFTEEN, f"{TRAIN[0]} 1 {'9' * 5000} 5"), (FIFTEEN, f"{TRAIN[0]} 1 0 {'9' * 18}"),
    (VIDEOS, f"{VAL} 1 0 1000000000"), (VIDEOS, f"{VAL} 1 0 9999999"), (VIDEOS, f"{VAL} 1 0 {'9' * 5000}"),
    (FIFTEEN, f"{'a' * 300} 1 0 5"), (FIFTEEN, f"{'a/' * 3000} 1 0 5"), (FIFTEEN, "train/\x1b[2J 1 0 5"),
])  # fmt: skip
def test_lists_that_claim_too_much(tree, name, row):
    write(tree.root / name, f"{row}\n")
    tracemalloc.start()
    try:
        error = opened(tree.root, "train" if name == FIFTEEN else "val")
        assert error is not None and len(str(error)) < 2_000 and str(error).isprintable()
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", OUTSIDE)
def test_names_in_lists_stay_in_the_dataset(tree, tmp_path, name):
    for split, file, row in (("train", FIFTEEN, f"{name} 1 0 5"), ("val", VIDEOS, f"{name} 1 0 5")):
        write(tree.root / file, f"{row}\n")
        with pytest.raises(DataError, match=r"line 1: .* leaves the dataset"):
            open_dataset(tree.root, split, cache=False)
        (tree.root / file).unlink()
    write(tree.root / "Lists/DET_train_30classes.txt", f"{name} 1\n")
    (tree.root / "Annotations/DET").mkdir()
    with pytest.raises(DataError, match=r"DET_train_30classes\.txt, line 1: .* leaves the dataset"):
        open_dataset(tree.root, include_det=True, cache=False)
    root = write_voc(tmp_path / "voc", {"000005": CAT})
    write(root / VOC_FOLDER / "ImageSets/Main/trainval.txt", f"{name}\n")
    with pytest.raises(DataError, match=r"trainval\.txt, line 1: .* leaves the dataset"):
        open_dataset(root, progress=False)


@pytest.mark.parametrize("name", [*OUTSIDE, "a\0b", "a\nb", "\x1b[2J", "\ud800", "a/\udc80.jpg", ""])
def test_names_in_json_files(tmp_path, name):
    for kind, key in (("images", "file_name"), ("videos", "name")):
        content = documented_json()
        content.setdefault("videos", [{"id": image["video_id"], "name": "v"} for image in content["images"][:1]])
        write_json_dataset(tmp_path, documented_json())
        content[kind][0][key] = name
        (tmp_path / "train.json").write_text(json.dumps(content))
        error = opened(tmp_path)
        assert error is not None and f"{kind[:-1]} " in str(error) and f"{key} is" in str(error)


def damaged(what: str) -> dict:
    """The documented json with one impossible value."""
    content = documented_json()
    image, item = content["images"][1], content["annotations"][0]
    changes = {
        "two images": lambda: image.update(id=content["images"][0]["id"]),
        "two categories": lambda: content["categories"].append(dict(content["categories"][0])),
        "a frame of 10⁹": lambda: image.update(frame_id=10**9),
        "a side of 10⁹": lambda: image.update(width=10**9),
        "a huge id": lambda: image.update(id=2**63),
        "NaN": lambda: item.update(bbox=[0, 0, float("nan"), 1]),
        "infinity": lambda: item.update(bbox=[0, 0, float("inf"), 1]),
        "a huge box": lambda: item.update(bbox=[0, 0, 10**400, 1]),
        "a far box": lambda: item.update(bbox=[-(10**7), 0, 1, 1]),
        "area NaN": lambda: item.update(area=float("nan")),
        "a list as id": lambda: item.update(image_id=[1]),
        "nested": lambda: item.update(bbox=[[[[[1]]]]] * 4),
        "classes": lambda: content["categories"].extend({"id": 9 + n, "name": f"c{n}"} for n in range(40_000)),
    }
    changes[what]()
    return content


@pytest.mark.parametrize("what", [
    "two images", "two categories", "a frame of 10⁹", "a side of 10⁹", "a huge id", "NaN", "infinity", "a huge box",
    "a far box", "area NaN", "a list as id", "nested", "classes",
])  # fmt: skip
def test_values_in_json_files(tmp_path, what):
    write_json_dataset(tmp_path, documented_json())
    (tmp_path / "train.json").write_text(json.dumps(damaged(what)))
    error = opened(tmp_path)
    assert error is not None and str(error).startswith(f"{tmp_path}/train.json".replace("/", os.sep))


def test_json_with_a_mark_and_with_keys_given_twice(tmp_path):
    """Some editors write the mark. Of a key that is there twice, json takes the last."""
    write_json_dataset(tmp_path, documented_json())
    text = json.dumps(documented_json())
    (tmp_path / "train.json").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert opened(tmp_path) is None
    (tmp_path / "train.json").write_text('{"images": 3, ' + text[1:])
    assert opened(tmp_path) is None


@POSIX
@pytest.mark.parametrize("kind", ["pipe", "folder", "loop", "device", "nowhere"])
@pytest.mark.parametrize("name", [FIFTEEN, "classes.txt", "troubles.json", f"Annotations/VID/{TRAIN[0]}/000001.xml",
                                  f"Data/VID/{TRAIN[0]}/000001.JPEG", ".clab_lite/train.npz",
                                  ".clab_lite/check_folder.jsonl"])  # fmt: skip
def test_what_is_no_file_does_not_hang(tree, name, kind):
    path = tree.root / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to({"loop": path.name, "device": "/dev/zero", "nowhere": "nothing"}[kind])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for use in (lambda: open_dataset(tree.root), lambda: open_dataset(tree.root).load_image(0, 1)):
            with suppress(DataError):
                use()
    assert str(check_dataset(tree.root, progress=False))


def test_stills_of_which_none_is_there(tree):
    write(tree.root / "Lists/DET_train_30classes.txt", "train/a/0 1\n")
    (tree.root / "Annotations/DET").mkdir()
    assert "no listed image has an annotation" in str(opened(tree.root, include_det=True))


@POSIX
def test_frames_may_lie_on_another_disk(tree, tmp_path):
    """Links that somebody put there are followed; names in files that lead out are not."""
    (tree.root / "Data").rename(tmp_path / "other_disk")
    (tree.root / "Data").symlink_to(tmp_path / "other_disk")
    assert open_dataset(tree.root).load_image(0, 1).shape == (3, 48, 64)
    (tree.root / "Annotations/VID/train/around").symlink_to(tree.root / "Annotations")
    assert len(open_dataset(tree.root, cache=False)) == 3


def test_a_stored_index_is_not_trusted(tree):
    """With the right fingerprint, whatever is in it: it is built again."""
    expected = open_dataset(tree.root).annotation(0, 0).boxes.tolist()
    stored = tree.root / ".clab_lite/train.npz"
    with np.load(stored) as file:
        arrays = dict(file)
    text = json.loads(arrays["text"].tobytes())
    changes: list[dict] = [
        {"boxes": np.full_like(arrays["boxes"], np.nan)},
        {"labels": arrays["labels"] + 100},
        {"frame_counts": arrays["frame_counts"] * 10**9},
        {"box_offsets": arrays["box_offsets"][::-1]},
        {"listed_key_frames": arrays["listed_key_frames"] + 100},
        {"unannotated": np.array([10**6])},
        {"boxes": np.array([{}], object)},
        {"names": ["../../../etc", *text["names"][1:]]},
        {"file_names": ["../secret"] * 15},
        {"file_names": [3] * 15},
        {"counts": [1]},
        {"class_names": []},
        {"class_names": ["\x1b[2J", *text["class_names"][1:]]},
    ]
    for change in changes:
        words = {key: value for key, value in change.items() if key in text}
        content = np.frombuffer(json.dumps(text | words).encode(), np.uint8)
        np.savez(stored, **(arrays | {k: v for k, v in change.items() if k not in text} | {"text": content}))
        assert cache.load(tree.root, "train", text["fingerprint"]) is None, change
        assert open_dataset(tree.root).annotation(0, 0).boxes.tolist() == expected
        assert cache.load(tree.root, "train", text["fingerprint"]) is not None


def test_a_stored_index_is_not_unpacked(tree):
    open_dataset(tree.root)
    stored = tree.root / ".clab_lite/train.npz"
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (200000000,), }".ljust(117) + b"\n"
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("text.npy", "w") as entry:
        entry.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        for _ in range(200):
            entry.write(bytes(1_000_000))
    assert stored.stat().st_size < 1_000_000
    tracemalloc.start()
    assert cache.load(tree.root, "train", "") is None
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


JOURNAL_LINES = [
    "", "{", "[]", "3", "[" * 200_000, '{"key": []}', "\0", "\u2028",
    '{"key": "K", "stamp": "S", "frames": "x", "objects": 1, "counts": {}, "marks": ""}',
    '{"key": "K", "stamp": "S", "frames": 1, "objects": -1, "counts": {}, "marks": ""}',
    '{"key": "K", "stamp": "S", "frames": 1, "objects": 1, "counts": [1], "marks": ""}',
    '{"key": "K", "stamp": "S", "frames": 1, "objects": 1, "counts": {"a": NaN}, "marks": ""}',
    '{"key": "K", "stamp": "S", "frames": 1, "objects": 1, "counts": {}, "marks": "AAA"}',
    '{"key": "K", "stamp": "S", "frames": 1, "objects": 1, "counts": {}, "marks": "AAAA"}',
    '{"key": "K", "stamp": "S", "frames": 1, "objects": 1, "counts": {}, "marks": 3}',
    '{"key": "K", "stamp": "S", "frames": 1, "objects": 1, "counts": {}, "marks": "' + "AAAAAAAAAAA=" + '"}',
]  # fmt: skip


@pytest.mark.parametrize("line", JOURNAL_LINES)
def test_a_journal_is_not_trusted(tree, line):
    """Lines under the names and stamps of real parts that `check` did not write: those parts are read again."""
    first = str(check_dataset(tree.root, progress=False))
    journal = tree.root / ".clab_lite/check_folder.jsonl"
    rows = [json.loads(row) for row in journal.read_text().splitlines()]
    lines = [line.replace("K", row["key"]).replace("S", row["stamp"]) for row in rows]
    journal.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert str(check_dataset(tree.root, progress=False)).splitlines()[-1] == first.splitlines()[-1]


@POSIX
def test_what_is_stored_follows_no_link(tree, tmp_path):
    """A dataset that was unpacked from an archive can hold links to anywhere."""
    (tree.root / ".clab_lite").mkdir()
    for name in (".gitignore", "train.npz", "check_folder.jsonl"):
        (tree.root / ".clab_lite" / name).symlink_to(tmp_path / f"mine{name}")
    open_dataset(tree.root)
    check_dataset(tree.root, progress=False)
    assert not list(tmp_path.glob("mine*"))


def test_check_of_classes_that_a_terminal_would_obey(tmp_path):
    content = documented_json()
    content["categories"][0]["name"] = "\x1b]0;owned\x07"
    write_json_dataset(tmp_path, documented_json())
    (tmp_path / "train.json").write_text(json.dumps(content))
    assert str(check_dataset(tmp_path, progress=False)).replace("\n", "").isprintable()
