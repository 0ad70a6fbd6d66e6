"""A detector for weights that come from a file: built when it is known that they fit, and not before.

A description of a few letters may ask for layers of any size: names and shapes are compared with a detector that has no
memory behind it (device "meta").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clab_lite.config import DetectorConfig
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError

_FEW = 3


def expected_weights(config: DetectorConfig, place: str | Path, remedy: str) -> dict[str, Tensor]:
    """The state dict of a detector, with shapes and types alone.

    Raises:
        DataError: no detector can be of this configuration.
    """
    try:
        with torch.device("meta"):
            return VideoDetector(config).state_dict()
    except RuntimeError as error:  # sizes that no number of bytes can have
        raise DataError.at(place, "", f"describes no detector ({_one_line(error)})", remedy) from error


def built_with(
    config: DetectorConfig, weights: Mapping[str, Tensor], place: str | Path, problem: str, remedy: str
) -> VideoDetector:
    """The detector with these weights, on the CPU.

    Args:
        config: its configuration; ImageNet's weights are not fetched.
        weights: our names -> values.
        place: the file, for messages.
        problem: what to say when they do not fit: "weights do not fit the configuration".
        remedy: what to do then.

    Raises:
        DataError: a name is missing or too many, or a tensor has another shape or kind of number.
    """
    expected = expected_weights(config, place, remedy)
    for names, what in ((expected.keys() - weights.keys(), "lacks"), (weights.keys() - expected.keys(), "has also")):
        if names:
            raise DataError.at(place, "", f"{problem}: {what} {_listed(names)}", remedy)
    for name, value in weights.items():
        if reason := misfit(value, expected[name]):
            raise DataError.at(place, name, f"{problem}: {reason}", remedy)
    detector = VideoDetector(config)
    detector.load_state_dict(dict(weights))  # without what the file's table says about itself
    return detector


def misfit(value: Tensor, expected: Tensor) -> str:
    """In words, when a tensor cannot take another's place; else empty."""
    if value.shape != expected.shape:
        return f"has shape {tuple(value.shape)}, expected {tuple(expected.shape)}"
    kinds = [(one.is_floating_point(), one.is_complex(), one.dtype == torch.bool) for one in (value, expected)]
    return "" if kinds[0] == kinds[1] else f"holds {value.dtype}, expected {expected.dtype}"


def require_names(names: Any, classes: int, place: str | Path, remedy: str) -> tuple[str, ...]:
    """Names of classes from a file, as many as the detector has.

    Raises:
        DataError: no list of names, or another number of them.
    """
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise DataError.at(place, "class_names", f"are no list of names: {str(names)[:80]}", remedy)
    if len(names) != classes:
        raise DataError.at(place, "class_names", f"are {len(names)} for {classes} classes", remedy)
    return tuple(names)


def _listed(names: Iterable[str]) -> str:
    known = sorted(names)
    more = f" and {len(known) - _FEW} more" if len(known) > _FEW else ""
    return ", ".join(known[:_FEW])[:200] + more


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
