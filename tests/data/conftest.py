"""Fixtures of the data tests."""

from __future__ import annotations

import pytest
from small_tree import Tree, make_tree


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Tree:
    """A fresh small ILSVRC tree, and a cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return make_tree(tmp_path / "ILSVRC")
