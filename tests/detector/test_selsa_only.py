"""SELSA without Temporal RoI Align: plain pooling, then attention over the reference regions."""

import math
from dataclasses import replace

import pytest
import torch
import torchvision.ops
from tiny_model import clips_and_targets, small_config, small_detector

from clab_lite.config import BoxHeadConfig, ContrastConfig
from clab_lite.detector import FrameMemory, VideoDetector

SIZE = (64, 96)
HEAD = BoxHeadConfig(layers=2, width=32, attention_blocks=4)


def selsa_detector() -> VideoDetector:
    """With weights so strong that the reference regions count."""
    roi = replace(small_config().roi, temporal=False)
    detector = small_detector(roi=roi, box_head=HEAD, contrast=ContrastConfig(enabled=False))
    for name, weight in detector.box_head.named_parameters():
        if weight.ndim == 2 and not name.startswith("layers.0"):
            torch.nn.init.normal_(weight, std=0.4)
    return detector.eval()


def attend_slowly(layer: torch.nn.Module, regions: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
    """SELSA equations 3 to 5, one region and one group of channels at a time."""
    width = HEAD.width // HEAD.attention_blocks
    query, key, value = layer.query(regions), layer.key(references), layer.value(references)
    attended = torch.zeros_like(query)
    for r in range(len(regions)):
        for start in range(0, HEAD.width, width):
            part = slice(start, start + width)
            likeness = torch.stack([(query[r, part] * k[part]).sum() / math.sqrt(width) for k in key])
            weight = likeness.exp() / likeness.exp().sum()
            attended[r, part] = sum(w * v[part] for w, v in zip(weight, value, strict=True))
    return layer.output(attended)


def pool_slowly(detector: VideoDetector, feature_map: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    roi = detector.config.roi
    pooled = torchvision.ops.roi_align(
        feature_map[None], [boxes], roi.output_size, 1 / 16, roi.sampling_ratio, aligned=True
    )
    return pooled.flatten(1)


@torch.no_grad()
def test_scores_equal_a_slow_twin() -> None:
    detector = selsa_detector()
    frames = clips_and_targets(1, references=2)[0][0]
    memory = detector.remember(frames, [SIZE] * 3)
    _, maps = detector.extract(frames)
    regions = memory.proposals[0][:6]
    logits, deltas = detector.score_regions(maps[:1], regions, memory)

    x = pool_slowly(detector, maps[0], regions)
    y = torch.cat([pool_slowly(detector, maps[i], memory.proposals[i]) for i in range(3)])
    for layer, aggregator in zip(detector.box_head.layers, detector.box_head.aggregators, strict=True):
        x, y = layer(x), layer(y)
        x, y = torch.relu(x + attend_slowly(aggregator, x, y)), torch.relu(y)
    torch.testing.assert_close(logits, detector.box_head.classify(x), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(deltas, detector.box_head.regress(x), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_regions_of_the_references_count_and_their_maps_do_not() -> None:
    detector = selsa_detector()
    frames = clips_and_targets(1, references=3)[0][0]
    memory = detector.remember(frames, [SIZE] * 4)
    regions, maps = memory.proposals[0], memory.features[:1]
    expected, _ = detector.score_regions(maps, regions, memory)
    other_maps = FrameMemory(torch.rand_like(memory.features), memory.proposals, memory.encoded)
    assert torch.equal(detector.score_regions(maps, regions, other_maps)[0], expected)
    fewer = detector.remember(frames[:2], [SIZE] * 2)
    assert (detector.score_regions(maps, regions, fewer)[0] - expected).abs().max() > 1e-3


def test_it_has_the_other_parameters_and_trains_all_of_them() -> None:
    changes = {"roi": replace(small_config().roi, temporal=False)}
    selsa, temporal = small_detector(**changes), small_detector()
    names = [name for name in temporal.state_dict() if not name.startswith("temporal.")]
    assert list(selsa.state_dict()) == names and len(names) < len(temporal.state_dict())
    losses = selsa.train()(*clips_and_targets(2))
    sum(losses.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in selsa.parameters() if p.requires_grad)


@pytest.mark.parametrize("references", ["adaptive", "sliding"])
def test_a_video_is_detected_frame_by_frame(references: str) -> None:
    from clab_lite.data.references import adaptive_references, sliding_references

    detector = selsa_detector()
    video = list(clips_and_targets(1, references=4)[0][0])
    found = list(detector.detect_video(video, references=references, count=2))
    assert len(found) == 5
    for i, result in enumerate(found):
        wanted = adaptive_references(5, 2) if references == "adaptive" else sliding_references(i, 5, 2)
        memory = detector.remember(torch.stack([video[k] for k in wanted]), [SIZE] * 2)
        alone = detector.detect(video[i], memory, SIZE)
        torch.testing.assert_close(result["scores"], alone["scores"], rtol=1e-3, atol=1e-5)
