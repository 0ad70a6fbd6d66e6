"""What a refusal must be: the library's own error, which names the file and says what to do, and can be printed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from clab_lite.errors import DataError

LONGEST = 2_000
"""Characters of a message that a person still reads."""


def faults_of(error: DataError, names: Sequence[str]) -> list[str]:
    """What is wrong with the message of a refusal; [] when nothing is.

    Args:
        error: the refusal.
        names: it must hold one of these; none: it need not.
    """
    text, faults = str(error), []
    if names and not any(name in text for name in names):
        faults.append(f"names none of {', '.join(names)}")
    if len(re.findall(r"[.:?!]\s+(?=\S+\s+\S)", text)) < (2 if names else 1):  # "place: problem. Remedy."
        faults.append("holds no remedy: it is one sentence")
    if len(text) >= LONGEST:
        faults.append(f"is {len(text):,} characters long")
    if not printable(text):
        faults.append("holds control characters")
    return faults


def printable(text: str) -> bool:
    """No control character, which could steer a terminal, and no half of a surrogate pair, which cannot be printed."""
    line = text.replace("\n", "")
    return line.isprintable() or all(unicodedata.category(character) not in ("Cc", "Cs") for character in line)
