"""Table of the golden evaluation cases: the largest difference between this library and each official evaluator.

usage: python tests/metrics/golden_table.py [FOLDER]     FOLDER holds the cases; without it, tests/goldens/evaluation

Every number counts that the official evaluator printed: means and classes, at every threshold, size and motion. A class
that is undefined on one side alone is a difference of infinity. "-": the official evaluator crashed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from golden_cases import GOLDENS, load_case
from golden_numbers import difference, numbers

PROTOCOLS = {"COCO": "pycocotools", "COCO, 1000": "pycocotools_maxDets_100_300_1000", "MEGA": "mega"}
PROTOCOLS |= {"MEGA motion": "mega_motion", "FGFA": "fgfa", "FGFA motion x area": "fgfa_motion"}


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else GOLDENS
    print(f"{'case':20}" + "".join(f"{name:>20}" for name in PROTOCOLS))
    count, largest = 0, 0.0
    for path in sorted(folder.glob("*/gt_cocovid.json")):
        case, cells = load_case(path.parent.name, folder), []
        for block in PROTOCOLS.values():
            differences = [difference(pair) for _, pair in numbers(case, block)]
            cells.append(f"{max(differences):.1e}" if differences else "-")
            count += len(differences)
            largest = max([largest, *differences]) if path.parent.name != "ties" else largest
        print(f"{path.parent.name:20}" + "".join(f"{cell:>20}" for cell in cells))
    print(f"{count} numbers; the largest difference, without `ties`, is {largest:.1e}")


if __name__ == "__main__":
    main()
