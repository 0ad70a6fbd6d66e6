"""The video object detector and its parts."""

from clab_lite.detector import sampling
from clab_lite.detector.memory import FrameMemory
from clab_lite.detector.video_detector import VideoDetector

__all__ = ["FrameMemory", "VideoDetector", "sampling"]
