"""One check for every settings dataclass: each field has the type it was declared with and a value in its range."""

from __future__ import annotations

import math
import reprlib
import sys
import typing
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from clab_lite.errors import DataError

_Class = TypeVar("_Class", bound=type)
_LONGEST = 1000
"""Numbers in a tuple: a list of anchor sizes or steps, not a memory to fill."""


def checked(**ranges: tuple[float, float]) -> Callable[[_Class], _Class]:
    """Class decorator, below `@dataclass`: every instance goes through `check_fields`, then its own `__post_init__`."""

    def decorate(kind: _Class) -> _Class:
        then = kind.__dict__.get("__post_init__")

        def __post_init__(self: Any) -> None:
            check_fields(self, **ranges)
            if then is not None:
                then(self)

        kind.__post_init__ = __post_init__  # type: ignore[attr-defined]
        return kind

    return decorate


def check_fields(settings: Any, **ranges: tuple[float, float]) -> None:
    """None is in every range; a tuple is in a range when all its numbers are.

    Args:
        settings: the dataclass.
        ranges: field name -> smallest and largest allowed value. Without one, any finite number will do.

    Raises:
        DataError: names the field, its value, and what is allowed. NaN is in no range.
    """
    for name, kind in typing.get_type_hints(type(settings)).items():
        value = getattr(settings, name)
        place = f"{type(settings).__name__}.{name} is {shown(value)}"
        if not _fits(value, kind):
            raise DataError(f"{place}. It takes {_allowed(kind)}.")
        if isinstance(value, tuple) and len(value) > _LONGEST:
            raise DataError(f"{place}. It takes at most {_LONGEST} numbers.")
        low, high = ranges.get(name, (-math.inf, math.inf))
        for number in value if isinstance(value, tuple) else (value,):
            if not isinstance(number, int | float):
                continue
            if name in ranges and not low <= number <= high:
                raise DataError(f"{place}. Choose a value from {low:g} to {high:g}.")
            if name not in ranges and not abs(number) <= sys.float_info.max:  # math.isfinite fails on huge whole ones
                raise DataError(f"{place}. Choose a finite number.")


def shown(value: Any) -> str:
    """A value for a message: short, whatever it is."""
    try:
        return reprlib.repr(value)
    except ValueError:  # more digits than Python writes
        return "a number of thousands of digits"


def require_divisor(settings: Any, name: str, whole: int, of: str) -> None:
    """Raise DataError unless the field `name` divides `whole`, the value of the setting that is called `of`."""
    value = getattr(settings, name)
    if whole % value:
        raise DataError(f"{type(settings).__name__}.{name} is {value}. It must divide {of}, which is {whole}.")


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a declared type; whole numbers count as float, True and False not as numbers."""
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is Literal:
        return any(value == choice and type(value) is type(choice) for choice in arguments)
    if typing.get_origin(kind) is tuple:
        return isinstance(value, tuple) and len(value) > 0 and all(_fits(item, arguments[0]) for item in value)
    if arguments:  # X | None
        return any(_fits(value, argument) for argument in arguments)
    if kind in (int, float):
        return isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)
    return isinstance(value, kind)


def _allowed(kind: Any) -> str:
    """A declared type in words."""
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is Literal:
        return " or ".join(repr(choice) for choice in arguments)
    if typing.get_origin(kind) is tuple:
        return f"a tuple of one or more, each {_allowed(arguments[0])}"
    if arguments:
        return " or ".join(_allowed(argument) for argument in arguments)
    words = {int: "a whole number", float: "a number", str: "text", bool: "True or False", type(None): "None"}
    return words.get(kind, f"a {getattr(kind, '__name__', kind)}")
