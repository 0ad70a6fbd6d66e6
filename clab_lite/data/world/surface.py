"""Light and grain on an object, so that it is not a flat cut-out."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from clab_lite.data.world.plan import Actor
from clab_lite.data.world.rasterise import Layer

# Strength of the grain: fur, plumage and scales are rougher than paint.
_ROUGHNESS = {"dog": 0.20, "turtle": 0.14, "snake": 0.12, "bird": 0.10, "watercraft": 0.05}
_SMOOTH = 0.04


def paint_surface(layer: Layer, actor: Actor) -> Layer:
    """Light the layer from above and roughen it with the individual's own grain, which moves along with it."""
    rows, columns = layer.rgba.shape[:2]
    light = np.linspace(1.10, 0.84, rows, dtype=np.float32)[:, None]
    grain = _grain(actor.look.texture_seed)
    repeats = (rows // grain.shape[0] + 1, columns // grain.shape[1] + 1)
    rough = np.float32(_ROUGHNESS.get(actor.class_name, _SMOOTH))
    factor = light * (1 + rough * np.tile(grain, repeats)[:rows, :columns])
    alpha = layer.rgba[..., 3:]
    rgb = np.minimum(layer.rgba[..., :3] * factor[..., None], 255 * alpha)
    return Layer(layer.left, layer.top, np.concatenate((rgb, alpha), axis=2))


@lru_cache(maxsize=64)
def _grain(seed: int) -> NDArray[np.float32]:
    """(64, 96) noise from about -1 to 1, slightly smoothed along the rows."""
    noise = np.random.default_rng(seed).uniform(-1, 1, (64, 97)).astype(np.float32)
    return noise[:, :-1] * np.float32(0.6) + noise[:, 1:] * np.float32(0.6)
