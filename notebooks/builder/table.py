"""The table of lessons in notebooks/README.md, from the series and the measured runs."""

from __future__ import annotations

from typing import Any

from clab_lite.errors import DataError
from clab_lite.lessons.card import duration, measured
from clab_lite.lessons.series import SERIES

BEGIN, END = "<!-- lessons: written by build.py -->", "<!-- end of lessons -->"


def table(runs: dict[str, Any], built: set[str]) -> str:
    """One row per lesson that is there."""
    rows = ["| lesson | what you will see | time | peak memory |", "|---|---|---|---|"]
    for lesson in SERIES:
        if lesson.name not in built:
            continue
        run = measured(lesson.name, "cpu", runs)
        time = f"{duration(run.minutes)} on {run.machine}" if run else "not measured yet"
        memory = f"{run.memory_mb / 1000:.1f} GB" if run and run.memory_mb else ""
        see = lesson.see[0].upper() + lesson.see[1:]
        rows.append(f"| [{lesson.name[:2]} {lesson.title}]({lesson.name}.ipynb) | {see} | {time} | {memory} |")
    return "\n".join(rows)


def with_table(readme: str, content: str, begin: str = BEGIN, end: str = END) -> str:
    """The text of a README with what stands between two marks replaced.

    Raises:
        DataError: the marks are missing.
    """
    if begin not in readme or end not in readme:
        raise DataError(f"README.md: the marks {begin} and {end} are missing. Put them around the table.")
    before, rest = readme.split(begin, 1)
    return f"{before}{begin}\n{content}\n{end}{rest.split(end, 1)[1]}"
