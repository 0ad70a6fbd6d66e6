"""A config as plain data, and back: what `config.json` and every checkpoint hold."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from pathlib import Path
from typing import Any, TypeVar

from clab_lite.config import Config
from clab_lite.errors import DataError

_T = TypeVar("_T")


def config_to_dict(config: Config) -> dict[str, Any]:
    """Nested dict of numbers, strings, lists and None, as JSON would give it back."""
    plain: dict[str, Any] = _plain(dataclasses.asdict(config))
    return plain


def config_from_dict(values: dict[str, Any], path: Path) -> Config:
    """The config that `config_to_dict` turned into `values`; fields that are absent take their defaults.

    Raises:
        DataError: an unknown field (the message names the closest one), with `path` as the place.
    """
    return _build(Config, values, path, "")


def differences(saved: dict[str, Any], now: dict[str, Any], prefix: str = "") -> list[str]:
    """Fields with different values, as "train.seed: 0 -> 1"."""
    found = []
    for key in sorted({*saved, *now}):
        old, new = saved.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += differences(old, new, f"{prefix}{key}.")
        elif old != new:
            found.append(f"{prefix}{key}: {old!r} -> {new!r}")
    return found


def _plain(value: Any) -> Any:
    """Tuples become lists, at every depth."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _build(kind: type[_T], values: dict[str, Any], path: Path, prefix: str) -> _T:
    """One dataclass from its dict, fields of dataclass type included."""
    hints = typing.get_type_hints(kind)
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        if key not in hints:
            close = difflib.get_close_matches(key, hints, n=1)
            guess = f"Did you mean {close[0]!r}?" if close else f"Known fields: {', '.join(hints)}."
            raise DataError.at(path, f"field {prefix}{key}", "unknown field", guess)
        if dataclasses.is_dataclass(hints[key]):
            value = _build(typing.cast(type[Any], hints[key]), value, path, f"{prefix}{key}.")
        arguments[key] = tuple(value) if isinstance(value, list) else value
    return kind(**arguments)
