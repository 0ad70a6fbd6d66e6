"""Records of measured runs, joined for the lessons."""

from __future__ import annotations

import json
from pathlib import Path

from clab_lite.checksums import listed_anew
from clab_lite.errors import DataError
from clab_lite.files import write_text


def gather(folder: Path, target: Path) -> int:
    """Join the records of a folder (files SETTING-SEED.json) into one file, one run a line. Gives their number.

    Raises:
        DataError: the folder holds none.
    """
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*-*.json"))]
    if not records:
        raise DataError.at(folder, "", "holds no records", "Make them first: leave out --gather.")
    with listed_anew(target.parent, [target.name]):
        write_text(target, "[\n" + ",\n".join(json.dumps(record) for record in records) + "\n]\n")
    return len(records)
