"""The weighted sum, the log of recent losses, and chance level."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from clab_lite.training.losses import LOSSES, RecentLosses, TrainingDiverged, contrast_chance, total_loss


def _losses(value: float = 1.0, **changed: float) -> dict[str, Tensor]:
    return {name: torch.tensor(changed.get(name, value)) for name in LOSSES}


def test_total_is_the_sum_with_the_weighted_contrast() -> None:
    losses = {name: torch.tensor(float(2**i)) for i, name in enumerate(LOSSES)}
    assert total_loss(losses, 0.25).item() == 1 + 2 + 4 + 8 + 0.25 * 16


def test_the_mean_is_taken_since_the_last_row_and_survives_a_checkpoint() -> None:
    recent = RecentLosses()
    for value in (1.0, 2.0):
        recent.add(1, _losses(value), torch.tensor(10 * value), torch.tensor(100 * value), ["a"])
    recent = RecentLosses(recent.state())
    recent.add(3, _losses(6.0), torch.tensor(60.0), torch.tensor(600.0), ["a"])
    losses, norm = recent.mean()
    assert losses == dict.fromkeys(LOSSES, 3.0) | {"total": 30.0}
    assert norm == 300.0
    assert recent.state().shape == (0, 7)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_the_first_bad_iteration_is_named_with_all_components(bad: float) -> None:
    recent = RecentLosses()
    recent.add(4, _losses(), torch.tensor(5.0), torch.tensor(1.0), ["video/000001"])
    recent.check()
    recent.add(5, _losses(rpn_box=bad), torch.tensor(bad), torch.tensor(1.0), ["video/000002", "video/000003"])
    recent.add(6, _losses(contrast=bad), torch.tensor(bad), torch.tensor(1.0), ["video/000004"])
    with pytest.raises(TrainingDiverged, match=r"iteration 5: .*rpn_box = (nan|inf).*video/000002, video/000003\."):
        recent.check()


def test_chance_of_frames() -> None:
    """Eight clips of three frames: each frame has 7 * 3 negatives."""
    assert contrast_chance("frame", 3, [{}] * 8) == pytest.approx(math.log(22))
    assert contrast_chance("frame", 3, [{}]) is None


def test_chance_of_objects() -> None:
    """Tracks of 3, 2 and 1 boxes: 6 pairs see 3 negatives, 2 pairs see 4, the single box has no positive."""
    clip = {"track_ids": torch.tensor([1, 2]), "reference_targets": [{"track_ids": torch.tensor([1, 2])}]}
    clip["reference_targets"].append({"track_ids": torch.tensor([1])})
    other = {"track_ids": torch.tensor([1]), "reference_targets": [{"track_ids": torch.tensor([])}] * 2}
    expected = (6 * math.log(4) + 2 * math.log(5)) / 8
    assert contrast_chance("object", 3, [clip, other]) == pytest.approx(expected)
    assert contrast_chance("object", 3, [other]) is None
    assert contrast_chance("object", 3, []) is None
