"""A pre-trained backbone as one file: safetensors with what made it, and into a detector with every name checked.

`clab-lite pretrain` writes backbone.safetensors; `clab-lite train --init` starts a detector from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from clab_lite.config import BackboneConfig
from clab_lite.detector.backbone import Backbone
from clab_lite.errors import DataError
from clab_lite.file_format import KEY, require_format
from clab_lite.files import replaced
from clab_lite.training.run_folder import BACKBONE

FORMAT = 1
"""Version of these files; raised when an older clab-lite could not read a new one."""
_KIND = "clab-lite backbone"
_FEW = 6
_REMEDY = "Use another copy, or a file that `clab-lite pretrain` wrote."


@dataclass(frozen=True)
class PretrainedBackbone:
    """Weights of a backbone, and what made them."""

    place: Path
    state: dict[str, Tensor]
    """Names as in `clab_lite.detector.backbone.Backbone`, on the CPU."""
    method: str
    """ranked, crosscl, codo, or the name of another."""
    backbone: BackboneConfig
    settings: dict[str, Any]
    """The whole configuration of the pre-training, as in its config.json."""
    steps: int
    """Of pre-training."""
    digest: str
    """First 16 digits of the SHA-256 of names, types, shapes and values."""

    def about(self) -> dict[str, Any]:
        """What a run that starts from these weights remembers of them. Not the path: files move."""
        return {"method": self.method, "steps": self.steps, "sha256": self.digest}

    def __str__(self) -> str:
        return f"{self.method}, {self.steps} steps, {_named(self.backbone)} ({self.place})"


@dataclass(frozen=True)
class Fit:
    """Which tensors of a backbone come from the file."""

    loaded: tuple[str, ...]
    left: tuple[str, ...]
    """Of the backbone, and not in the file: they stay as they were initialised."""
    unused: tuple[str, ...]
    """Of the file, with no place in the backbone."""

    def __str__(self) -> str:
        parts = ((self.loaded, "loaded"), (self.left, "left as initialised"), (self.unused, "not used"))
        return ", ".join(f"{len(names)} {what}{_listed(names)}" for names, what in parts)


def write_backbone(
    path: Path, state: Mapping[str, Tensor], method: str, backbone: BackboneConfig, settings: dict[str, Any], steps: int
) -> None:
    """Save a backbone's state dict with what made it, whole or not at all.

    Raises:
        DataError: a weight is not finite, or the file cannot be written; what was at `path` is still there.
    """
    weights = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    _require_finite(path, weights, "Nothing was written. Pre-train again with a lower learning rate.")
    about = {
        "kind": _KIND,
        KEY: str(FORMAT),
        "method": method,
        "architecture": backbone.architecture,
        "width": str(backbone.width),
        "config": json.dumps(settings),
        "steps": str(steps),
        "sha256": digest_of(weights),
    }
    try:
        with replaced(path) as beside:
            beside.write_bytes(save(weights, about))  # save_file hides the system's reason, and locks others out
    except OSError as error:
        remedy = "Make room or correct the permissions, then continue with --resume."
        raise DataError.at(path, "", f"could not be written ({error.strerror or error})", remedy) from error


def read_backbone(path: str | Path) -> PretrainedBackbone:
    """Read a file that `write_backbone` wrote, or the one in the folder of a pre-training.

    Raises:
        DataError: no such file, another kind of file, one of a newer clab-lite, or one whose weights are not those
            that were written or are not finite.
    """
    path = Path(path)
    if path.is_dir():
        path = path / BACKBONE
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the file is no dict
    except FileNotFoundError as error:
        remedy = "Make it with `clab-lite pretrain`, or correct the path."
        raise DataError.at(path, "", "no such file of a backbone", remedy) from error
    except (OSError, SafetensorError) as error:
        raise DataError.at(path, "", f"cannot be read as a backbone ({error})", _REMEDY) from error
    return _described(path, about, state)


def is_backbone(path: str | Path) -> bool:
    """Whether a path is the folder of a pre-training, or a file that `write_backbone` wrote."""
    path = Path(path)
    if path.is_dir():
        return (path / BACKBONE).is_file()
    try:
        with safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get("kind") == _KIND
    except (OSError, SafetensorError):
        return False


def fit(found: PretrainedBackbone, backbone: Backbone) -> Fit:
    """What of the file goes where in a detector's backbone. Nothing is loaded: it may be on the device "meta".

    Raises:
        DataError: another architecture or width, a tensor of another shape, or none that fits.
    """
    config = backbone.config
    if (found.backbone.architecture, found.backbone.width) != (config.architecture, config.width):
        remedy = (
            f"Set --detector.backbone.architecture {found.backbone.architecture} --detector.backbone.width "
            f"{found.backbone.width}, or pre-train a {_named(config)}."
        )
        raise DataError.at(
            found.place, "", f"is a {_named(found.backbone)}, the detector's is {_named(config)}", remedy
        )
    own, given = backbone.state_dict(), found.state
    loaded = tuple(name for name in own if name in given)
    if not loaded:
        raise DataError.at(found.place, "", f"none of its {len(given)} names is one of a backbone", _REMEDY)
    for name in loaded:
        if given[name].shape != own[name].shape:
            problem = f"has shape {tuple(given[name].shape)}, the detector's is {tuple(own[name].shape)}"
            raise DataError.at(found.place, name, problem, _REMEDY)
    left, unused = (tuple(name for name in one if name not in other) for one, other in ((own, given), (given, own)))
    return Fit(loaded, left, unused)


def load_backbone(found: PretrainedBackbone, backbone: Backbone) -> Fit:
    """Copy the file's weights into a detector's backbone. See `fit`; what the file lacks stays as it is."""
    result = fit(found, backbone)
    own = backbone.state_dict()
    with torch.no_grad():
        for name in result.loaded:
            own[name].copy_(found.state[name])
    return result


def digest_of(state: Mapping[str, Tensor]) -> str:
    """First 16 digits of the SHA-256 of names, types, shapes and values, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(state):
        value = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def _described(path: Path, about: Mapping[str, str], state: dict[str, Tensor]) -> PretrainedBackbone:
    if about.get("kind") != _KIND:
        whole = "class_names" in about
        problem = (
            "holds a whole detector, no backbone alone" if whole else "holds weights that say nothing of a backbone"
        )
        raise DataError.at(path, "", problem, _REMEDY)
    require_format(about.get(KEY), FORMAT, path)
    try:
        settings = json.loads(about["config"])
        backbone = BackboneConfig(
            about["architecture"],  # type: ignore[arg-type]  # checked by the dataclass
            int(about["width"]),
            imagenet_weights=False,
        )
        found = PretrainedBackbone(
            path, state, about["method"], backbone, settings, int(about["steps"]), about["sha256"]
        )
    except DataError as error:  # an architecture that this version does not have
        raise DataError.at(path, "", f"its description is wrong: {error}", _REMEDY) from error
    except (KeyError, ValueError, RecursionError) as error:
        raise DataError.at(path, "", f"its description is incomplete or wrong ({error!r})", _REMEDY) from error
    if digest_of(state) != found.digest:
        raise DataError.at(path, "", "its weights are not those that were written: damaged or changed", _REMEDY)
    _require_finite(path, state, "Use a backbone of an earlier step, or pre-train again.")
    return found


def _require_finite(path: Path, state: Mapping[str, Tensor], remedy: str) -> None:
    for name, value in state.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise DataError.at(path, name, "holds values that are not finite", remedy)


def _named(config: BackboneConfig) -> str:
    return f"{config.architecture} of width {config.width}"


def _listed(names: Sequence[str]) -> str:
    """All names when they are few, else how many begin alike."""
    if not names:
        return ""
    if len(names) <= _FEW:
        return f" ({', '.join(names)})"
    first = [name.split(".")[0] for name in names]
    return f" ({', '.join(f'{part}: {first.count(part)}' for part in dict.fromkeys(first))})"
