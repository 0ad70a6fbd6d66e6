"""Readers of files of weights."""

from __future__ import annotations

import copy
import io
from collections import OrderedDict
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import torch
from hostile_pickles import saved
from training_world import micro_config

from clab_lite.backbone_file import read_backbone, write_backbone
from clab_lite.config import Config
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.interop import read_official, save_mmtracking
from clab_lite.training.checkpoint import read_checkpoint, write_checkpoint
from clab_lite.training.saved_config import config_from_dict, config_to_dict
from clab_lite.weights_file import read_weights, write_weights
from trials.fuzz.mutate import BYTES
from trials.fuzz.mutate_pack import SAFETENSORS, ZIP, changed_inside, changed_pickle
from trials.fuzz.target import Target, one_file
from trials.fuzz.worlds import tree_of

NAMES = ("car", "dog")
CONFIG_TEXT = """
model = dict(detector=dict(roi_head=dict(bbox_head=dict(aggregator=dict(num_attention_blocks=16)))))
data = dict(test=dict(ref_img_sampler=dict(num_ref_imgs=14), pipeline=[dict(img_scale=(1000, 600))]))
"""
_ODD: tuple[Any, ...] = (
    None, 0, -1, 2**62, 1.5, float("nan"), "", "x", b"x", (), [], {}, {"a": {}}, True, torch.zeros(0), torch.ones(3, 3),
    torch.tensor(float("nan")), torch.ones(2, dtype=torch.int8), torch.ones(1, dtype=torch.complex64), OrderedDict(),
    torch.ones(1).expand(1000), torch.ones(4, dtype=torch.bool), torch.Size([1, 2]), torch.float32, {1: 2, None: 3},
)  # fmt: skip


@cache
def _config() -> Config:
    config = micro_config()
    return replace(config, detector=replace(config.detector, num_classes=len(NAMES)))


@cache
def _detector() -> VideoDetector:
    torch.manual_seed(0)
    return VideoDetector(_config().detector)


@cache
def _content() -> dict[str, Any]:
    """A checkpoint, with two layers in place of a model."""
    model = OrderedDict({"a.weight": torch.ones(3, 4), "a.bias": torch.zeros(3)})
    return {
        "model": model, "config": config_to_dict(_config()), "class_names": list(NAMES), "iteration": 4,
        "optimizer": {"state": {0: {"momentum_buffer": torch.ones(3, 4)}}, "param_groups": [{"lr": 0.1,
        "params": [0]}]},
        "seconds": 1.5, "compute": {"threads": 1, "precision": "float32"}, "recent": torch.zeros(4),
        "dataset": {"videos": 3, "digest": "abc"},
    }  # fmt: skip


def _file(write: Any) -> bytes:
    return next(iter(tree_of(lambda root: (root.mkdir(), write(root / "file"))).values()))


@cache
def _official() -> tuple[bytes, ...]:
    whole = _file(lambda path: save_mmtracking(path, _detector(), NAMES, 4))
    content = torch.load(io.BytesIO(whole), weights_only=True)
    content["meta"] = {"CLASSES": NAMES, "iter": 4, "config": CONFIG_TEXT}
    return whole, saved(content)


def changed_content(rng: Random, content: bytes) -> bytes:
    """Tensors and values of a checkpoint are others, missing, or have other names; it loads all the same."""
    try:
        plain = copy.deepcopy(torch.load(io.BytesIO(content), weights_only=True))
    except Exception:  # changed before
        return content
    for _ in range(rng.choice((1, 1, 2, 4))):
        table, key = _somewhere(rng, plain)
        what = rng.randrange(4)
        if table is None:
            break
        if what == 0 and isinstance(table, dict):
            table[rng.choice(("x", 7, "module.a", f"{key}.0"))] = table.pop(key)
        elif what == 1 and isinstance(table, dict):
            del table[key]
        elif what == 2 and isinstance(table[key], torch.Tensor):
            table[key] = _other(rng, table[key])
        else:
            table[key] = rng.choice(_ODD)
    return saved(plain, old=rng.random() < 0.2)


def _somewhere(rng: Random, value: Any) -> tuple[Any, Any]:
    """A table or list in it, and a key of that; (None, None) where there is none."""
    table: Any = None
    key: Any = None
    while isinstance(value, dict | list) and value:
        table, key = value, rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
        value = table[key]
        if rng.random() < 0.3:
            break
    return table, key


def _other(rng: Random, value: torch.Tensor) -> torch.Tensor:
    ways = (
        lambda: value.double(), lambda: value[:1].clone() if value.ndim else value, lambda: value[None],
        lambda: value.float() * float("nan"), lambda: value.float() + float("inf"), lambda: value.flatten(),
        lambda: value.to(torch.int64), lambda: value.repeat([2] * value.ndim) if value.ndim < 3 else value,
        lambda: value.as_strided((5, 5), (0, 0)) if value.numel() else value, lambda: value.to(torch.complex64),
    )  # fmt: skip
    return rng.choice(ways)()


def _use_checkpoint(path: Path) -> None:
    content = read_checkpoint(path, to_continue=True)
    config_from_dict(content["config"], path)
    assert all(value.isfinite().all() for value in content["model"].values())


def _use_weights(path: Path) -> None:
    detector, config, names, _ = read_weights(path)
    assert len(names) == config.detector.num_classes
    assert all(value.isfinite().all() for value in detector.state_dict().values() if value.is_floating_point())


def _checkpoints() -> tuple[bytes, ...]:
    return (_file(lambda path: write_checkpoint(path, _content())),)


def _older() -> tuple[bytes, ...]:
    return (saved(_content(), old=True),)


def _weights() -> tuple[bytes, ...]:
    return (_file(lambda path: write_weights(path, _detector(), _config(), NAMES, 4)),)


def _backbones() -> tuple[bytes, ...]:
    state, backbone = _content()["model"], _config().detector.backbone
    settings = config_to_dict(_config())
    return (_file(lambda path: write_backbone(path, state, "codo", backbone, settings, 4)),)


_OLDER = (changed_pickle, changed_pickle, changed_content, *BYTES[:5])
TARGETS: tuple[Target, ...] = (
    one_file(
        "checkpoint", "checkpoint.pt", _checkpoints, (*ZIP, *(changed_content,) * 3), _use_checkpoint, 700, factor=10
    ),
    one_file("checkpoint, older format", "old.pt", _older, _OLDER, _use_checkpoint, 700, factor=8, guided=None),
    one_file(
        "weights",
        "clab.safetensors",
        _weights,
        (*SAFETENSORS, changed_inside(("config", "class_names", "iteration"))),
        _use_weights,
        100,
        factor=20,
        guided=None,
        megabytes=256,
    ),
    one_file(
        "backbone",
        "backbone.safetensors",
        _backbones,
        (*SAFETENSORS, changed_inside(("config", "width", "steps"))),
        read_backbone,
        700,
        factor=6,
        guided=None,
    ),
    one_file(
        "official checkpoint",
        "official.pth",
        _official,
        (*(changed_content,) * 4, *ZIP),
        read_official,
        60,
        factor=40,
        guided=None,
        megabytes=256,
    ),
)
