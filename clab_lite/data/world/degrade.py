"""Troubles that happen in the camera: defocus, low light, noise. Images are float32 (H, W, 3), 0 to 255."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]


def defocus(image: Image, radius: float) -> Image:
    """Blur with a disc of ``radius`` pixels, the shape of an open aperture; edges repeat."""
    reach = int(np.ceil(radius))
    padded = np.pad(image, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    total = np.zeros_like(image)
    weights = 0.0
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            weight = min(max(radius + 0.5 - float(np.hypot(dx, dy)), 0.0), 1.0)
            if weight > 0:
                rows, columns = image.shape[:2]
                total += np.float32(weight) * padded[reach + dy :, reach + dx :][:rows, :columns]
                weights += weight
    return total / np.float32(weights)


def low_light(image: Image, strength: float) -> Image:
    """Dim the image to ``1 / (1 + 1.7 strength)`` of its light, paler and a little blue."""
    grey = image.mean(axis=2, keepdims=True)
    fade = np.float32(min(0.30 * strength, 0.7))
    dim = np.float32(1 / (1 + 1.7 * strength))
    tint = np.array([0.90, 0.97, 1.12], np.float32)
    return np.asarray((image * (1 - fade) + grey * fade) * dim * tint, np.float32)


def noise(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """Add sensor noise: a constant part and a part that grows with the light, the same seed gives the same grain."""
    spread = np.float32(strength) * (7 + 0.9 * np.sqrt(np.maximum(image, 0)))
    return np.asarray(image + spread * rng.standard_normal(image.shape, np.float32), np.float32)
