"""The vectorised MEGA and FGFA beside plain ones, on random boxes full of ties."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import voc_twin
from random_boxes import CLASSES, random_evaluation

from clab_lite.metrics.average_precision import accumulate_all
from clab_lite.metrics.voc import FGFA_AREAS, Range, fgfa_outcomes, mega_outcomes, motion_ranges

SMALL = {"all": (0.0, 1e10), "small": (0.0, 24.0**2), "large": (24.0**2, 1e10)}


@pytest.mark.parametrize("seed", range(12))
def test_equals_the_plain_evaluators(seed: int) -> None:
    found, truth, frames = random_evaluation(seed)
    ranges = motion_ranges(truth, frames)
    ranges["none of the class"] = Range(truth.label == 0, 0.4)
    ranges["half"] = Range(np.random.default_rng(seed).random(len(truth)) < 0.5, 0.0)
    by_area = {f"{m} {a}": replace(r, area=limits) for m, r in ranges.items() for a, limits in SMALL.items()}
    for outcomes, twin, chosen in (
        (mega_outcomes([found], truth, frames, CLASSES, ranges=ranges), voc_twin.mega, ranges),
        (fgfa_outcomes([found], truth, frames, CLASSES, ranges=by_area), voc_twin.fgfa, by_area),
    ):
        for name, scores in accumulate_all(outcomes).items():
            code = outcomes.code[outcomes.column(name)]
            verdicts = twin(found, truth, frames, chosen[name])
            assert (code == 1).tolist() == [bool(right) for right, _ in verdicts], name
            np.testing.assert_allclose(outcomes.weights[code], [weight for _, weight in verdicts], atol=1e-12)
            counted = [not chosen[name].ignored[g] and voc_twin.inside(truth.boxes[g], chosen[name]) for g in range(16)]
            expected = voc_twin.scores(verdicts, found, truth, counted, CLASSES)
            np.testing.assert_allclose(scores.ap, expected, atol=1e-12, err_msg=name)


def test_the_random_boxes_reach_every_rule() -> None:
    """Otherwise the twins would agree about nothing: fractional weights, drops and matches all occur, in each."""
    seen: dict[str, set[float]] = {"mega": set(), "fgfa": set()}
    right = {"mega": 0, "fgfa": 0}
    for seed in range(8):
        found, truth, frames = random_evaluation(seed)
        ranges = {"half": Range(np.arange(len(truth)) % 2 == 0, 0.25, FGFA_AREAS["all"])}
        for name, evaluate in (("mega", mega_outcomes), ("fgfa", fgfa_outcomes)):
            outcomes = evaluate([found], truth, frames, CLASSES, ranges=ranges)
            seen[name] |= set(outcomes.weights[outcomes.code[0]].tolist())
            right[name] += int((outcomes.code[0] == 1).sum())
    for name, weights in seen.items():
        assert {0.0, 0.25, 0.5, 1.0} < weights, name
        assert right[name] > 20
