"""What is written of a video's detections: a line per frame, the frames with their boxes, the whole on one picture."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from torch import Tensor

from clab_lite.errors import DataError
from clab_lite.files import write_picture
from clab_lite.media.contact_sheet import ContactSheet
from clab_lite.media.drawing import annotated
from clab_lite.media.result_folder import DETECTIONS, ResultFolder
from clab_lite.media.source import Frame, Source
from clab_lite.media.video_writer import VideoWriter

SHEET, VIDEO, PICTURES = "contact_sheet.jpg", "annotated.mp4", "pictures"
Drawing = Literal["video", "pictures", "none"]


def planned_files(source: Source, drawing: Drawing) -> list[str]:
    """Names of the files that `Results` writes."""
    pictures = [_picture(source, number) for number in range(len(source))] if drawing == "pictures" else []
    return [DETECTIONS, SHEET, *([VIDEO] if drawing == "video" else []), *pictures]


class Results:
    """Writes the results of one video, frame by frame; the end of its `with` block makes the files whole.

    Both raise a DataError when the disk is full or the like. The lines of the frames so far are whole even then, and a
    video or sheet that could not be finished is removed.
    """

    def __init__(
        self, place: ResultFolder, source: Source, class_names: Sequence[str], draw_from: float, drawing: Drawing
    ) -> None:
        """
        Args:
            place: what is written goes to its hidden folder.
            source: the frames' source.
            class_names: label k is class_names[k].
            draw_from: score from which a box is drawn. The lines keep every box.
            drawing: how the frames with their boxes are written.
        """
        self.frames = self.drawn = 0
        self._place, self._folder = place, place.staging
        self._source, self._class_names, self._draw_from = source, class_names, draw_from
        self._sheet = ContactSheet(len(source), class_names, draw_from)
        self._video: VideoWriter | None = None
        self._pictures = drawing == "pictures"
        if drawing == "video":
            self._video = VideoWriter(self._folder / VIDEO, source.rate, source.time_base, source.pixel_aspect)
        self._lines = (self._folder / DETECTIONS).open("wb")
        self._length = 0

    def __enter__(self) -> Results:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        ends: list[tuple[str, Callable[[], None]]] = [(DETECTIONS, self._close_lines)]
        ends += [(VIDEO, self._video.close)] if self._video is not None else []
        ends += [(SHEET, self._save_sheet)] if self.frames else []
        problems = []
        for name, end in ends:  # each on its own: one that fails leaves the others
            try:
                end()
            except OSError as error:
                problems.append(error)
                if name != DETECTIONS:
                    (self._folder / name).unlink(missing_ok=True)
        if problems and kind is None:
            raise self._cannot_write(problems[0]) from problems[0]

    def add(self, frame: Frame, result: dict[str, Tensor]) -> None:
        """Write a frame (in order) and its detections on the CPU, boxes in pixels of the frame, best first."""
        try:
            self._add_line(frame, result)
            self._add_picture(frame, result)
        except OSError as error:
            raise self._cannot_write(error) from error
        self._sheet.add(frame, result)

    def _add_line(self, frame: Frame, result: dict[str, Tensor]) -> None:
        record = {"frame": frame.number, "seconds": round(frame.seconds, 6), "name": self._source.name(frame.number)}
        line = (json.dumps({**record, **as_lists(result)}, separators=(",", ":")) + "\n").encode()
        self._lines.write(line)
        self._lines.flush()  # a process that is killed has done it for the next one to find
        self._length += len(line)
        self.frames += 1
        self.drawn += int((result["scores"] >= self._draw_from).sum())

    def _add_picture(self, frame: Frame, result: dict[str, Tensor]) -> None:
        if self._video is not None or self._pictures:
            picture = annotated(frame.pixels, result, self._class_names, self._draw_from)
            if self._video is not None:
                self._video.write(picture, frame.seconds)
            else:
                path = self._folder / _picture(self._source, frame.number)
                path.parent.mkdir(exist_ok=True)
                write_picture(path, picture, "JPEG", quality=90)

    def _close_lines(self) -> None:
        try:
            self._lines.close()
        finally:
            os.truncate(self._folder / DETECTIONS, self._length)  # a full disk may have taken half a line

    def _save_sheet(self) -> None:
        write_picture(self._folder / SHEET, self._sheet.picture(), "JPEG", quality=88)

    def _cannot_write(self, error: OSError) -> DataError:
        kept = f"the lines of {self.frames} frames are kept" if self.frames else ""
        return self._place.cannot_write(error, kept)


def as_lists(result: dict[str, Tensor]) -> dict[str, list]:
    """Plain numbers for JSON, rounded to what they mean."""
    boxes = [[round(value, 2) for value in box] for box in result["boxes"].tolist()]
    scores = [round(value, 5) for value in result["scores"].tolist()]
    return {"boxes": boxes, "scores": scores, "labels": result["labels"].tolist()}


def _picture(source: Source, number: int) -> str:
    """The name of the drawn picture of a frame; never a path out of the folder."""
    return f"{PICTURES}/{Path(source.name(number)).stem}.jpg"
