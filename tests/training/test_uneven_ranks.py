"""Three processes whose clips differ in size, or have nothing to learn from, or are fewer than the processes."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from ranks import require_success, run_ranks
from training_world import write_dataset
from uneven_ranks import CASES, JOINED, RANKS

_SCRIPT = Path(__file__).with_name("uneven_ranks.py")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of the three processes, and of the one."""
    root = tmp_path_factory.mktemp("uneven")
    dataset = write_dataset(root / "dataset")
    for name in ("three", "one"):
        (root / name).mkdir()
    require_success(run_ranks([_SCRIPT, dataset, root], RANKS, 240))  # where one rank waits for ever, this does not
    return root / "three", root / "one"


def _found(folder: Path, case: str, rank: int = 0) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(folder / f"{case}_{rank}.pt", weights_only=True)
    return content


@pytest.mark.parametrize("case", CASES)
def test_all_end_with_the_same_finite_weights(folders: tuple[Path, Path], case: str) -> None:
    found = [_found(folders[0], case, rank) for rank in range(RANKS)]
    for name, value in found[0]["weights"].items():
        assert value.isfinite().all(), name
        assert all(torch.equal(other["weights"][name], value) for other in found[1:]), name
    contrast = float(found[0]["losses"]["contrast"])
    assert contrast == 0 if case == "no_pair_at_all" else contrast > 0
    if case == "portrait_on_one":
        assert found[0]["clips"] == found[1]["clips"][::-1] != found[1]["clips"]


@pytest.mark.parametrize("case", JOINED)
def test_losses_and_gradients_equal_the_joined_batch(folders: tuple[Path, Path], case: str) -> None:
    found, expected = (_found(folder, case) for folder in folders)
    for name, value in expected["losses"].items():
        torch.testing.assert_close(found["losses"][name], value, rtol=1e-5, atol=1e-6, msg=name)
    assert found["gradients"].keys() == expected["gradients"].keys()
    for name, value in expected["gradients"].items():
        scale = float(value.abs().max())
        torch.testing.assert_close(found["gradients"][name], value, rtol=1e-4, atol=1e-4 * scale + 1e-7, msg=name)


def test_fewer_key_frames_than_processes(folders: tuple[Path, Path]) -> None:
    """Two key frames for three clips a step: one comes twice, as in one process. No rank is without data."""
    three, one = (torch.load(folder / "run" / "checkpoint.pt", weights_only=True) for folder in folders)
    assert three["dataset"]["key_frames"] == 2 and three["iteration"] == 2
    for name, value in one["model"].items():
        torch.testing.assert_close(three["model"][name], value, rtol=1e-4, atol=1e-5, msg=name)


def test_all_stop_after_the_same_step_and_other_starts_are_refused(folders: tuple[Path, Path]) -> None:
    """The signal came to one of them, the other checkpoint too."""
    root = folders[0].parent
    for rank in range(RANKS):
        seen = torch.load(root / f"seen_{rank}.pt", weights_only=True)
        assert seen["stopped"] == (signal.SIGTERM, 3)
        assert "3 processes do not have the same state" in seen["told"] and "shared file system" in seen["told"]
    assert torch.load(root / "stopped" / "checkpoint.pt", weights_only=True)["iteration"] == 3
