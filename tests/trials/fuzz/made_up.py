"""Inputs that hypothesis makes up from a description of the file, not from a valid one."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, seed, settings

from trials.fuzz.runner import Session
from trials.fuzz.tally import Tally
from trials.fuzz.target import Target


def run(target: Target, count: int, number: int = 0) -> Tally:
    """Try `count` contents of the target's file. Crashes are kept in the tally, as the runner keeps them."""
    assert target.strategy is not None and target.guided is not None
    file, checks = target.guided, list(HealthCheck)
    options = settings(
        max_examples=count, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=checks
    )
    with Session(target) as session:

        @seed(number)
        @options
        @given(target.strategy(session.workshop.tree[file]))
        def attempt(content: bytes) -> None:
            session.attempt({file: content}, f"hypothesis, seed {number}")

        attempt()
    return session.tally
