"""What an official checkpoint holds, and a clear word when a file is something else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from clab_lite.errors import DataError
from clab_lite.tensor_file import load_tensors

REMEDY = "Give a checkpoint of SELSA, Temporal RoI Align or CLAB with a ResNet DC5 backbone."

ESSENTIAL = (
    "detector.backbone.conv1.weight",
    "detector.neck.convs.0.conv.weight",
    "detector.rpn_head.rpn_conv.weight",
    "detector.rpn_head.rpn_cls.weight",
    "detector.roi_head.bbox_head.fc_cls.weight",
    "detector.roi_head.bbox_head.fc_reg.weight",
    "detector.roi_head.bbox_head.shared_fcs.0.weight",
    "detector.roi_head.bbox_head.aggregator.0.fc_embed.weight",
)
"""Keys that every one of these detectors has; the first missing one says which part is not there."""

# What files given by mistake are: (what to say, beginnings of keys, of which one is enough).
_OTHERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("a run of clab-lite, whose names are ours", ("box_head.layers.", "rpn.objectness.")),
    ("CLIP, an image and text model", ("visual.", "vision_model.", "text_model.", "transformer.resblocks.")),
    ("a plain ResNet, from which training may start", ("layer1.0.conv1.", "layer4.0.conv1.")),
    ("an image detector of torchvision", ("roi_heads.", "backbone.body.", "rpn.head.")),
    ("an image detector of mmdetection", ("backbone.layer1.", "roi_head.", "rpn_head.", "bbox_head.")),
    ("FGFA or DFF of mmtracking", ("motion.", "aggregator.")),
)


@dataclass(frozen=True)
class OfficialFile:
    """An official checkpoint, opened."""

    place: str
    """For messages: the file, or "checkpoint"."""
    state: dict[str, Tensor]
    """Official names, without the "module." of a model that was trained on several GPUs."""
    meta: dict[str, Any]
    """What the training wrote beside: CLASSES, iter, config (text), and for files of ours clab_lite."""


def open_official(checkpoint: str | Path | Mapping[str, Any]) -> OfficialFile:
    """Open a checkpoint; entries beside "state_dict" and "meta" (the optimizer) are ignored.

    Args:
        checkpoint: a file, or what it holds: {"state_dict": ..., "meta": ...} or the plain official state dict.

    Raises:
        DataError: not a safe file of tensors, or no table of named tensors in it.
    """
    content: Any = checkpoint if isinstance(checkpoint, Mapping) else load_tensors(Path(checkpoint))
    place = "checkpoint" if isinstance(checkpoint, Mapping) else str(checkpoint)
    if not isinstance(content, Mapping):
        raise DataError.at(place, "", f"holds a {type(content).__name__}, not the entries of a checkpoint", REMEDY)
    state = content.get("state_dict", content)
    if not isinstance(state, Mapping):
        raise DataError.at(place, "state_dict", f"is a {type(state).__name__}, not a table of weights", REMEDY)
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            problem = f"entry {name!r} is a {type(value).__name__}, not a named tensor"
            raise DataError.at(place, "state_dict", problem, REMEDY)
    meta = content.get("meta")
    plain = {name.removeprefix("module."): value for name, value in state.items()}
    return OfficialFile(place, plain, dict(meta) if isinstance(meta, Mapping) else {})


def foreign_keys(place: str, foreign: Iterable[str], missing: Iterable[str], names: Iterable[str]) -> DataError:
    """The error for a checkpoint of another model.

    Args:
        place: the file.
        foreign: keys in it that the detector does not have.
        missing: keys of the detector that are not in it.
        names: all keys in it.
    """
    unknown, absent, known = list(foreign), list(missing), list(names)
    parts = []
    if unknown:
        problem = "holds keys of no SELSA / Temporal RoI Align / CLAB detector"
        parts.append(f"{problem} ({len(unknown)}, the first is {unknown[0]!r})")
    if absent:
        parts.append(f"lacks keys of such a detector ({len(absent)}, the first is {absent[0]!r})")
    what = next((what for what, starts in _OTHERS if any(name.startswith(starts) for name in known)), None)
    guess = f" It looks like {what}." if what else ""
    return DataError.at(place, "state_dict", f"{' and '.join(parts)}.{guess}".removesuffix("."), REMEDY)
