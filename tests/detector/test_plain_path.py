"""The detector against the plain path: the same weights in the order of the papers, nothing shared or looked up."""

from __future__ import annotations

from dataclasses import replace

import plain_path
import pytest
import torch
from golden_inputs import make_ref
from golden_model import CASES, SEED, key_image, video_frame
from plain_path import Size, detect_plainly, extract_references, score_plainly
from tiny_model import clips_and_targets, small_config, strong_detector
from torch import Tensor

from clab_lite.data.references import sliding_references
from clab_lite.detector import FrameMemory, VideoDetector, video_detector

SIZES = [(64, 96), (96, 64), (80, 144)]


def sure_detector(seed: int = 0, **roi: int) -> VideoDetector:
    """In eval mode; `roi` changes fields of RoIConfig."""
    return strong_detector(seed, roi=replace(small_config().roi, **roi)).eval()


def remember_singly(detector: VideoDetector, frames: Tensor, size: Size) -> FrameMemory:
    """A batch rounds its convolutions in another way, and that may flip a decision of non-maximum suppression."""
    return FrameMemory.join([detector.remember(frame[None], [size]) for frame in frames])


def assert_alike(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    """The same detections in the same order; only where scores are equal within 1e-5 may two have changed places.

    Measured: scores within 8e-8, boxes within 3e-5 pixels.
    """
    torch.testing.assert_close(found["scores"], wanted["scores"], rtol=0, atol=1e-5)
    same = found["labels"][:, None] == wanted["labels"]
    same &= (found["scores"][:, None] - wanted["scores"]).abs() < 1e-5
    same &= (found["boxes"][:, None] - wanted["boxes"]).abs().amax(dim=2) < 1e-3
    assert same.any(dim=0).all() and same.any(dim=1).all()


def compare(detector: VideoDetector, frames: Tensor, size: Size) -> dict[str, Tensor]:
    """Detect in the first frame with the others both ways; returns what was found."""
    found = detector.detect(frames[0], remember_singly(detector, frames[1:], size), size)
    maps = extract_references(detector, list(frames[1:]))
    assert_alike(found, detect_plainly(detector, frames[0], maps, size, torch.float64))
    return found


@pytest.mark.parametrize("key", [0, 2])
def test_the_published_architecture(detector: VideoDetector, key: int) -> None:
    height, width = CASES["key"]["img_shape"]
    references = [make_ref(key_image(), SEED * 2000 + i, 2 * i, 3 * i, height, width) for i in range(3)]
    frames = torch.stack([video_frame(key), *map(torch.from_numpy, references)])
    assert len(compare(detector, frames, (height, width))["scores"]) == 100


@pytest.mark.parametrize("output_size", [3, 5, 7])
@pytest.mark.parametrize("most_similar", [1, 2, 5])
@pytest.mark.parametrize("attention_blocks", [0, 1, 4])
def test_every_setting_of_temporal_roi_align(attention_blocks: int, most_similar: int, output_size: int) -> None:
    roi = {"attention_blocks": attention_blocks, "most_similar": most_similar, "output_size": output_size}
    for seed, (height, width) in enumerate(SIZES):
        frames = clips_and_targets(1, references=1 + seed, height=height, width=width)[0][0]
        found = compare(sure_detector(seed, **roi), frames, (height, width))
        assert found["scores"].std() > 0.01


def test_plain_selsa_and_a_frame_smaller_than_its_padding() -> None:
    frames = clips_and_targets(1, references=2)[0][0]
    frames[:, :, 50:], frames[:, :, :, 70:] = 0, 0
    assert len(compare(sure_detector(temporal=False), frames, (50, 70))["scores"]) > 10
    assert len(compare(sure_detector(), frames, (50, 70))["scores"]) > 10


@pytest.mark.parametrize("temporal", [True, False])
def test_frames_together_are_the_frames_alone(temporal: bool) -> None:
    detector, frames = sure_detector(temporal=temporal), clips_and_targets(1, references=4)[0][0]
    memory, own = (remember_singly(detector, part, (64, 96)) for part in (frames[3:], frames[:3]))
    sizes, scales = [(64, 96), (60, 90), (64, 96)], [(1.0, 1.0), (1.0, 1.0), (0.5, 0.25)]
    together = detector.detect_remembered(own, memory, sizes, scales)
    assert len(together) == 3 and all(len(found["scores"]) > 10 for found in together)
    for frame, alone, size, scale in zip(own.split(), together, sizes, scales, strict=True):
        (single,) = detector.detect_remembered(frame, memory, [size], [scale])
        assert_alike(alone, single)
    assert_alike(together[0], detector.detect(frames[0], memory, (64, 96)))
    assert_alike(together[2], detector.detect(frames[2], memory, (64, 96), (0.5, 0.25)))


def test_a_sliding_window_is_a_memory_of_its_frames() -> None:
    detector, frames = sure_detector(), clips_and_targets(1, references=5)[0][0]
    found = detector.detect_video(list(frames), "sliding", 3)
    for key, result in enumerate(found):
        wanted = frames[sliding_references(key, 6, 3)]
        assert_alike(result, detector.detect(frames[key], remember_singly(detector, wanted, (64, 96)), (64, 96)))
        maps = extract_references(detector, list(wanted))
        assert_alike(result, detect_plainly(detector, frames[key], maps, (64, 96), torch.float64))
    assert key == 5


@pytest.mark.parametrize("attention_blocks", [0, 4])
@pytest.mark.parametrize("without", [{1}, {0, 1, 2}, {3}, {0, 1, 2, 3}])
def test_frames_without_proposals(without: set[int], attention_blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames 0 to 2 are the references, 3 is the key: the order in which both ways propose."""
    original = video_detector.propose
    calls: list[int] = []

    def sometimes(*arguments: object) -> tuple[Tensor, Tensor]:
        boxes, scores = original(*arguments)
        calls.append(len(calls) % 4)
        return (boxes[:0], scores[:0]) if calls[-1] in without else (boxes, scores)

    for module in (video_detector, plain_path):
        monkeypatch.setattr(module, "propose", sometimes)
    frames = clips_and_targets(1, references=3)[0][0]
    found = compare(sure_detector(attention_blocks=attention_blocks), frames, (64, 96))
    assert len(calls) == 8
    assert (len(found["boxes"]) == 0) == (3 in without)


@torch.no_grad()
@pytest.mark.parametrize("roi", [{"attention_blocks": 4}, {"attention_blocks": 0}, {"temporal": False}])
def test_double_precision_agrees_to_nine_digits(roi: dict[str, int]) -> None:
    detector = sure_detector(**roi).double()
    frames = clips_and_targets(1, references=3)[0][0].double()
    memory, own = (remember_singly(detector, part, (64, 96)) for part in (frames[1:], frames[:1]))
    everything = FrameMemory.join([memory, own])
    logits, deltas = detector.score_regions(own.features, own.proposals[0], everything)
    maps = extract_references(detector, list(frames[1:]))
    regions, *expected = score_plainly(detector, own.features, maps, (64, 96), torch.float64)
    assert len(regions) and torch.equal(regions, own.proposals[0]) and logits.dtype == torch.float64
    torch.testing.assert_close([logits, deltas], expected, rtol=1e-9, atol=1e-9)
