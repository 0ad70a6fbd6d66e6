"""Official CLAB / mmtracking parameter names <-> ours. One table, read in both directions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from clab_lite.errors import DataError
from clab_lite.tensor_file import load_tensors

# (official prefix, our prefix); the first match wins.
_PREFIXES: tuple[tuple[str, str], ...] = (
    ("detector.backbone.", "backbone."),
    ("detector.neck.convs.0.conv.", "neck.conv."),
    ("detector.rpn_head.rpn_conv.", "rpn.conv."),
    ("detector.rpn_head.rpn_cls.", "rpn.objectness."),
    ("detector.rpn_head.rpn_reg.", "rpn.deltas."),
    ("detector.roi_head.bbox_roi_extractor.embed_network.conv.", "temporal.embed."),
    ("detector.roi_head.bbox_head.fc_cls.", "box_head.classify."),
    ("detector.roi_head.bbox_head.fc_reg.", "box_head.regress."),
    ("detector.roi_head.bbox_head.shared_fcs.", "box_head.layers."),
    ("detector.roi_head.bbox_head.aggregator.", "box_head.aggregators."),
    ("auxiliary.channel.0.", "auxiliary.conv."),
    ("auxiliary.proj.", "auxiliary.projector."),
)
_ATTENTION = {"fc_embed": "query", "ref_fc_embed": "key", "ref_fc": "value", "fc": "output"}
_Table = tuple[tuple[tuple[str, str], ...], dict[str, str]]
_TO_OURS: _Table = (_PREFIXES, _ATTENTION)
_TO_OFFICIAL: _Table = (
    tuple((ours, official) for official, ours in _PREFIXES),
    {ours: official for official, ours in _ATTENTION.items()},
)


def from_mmtracking(checkpoint: str | Path | Mapping[str, Any]) -> dict[str, Tensor]:
    """Convert an official checkpoint into a state dict for `VideoDetector.load_state_dict`.

    Args:
        checkpoint: a file, or what it holds: {"state_dict": ..., "meta": ...} or the plain official state dict.

    Returns:
        Our names -> the same tensors, every official key consumed. Goldens `state_dict_keys_{r50,r101,x101}`.

    Raises:
        DataError: an official key has no place in our detector, or the file is not a safe checkpoint.
    """
    place = "checkpoint" if isinstance(checkpoint, Mapping) else str(checkpoint)
    content = checkpoint if isinstance(checkpoint, Mapping) else load_tensors(Path(checkpoint))
    official = content.get("state_dict", content)
    renamed = {name: _rename(name.removeprefix("module."), _TO_OURS) for name in official}
    unknown = [name for name, ours in renamed.items() if ours is None]
    if unknown:
        raise DataError.at(
            place,
            "state_dict",
            f"{len(unknown)} keys are not of a SELSA / Temporal RoI Align / CLAB detector, the first is {unknown[0]!r}",
            "Give a checkpoint of one of these methods with a ResNet DC5 backbone.",
        )
    return {str(renamed[name]): value for name, value in official.items()}


def to_mmtracking(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our state dict -> official names. Inverse of `from_mmtracking`."""
    renamed = {name: _rename(name, _TO_OFFICIAL) for name in state}
    for name, official in renamed.items():
        if official is None:
            raise DataError(
                f"{name!r} is no parameter of VideoDetector; only its state dict can be written in official names."
            )
    return {str(renamed[name]): value for name, value in state.items()}


def _rename(name: str, table: _Table) -> str | None:
    """The name with its prefix exchanged, and the layer inside an attention block; None when no prefix fits."""
    prefixes, attention = table
    for old, new in prefixes:
        if name.startswith(old):
            rest = name[len(old) :]
            if ".aggregator" in old:
                rest = re.sub(r"^(\d+)\.(\w+)\.", lambda m: f"{m[1]}.{attention.get(m[2], m[2])}.", rest)
            return new + rest
    return None
