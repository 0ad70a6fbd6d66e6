"""What the numbers of a study depend on besides the settings, so that runs of two kinds are not taken for one study."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch

from clab_lite.data.vid import VideoIndex
from clab_lite.errors import DataError
from clab_lite.study.record import Record
from clab_lite.study.setting import Setting
from clab_lite.train import for_classes_of
from clab_lite.training.dataset import describe
from clab_lite.training.saved_config import config_to_dict

JUDGED = "judged"
"""The one entry that may differ inside a study: plans judge on videos of their own, which `Record.videos` names."""
_REMEDY = "Name another folder OUT, or remove the run's folder to make it anew."


def made_of(learn: VideoIndex, embedded: VideoIndex, judged: VideoIndex) -> dict[str, str]:
    """Digests of the configuration that settings vary and of the annotations of three sets of videos; versions."""
    from clab_lite import __version__

    config = for_classes_of(learn, Setting().config())
    videos = {"learn": learn, "embedded": embedded, JUDGED: judged}
    return {
        "config": _digest(json.dumps(config_to_dict(config), sort_keys=True).encode()),
        **{name: _annotations(index) for name, index in videos.items()},
        "clab_lite": __version__,
        "torch": str(torch.__version__),
    }


def require_same(place: Path, found: Record, setting: Setting, now: Mapping[str, str]) -> None:
    """Check that a run that is there is the run that would be made now. What it does not tell is not compared.

    Raises:
        DataError: it is of another setting, configuration, data or version.
    """
    if found.setting != setting:
        raise DataError.at(place, "", f"holds {found.setting}, not {setting}", _REMEDY)
    other = _differences(found.made_of, now)
    if other:
        problem = f"this run was made of something else than the runs to come ({', '.join(other)})"
        raise DataError.at(place, "", problem, _REMEDY)


def require_one_study(records: Iterable[tuple[Path, Record]]) -> None:
    """Check that runs were made of the same. What a run does not tell is not compared.

    Raises:
        DataError: two were not; the message names both.
    """
    seen: dict[tuple[str, str], tuple[str, Path]] = {}
    for place, record in records:
        for name, value in record.made_of.items():
            first, where = seen.setdefault((name, record.videos if name == JUDGED else ""), (value, place))
            if value != first:
                problem = f"its {name} is {value}, that of {where} is {first}: these runs are of two studies"
                raise DataError.at(place, "", problem, _REMEDY)


def _differences(found: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [f"{name}: {found[name]} -> {now[name]}" for name in now if name in found and found[name] != now[name]]


def _annotations(index: VideoIndex) -> str:
    """Of names, classes, key frames, boxes, labels and tracks. Not of the pixels: two worlds differ in their boxes."""
    table = index.table
    columns = (table.frame_counts, table.box_offsets, table.boxes, table.labels, table.track_ids)
    parts = [np.ascontiguousarray(column).tobytes() for column in columns]
    return _digest(describe(index)["digest"].encode(), *parts)


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:16]
