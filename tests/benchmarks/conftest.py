"""What is measured is the plain path and the goldens' detector, which lie with the detector's tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "detector"))
