"""Where the bundled videos are."""

from __future__ import annotations

from pathlib import Path

from clab_lite.errors import DataError


def find_samples() -> Path:
    """`data_samples` in the current folder or one of its parents, or beside the package's source.

    Raises:
        DataError: it is in none of these; the message says how to make it.
    """
    above = (parent / "data_samples" for parent in Path.cwd().parents)
    for place in (Path("data_samples"), *above, Path(__file__).resolve().parents[1] / "data_samples"):
        if (place / "Annotations" / "VID").is_dir():
            return place
    raise DataError(
        "there is no folder data_samples here. Make it with `clab-lite make-samples data_samples`, "
        "or name another dataset: `clab-lite demo --data FOLDER`."
    )
