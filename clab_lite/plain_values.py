"""Dataclasses from the plain values of a json file, every value of the type that its field was declared with."""

from __future__ import annotations

import dataclasses
import math
import reprlib
import typing
from collections.abc import Mapping
from types import NoneType
from typing import Any, Literal, TypeVar

_T = TypeVar("_T")
_LARGEST = 2**63
"""No whole number of ours is larger; arrays could not hold it."""


def built(kind: type[_T], values: Any, *, missing_is_nan: bool = False) -> _T:
    """The dataclass (or dict, tuple, number, text) that these values are.

    Args:
        kind: what is wanted: its fields may be dataclasses, dicts by text, tuples, Literals, unions, and plain types.
        values: what json gives: lists stand for tuples, and fields with a default may be absent.
        missing_is_nan: whether None is a number that is undefined, where a number is wanted.

    Raises:
        ValueError: a field is unknown, missing, of another type, or a number is not finite; names the field.
    """
    result: _T = _built(kind, values, "", missing_is_nan)
    return result


def _built(kind: Any, value: Any, where: str, nan: bool) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, where, nan)
    if origin is Literal:
        if any(value == choice and type(value) is type(choice) for choice in arguments):
            return value
    elif origin is tuple and isinstance(value, list | tuple):
        return _tuple(arguments, value, where, nan)
    elif origin in (dict, Mapping) and isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _built(arguments[1], one, f"{where}.{key[:40]}", nan) for key, one in value.items()}
    elif origin is None:
        return _plain(kind, value, where, nan)
    elif NoneType in arguments:  # X | None
        (other,) = (argument for argument in arguments if argument is not NoneType)
        return None if value is None else _built(other, value, where, nan)
    raise _wrong(value, where)


def _dataclass(kind: Any, value: Any, where: str, nan: bool) -> Any:
    if not isinstance(value, dict):
        raise _wrong(value, where)
    hints = typing.get_type_hints(kind)
    given = {}
    for name, one in value.items():
        if name not in hints:
            raise ValueError(f"field {where}.{str(name)[:40]}: unknown".replace(" .", " "))
        given[name] = _built(hints[name], one, f"{where}.{name}", nan)
    for field in dataclasses.fields(kind):
        absent = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if absent and field.name not in given:
            raise ValueError(f"field {where}.{field.name}: missing".replace(" .", " "))
    return kind(**given)


def _tuple(kinds: tuple[Any, ...], value: Any, where: str, nan: bool) -> tuple[Any, ...]:
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(value)
    if len(kinds) != len(value):
        raise _wrong(value, where)
    pairs = enumerate(zip(kinds, value, strict=True))
    return tuple(_built(kind, one, f"{where}[{at}]", nan) for at, (kind, one) in pairs)


def _plain(kind: type, value: Any, where: str, nan: bool) -> Any:
    if kind is float:
        if value is None and nan:
            return math.nan
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e300:
            return float(value)
    elif kind is int:
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST:
            return value
    elif kind in (str, bool) and isinstance(value, kind):
        return value
    raise _wrong(value, where)


def _wrong(value: Any, where: str) -> ValueError:
    return ValueError(f"field {where.lstrip('.') or 'all'}: {reprlib.repr(value)} is not what belongs there")
