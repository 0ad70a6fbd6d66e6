"""Small files of trained weights: safetensors with all that is needed to build the detector.

Small tensors are kept in half precision (float32 where a value is too large for it). A large one, (C, ...), is kept as
whole numbers from -127 to 127 times a scale for each of its C outputs (`NAME.scale`): a byte a number, the usual
symmetric scheme (arXiv 1806.08342, section 2.2).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from clab_lite.checksums import require_sum
from clab_lite.config import Config
from clab_lite.detector.fitting import built_with, expected_weights, require_names
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.file_format import KEY, require_format
from clab_lite.files import replaced
from clab_lite.training.saved_config import config_from_dict, config_to_dict

SUFFIX = ".safetensors"
FORMAT = 1
"""Version of these files; raised when an older clab-lite could not read a new one."""
_LARGE = 16_384
"""Numbers from which a weight is kept in bytes."""
_SCALE = ".scale"
_REMEDY = "Use another copy, or a file that `clab-lite export RUN FILE.safetensors` wrote."


def write_weights(
    path: Path, detector: VideoDetector, config: Config, class_names: Sequence[str], iteration: int
) -> None:
    """Save a detector in about a byte a number: its detections stay the same up to that rounding.

    Raises:
        DataError: weights are not finite, or there is not one name for each class. Nothing was written.
    """
    outputs = detector.config.num_classes
    if len(class_names) != outputs:
        raise DataError(f"{len(class_names)} class names for {outputs} classes. Give one name for each.")
    weights: dict[str, Tensor] = {}
    for name, value in detector.state_dict().items():
        weights |= _packed(name, value.cpu().contiguous())
    for name, value in weights.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise DataError(f"weight {name!r} holds values that are not finite. Export weights of an earlier step.")
    about = {
        KEY: str(FORMAT),
        "config": json.dumps(config_to_dict(config)),
        "class_names": json.dumps(list(class_names)),
        "iteration": str(iteration),
    }
    with replaced(path) as beside:
        beside.write_bytes(save(weights, about))  # save_file hides a full disk's reason, and locks others out


def read_weights(path: Path) -> tuple[VideoDetector, Config, tuple[str, ...], int]:
    """Detector (float32, on the CPU), configuration, class names, and the training step of a file of weights.

    Raises:
        DataError: the file is missing or broken, of a newer clab-lite, lacks its description, or its weights do not fit
            it, lack their scales or are not finite; or it is not the file of the SHA256SUMS beside it.
    """
    require_sum(path)
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            require_format(about.get(KEY), FORMAT, path)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the file is no dict
        values, names = json.loads(about["config"]), json.loads(about["class_names"])
        iteration = int(about["iteration"])
    except KeyError as error:
        raise DataError.at(path, "", f"holds weights without description ({error} is missing)", _REMEDY) from error
    except DataError:
        raise
    except (OSError, SafetensorError, ValueError, RecursionError) as error:
        raise DataError.at(path, "", f"cannot be read ({error})", _REMEDY) from error
    config = config_from_dict(values, path)
    # The weights come from the file: ImageNet's are not fetched first.
    backbone = replace(config.detector.backbone, imagenet_weights=False)
    plan = replace(config.detector, backbone=backbone)
    class_names = require_names(names, plan.num_classes, path, _REMEDY)
    _check_scales(weights, expected_weights(plan, path, _REMEDY), path)
    unpacked = _unpacked(weights)
    for name, value in unpacked.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise DataError.at(path, name, "holds values that are not finite", _REMEDY)
    detector = built_with(plan, unpacked, path, "weights do not fit the description beside them", _REMEDY)
    return detector, config, class_names, iteration


def _packed(name: str, value: Tensor) -> dict[str, Tensor]:
    if not value.is_floating_point():
        return {name: value}
    if value.ndim < 2 or value.numel() < _LARGE:
        half = value.half()
        return {name: half if half.isfinite().all() else value.float()}
    rows = value.flatten(1).float()
    scale = (rows.abs().amax(dim=1) / 127).clamp(min=torch.finfo(torch.float32).tiny)
    whole = (rows / scale[:, None]).round().to(torch.int8)
    if not scale.isfinite().all():  # before the rounding to whole numbers hides it
        return {name: value}
    return {name: whole.reshape(value.shape), name + _SCALE: scale}


def _check_scales(weights: dict[str, Tensor], expected: dict[str, Tensor], path: Path) -> None:
    """DataError unless whole numbers of a floating weight have a scale for each output, and every scale has its weight.

    Whole numbers without their scale would load as weights from -127 to 127.
    """
    for name, value in weights.items():
        scale = weights.get(name + _SCALE)
        if name in expected and expected[name].is_floating_point() and not value.is_floating_point():
            if scale is None:
                raise DataError.at(path, name, f"holds whole numbers without {name + _SCALE}", _REMEDY)
            if value.dtype != torch.int8 or value.ndim < 2:
                problem = f"has a scale, but is {value.dtype} of shape {tuple(value.shape)}"
                raise DataError.at(path, name, problem, _REMEDY)
            good = scale.dtype == torch.float32 and scale.shape == value.shape[:1]
            if not good or not (scale.isfinite() & (scale > 0)).all():
                problem = f"is no scale of {value.shape[0]} positive numbers (float32)"
                raise DataError.at(path, name + _SCALE, problem, _REMEDY)
        elif scale is not None:
            raise DataError.at(path, name + _SCALE, f"is a scale, but {name} is kept without one", _REMEDY)
        if name.endswith(_SCALE) and name not in expected and name.removesuffix(_SCALE) not in weights:
            raise DataError.at(path, name, "is a scale without its weight", _REMEDY)


def _unpacked(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, value in weights.items():
        scale = weights.get(name + _SCALE)
        if scale is not None:
            found[name] = (value.flatten(1).float() * scale[:, None]).reshape(value.shape)
        elif not name.endswith(_SCALE):
            found[name] = value.float() if value.is_floating_point() else value
    return found
