"""Detections on disk: one file per video, so that an evaluation that dies goes on where it was.

    STORE/<digest of the manifest>/manifest.json          which weights, in which setting
    STORE/<digest of the manifest>/<video>_<digest>.npz   its frames so far; 21 bytes per detection

Other weights or another setting have another manifest, so another folder. The digest of a video is of its images: a
dataset that was changed in place is detected anew. A damaged file counts as missing. Everything in here can be
computed again: delete it when you need the room.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clab_lite.array_file import packed, read_arrays
from clab_lite.data.vid import VideoIndex
from clab_lite.errors import DataError
from clab_lite.files import replaced, write_json
from clab_lite.training.folder_lock import HeldFolder, hold

FORMAT = 1
"""Version of these files; raise it when older ones must not be used any more."""
_MANIFEST = "manifest.json"
_COLUMNS = ("frames", "counts", "boxes", "scores", "labels")
_FOLDER_CACHED = 90.0
"""Seconds after which a network file system shows what another machine has written; its default is 60 at most."""


@dataclass(frozen=True)
class VideoDetections:
    """D detections in K frames of one video, frame after frame, best first in each. On the CPU."""

    frames: NDArray[np.int32]
    """(K,) frame numbers, ascending; also of frames in which nothing was found."""
    counts: NDArray[np.int32]
    """(K,) detections of each."""
    boxes: NDArray[np.float32]
    """(D, 4) xyxy pixels of the stored frame."""
    scores: NDArray[np.float32]
    """(D,) in [0, 1]."""
    labels: NDArray[np.integer]
    """(D,) uint8; uint16 beyond 256 classes."""

    @classmethod
    def of(cls, found: dict[int, tuple[NDArray, NDArray, NDArray]], num_classes: int) -> VideoDetections:
        """From frame number -> (boxes (D, 4), scores (D,), labels (D,))."""
        order = sorted(found)
        label_type = np.uint8 if num_classes <= 256 else np.uint16
        return cls(
            np.array(order, np.int32),
            np.array([len(found[frame][1]) for frame in order], np.int32),
            np.concatenate([np.zeros((0, 4), np.float32), *(found[frame][0] for frame in order)], dtype=np.float32),
            np.concatenate([np.zeros(0, np.float32), *(found[frame][1] for frame in order)], dtype=np.float32),
            np.concatenate([np.zeros(0, np.int64), *(found[frame][2] for frame in order)]).astype(label_type),
        )

    def columns(self) -> dict[str, NDArray]:
        """Its arrays by name, as a file of the store holds them; `VideoDetections(**columns)` is the same again."""
        return {name: getattr(self, name) for name in _COLUMNS}

    @property
    def frame_of_row(self) -> NDArray[np.int32]:
        """(D,) frame number of each detection."""
        return np.repeat(self.frames, self.counts)

    def of_frames(self, frames: NDArray[np.integer]) -> VideoDetections:
        """Only these frames, as far as they are there."""
        kept, rows = np.isin(self.frames, frames), np.isin(self.frame_of_row, frames)
        return VideoDetections(
            self.frames[kept], self.counts[kept], self.boxes[rows], self.scores[rows], self.labels[rows]
        )

    def joined(self, other: VideoDetections) -> VideoDetections:
        """Both; they share no frame."""
        order = np.argsort(np.concatenate((self.frames, other.frames)), kind="stable")
        rows = np.argsort(np.concatenate((self.frame_of_row, other.frame_of_row)), kind="stable")
        return VideoDetections(
            np.concatenate((self.frames, other.frames))[order],
            np.concatenate((self.counts, other.counts))[order],
            np.concatenate((self.boxes, other.boxes))[rows],
            np.concatenate((self.scores, other.scores))[rows],
            np.concatenate((self.labels, other.labels))[rows],
        )


Found = Callable[[int], VideoDetections]
"""Position of a video in an index -> what was found in it. A video is read when it is asked for, and not kept."""


@dataclass(frozen=True)
class Manifest:
    """All that detections depend on, apart from the images."""

    weights: str
    """`digest_of_weights`."""
    settings: str
    """Of the detector, as text."""
    long_side: int
    short_side: int
    references: int
    precision: str
    class_names: tuple[str, ...]
    format: int = FORMAT

    @property
    def digest(self) -> str:
        """Twelve characters that tell it from other manifests."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


