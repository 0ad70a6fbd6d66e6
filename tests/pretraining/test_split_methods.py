"""The three methods in two processes against one with the joined batch: terms, gradients, queues, and a short run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from ranks import require_success, run_ranks
from split_methods import BATCH, CHANGES, RUNS, STEPS, config_of
from training_world import write_dataset

from clab_lite.data import open_dataset
from clab_lite.errors import DataError
from clab_lite.methods.shared.part import Part
from clab_lite.pretraining.methods import build_method
from clab_lite.training.log import read_log

_SCRIPT = Path(__file__).with_name("split_methods.py")
_VANISHING = 1e-6
"""Gradients that are zero but for rounding: of biases before BatchNorm."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of the two processes, and of the one."""
    root = tmp_path_factory.mktemp("split")
    dataset = write_dataset(root / "dataset")
    for name in ("two", "one"):
        (root / name).mkdir()
    require_success(run_ranks([_SCRIPT, dataset, root], 2, 180))
    return root / "two", root / "one"


def _first_step(folder: Path, case: str, rank: int = 0) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(folder / f"{case}_{rank}.pt", weights_only=True)
    return content


@pytest.mark.parametrize("case", CHANGES)
def test_the_parts_make_the_joined_batch(folders: tuple[Path, Path], case: str) -> None:
    parts = [_first_step(folders[0], case, rank)["batch"] for rank in (0, 1)]
    whole = _first_step(folders[1], case)["batch"]
    axis = 1 if case.startswith("codo") else 0  # after the views
    for name, value in whole.items():
        assert torch.equal(torch.cat([part[name] for part in parts], dim=axis), value), name
    if case == "ranked":
        assert len(parts[0]["labels"]) != len(parts[1]["labels"]), "the parts are to be uneven here"


@pytest.mark.parametrize("case", CHANGES)
def test_terms_gradients_and_queues_equal_the_joined_batch(folders: tuple[Path, Path], case: str) -> None:
    expected = _first_step(folders[1], case)
    found = [_first_step(folders[0], case, rank) for rank in (0, 1)]
    assert float(expected["terms"]["total"]) > 0
    for name, value in expected["terms"].items():
        torch.testing.assert_close(found[0]["terms"][name], value, rtol=1e-4, atol=1e-5, msg=name)
    assert found[0]["gradients"].keys() == expected["gradients"].keys()
    for name, value in expected["gradients"].items():
        scale = float(value.abs().max())
        torch.testing.assert_close(
            found[0]["gradients"][name], value, rtol=1e-3, atol=1e-4 * scale + _VANISHING, msg=name
        )
    assert sum(float(value.abs().max()) > 100 * _VANISHING for value in expected["gradients"].values()) > 20
    for name, value in expected["buffers"].items():
        torch.testing.assert_close(found[0]["buffers"][name], value, rtol=1e-4, atol=1e-5, msg=name)
        assert torch.equal(found[1]["buffers"][name], found[0]["buffers"][name]), f"{name} differs between the ranks"


@pytest.mark.parametrize("case", RUNS)
def test_a_short_run_equals_that_of_one_process(folders: tuple[Path, Path], case: str) -> None:
    """Through `pretrain` itself: weights of both networks, queues, one log, one checkpoint."""
    two, one = (torch.load(folder / case / "checkpoint.pt", weights_only=True) for folder in folders)
    assert (
        two["iteration"] == STEPS and two["dataset"] == one["dataset"]
    )  # another number of processes may go on with it
    for name, value in one["model"].items():
        torch.testing.assert_close(two["model"][name], value, rtol=1e-3, atol=1e-3, msg=name)
    rows = [read_log(folder / case / "log.jsonl") for folder in folders]
    assert [row["iteration"] for row in rows[0]] == list(range(1, STEPS + 1))
    for found, expected in zip(*rows, strict=True):
        assert found["losses"] == pytest.approx(expected["losses"], rel=1e-3, abs=1e-3)
        assert found["gradient_norm"] == pytest.approx(expected["gradient_norm"], rel=1e-2)
    assert (folders[0] / case / "backbone.safetensors").stat().st_size > 0


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    index = open_dataset(write_dataset(tmp_path / "dataset"), "train", cache=False)
    for case in ("ranked", "crosscl", "codo"):
        source = build_method(case, config_of(case), index)[1]
        with pytest.raises(DataError, match=rf"a batch of {BATCH} .* 3 processes.*--pretrain\.batch 3"):
            source.batch(0, Part(0, 3))
