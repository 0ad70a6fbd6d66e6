"""What is written of a video's detections: a line per frame, the frames with their boxes, the whole on one picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from torch import Tensor

from clab_lite.media.contact_sheet import ContactSheet
from clab_lite.media.drawing import annotated
from clab_lite.media.source import Frame, Source
from clab_lite.media.video_writer import VideoWriter

DETECTIONS, SHEET, VIDEO, PICTURES = "detections.jsonl", "contact_sheet.jpg", "annotated.mp4", "pictures"
Drawing = Literal["video", "pictures", "none"]


def planned_files(source: Source, drawing: Drawing) -> list[str]:
    """Names of the files that `Results` writes."""
    pictures = [_picture(source, number) for number in range(len(source))] if drawing == "pictures" else []
    return [DETECTIONS, SHEET, *([VIDEO] if drawing == "video" else []), *pictures]


class Results:
    """Writes the results of one video, frame by frame; the end of its `with` block makes the files whole."""

    def __init__(
        self, folder: Path, source: Source, class_names: Sequence[str], draw_from: float, drawing: Drawing
    ) -> None:
        """
        Args:
            folder: empty.
            source: the frames' source.
            class_names: label k is class_names[k].
            draw_from: score from which a box is drawn. The lines keep every box.
            drawing: how the frames with their boxes are written.
        """
        self.frames = self.drawn = 0
        self.whole = False
        self._folder, self._source, self._class_names, self._draw_from = folder, source, class_names, draw_from
        self._sheet = ContactSheet(len(source), class_names, draw_from)
        self._video: VideoWriter | None = None
        self._pictures = drawing == "pictures"
        if drawing == "video":
            self._video = VideoWriter(folder / VIDEO, source.rate, source.time_base, source.pixel_aspect)
        self._lines = (folder / DETECTIONS).open("w", encoding="utf-8", newline="\n")

    def __enter__(self) -> Results:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        if self._video is not None:
            self._video.close()
        if self.frames:
            self._sheet.picture().save(self._folder / SHEET, quality=88)
            self.whole = True

    def add(self, frame: Frame, result: dict[str, Tensor]) -> None:
        """Write a frame (in order) and its detections on the CPU, boxes in pixels of the frame, best first."""
        if self._video is not None or self._pictures:
            picture = annotated(frame.pixels, result, self._class_names, self._draw_from)
            if self._video is not None:
                self._video.write(picture, frame.seconds)
            else:
                path = self._folder / _picture(self._source, frame.number)
                path.parent.mkdir(exist_ok=True)
                picture.save(path, quality=90)
        self._sheet.add(frame, result)
        record = {"frame": frame.number, "seconds": round(frame.seconds, 6), "name": self._source.name(frame.number)}
        self._lines.write(json.dumps({**record, **as_lists(result)}, separators=(",", ":")) + "\n")
        self.frames += 1
        self.drawn += int((result["scores"] >= self._draw_from).sum())


def as_lists(result: dict[str, Tensor]) -> dict[str, list]:
    """Plain numbers for JSON, rounded to what they mean."""
    boxes = [[round(value, 2) for value in box] for box in result["boxes"].tolist()]
    scores = [round(value, 5) for value in result["scores"].tolist()]
    return {"boxes": boxes, "scores": scores, "labels": result["labels"].tolist()}


def _picture(source: Source, number: int) -> str:
    """The name of the drawn picture of a frame; never a path out of the folder."""
    return f"{PICTURES}/{Path(source.name(number)).stem}.jpg"
