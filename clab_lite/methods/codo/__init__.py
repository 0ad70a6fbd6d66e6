"""CoDo-style pre-training: instances on any background (CoDo, arXiv 2205.04617, whose code was never released).

config.py       every setting, marked published or ours; lite() and paper()
instances.py    the objects       backgrounds.py  what lies behind      frames.py  decoded frames
paste.py        paste_view        jitter.py       wrong boxes           composites.py  batches of them
trunk.py        backbone, pyramid, RoIAlign, region head                loss.py    levels and pairs of views
model.py        the method        auxiliary.py    beside a detector's training
measure.py      the background-invariance probe                         norm.py    BatchNorm on clean frames
trial.py        the measured runs: python -m clab_lite.methods.codo.trial
"""

from __future__ import annotations

from clab_lite.data.video_index import VideoIndex
from clab_lite.methods.codo.composites import Composites, CompositeSource
from clab_lite.methods.codo.config import CoDoConfig, lite, paper, with_background
from clab_lite.methods.codo.model import CoDo

__all__ = ["CoDo", "CoDoConfig", "CompositeSource", "Composites", "build", "lite", "paper", "with_background"]


def build(config: CoDoConfig, index: VideoIndex, downstream: VideoIndex | None = None) -> tuple[CoDo, CompositeSource]:
    """The method and its batches. Weights come from torch's random state.

    Args:
        config: all settings.
        index: videos with instances.
        downstream: training videos of the detector to come; None: the same ones.

    Raises:
        DataError: the videos do not give the instances or backgrounds that are asked for.
    """
    return CoDo(config), CompositeSource.of(config, index, downstream)
