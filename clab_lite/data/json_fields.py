"""One object of a json file, every field checked for its type and range before it is used."""

from __future__ import annotations

import math
import reprlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from clab_lite.data.source_file import leaves_folder
from clab_lite.errors import DataError, is_plain

MAX_PIXELS = 1_000_000
"""No coordinate or side is larger, as in the XML files."""

MAX_ID = 2**63 - 1
"""No id is larger."""


@dataclass(frozen=True)
class Fields:
    """One json object and the way to its fields: each getter gives the type it says, or raises a DataError."""

    path: Path
    title: str
    """What it is: "annotation"."""
    position: int
    """In its list."""
    values: dict[str, Any]

    @property
    def record(self) -> str:
        """Its place in the file, for messages: "annotation 7" (its id if it has one, else its position)."""
        return f"{self.title} {reprlib.repr(self.values.get('id', self.position))}"

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number from low to high; without a default the field must be there and not null."""
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not is_whole(value) or not low <= value <= high:
            raise self.error(key, "a whole number" + (f" from {low} to {high}" if high < MAX_ID else ""))
        return value

    def identity(self, key: str) -> int:
        """An id: any whole number."""
        return self.integer(key, -MAX_ID, MAX_ID)

    def text(self, key: str) -> str:
        """A text that is not empty and can be shown."""
        value = self.values.get(key)
        if not isinstance(value, str) or not value or not is_plain(value):
            raise self.error(key, "a text without line breaks and other control characters")
        return value

    def file_name(self, key: str) -> str:
        """A name below the image folder."""
        name = self.text(key)
        if leaves_folder(name):
            raise self.error(key, "a name that stays below the image folder")
        return name

    def integers(self, key: str) -> list[int]:
        """A list of whole numbers; empty when there is none."""
        value = self.values.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(is_whole(item) and abs(item) < MAX_ID for item in value):
            raise self.error(key, "a list of whole numbers")
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """true or false (or 1 or 0)."""
        value = self.values.get(key)
        if value is None:
            return default
        if value not in (True, False):
            raise self.error(key, "true or false")
        return bool(value)

    def bbox(self) -> tuple[float, float, float, float]:
        """`bbox` [x, y, width, height] as (x1, y1, x2, y2)."""
        value = self.values.get("bbox")
        if not isinstance(value, list) or len(value) != 4 or not all(_is_coordinate(item) for item in value):
            raise self.error("bbox", f"four numbers up to {MAX_PIXELS}: x, y, width, height")
        x, y, width, height = value
        return x, y, x + width, y + height

    def area(self) -> float:
        """`area` in pixels²; NaN when there is none."""
        value = self.values.get("area")
        if value is None:
            return math.nan
        if not (_is_number(value) and abs(value) <= MAX_PIXELS**2):
            raise self.error("area", "the area of the object in pixels², or leave it out")
        return float(value)

    def error(self, key: str, wanted: str) -> DataError:
        """The error for a field that is missing or not what is wanted."""
        problem = f"{key} is {reprlib.repr(self.values[key])}" if key in self.values else f"it has no {key!r}"
        return DataError.at(self.path, self.record, problem, f"Write {wanted}.")

    def points_nowhere(self, target: str) -> DataError:
        """The error for an id that no record has."""
        return DataError.at(self.path, self.record, f"{target} does not exist", "Correct the id, or add it.")


def is_whole(value: object) -> TypeGuard[int]:
    """A number without decimals; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_coordinate(value: object) -> bool:
    return _is_number(value) and abs(value) <= MAX_PIXELS
