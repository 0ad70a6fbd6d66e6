"""Run a detector over a dataset, or a part of it: video after video, onto the disk or into memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from clab_lite.array_file import packed, unpacked
from clab_lite.config import FrameConfig
from clab_lite.data.selection import Selection
from clab_lite.data.subset import Subset
from clab_lite.data.vid import VideoIndex
from clab_lite.detection_store import DetectionStore, Found, VideoDetections
from clab_lite.errors import DataError
from clab_lite.frame_detections import (
    FrameDetections,
    Precision,
    Setting,
    detect_video,
    require_number_of_classes,
)
from clab_lite.frames import device_type, inference
from clab_lite.shares import share_out
from clab_lite.team import Team, team
from clab_lite.team_bar import team_bar

__all__ = ["FrameDetections", "Precision", "detect_dataset", "detect_selection"]

_Work = Mapping[int, NDArray[np.integer]]
"""video -> its frames."""


def detect_dataset(
    detector: Any,
    index: VideoIndex,
    *,
    subset: Subset | None = None,
    transform: FrameConfig | None = None,
    references: int | None = None,
    device: str | torch.device | None = None,
    precision: Precision = "float32",
    progress: bool = True,
) -> Iterator[FrameDetections]:
    """Detections of every frame, video after video.

    Each video is remembered once, by `references` frames spread evenly over it (the official test mode).

    Args:
        detector: a module that has `remember` and `detect` (see `clab_lite.detector.video.Detector`) and `config`;
            computes in eval mode, and is given back in its own mode.
        index: the videos.
        subset: only its frames; None is every annotated frame.
        transform: frame size; None is the detector's own, that of its training.
        references: reference frames per video; None is the number in the detector's configuration.
        device: where to compute; None stays where the detector's weights are.
        precision: "bfloat16" computes under autocast.
        progress: show a bar with the time left.

    Of several processes, each goes through all frames by itself: `detect_selection` divides them.

    Raises:
        DataError: the detector has another number of classes than the dataset; a frame cannot be read.
        NotFinite: what the detector computes is not finite; the message names video, frame and layer.
    """
    require_number_of_classes(detector, index)
    selection = (subset or Subset()).select(index)
    work = dict(zip(selection.videos.tolist(), selection.frames, strict=True))
    setting = Setting.of(detector, transform, references, precision)
    bar = tqdm(total=len(selection.rows), unit="frame", desc="evaluate", disable=not progress)
    with bar, inference(detector, device) as place:
        for video, frames in work.items():
            for result in detect_video(detector, index, video, frames, setting, place):
                bar.update()
                yield result


def detect_selection(
    detector: Any,
    index: VideoIndex,
    selection: Selection,
    *,
    store: str | Path | None = None,
    transform: FrameConfig | None = None,
    references: int | None = None,
    device: str | torch.device | None = None,
    precision: Precision = "float32",
    progress: bool = True,
) -> Found:
    """Detect the frames of a selection, as far as the store does not hold them. Arguments as in `evaluate`.

    Several processes divide the videos among them; each of them has to call this, with the same arguments.

    Returns:
        video (position in the index) -> what was found in it, at least in its selected frames. Without a store, the
        main process alone has it; in the others it raises DataError.
    """
    require_number_of_classes(detector, index)
    setting = Setting.of(detector, transform, references, precision)
    work = dict(zip(selection.videos.tolist(), selection.frames, strict=True))
    with team(device_type(detector, device)) as us:
        job = _Job(detector, index, setting, device, progress, us)
        if us.size > 1:
            chosen = hashlib.sha256(selection.rows.tobytes()).hexdigest()
            us.require_same("detector, setting or choice of frames", setting.manifest(detector, index).digest + chosen)
        return _into_memory(job, work) if store is None else _into_store(job, work, store)


def _into_memory(job: _Job, work: _Work) -> Found:
    """Each process detects its own videos, and the main one gathers them."""
    us, videos = job.us, dict[int, VideoDetections]()
    owners = dict(zip(work, share_out([len(frames) for frames in work.values()], us.size), strict=True))
    own = {video: frames for video, frames in work.items() if owners[video] == us.rank}
    job.detect(own, videos.__setitem__, total=sum(map(len, work.values())))
    for video, owner in owners.items():
        content = us.to_main(owner, packed(videos.pop(video).columns()) if owner == us.rank != 0 else b"")
        if us.is_main and owner:
            videos[video] = VideoDetections(**unpacked(content))

    def found(video: int) -> VideoDetections:
        if not us.is_main:
            raise DataError("the detections of all processes are in the main one. Ask there, or use a store.")
        return videos[video]

    return found


def _into_store(job: _Job, work: _Work, store: str | Path) -> Found:
    """Each process writes the files of its own videos; the main one alone decides which, and holds the folder."""
    us, place = job.us, DetectionStore(store, job.setting.manifest(job.detector, job.index), job.index)
    total = sum(map(len, work.values()))

    with ExitStack() as held:

        def plan() -> bytes:
            missing = {video: left for video, frames in work.items() if len(left := place.missing(video, frames))}
            if missing:
                held.enter_context(place.writing())
            lengths = [len(frames) for frames in missing.values()]
            owners = share_out(lengths, us.size)
            names = [place.path(video).name for video in missing]
            return json.dumps(list(zip(missing, owners, lengths, names, strict=True))).encode()

        planned = json.loads(us.from_main(plan))
        own = {video: name for video, owner, _, name in planned if owner == us.rank}
        if planned:
            _require_same_files(job, place, own)
            todo = {video: place.missing(video, work[video]) for video in own}
            job.detect(todo, place.add, total=total, done=total - sum(length for _, _, length, _ in planned))
        if us.is_main:
            place.require_written(video for video, owner, _, _ in planned if owner)

    def found(video: int) -> VideoDetections:
        result = place.read(video)
        if result is None:
            raise DataError.at(place.path(video), "", "the detections are gone", "Run the evaluation again.")
        return result

    return found


def _require_same_files(job: _Job, place: DetectionStore, own: Mapping[int, str]) -> None:
    """Before hours of work: the main process will look for the files that this one is about to write."""
    if job.us.is_main:
        return
    place.require_shared()
    for video, name in own.items():
        if place.path(video).name != name:
            problem = f"process {job.us.rank} sees other images than the main process, or other times of their files"
            remedy = "Let all machines read one dataset, or copies with the same times (cp -a, rsync -a)."
            raise DataError.at(job.index.videos[video].name, "", problem, remedy)


@dataclass(frozen=True)
class _Job:
    """What detects, where, and with whom."""

    detector: Any
    index: VideoIndex
    setting: Setting
    device: str | torch.device | None
    progress: bool
    us: Team

    def detect(self, own: _Work, keep: Callable[[int, VideoDetections], None], *, total: int, done: int = 0) -> None:
        """Detect frames of videos, and hand over each video when it is complete; then wait for the other processes.

        Args:
            own: of this process.
            keep: is given each video.
            total, done: frames of all processes, and how many of them are there already: for the bar.
        """
        bar = team_bar(self.us, "evaluate", total, done=done, shown=self.progress)
        with bar as advance, inference(self.detector, self.device) as place:
            for video, frames in own.items():
                found = {}
                for result in detect_video(self.detector, self.index, video, frames, self.setting, place):
                    found[result.frame] = (result.boxes, result.scores, result.labels)
                    advance(1)
                keep(video, VideoDetections.of(found, len(self.index.class_names)))
