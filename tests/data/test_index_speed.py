"""A dataset the size of ImageNet VID opens in well under two seconds once its index is stored."""

from __future__ import annotations

import importlib.util
from pathlib import Path

BENCHMARK = Path(__file__).parents[1] / "benchmarks/bench_index.py"


def test_a_full_size_index_opens_in_two_seconds(tmp_path):
    spec = importlib.util.spec_from_file_location("bench_index", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    assert bench.measure_opening(tmp_path) < bench.LIMIT_S
