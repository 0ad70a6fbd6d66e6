"""What all tests share: one thread per process (tests run side by side), Ctrl-C that works, fixed seeds."""

from __future__ import annotations

import os
import random
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest
import torch

torch.set_num_threads(1)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background of a shell: Ctrl-C tests need it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    """Every test starts from the same state of every generator, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - libraries still read the global generator
    torch.manual_seed(0)


def pytest_terminal_summary(terminalreporter) -> None:
    """After a run that tried hostile files: how many, and what came of them (workers send it with their reports)."""
    reports = [report for group in terminalreporter.stats.values() for report in group]
    calls = [report.user_properties for report in reports if getattr(report, "when", None) == "call"]
    found = [value for properties in calls for name, value in properties if name == "fuzz"]
    if found:
        from trials.fuzz.tally import Tally, joined, plain, rows

        terminalreporter.section("hostile files")
        terminalreporter.write_line(plain(rows(joined(map(Tally.from_dict, found)))))
