"""A config as plain data, and back: what `config.json` and every checkpoint hold."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from clab_lite.config import Config
from clab_lite.errors import DataError
from clab_lite.ranges import shown

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_T = TypeVar("_T")
_EARLIER = {"gather": {False: "all", True: "deepest"}}
"""Field -> what it was where older files say true or false. (CrossCL's; in one process, which all were, it is one.)"""


def config_to_dict(config: DataclassInstance) -> dict[str, Any]:
    """Settings as a nested dict of numbers, strings, lists and None, as JSON would give it back."""
    plain: dict[str, Any] = _plain(dataclasses.asdict(config))
    return plain


def config_from_dict(values: dict[str, Any], path: Path) -> Config:
    """The config that `config_to_dict` turned into `values`; fields that are absent take their defaults.

    Raises:
        DataError: an unknown field (the message names the closest one) or a bad value, with `path` as the place.
    """
    return settings_from_dict(Config, values, path)


def settings_from_dict(kind: type[_T], values: dict[str, Any], path: Path) -> _T:
    """The same for any settings dataclass."""
    return _build(kind, values, path, "")


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted names such as "detector.rpn.channels", in their order."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def differences(saved: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Fields with different values, as "train.seed: 0 -> 1"."""
    old, new = flat(saved), flat(now)
    return [
        f"{name}: {old.get(name)!r} -> {new.get(name)!r}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def _plain(value: Any) -> Any:
    """Tuples become lists, at every depth."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _build(kind: type[_T], values: Any, path: Path, prefix: str) -> _T:
    """One dataclass from its dict, fields of dataclass type included."""
    if not isinstance(values, Mapping):
        problem = f"is {shown(values)}, not a table of settings"
        raise DataError.at(path, f"field {prefix.rstrip('.') or 'config'}", problem, "Use another copy.")
    hints = typing.get_type_hints(kind)
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        if key not in hints:
            word = str(key)[:80]
            close = difflib.get_close_matches(word, hints, n=1)
            guess = f"Did you mean {close[0]!r}?" if close else f"Known fields: {', '.join(hints)}."
            newer = "If a newer clab-lite wrote it, install that."
            raise DataError.at(path, f"field {prefix}{word}", "unknown field", f"{guess} {newer}")
        if dataclasses.is_dataclass(hints[key]):
            value = _build(typing.cast(type[Any], hints[key]), value, path, f"{prefix}{key}.")
        if isinstance(value, bool) and key in _EARLIER:
            value = _EARLIER[key][value]
        arguments[key] = tuple(value) if isinstance(value, list) else value
    try:
        return kind(**arguments)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
