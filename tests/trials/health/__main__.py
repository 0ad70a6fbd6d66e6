"""python -m trials.health [PART ...]: measure parts (default: all), and write the table of all that were measured."""

from __future__ import annotations

import argparse
import subprocess
import sys

from trials.health.meter import read
from trials.health.parts import PARTS
from trials.health.table import found_in, table
from trials.page import ROOT, write_section

LOOKS = ROOT / "runs" / "health"


def main() -> int:
    """0 where every part that was measured now is healthy."""
    parser = argparse.ArgumentParser(prog="python -m trials.health")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--length", type=int, help="units of work, instead of each part's own")
    parser.add_argument("--no-run", action="store_true", help="only write the table")
    options = parser.parse_args()
    unknown = sorted(set(options.parts) - set(PARTS))
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}. Choose from: {', '.join(PARTS)}.")
    names, sick = [] if options.no_run else options.parts or list(PARTS), 0
    for name in names:
        faults = measure(name, options.length or PARTS[name].length)
        print(f"{name}: {', '.join(faults) or 'flat'}", flush=True)
        sick += bool(faults)
    write_section("health", table(LOOKS))
    return min(sick, 1)


def measure(name: str, length: int) -> list[str]:
    """Do one part in a process of its own; what is not as it should be."""
    file = LOOKS / f"{name}.jsonl"
    command = [sys.executable, "-m", "trials.health.alone", name, str(length), str(file)]
    if subprocess.run(command).returncode:
        return ["did not come to its end: see above"]
    return found_in(read(file), PARTS[name]).faults


if __name__ == "__main__":
    sys.exit(main())
