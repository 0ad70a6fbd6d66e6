"""Changes of a json file that leave it json, most of the time: other values, other keys, more, fewer, deeper."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from trials.fuzz.hostile import NAMES, NUMBERS, SURROGATES

_RAW = "raw text goes here"
"""Stands for text that `json.dumps` would not write."""

_RAW_VALUES = (
    *NUMBERS, "[" * 400 + "]" * 400, "[" * 1_000_000, '{"a":' * 100_000, '{"id": 1, "id": 2}', "[NaN, NaN, 1, 1]",
    "[1e308, 1e308, 1e308, 1e308]", "[0, 0, -1, -1]", "[0, 0, 0, 0]", "[-1e6, -1e6, 1e6, 1e6]", '"\\ud800"', "[null]",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 1.5, 2**31, 2**63, -(2**64), 10**30, 1e308, "", "x", [], {}, [[]], [{}], {"": None},
    "1", *NAMES, *SURROGATES,
)  # fmt: skip


def changed_json(rng: Random, content: bytes) -> bytes:
    """One to four places of it are other than they were; what is no json stays as it is."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return content
    holder, raw = [document], ""
    for _ in range(rng.choice((1, 1, 2, 4))):
        raw = rng.choice(_CHANGES)(rng, holder) or raw
    try:
        text = json.dumps(holder[0])
    except (ValueError, RecursionError):
        return content
    return text.replace(f'"{_RAW}"', raw).encode()


def _replace(rng: Random, holder: list[Any]) -> str:
    parent, key = _somewhere(rng, holder)
    parent[key] = rng.choice(_VALUES)
    return ""


def _replace_raw(rng: Random, holder: list[Any]) -> str:
    parent, key = _somewhere(rng, holder)
    parent[key] = _RAW
    return rng.choice(_RAW_VALUES)


def _drop(rng: Random, holder: list[Any]) -> str:
    parent, key = _somewhere(rng, holder)
    if parent is not holder:
        del parent[key]
    return ""


def _repeat(rng: Random, holder: list[Any]) -> str:
    parent, key = _somewhere(rng, holder)
    if isinstance(parent, list) and parent is not holder:
        parent[key:key] = [parent[key]] * rng.choice((1, 1, 3, 50))
    return ""


def _copy(rng: Random, holder: list[Any]) -> str:
    """A value of the file stands in another place too: an id twice, a list in place of a name."""
    source, source_key = _somewhere(rng, holder)
    value = json.loads(json.dumps(source[source_key]))
    parent, key = _somewhere(rng, holder)
    parent[key] = value
    return ""


def _rename(rng: Random, holder: list[Any]) -> str:
    parent, key = _somewhere(rng, holder)
    if isinstance(parent, dict):
        parent[rng.choice(("id", "name", key.upper(), "", *NAMES))] = parent.pop(key)
    return ""


def _wrap(rng: Random, holder: list[Any]) -> str:
    parent, key = _somewhere(rng, holder)
    parent[key] = [parent[key]] if rng.random() < 0.5 else {"id": parent[key]}
    return ""


_Change = Callable[[Random, list[Any]], str]
_CHANGES: tuple[_Change, ...] = (_replace, _replace, _replace_raw, _replace_raw, _drop, _repeat, _copy, _rename, _wrap)


def _somewhere(rng: Random, holder: list[Any]) -> tuple[Any, Any]:
    """(the list or object, the position or key) of any value."""
    return rng.choice(list(places(holder)))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each (list or object, position or key) in a document, from the outside in."""
    children = list(enumerate(value)) if isinstance(value, list) else list(value.items())
    for key, child in children:
        yield value, key
        if isinstance(child, (list, dict)):
            yield from places(child)
