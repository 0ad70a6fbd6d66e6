"""What the repository ships, as the trial uses it."""

from __future__ import annotations

from numpy.typing import NDArray

from clab_lite.data.vid import open_dataset
from trials.page import ROOT

SAMPLES = ROOT / "data_samples"
WEIGHTS = SAMPLES / "trained" / "clab.safetensors"


class SampleFrames:
    """Frames of the held-out sample videos as pictures (128, 192, 3) uint8, one after the other, again and again."""

    def __init__(self) -> None:
        self._index = open_dataset(SAMPLES, split="val")
        self._places = [(v, frame) for v, video in enumerate(self._index.videos) for frame in range(video.frame_count)]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> NDArray:
        return self._index.load_image(*self._places[number % len(self)]).permute(1, 2, 0).numpy()
