"""A short run of the precision trial: one clip, one part of every kind, no page."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from clab_lite.config import FrameConfig
from clab_lite.trained import load_run
from trials.page import ROOT
from trials.parts_compared import Difference, batch_of, compare
from trials.precision import LESSON, matched


def test_difference_by_hand() -> None:
    found = Difference.of(torch.tensor([1.0, 2.0, 0.0, 4.4]), torch.tensor([1.0, 2.2, 1e-9, 4.0]))
    assert found.largest == pytest.approx(0.1) and found.typical == pytest.approx(0.2 / 2.2) and found.finite
    assert str(Difference.of(torch.tensor([torch.nan]), torch.ones(1))) == "not finite"


@pytest.mark.parametrize("trial", ["faults", "precision", "scaling"])
def test_help_measures_nothing(trial: str) -> None:
    words = [sys.executable, "-m", f"trials.{trial}", "--help"]
    answer = subprocess.run(words, cwd=ROOT / "tests", capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0 and answer.stdout.startswith("usage:")


def test_matched_by_hand() -> None:
    truth = [{"boxes": torch.tensor([[0.0, 0, 10, 10], [0, 0, 5, 5]]), "labels": torch.tensor([1, 0]),
              "scores": torch.tensor([0.9, 0.2])}]  # fmt: skip
    found = [{"boxes": torch.tensor([[0.0, 0, 10, 9.8], [0, 0, 5, 5]]), "labels": torch.tensor([1, 1]),
              "scores": torch.tensor([0.8, 0.2])}]  # fmt: skip
    assert matched(found, truth, 0.5) == (1, 1, pytest.approx(0.1))
    assert matched(found, truth, 0.1) == (2, 1, pytest.approx(0.1))


def test_every_part_agrees_with_float64() -> None:
    rows = compare(load_run(LESSON).detector, *batch_of("data_samples", FrameConfig(96, 64), 2))
    assert {"C4 and C5", "neck", "Temporal RoI Align", "total loss", "gradient of backbone"} <= rows.keys()
    for part, row in rows.items():
        assert row["float32"].finite and row["float32"].typical < 1e-3, part
        assert row["bfloat16"].finite and row["bfloat16"].typical < 0.2, part
        assert row["float32"].typical < row["bfloat16"].typical, part
