"""Every target of trials.fuzz, with as many inputs as a normal run affords; the summary shows the table."""

from __future__ import annotations

import pytest

from trials.fuzz import made_up
from trials.fuzz.runner import run
from trials.fuzz.target import Target
from trials.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_reader_refuses_or_reads(target: Target, record_property) -> None:
    tally = run(target, target.inputs)
    if target.strategy is not None:
        tally.add(made_up.run(target, target.inputs // 30))
    record_property("fuzz", tally.to_dict())
    assert not tally.crashes, "\n".join(tally.crashes)
    assert tally.read and tally.refused, "it only reads, or only refuses: the inputs are no test of it"
