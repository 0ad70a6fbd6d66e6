"""Official CLAB / mmtracking parameter names <-> ours. One table, read in both directions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from clab_lite.errors import DataError
from clab_lite.interop.official_file import ESSENTIAL, OfficialFile, foreign_keys, open_official

# (official prefix, our prefix), in the order of the official state dict; the first match wins.
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
_ATTENTION = {"fc_embed": "query", "ref_fc_embed": "key", "fc": "output", "ref_fc": "value"}
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
    return to_ours(open_official(checkpoint))


def to_ours(opened: OfficialFile) -> dict[str, Tensor]:
    """`from_mmtracking` of an opened checkpoint."""
    renamed = {name: _rename(name, _TO_OURS) for name in opened.state}
    unknown = [name for name, ours in renamed.items() if ours is None]
    if unknown:
        missing = [name for name in ESSENTIAL if name not in opened.state]
        raise foreign_keys(opened.place, unknown, missing, opened.state)
    return {str(renamed[name]): value for name, value in opened.state.items()}


def to_mmtracking(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our state dict -> official names, in the official order. Inverse of `from_mmtracking`."""
    renamed = {name: _rename(name, _TO_OFFICIAL) for name in state}
    for name, official in renamed.items():
        if official is None:
            raise DataError(
                f"{name!r} is no parameter of VideoDetector; only its state dict can be written in official names."
            )
    official_state = {str(renamed[name]): value for name, value in state.items()}
    return {name: official_state[name] for name in sorted(official_state, key=_position)}


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


def _position(official: str) -> tuple[int, int, int]:
    """Where a key stands in an official state dict; `sorted` keeps the order of those that share a place."""
    part = next(i for i, (prefix, _) in enumerate(_PREFIXES) if official.startswith(prefix))
    layer = re.search(r"\.aggregator\.(\d+)\.(\w+)\.", official)
    return (part, int(layer[1]), [*_ATTENTION, layer[2]].index(layer[2])) if layer else (part, 0, 0)
