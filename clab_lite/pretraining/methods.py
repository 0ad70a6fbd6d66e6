"""The three methods by name: their presets, and the making of a method with its batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from clab_lite.data.video_index import VideoIndex
from clab_lite.dataset_detections import detect_dataset
from clab_lite.errors import DataError
from clab_lite.methods.shared.method import Method, Source
from clab_lite.pretraining.loop import MethodSettings
from clab_lite.trained import load_run

MethodName = Literal["ranked", "crosscl", "codo"]
MethodPreset = Literal["lite", "paper"]

LEAST_SCORE = 0.3
"""Of a detection that is cut out as an object."""


def preset_of(name: str, preset: str) -> MethodSettings:
    """The configuration of a method: lite (a CPU, minutes) or paper (the published scale; of ranked, the report's).

    Raises:
        DataError: there is no method or no preset of that name.
    """
    if preset not in get_args(MethodPreset):
        raise DataError(f"preset {preset!r} is unknown. Choose one of: {', '.join(get_args(MethodPreset))}.")
    lite, paper, _ = _parts(name)
    made: MethodSettings = lite() if preset == "lite" else paper()
    return made


def build_method(
    name: str,
    config: MethodSettings,
    index: VideoIndex,
    *,
    downstream: VideoIndex | None = None,
    detector: Path | None = None,
    device: torch.device | str = "cpu",
) -> tuple[Method, Source]:
    """Make a method and its batches. torch's random state gives the first weights.

    Args:
        name: of the method.
        config: of the method.
        index: the videos.
        downstream: codo only: the videos that instances are pasted on. None: `index`.
        detector: ranked only, with `crop_source="detector"`: the run whose detections are cut out.
        device: where that detector runs.

    Raises:
        DataError: there is no such method, its configuration does not fit the videos, or it has no use for what it is
            given.
    """
    _, _, build = _parts(name)
    given: dict[str, Any] = {}
    if downstream is not None:
        _require(name == "codo", name, "downstream videos", "codo")
        given["downstream"] = downstream
    if detector is not None:
        _require(name == "ranked", name, "a detector", "ranked")
        given["detected"] = detected_boxes(detector, index, device)
    made: tuple[Method, Source] = build(config, index, **given)
    return made


def detected_boxes(
    run: Path, index: VideoIndex, device: torch.device | str = "cpu"
) -> Callable[[int, int], NDArray[np.float32]]:
    """(video, frame) -> boxes (D, 4) that a trained detector finds there with a score of LEAST_SCORE or more.

    Every annotated frame is looked at now. Boxes are pixels of the stored frame.
    """
    found = {
        (one.video, one.frame): one.boxes[one.scores >= LEAST_SCORE]
        for one in detect_dataset(load_run(run, device).detector, index)
    }
    nothing = np.zeros((0, 4), np.float32)
    return lambda video, frame: found.get((video, frame), nothing)


def _require(right: bool, name: str, what: str, whose: str) -> None:
    if not right:
        raise DataError(f"{name} has no use for {what}. Leave the option out, or pre-train by {whose}.")


def _parts(name: str) -> tuple[Callable[[], Any], Callable[[], Any], Callable[..., Any]]:
    """Presets lite and paper, and `build`, of a method."""
    if name == "ranked":
        from clab_lite.methods import ranked

        return ranked.lite, ranked.report, ranked.build
    if name == "crosscl":
        from clab_lite.methods import crosscl

        return crosscl.lite, crosscl.paper, crosscl.build
    if name == "codo":
        from clab_lite.methods import codo

        return codo.lite, codo.paper, codo.build
    raise DataError(f"there is no method {name!r}. Choose one of: {', '.join(get_args(MethodName))}.")
