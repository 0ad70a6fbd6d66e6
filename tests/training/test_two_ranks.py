"""Two gloo processes against one process with the joined batch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ranks import require_success, started_ranks, wait
from training_world import write_dataset

from clab_lite.training.log import read_log

_SCRIPT = Path(__file__).with_name("two_ranks.py")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders of the run with two ranks and of the run with one."""
    root = tmp_path_factory.mktemp("two_ranks")
    dataset = write_dataset(root / "dataset")
    for name in ("two", "one"):
        (root / name).mkdir()
    with (
        started_ranks([_SCRIPT, dataset, root / "two"], 2) as two,
        started_ranks([_SCRIPT, dataset, root / "one"], 1) as one,
    ):
        require_success(wait([*two, *one]))
    return root / "two", root / "one"


@pytest.mark.parametrize("level", ["frame", "object"])
def test_losses_and_gradients_equal_the_joined_batch(runs: tuple[Path, Path], level: str) -> None:
    two, one = runs
    expected = torch.load(one / f"{level}_0.pt", weights_only=True)
    assert expected["losses"]["contrast"] > 0.1
    assert expected["gradients"]["auxiliary.conv.weight"].norm() > 0
    for rank in (0, 1):
        found = torch.load(two / f"{level}_{rank}.pt", weights_only=True)
        for name, value in expected["losses"].items():
            torch.testing.assert_close(found["losses"][name], value, rtol=1e-5, atol=1e-6, msg=name)
        assert found["gradients"].keys() == expected["gradients"].keys()
        for name, value in expected["gradients"].items():
            scale = float(value.abs().max())
            torch.testing.assert_close(found["gradients"][name], value, rtol=1e-4, atol=1e-4 * scale + 1e-7)


def test_training_equals_the_joined_batch(runs: tuple[Path, Path]) -> None:
    """Through `train` itself: sampler slices, averaged gradients, clipping, one log and one checkpoint."""
    two, one = (torch.load(folder / "run" / "checkpoint.pt", weights_only=True) for folder in runs)
    for name, value in one["model"].items():
        torch.testing.assert_close(two["model"][name], value, rtol=1e-4, atol=1e-5, msg=name)
    rows = [read_log(folder / "run" / "log.jsonl") for folder in runs]
    assert [row["iteration"] for row in rows[0]] == [1, 2, 3, 4]
    for found, expected in zip(*rows, strict=True):
        assert found["losses"] == pytest.approx(expected["losses"], rel=1e-3)
        assert found["gradient_norm"] == pytest.approx(expected["gradient_norm"], rel=1e-3)
        assert found["contrast_chance"] == pytest.approx(expected["contrast_chance"])


def test_a_rank_that_diverges_names_its_layer_and_nobody_waits(runs: tuple[Path, Path]) -> None:
    """The averaged gradient is not a number on both; each has looked at its own numbers, without the other."""
    well, broken = ((runs[0] / f"diverged_{rank}.txt").read_text() for rank in (0, 1))
    assert "box_regression = nan" in broken and "its weight box_head.regress.weight is not finite" in broken
    assert "gradient_norm = nan" in well and "box_regression = nan" not in well
    assert "Done once more by this process alone, every output and gradient is finite" in well
