"""CrossCL: contrast between the stages of a backbone, region by region."""

from __future__ import annotations

from clab_lite.data.video_index import VideoIndex
from clab_lite.methods.crosscl.config import CrossCLConfig, lite, paper
from clab_lite.methods.crosscl.data import PairBatch, PairSource
from clab_lite.methods.crosscl.model import CrossCL, RegionContrast

__all__ = ["CrossCL", "CrossCLConfig", "PairBatch", "PairSource", "RegionContrast", "build", "lite", "paper"]


def build(config: CrossCLConfig, index: VideoIndex) -> tuple[CrossCL, PairSource]:
    """The method with random weights (torch's generator draws them) and its batches."""
    return CrossCL(config), PairSource(index, config)
