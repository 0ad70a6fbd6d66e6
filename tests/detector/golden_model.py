"""Rebuild the official model and inputs of tests/goldens/official (golden_inputs.py, weights_recipe.py); compare."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from golden_inputs import make_image, make_ref
from weights_recipe import make_state_dict

from clab_lite import presets
from clab_lite.config import DetectorConfig
from clab_lite.detector import VideoDetector
from clab_lite.interop import from_mmtracking

GOLDENS = Path(__file__).parents[1] / "goldens" / "official"
CASES = json.loads((GOLDENS / "cases.json").read_text())
SEED = CASES["key"]["seed"]


@cache
def golden(name: str) -> dict[str, np.ndarray]:
    return dict(np.load(GOLDENS / f"{name}.npz"))


def official_config(architecture: str) -> DetectorConfig:
    config = presets.paper(architecture).detector
    return replace(config, backbone=replace(config.backbone, imagenet_weights=False))


def official_keys(architecture: str) -> list[tuple[str, list[int], str]]:
    return json.loads((GOLDENS / f"state_dict_keys_{architecture}.json").read_text())["state_dict"]


def official_state(architecture: str) -> dict[str, torch.Tensor]:
    keys = official_keys(architecture)
    arrays = make_state_dict({name: shape for name, shape, _ in keys}, CASES["weight_seed"])
    state = {name: torch.from_numpy(value) for name, value in arrays.items()}
    return state | {
        name: torch.zeros((), dtype=torch.long) for name, _, _ in keys if name.endswith("num_batches_tracked")
    }


def official_detector(architecture: str = "r50") -> VideoDetector:
    detector = VideoDetector(official_config(architecture))
    detector.load_state_dict(from_mmtracking({"state_dict": official_state(architecture)}))
    return detector.eval()


def key_image() -> np.ndarray:
    key = CASES["key"]
    return make_image(SEED, key["h"], key["w"], *key["img_shape"])


def video_frame(index: int) -> torch.Tensor:
    """Frame of the test video: the key is frame 0."""
    key = key_image()
    image = key if index == 0 else make_ref(key, SEED * 1000 + index, 2 * index, 3 * index, *CASES["key"]["img_shape"])
    return torch.from_numpy(image)


def difference(golden_arrays: dict[str, np.ndarray], name: str, value: torch.Tensor) -> float:
    """Largest |difference| divided by the largest |golden value|; big goldens are stored at 4096 positions."""
    found = value.detach().double().numpy()
    if name in golden_arrays:
        expected = golden_arrays[name]
        assert found.size == expected.size, f"{name}: {found.shape} against {expected.shape}"
        found = found.reshape(expected.shape)
    else:
        assert tuple(golden_arrays[f"{name}__shape"]) == found.shape, name
        expected = golden_arrays[f"{name}__val"]
        found = found.reshape(-1)[golden_arrays[f"{name}__idx"]]
    assert np.isfinite(found).all(), f"{name} is not finite"
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30))


def assert_nearly_all(golden_arrays: dict[str, np.ndarray], name: str, value: torch.Tensor) -> None:
    """At least 99 % of the stored entries within 1e-4 of the largest value.

    A map cell whose second and third most similar cells tie to the last bits may choose either; that moves one cell.
    """
    found = value.detach().double().numpy()
    assert tuple(golden_arrays[f"{name}__shape"]) == found.shape, name
    expected = golden_arrays[f"{name}__val"]
    error = np.abs(found.reshape(-1)[golden_arrays[f"{name}__idx"]] - expected) / np.abs(expected).max()
    assert (error < 1e-4).mean() >= 0.99, f"{name}: {(error >= 1e-4).sum()} entries differ"
    assert error.max() < 0.05, f"{name}: an entry differs by {error.max()}"
