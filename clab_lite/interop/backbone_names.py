"""Backbones under the names of other libraries: torchvision, detectron2, mmdetection; and back.

Our own names are torchvision's. The tables follow the converters of the CrossCL, ReSim and InsLoc codes; their neck and
head are left out, since this detector has none of those. Files hold tensors and plain values only, no pickled code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors.torch import save
from torch import Tensor

from clab_lite.errors import DataError
from clab_lite.files import replaced
from clab_lite.tensor_file import load_tensors

Style = Literal["torchvision", "detectron2", "mmdetection"]

_PREFIX = "backbone."
"""mmdetection's part of a detector; its readers take it as `prefix`."""
# ours -> detectron2's, inside a block and for the stem; applied in this order
_DETECTRON2 = (
    (r"^(?!layer)", "stem."),
    (r"^layer(\d)", lambda m: f"res{int(m[1]) + 1}"),
    (r"\bbn(\d)\.", r"conv\1.norm."),
    (r"\bdownsample\.0\.", "shortcut."),
    (r"\bdownsample\.1\.", "shortcut.norm."),
)
_FROM_DETECTRON2 = (
    (r"^stem\.", ""),
    (r"^res(\d)", lambda m: f"layer{int(m[1]) - 1}"),
    (r"\bconv(\d)\.norm\.", r"bn\1."),
    (r"\bshortcut\.norm\.", "downsample.1."),
    (r"\bshortcut\.", "downsample.0."),
)


def to_style(state: Mapping[str, Tensor], style: Style) -> dict[str, Tensor]:
    """A backbone's state dict (names of `clab_lite.detector.backbone.Backbone`) under the names of another library.

    detectron2: `stem.conv1.weight`, `res2.0.conv1.norm.weight`, `res3.0.shortcut.weight`. mmdetection:
    `backbone.layer1.0.conv1.weight`. torchvision: the same names; a whole ResNet has `fc` besides.
    """
    _require(style)
    if style == "detectron2":
        return {_replaced(name, _DETECTRON2): value for name, value in state.items()}
    return {(_PREFIX if style == "mmdetection" else "") + name: value for name, value in state.items()}


def from_style(state: Mapping[str, Tensor], style: Style) -> dict[str, Tensor]:
    """The inverse of `to_style`; of a whole model only the backbone (without `fc`) is taken.

    Raises:
        DataError: no name is one of a ResNet of that library.
    """
    _require(style)
    begins = {"torchvision": r"(conv1|bn1|layer\d)\.", "detectron2": r"(stem|res\d)\.", "mmdetection": r"backbone\."}
    own = {name: value for name, value in state.items() if re.match(begins[style], name)}
    if not own:
        first = next(iter(state), "none")
        raise DataError(
            f"no name is one of a ResNet of {style}; the first is {first!r}. Name its library, or another file."
        )
    if style == "detectron2":
        return {_replaced(name, _FROM_DETECTRON2): value for name, value in own.items()}
    return {name.removeprefix(_PREFIX) if style == "mmdetection" else name: value for name, value in own.items()}


def save_style(path: Path, state: Mapping[str, Tensor], style: Style) -> None:
    """Write a backbone for another library, as its readers take it. A file .safetensors holds the bare tensors.

    torchvision: the state dict. detectron2: {"model", "matching_heuristics"}, which finds its place in a detector by
    the ends of the names. mmdetection: {"state_dict", "meta"}.

    Raises:
        DataError: the file cannot be written.
    """
    named = {name: value.detach().cpu().contiguous().clone() for name, value in to_style(state, style).items()}
    wrapped: dict[Style, dict[str, Any]] = {
        "torchvision": dict(named),
        "detectron2": {"model": named, "matching_heuristics": True, "__author__": "clab-lite"},
        "mmdetection": {"state_dict": named, "meta": {}},
    }
    try:
        with replaced(path) as beside:
            if path.suffix == ".safetensors":
                beside.write_bytes(save(named))
            else:
                with beside.open("wb") as file:
                    torch.save(wrapped[style], file)
    except (OSError, RuntimeError) as error:
        cause = error if isinstance(error, OSError) else error.__context__
        reason = getattr(cause, "strerror", None) or str(error)
        remedy = "Make room, correct the permissions, or name another file."
        raise DataError.at(path, "", f"could not be written ({reason})", remedy) from error


def read_style(path: Path, style: Style) -> dict[str, Tensor]:
    """A backbone under our names from a file of another library; nothing in it is run.

    Raises:
        DataError: the file cannot be read, or holds no ResNet of that library.
    """
    content = load_tensors(path)
    for entry in ("model", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(entry), Mapping):
            content = content[entry]
    if not isinstance(content, Mapping):
        raise DataError.at(path, "", "holds no named tensors", "Give a file of weights.")
    return from_style({str(name): value for name, value in content.items() if isinstance(value, Tensor)}, style)


def _replaced(name: str, table: tuple[tuple[str, Any], ...]) -> str:
    for pattern, by in table:
        name = re.sub(pattern, by, name)
    return name


def _require(style: str) -> None:
    if style not in get_args(Style):
        raise DataError(f"there are no names of {style!r}. Choose one of: {', '.join(get_args(Style))}.")