class DetectionStore:
    """The detections of one detector in one setting."""

    def __init__(self, folder: str | Path, manifest: Manifest, index: VideoIndex) -> None:
        """Nothing is written before `add`.

        Args:
            folder: what holds the stores of all detectors.
            manifest: of this detector.
            index: the dataset; its videos are called by their position.
        """
        self.folder = Path(folder) / manifest.digest
        self._manifest, self._index = manifest, index
        self._digests: dict[int, str] = {}
        self._held: HeldFolder | None = None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the folder for the block: two evaluations do not do the same work, and what was half written is
        removed. Of several processes that evaluate together the main one does this, for all.

        DataError when another process is working in it."""
        with hold(self.folder) as self._held:
            write_json(self.folder / _MANIFEST, asdict(self._manifest))
            yield

    def require_shared(self) -> None:
        """In a process that the main one holds the folder for: DataError when it does not see the same folder."""
        remedy = "Let all machines see the folder of detections: give them a run folder, or --out, on a shared disk."
        self._await([self.folder / _MANIFEST], remedy)

    def require_written(self, videos: Iterable[int]) -> None:
        """DataError when the files that other processes wrote are not seen here."""
        self._await([self.path(video) for video in videos], "Run the evaluation again.")

    def _await(self, paths: Sequence[Path], remedy: str) -> None:
        """Wait for files of another machine. Listing their folder makes a network file system look anew: it may
        remember that they were not there."""
        until = time.monotonic() + _FOLDER_CACHED
        while missing := [path for path in paths if not path.exists()]:
            if time.monotonic() > until:
                raise DataError.at(missing[0], "", "another process wrote this file, but it is not seen here", remedy)
            for folder in (self.folder.parent, self.folder):
                with suppress(OSError):
                    os.listdir(folder)
            time.sleep(0.5)

    def read(self, video: int) -> VideoDetections | None:
        """What is stored of a video; None when there is nothing, or it is damaged."""
        try:
            found = VideoDetections(**read_arrays(self.path(video), _COLUMNS))
            classes, frames = len(self._manifest.class_names), self._index.videos[video].frame_count
            return found if _is_sound(found, frames, classes) else None
        except Exception:  # a damaged file fails in as many ways as zip and numpy know: detect again
            return None

    def missing(self, video: int, frames: NDArray[np.integer]) -> NDArray[np.integer]:
        """Which of these frames have still to be detected."""
        found = self.read(video)
        return frames if found is None else frames[~np.isin(frames, found.frames)]

    def add(self, video: int, found: VideoDetections) -> None:
        """Store more frames of a video, whole or not at all; earlier ones stay.

        Raises:
            DataError: somebody has removed the folder.
            OSError: it cannot be written.
        """
        if self._held is not None:
            self._held.require_there()
        known = self.read(video)
        if known is not None:
            rest = known.of_frames(np.setdiff1d(known.frames, found.frames))
            found = rest.joined(found)
        with replaced(self.path(video)) as beside:
            beside.write_bytes(packed(found.columns()))

    def path(self, video: int) -> Path:
        """The file of a video."""
        if video not in self._digests:
            self._digests[video] = digest_of_video(self._index, video)
        last = self._index.videos[video].name.rpartition("/")[2]
        return self.folder / f"{re.sub(r'[^A-Za-z0-9._-]', '-', last)[:60]}_{self._digests[video]}.npz"


def _is_sound(found: VideoDetections, frame_count: int, classes: int) -> bool:
    """Whether the columns fit each other: a file that someone else wrote must not bring down an evaluation."""
    frames, counts, labels = found.frames, found.counts, found.labels
    kinds = [column.dtype.kind for column in (frames, counts, found.boxes, found.scores, labels)]
    if kinds[:4] != ["i", "i", "f", "f"] or kinds[4] not in "iu" or frames.ndim != 1 or frames.shape != counts.shape:
        return False
    length = int(counts.sum())
    if (counts < 0).any() or found.boxes.shape != (length, 4) or not found.scores.shape == labels.shape == (length,):
        return False
    ascending = (np.diff(frames) > 0).all() and (not len(frames) or (frames[0] >= 0 and frames[-1] < frame_count))
    scored = (found.scores >= 0).all() and (found.scores <= 1).all() and np.isfinite(found.boxes).all()
    return bool(ascending and scored and (labels >= 0).all() and (labels < classes).all())


def digest_of_weights(detector: nn.Module) -> str:
    """A digest of all weights and buffers with their names, wherever they are."""
    digest = hashlib.sha256()
    for name, value in sorted(detector.state_dict().items()):
        tensor: Tensor = value.detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def digest_of_video(index: VideoIndex, video: int) -> str:
    """Twelve characters from a video's name, the sizes and times of its image files, and the content of three of them.

    Times tell an image that was replaced by one of the same size. So a dataset that was copied without its times is
    detected anew.
    """
    digest, count = hashlib.sha256(index.videos[video].name.encode()), index.videos[video].frame_count
    paths = [index.image_path(video, frame) for frame in range(count)]
    for path in paths:
        try:
            status = os.stat(path)
            digest.update(f" {status.st_size} {status.st_mtime_ns}".encode())
        except OSError:  # told when the frame is needed
            digest.update(b" missing")
    for frame in sorted({0, count // 2, count - 1}) if count else ():
        if paths[frame].is_file():
            digest.update(paths[frame].read_bytes())
    return digest.hexdigest()[:12]
