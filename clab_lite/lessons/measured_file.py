"""Measured runs that travel with a lesson, as a file that a command wrote; and their numbers over seeds, in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from clab_lite.checksums import require_sum
from clab_lite.data.source_file import read_json
from clab_lite.errors import DataError
from clab_lite.study.paired import over_seeds

_Run = TypeVar("_Run")


def read_runs(path: Path, run_of: Callable[[dict[str, Any]], _Run], command: str) -> list[_Run]:
    """The runs of a file: a list of JSON objects.

    Args:
        path: the file.
        run_of: one object -> one run; ValueError, KeyError, TypeError or IndexError where it has another form.
        command: what makes such a file.

    Raises:
        DataError: no such file, a shipped one that was changed, or one of another form.
    """
    remedy = f"Make it with `{command} FOLDER`, then `{command} FOLDER --gather {path.name}`."
    require_sum(path)
    content = read_json(path, remedy)
    try:
        return [run_of(one) for one in content]  # type: ignore[attr-defined]  # whatever it is
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError.at(path, "", f"holds no measured runs ({error!r})", remedy) from error


def mean_in_words(values: Sequence[float]) -> str:
    """Mean over seeds "± half of its 95 % interval", which fewer than three seeds do not have."""
    found = over_seeds(values)
    return f"{found.mean:.2f}" if math.isnan(found.half) else f"{found.mean:.2f} ± {found.half:.2f}"
