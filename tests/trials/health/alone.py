"""One part in this process, which nothing else has used before: python -m trials.health.alone PART LENGTH FILE"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from trials.health.meter import Meter
from trials.health.parts import PARTS

if __name__ == "__main__":
    name, length, file = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        PARTS[name].work(Meter(Path(file), int(length)), Path(folder))
