"""Dataclasses from plain values: what is taken, and what is refused by the name of its field."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from clab_lite.plain_values import built


@dataclass(frozen=True)
class Inner:
    number: float
    count: int = 0


@dataclass(frozen=True)
class Outer:
    name: str
    sure: bool
    kind: Literal["a", 1]
    pair: tuple[int, str]
    many: tuple[float, ...]
    table: dict[str, Inner]
    perhaps: Inner | None = None


GOOD: dict[str, Any] = {
    "name": "n", "sure": True, "kind": "a", "pair": [1, "x"], "many": [1, 2.5], "table": {"k": {"number": 2}},
}  # fmt: skip


def test_every_kind_of_field() -> None:
    found = built(Outer, {**GOOD, "perhaps": {"number": 0.5, "count": 3}})
    assert found == Outer("n", True, "a", (1, "x"), (1.0, 2.5), {"k": Inner(2.0)}, Inner(0.5, 3))
    assert type(found.table["k"].number) is type(found.many[0]) is float
    assert built(Outer, {**GOOD, "many": [], "perhaps": None}).perhaps is None


def test_what_is_missing_is_a_number_only_where_that_is_said() -> None:
    assert math.isnan(built(Inner, {"number": None}, missing_is_nan=True).number)
    for kind, name in ((False, "number"), (True, "count")):
        with pytest.raises(ValueError, match=f"field {name}: None is not what belongs there"):
            built(Inner, {"number": 1, name: None}, missing_is_nan=kind)


@pytest.mark.parametrize(("change", "says"), [
    ({"name": 3}, "field name: 3 is"),
    ({"sure": 1}, "field sure: 1 is"),
    ({"kind": True}, "field kind: True is"),
    ({"kind": "b"}, "field kind: 'b' is"),
    ({"pair": [1]}, r"field pair: \[1\] is"),
    ({"pair": [1, "x", 2]}, "field pair: "),
    ({"pair": [True, "x"]}, r"field pair\[0\]: True is"),
    ({"pair": [1.0, "x"]}, r"field pair\[0\]: 1\.0 is"),
    ({"pair": [2**63, "x"]}, r"field pair\[0\]: "),
    ({"many": "ab"}, "field many: 'ab' is"),
    ({"many": [0, True]}, r"field many\[1\]: True is"),
    ({"many": [math.inf]}, r"field many\[0\]: inf is"),
    ({"many": [math.nan]}, r"field many\[0\]: nan is"),
    ({"many": [10**400]}, r"field many\[0\]: 1000"),
    ({"table": {1: {"number": 2}}}, "field table: "),
    ({"table": {"k": {}}}, r"field table\.k\.number: missing"),
    ({"table": {"k": 3}}, r"field table\.k: 3 is"),
    ({"perhaps": {"number": 1, "other": 2}}, r"field perhaps\.other: unknown"),
    ({"other": 2}, "field other: unknown"),
])  # fmt: skip
def test_what_does_not_belong_is_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        built(Outer, {**GOOD, **change})


def test_what_is_no_table_at_all() -> None:
    with pytest.raises(ValueError, match="field all: 3 is not what belongs there"):
        built(Inner, 3)
