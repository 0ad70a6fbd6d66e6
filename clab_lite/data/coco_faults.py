"""What is wrong with a json file, gathered instead of raised: a bad record is left out, and reading goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clab_lite.data.json_fields import is_whole
from clab_lite.errors import DataError, is_plain


@dataclass
class Faults:
    """The bad records of one file, and what is still known of them: pointing to one of them is no second fault."""

    problems: list[str] = field(default_factory=list)
    """One line per bad record."""
    unchecked: list[str] = field(default_factory=list)
    """What could not be checked because of them, in words."""
    ids: dict[str, set[int]] = field(default_factory=dict)
    """Per kind of record ("image"), the ids of those left out."""
    without_id: set[str] = field(default_factory=set)
    """Kinds of which one was left out whose id cannot be read."""
    shared: set[tuple[str, int]] = field(default_factory=set)
    """(kind, id) that two records have: what points there could mean either."""
    images: list[str] = field(default_factory=list)
    """File names of the images left out."""
    frames: dict[int, Counter[int]] = field(default_factory=dict)
    """Per video id, how many of the images left out have which frame_id."""
    unplaced: Counter[int | None] = field(default_factory=Counter)
    """Images left out whose frame cannot be told, per video id; None: nor can their video."""

    def leave_out(self, kind: str, values: Mapping[str, Any] | None) -> None:
        """Note what is known of a bad record; None: it is no json object."""
        identity = _whole((values or {}).get("id"))
        if identity is None:
            self.without_id.add(kind)
        else:
            self.ids.setdefault(kind, set()).add(identity)
        if kind == "image":
            self._leave_out_image(values)

    def targets(self, kind: str, found: Iterable[int]) -> Container[int] | None:
        """The ids that may be pointed to; None when that cannot be told."""
        return None if kind in self.without_id else {*found, *self.ids.get(kind, ())}

    def finish(self) -> None:
        """Say what pointed to records without an id."""
        for kind, pointer in (("category", "category_id"), ("video", "video_id"), ("image", "image_id")):
            if kind in self.without_id:
                self.unchecked.append(f"each {pointer}, as the id of one {kind} cannot be read")

    def _leave_out_image(self, values: Mapping[str, Any] | None) -> None:
        if values is None:
            self.unplaced[None] += 1
            return
        name = values.get("file_name")
        if isinstance(name, str) and is_plain(name):
            self.images.append(name)
        if values.get("video_id") is None:  # a still image
            return
        video, frame = _whole(values["video_id"]), _whole(values.get("frame_id"))
        if video is None or frame is None:
            self.unplaced[video] += 1
        else:
            self.frames.setdefault(video, Counter())[frame] += 1


def report(error: DataError, faults: Faults | None) -> None:
    """Keep its message; without `faults`, raise it."""
    if faults is None:
        raise error
    faults.problems.append(str(error))


def _whole(value: object) -> int | None:
    """A whole number as the reader takes it (3.0 is one), else None."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if is_whole(value) else None
