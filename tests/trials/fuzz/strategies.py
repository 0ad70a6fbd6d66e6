"""Files that hypothesis makes up: valid ones with anything at all in a few of their places."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from xml.sax.saxutils import escape

from hypothesis import strategies as st

from trials.fuzz.hostile import NAMES, NUMBERS
from trials.fuzz.mutate_json import places

_NUMBERS = st.one_of(st.integers(-3, 120), st.integers(-(2**70), 2**70), st.floats())  # NaN and infinities too
_TEXTS = st.one_of(st.text(max_size=20), st.sampled_from(NAMES))
_ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)),
    max_leaves=4,
)


def json_like(content: bytes) -> st.SearchStrategy[bytes]:
    """The document with other values in up to two places, or another one."""
    found = enumerate(places([json.loads(content)]))
    leaves = [position for position, (parent, key) in found if not isinstance(parent[key], (list, dict))]
    changes = st.lists(st.tuples(st.sampled_from(leaves), st.one_of(_NUMBERS, _TEXTS, _ANY)), max_size=2)
    changed = changes.map(lambda found: _changed(json.loads(content), found))
    return st.integers(0, 9).flatmap(lambda draw: changed if draw else _ANY).map(lambda made: json.dumps(made).encode())


def _changed(document: Any, changes: Iterable[tuple[int, Any]]) -> Any:
    holder = [document]
    for position, value in changes:
        found = list(places(holder))
        parent, key = found[position % len(found)]
        parent[key] = value
    return holder[0]


def xml_like(content: bytes) -> st.SearchStrategy[bytes]:
    """The file with other texts in up to three of its elements."""
    pieces = re.split(r"(?<=>)([^<>]+)(?=</)", content.decode())
    texts = st.one_of(st.sampled_from(NUMBERS), _TEXTS.map(escape), _NUMBERS.map(str))
    return _pieces(pieces, list(range(1, len(pieces), 2)), texts)


def lines_like(content: bytes) -> st.SearchStrategy[bytes]:
    """The file with other words in up to three places."""
    pieces = re.split(r"(\s)", content.decode())
    words = st.one_of(st.sampled_from(NUMBERS + NAMES), _TEXTS, _NUMBERS.map(str))
    return _pieces(pieces, list(range(0, len(pieces), 2)), words)


def _pieces(pieces: list[str], positions: list[int], texts: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    changes = st.dictionaries(st.sampled_from(positions), texts, max_size=3)

    def joined(changed: dict[int, str]) -> bytes:
        text = "".join(changed.get(position, piece) for position, piece in enumerate(pieces))
        return text.encode("utf-8", "surrogatepass")

    return changes.map(joined)
