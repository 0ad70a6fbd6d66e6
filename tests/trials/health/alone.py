"""One part in this process, which nothing else has used before: python -m trials.health.alone PART LENGTH FILE"""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

from trials.health.meter import Meter
from trials.health.parts import PARTS

if __name__ == "__main__":
    name, length, file = sys.argv[1:]
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background of a shell
        signal.signal(signal.SIGINT, signal.default_int_handler)
    part, looks = PARTS[name], Path(f"{file}.part")
    with tempfile.TemporaryDirectory() as folder:
        part.work(Meter(looks, int(length), part.looks), Path(folder))
    looks.replace(file)  # a part that failed has no line in the table
