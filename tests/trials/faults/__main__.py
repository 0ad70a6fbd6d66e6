"""`make faults`: every command, every fault; the table goes into docs/robustness.md.

Only some commands, printed and not written:  python -m trials.faults train detect
A short version, which the tests run:         python -m trials.faults --short
"""

from __future__ import annotations

import argparse
import os
import sys

if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"], os.environ["MPLBACKEND"] = "1", "Agg"  # before torch is imported
    from trials.faults import trial
    from trials.faults.commands import COMMANDS

    parser = argparse.ArgumentParser(
        prog="python -m trials.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="COMMAND", help=", ".join(command.name for command in COMMANDS))
    parser.add_argument("--short", action="store_true", help="half a minute, nothing written")
    options = parser.parse_args()
    if options.short:
        sys.exit("\n".join(trial.short()) or 0)
    trial.main(options.names)
