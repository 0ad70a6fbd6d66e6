"""Pictures on disk as the frames of a video."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from torch import Tensor

from clab_lite.data.images import read_image, read_image_size
from clab_lite.errors import DataError
from clab_lite.media.source import Frame, require_size

SUFFIXES = (".jpg", ".jpeg", ".png")


class Pictures:
    """Picture files as a `Source`. Pictures have no clock: `rate` gives them one."""

    def __init__(self, paths: Sequence[Path], rate: Fraction) -> None:
        """
        Args:
            paths: at least one, in order.
            rate: frames per second.
        """
        self.paths = list(paths)
        self.rate, self.time_base, self.pixel_aspect = rate, 1 / rate, Fraction(1)
        self.size = read_image_size(self.paths[0])
        self.notes: list[str] = []

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, number: int) -> str:
        return self.paths[number].name

    def frames(self) -> Iterator[Frame]:
        for number in range(len(self)):
            yield Frame(number, float(number * self.time_base), self._read(number))

    def pick(self, numbers: Iterable[int]) -> Iterator[tuple[int, Tensor]]:
        for number in sorted(set(numbers)):
            yield number, self._read(number)

    def _read(self, number: int) -> Tensor:
        path = self.paths[number]
        return require_size(path, "", read_image(path), self.size, "Pass the frames of one video, all of one size.")


def frame_paths(folder: Path) -> list[Path]:
    """The pictures of a folder in natural order of their names.

    Raises:
        DataError: no picture in it; or two pictures whose results would share a name.
    """
    paths = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")]
    if not paths:
        remedy = "Pass a video file, or a folder of frames."
        raise DataError.at(folder, "", f"holds no picture ({', '.join(SUFFIXES)})", remedy)
    return in_natural_order(paths)


def in_natural_order(paths: Sequence[Path]) -> list[Path]:
    """Pictures sorted by name, digits as numbers. DataError when two share a name, as their results would.

    A.jpg and a.jpg share one: not every file system tells them apart.
    """
    stems = [path.stem.casefold() for path in paths]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1}) if len(set(stems)) < len(stems) else []
    if twice:
        raise DataError.at(paths[0].parent, twice[0], "two pictures share this name", "Keep one picture per frame.")
    return sorted(paths, key=lambda path: natural_key(path.stem))


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that reads digits as numbers: "frame2" before "frame10"."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part.lower()) for part in parts)
