"""The projector of the methods is the one of CLAB's branch (`clab_lite.detector.projector`)."""

from clab_lite.detector.projector import projector

__all__ = ["projector"]
