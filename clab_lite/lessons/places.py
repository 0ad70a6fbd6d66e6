"""Where things of the series are: from the folder at hand, or beside the package's source."""

from __future__ import annotations

import os
from pathlib import Path

from clab_lite.errors import DataError
from clab_lite.samples import find_samples

_FIRST = "00_start_here.json"
"""Questions of the first lesson: by this file the folder is known. Others have folders called questions too."""
_SOURCE = Path(__file__).resolve().parents[2]


def fast() -> bool:
    """Whether CLAB_LITE_FAST asks for the short version of every lesson, as the tests do."""
    return os.environ.get("CLAB_LITE_FAST", "") not in ("", "0")


def notebooks_folder() -> Path | None:
    """The folder with the lessons and their questions: the current one, one of its parents' `notebooks`, or the one
    beside the package's source; None where there is none.
    """
    here = Path.cwd()
    for place in (here, here / "notebooks", *(parent / "notebooks" for parent in here.parents), _SOURCE / "notebooks"):
        if (place / "questions" / _FIRST).is_file():
            return place
    return None


def samples_folder() -> Path:
    """`data_samples`, in the current folder or one of its parents, or beside the package's source.

    Raises:
        DataError: it is in none of these. The lessons need the one of the repository: videos that are drawn anew come
            without trained weights and measured runs.
    """
    try:
        return find_samples().absolute()
    except DataError as error:
        remedy = "Copy the folder data_samples of the repository to the folder that Jupyter was started in."
        raise DataError(f"there is no folder data_samples in {Path.cwd()} or above it. {remedy}") from error
