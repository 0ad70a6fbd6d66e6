"""The three methods by name: their presets, and the making of a method with its batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, get_args

from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError
from clab_lite.methods.shared.method import Method, Source
from clab_lite.pretraining.loop import MethodSettings

if TYPE_CHECKING:
    from clab_lite.methods.ranked import RankedConfig

MethodName = Literal["ranked", "crosscl", "codo"]
MethodPreset = Literal["lite", "paper"]


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
    name: str, config: MethodSettings, index: VideoIndex, downstream: VideoIndex | None = None
) -> tuple[Method, Source]:
    """Make a method and its batches. torch's random state gives the first weights.

    Args:
        name: of the method.
        config: of the method.
        index: the videos.
        downstream: codo only: the videos that instances are pasted on. None: `index`.

    Raises:
        DataError: there is no such method, its configuration does not fit the videos, or it has no use for downstream
            videos.
    """
    _, _, build = _parts(name)
    if downstream is not None and name != "codo":
        raise DataError(f"{name} has no use for downstream videos. Leave the option out, or pre-train by codo.")
    made: tuple[Method, Source] = build(config, index) if downstream is None else build(config, index, downstream)
    return made


def _build_ranked(config: RankedConfig, index: VideoIndex) -> tuple[Method, Source]:
    """Ranked contrast, with the boxes of a detector where the configuration names one."""
    from clab_lite.methods import ranked
    from clab_lite.pretraining.detected import boxes_for

    return ranked.build(config, index, boxes_for(config, index))


def _parts(name: str) -> tuple[Callable[[], Any], Callable[[], Any], Callable[..., Any]]:
    """Presets lite and paper, and `build`, of a method."""
    if name == "ranked":
        from clab_lite.methods import ranked

        return ranked.lite, ranked.report, _build_ranked
    if name == "crosscl":
        from clab_lite.methods import crosscl

        return crosscl.lite, crosscl.paper, crosscl.build
    if name == "codo":
        from clab_lite.methods import codo

        return codo.lite, codo.paper, codo.build
    raise DataError(f"there is no method {name!r}. Choose one of: {', '.join(get_args(MethodName))}.")
