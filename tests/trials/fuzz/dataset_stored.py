"""What the library itself stored beside a dataset, and somebody else may have changed: an index, a journal."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import zipfile
from collections import Counter
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from clab_lite.data import cache as index_cache
from clab_lite.data.check import check_dataset
from clab_lite.data.check.examine import Examined
from clab_lite.data.check.journal import Journal
from clab_lite.data.check.parts import ImagesPart
from clab_lite.data.vid import open_dataset
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError
from trials.fuzz.mutate import BYTES
from trials.fuzz.mutate_json import changed_json
from trials.fuzz.target import Target, one_file, write
from trials.fuzz.use import use_index, use_lines
from trials.fuzz.worlds import ilsvrc_tree

_INDEX, _JOURNAL = ".clab_lite/train.npz", ".clab_lite/check_folder.jsonl"


@cache
def _stored() -> dict[str, bytes]:
    """Both files, as the library writes them."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz_"))
    try:
        write(folder, ilsvrc_tree())
        open_dataset(folder, "train", progress=False)
        check_dataset(folder, progress=False, workers=1)
        return {name: (folder / name).read_bytes() for name in (_INDEX, _JOURNAL)}
    finally:
        shutil.rmtree(folder)


@cache
def _stamp() -> str:
    with np.load(io.BytesIO(_stored()[_INDEX]), allow_pickle=False) as stored:
        return json.loads(stored["text"].tobytes())["fingerprint"]


def _changed_arrays(rng: Random, content: bytes) -> bytes:
    """One of the arrays is another, in a file that is in order otherwise; some are packed."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = dict(stored)
    except Exception:  # spoiled by an earlier change
        return content
    name = rng.choice(sorted(arrays))
    with suppress(ValueError, TypeError):  # text that was made of numbers before
        arrays[name] = rng.choice((_other_value, _other_shape, _other_type))(rng, arrays[name])
    if rng.random() < 0.5 and "text" in arrays:
        text = changed_json(rng, arrays["text"].tobytes())
        arrays["text"] = np.frombuffer(text, np.uint8)
    stream = io.BytesIO()
    (np.savez_compressed if rng.random() < 0.1 else np.savez)(stream, **arrays)
    return stream.getvalue()


def _other_value(rng: Random, array: np.ndarray) -> np.ndarray:
    changed, kind = array.copy().reshape(-1), array.dtype.kind
    extreme: tuple = {"f": (np.nan, np.inf, -1e38), "b": (True, False)}.get(kind, (0,))
    if kind in "iu":
        extreme = (np.iinfo(array.dtype).max, np.iinfo(array.dtype).min, 0, 1)
    if changed.size:
        changed[rng.randrange(changed.size)] = rng.choice(extreme)
    return changed.reshape(array.shape)


def _other_shape(rng: Random, array: np.ndarray) -> np.ndarray:
    return rng.choice((array[:-1], array[:0], array.reshape(-1), array[None], np.concatenate((array, array))))


def _other_type(rng: Random, array: np.ndarray) -> np.ndarray:
    if rng.random() < 0.2:
        return np.array([{}, []], object)  # a pickle
    return array.astype(rng.choice((np.float64, np.int8, np.uint64, "S3", "M8[s]")))


def _bomb(rng: Random, _content: bytes) -> bytes:
    """A few bytes that unpack to, or say that they hold, very many."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        count = 10**12 if rng.random() < 0.5 else 300_000_000
        header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({count},), }}".ljust(117) + "\n"
        content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
        archive.writestr("text.npy", content + bytes(2_000_000))
    return stream.getvalue()


def _changed_line(rng: Random, content: bytes) -> bytes:
    lines = content.splitlines() or [b""]
    position = rng.randrange(len(lines))
    lines[position] = changed_json(rng, lines[position])
    return b"\n".join(lines) + b"\n"


def _read_index(path: Path) -> None:
    root = path.parents[1]
    table = index_cache.load(root, "train", _stamp())
    if table is None:
        raise DataError(f"{path}: it is built again. Nothing is to be done.")
    use_index(VideoIndex(table, root / "Data/VID", root / "Data/DET"), root)


def _read_journal(path: Path) -> None:
    journal = Journal(path.parents[1], "folder")
    keys = [json.loads(line)["key"] for line in _stored()[_JOURNAL].decode().splitlines()]
    known = [key for key in keys if journal.stamp(key, images=2) is not None]
    results = [journal.result(key) for key in known]
    parts = [ImagesPart(key, ((path, None),) * 2) for key in known]
    use_lines(Examined(parts, results, len(parts)).lines("train", "videos", Counter()))
    if len(known) < len(keys):
        raise DataError(f"{path}: {len(keys) - len(known)} parts are read again. Nothing is to be done.")


TARGETS: tuple[Target, ...] = (
    one_file(
        "stored index", _INDEX, lambda: [_stored()[_INDEX]],
        (*BYTES, *(_changed_arrays,) * 10, _bomb), _read_index, 2_000,
    ),
    one_file(
        "journal of a check", _JOURNAL, lambda: [_stored()[_JOURNAL]],
        (*BYTES, *(_changed_line,) * 8), _read_journal, 3_000,
    ),
)  # fmt: skip
