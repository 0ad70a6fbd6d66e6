"""A detector without training and one sample video, for the tests of lesson 03."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

import clab_lite as cl
from clab_lite import lessons
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.lessons.references.scene import Scene
from clab_lite.trained import Trained

VIDEO = 4


def untrained(**roi: Any) -> Trained:
    """The lesson's detector with random weights; `roi` changes fields of its RoIConfig."""
    torch.manual_seed(0)
    config = cl.presets.named("lesson")
    detector = replace(config.detector, roi=replace(config.detector.roi, **roi))
    config = replace(config, detector=detector)
    names = lessons.samples("val").class_names
    return Trained(VideoDetector(detector).eval(), config, names, 0)


def small_scene(**roi: Any) -> Scene:
    """Video 4 of the held-out sample videos."""
    return Scene(untrained(**roi), lessons.samples("val"), VIDEO)
