"""On the way of training and detection, no tensor of the device is float64: Apple's MPS has none."""

from __future__ import annotations

import pytest
import torch
from like_mps import like_mps
from tiny_model import clips_and_targets, small_detector


def test_float64_is_noticed() -> None:
    with pytest.raises(TypeError, match="gives float64"), like_mps():
        torch.ones(1).double()


@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_step_of_training(bfloat16: bool) -> None:
    detector = small_detector()
    clips, targets = clips_and_targets()
    optimizer = torch.optim.SGD(detector.parameters(), lr=0.01, momentum=0.9)
    with like_mps():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            losses = detector(clips, targets)
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(detector.parameters(), 35)
        optimizer.step()


def test_detection_in_a_video() -> None:
    detector = small_detector().eval()
    frames = list(clips_and_targets(count=1, references=3)[0][0])
    with torch.no_grad(), like_mps():
        found = list(detector.detect_video(frames, count=2))
    assert len(found) == len(frames)
