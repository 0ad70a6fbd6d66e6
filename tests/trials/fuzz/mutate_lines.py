"""Changes of a file of lines with fields: other fields, more and fewer of them, lines twice, gone and exchanged."""

from __future__ import annotations

from random import Random

from trials.fuzz.hostile import NAMES, NUMBERS


def changed_lines(rng: Random, content: bytes) -> bytes:
    """One or two lines are other than they were."""
    lines = content.decode("utf-8", "replace").split("\n")
    for _ in range(rng.choice((1, 1, 2))):
        position = rng.randrange(len(lines)) if lines else 0
        lines = rng.choice((_field, _field, _field, _more, _fewer, _twice, _gone, _exchanged))(rng, lines, position)
    return "\n".join(lines).encode("utf-8", "replace")


def _field(rng: Random, lines: list[str], position: int) -> list[str]:
    fields = lines[position].split(" ") if lines else [""]
    fields[rng.randrange(len(fields))] = rng.choice(NUMBERS + NAMES)
    return [*lines[:position], " ".join(fields), *lines[position + 1 :]]


def _more(rng: Random, lines: list[str], position: int) -> list[str]:
    longer = [f"{line} {rng.choice(NUMBERS)}" for line in lines[position : position + 1]]
    return [*lines[:position], *longer, *lines[position + 1 :]]


def _fewer(_rng: Random, lines: list[str], position: int) -> list[str]:
    shorter = [line.rpartition(" ")[0] for line in lines[position : position + 1]]
    return [*lines[:position], *shorter, *lines[position + 1 :]]


def _twice(rng: Random, lines: list[str], position: int) -> list[str]:
    return lines[:position] + lines[position : position + 1] * rng.choice((2, 3, 200)) + lines[position + 1 :]


def _gone(_rng: Random, lines: list[str], position: int) -> list[str]:
    return lines[:position] + lines[position + 1 :]


def _exchanged(rng: Random, lines: list[str], position: int) -> list[str]:
    lines = list(lines)
    if lines:
        other = rng.randrange(len(lines))
        lines[position], lines[other] = lines[other], lines[position]
    return lines


LINES = (changed_lines,)
