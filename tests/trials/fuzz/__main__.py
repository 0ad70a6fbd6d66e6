"""`make fuzz`: try every reader, print the table, and write it into docs/robustness.md.

python -m trials.fuzz                     all of them
python -m trials.fuzz "annotation XML" images --inputs 1000 --seed 3
"""

from __future__ import annotations

import argparse
import sys

from tqdm import tqdm

from trials import page
from trials.fuzz import guided
from trials.fuzz.isolated import try_alone
from trials.fuzz.tally import Tally, joined, markdown, plain, rows
from trials.fuzz.targets import TARGETS

_TEXT = """Changed files of valid ones (bytes, and by structure), files from `hypothesis`, and files that `atheris` grew
along the lines of code they reach{without}. One process per reader: "memory" is what it grew by at most. "by lines" is
how many different lines refused something. What takes more than 2 s of computing or 64 MB (images: 512 MB, as their
pixels do) is a crash, and so is a message that names no file, holds no remedy, or cannot be printed."""


def main() -> int:
    """Try the readers that were asked for; 1 when one of them crashed."""
    options = _options()
    chosen = [target for target in TARGETS if not options.names or target.name in options.names]
    tallies: list[Tally] = []
    for target in tqdm(chosen, unit="reader", disable=None):
        count = options.inputs or target.inputs * target.factor
        tallies.append(try_alone(target.name, count, options.seed))
        if target.guided is not None and guided.available():
            tallies.append(guided.run(target, max(count // 4, 1), options.seed))
    table = joined(tallies)
    print(plain(rows(table)))
    for tally in table:
        for crash in tally.crashes:
            print(f"\n{tally.name}: {crash}")
    if not options.names and not options.inputs:
        without = "" if guided.available() else " (not here: `pip install atheris`)"
        text = f"{markdown(rows(table))}\n\n{_TEXT.format(without=without)}\n\n{page.measured_on()}"
        page.write_section("fuzz", text)
    return int(any(tally.crashes for tally in table))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m trials.fuzz", description=__doc__.partition("\n")[0])
    names = [target.name for target in TARGETS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"readers to try: {', '.join(names)}; all of them")
    parser.add_argument("--inputs", type=int, help="for each of them; the numbers of the table")
    parser.add_argument("--seed", type=int, default=0, help="other inputs")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in names]
    if unknown:
        parser.error(f"there is no reader {unknown[0]!r}. Choose among: {', '.join(names)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
