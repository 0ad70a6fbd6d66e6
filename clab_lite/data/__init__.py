"""Reading, sampling and making video data."""

from clab_lite.data.subset import Subset
from clab_lite.data.vid import FrameAnnotation, Video, VideoIndex, open_dataset

__all__ = ["FrameAnnotation", "Subset", "Video", "VideoIndex", "open_dataset"]
