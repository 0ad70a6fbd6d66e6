"""`make faults`: every command, every fault; the table goes into docs/robustness.md.

Only some commands, printed and not written:  python -m trials.faults train detect
A short version, which the tests run:         python -m trials.faults --short
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"], os.environ["MPLBACKEND"] = "1", "Agg"  # before torch is imported
    from trials.faults import trial

    if sys.argv[1:] == ["--short"]:
        sys.exit("\n".join(trial.short()) or 0)
    trial.main(sys.argv[1:])
