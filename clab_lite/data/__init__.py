"""Reading, sampling and making video data."""

from clab_lite.data.vid import FrameAnnotation, Video, VideoIndex, open_dataset

__all__ = ["FrameAnnotation", "Video", "VideoIndex", "open_dataset"]
