"""The contract of VideoDetector: one path for every batch, empty cases, memory, and a branch that costs nothing."""

from dataclasses import replace

import pytest
import torch
from tiny_model import clips_and_targets, small_config, small_detector

from clab_lite.config import ContrastConfig
from clab_lite.detector import FrameMemory, VideoDetector
from clab_lite.errors import DataError

KEYS = ["rpn_objectness", "rpn_box", "box_class", "box_regression", "contrast"]


@pytest.mark.parametrize("supervise", ["key", "all"])
@pytest.mark.parametrize(("count", "references"), [(1, 1), (1, 2), (2, 1), (3, 3)])
def test_any_batch_size_and_any_number_of_references(supervise: str, count: int, references: int) -> None:
    detector = small_detector(supervise=supervise).train()
    losses = detector(*clips_and_targets(count, references))
    assert list(losses) == KEYS
    assert all(value.shape == () and value.isfinite() for value in losses.values())
    sum(losses.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in detector.parameters() if p.requires_grad)
    assert (losses["contrast"] > 0) == (count > 1)


def test_a_batch_is_the_mean_of_its_clips(first_count: None) -> None:
    """With as many samples in each clip, the joined loss is the mean of the single ones: no clip leaks into another."""
    sampler = replace(small_config().roi.sampler, count=8)
    detector = small_detector(supervise="key", roi=replace(small_config().roi, sampler=sampler)).train()
    clips, targets = clips_and_targets(2)
    joined = detector(clips, targets)
    single = [detector(clips[i : i + 1], targets[i : i + 1]) for i in range(2)]
    for key in KEYS[:4]:
        torch.testing.assert_close(joined[key], (single[0][key] + single[1][key]) / 2, rtol=1e-4, atol=1e-6)


def test_all_frames_as_keys_is_each_frame_as_key_in_turn(first_count: None) -> None:
    """`supervise="all"` equals the mean of the clips with each frame moved to the front, with its own boxes."""
    config = small_config()
    few = {
        "rpn": replace(config.rpn, sampler=replace(config.rpn.sampler, count=8)),
        "roi": replace(config.roi, sampler=replace(config.roi.sampler, count=8)),
    }
    clips, targets = clips_and_targets(1)
    frames = [targets[0], *targets[0]["reference_targets"]]
    together, detector = (small_detector(supervise=kind, **few).train() for kind in ("all", "key"))
    for model in (together, detector):  # a fresh classifier is so weak that references would hardly count
        torch.manual_seed(1)
        torch.nn.init.normal_(model.box_head.classify.weight, std=0.5)
    found = together(clips, targets)
    singles = []
    for key in range(3):
        order = [key, *(i for i in range(3) if i != key)]
        singles.append(detector(clips[:, order], [{**frames[key], "image_size": (64, 96)}]))
    for name in KEYS[:4]:
        expected = torch.stack([losses[name] for losses in singles]).mean()
        torch.testing.assert_close(found[name], expected, rtol=1e-4, atol=1e-6, msg=name)


def test_each_frame_keeps_its_own_size(monkeypatch) -> None:
    """Proposals of a frame are clipped to that frame, not to its clip's key nor to the padded batch."""
    from clab_lite.detector import video_detector

    asked: list[tuple[int, int]] = []
    original = video_detector.propose

    def spy(objectness, deltas, anchors, image_size, config):
        asked.append(image_size)
        return original(objectness, deltas, anchors, image_size, config)

    monkeypatch.setattr(video_detector, "propose", spy)
    clips, targets = clips_and_targets(1)
    targets[0] |= {"reference_sizes": [(50, 70), (60, 80)]}
    small_detector(supervise="key").train()(clips, targets)
    assert asked == [(64, 96), (50, 70), (60, 80)]
    memory = small_detector().eval().remember(clips[0], [(64, 96), (50, 70), (40, 60)])
    for boxes, (height, width) in zip(memory.proposals, [(64, 96), (50, 70), (40, 60)], strict=True):
        assert len(boxes) and boxes[:, 0::2].max() <= width and boxes[:, 1::2].max() <= height
    # without the limit some would reach into the padding
    assert memory.proposals[0][:, 0::2].max() > 70


@pytest.mark.parametrize("supervise", ["key", "all"])
def test_no_ground_truth(supervise: str) -> None:
    detector = small_detector(supervise=supervise).train()
    clips, targets = clips_and_targets(2)
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.long)}
    targets = [{**t, **empty, "reference_targets": [empty] * 2} for t in targets]
    losses = detector(clips, targets)
    sum(losses.values()).backward()
    assert losses["rpn_box"] == 0 and losses["box_regression"] == 0
    assert losses["rpn_objectness"] > 0 and losses["box_class"] > 0


def test_no_proposals(monkeypatch) -> None:
    """A region proposal network that finds nothing must not stop training or detection."""
    from clab_lite.detector import video_detector

    monkeypatch.setattr(video_detector, "propose", lambda *_args: (torch.zeros(0, 4), torch.zeros(0)))
    detector = small_detector()
    clips, targets = clips_and_targets(2)
    losses = detector.train()(clips, targets)
    sum(losses.values()).backward()
    assert all(value.isfinite() for value in losses.values())
    found = detector.eval().detect(clips[0, 0], detector.remember(clips[0, 1:], [(64, 96)] * 2), (64, 96))
    assert found["boxes"].shape == (0, 4) and len(found["scores"]) == len(found["labels"]) == 0


def test_frames_of_different_sizes_share_a_batch() -> None:
    """Padding is no place for objects: proposals, anchors and detections stay inside each frame."""
    detector = small_detector(supervise="all").train()
    clips, targets = clips_and_targets(2)
    clips[1, :, :, 50:] = 0
    clips[1, :, :, :, 70:] = 0
    targets[1] |= {"image_size": (50, 70), "reference_sizes": [(50, 70)] * 2}
    losses = detector(clips, targets)
    assert all(value.isfinite() for value in losses.values())
    found = detector.eval().detect(clips[1, 0], detector.remember(clips[1], [(50, 70)] * 3), (50, 70))
    assert len(found["boxes"]) and found["boxes"].min() >= 0
    assert found["boxes"][:, 0::2].max() <= 70 and found["boxes"][:, 1::2].max() <= 50


def test_plain_selsa_is_a_configuration() -> None:
    detector = small_detector(roi=replace(small_config().roi, temporal=False)).train()
    assert detector.temporal is None
    assert all(value.isfinite() for value in detector(*clips_and_targets(2)).values())


def test_the_branch_costs_nothing_at_inference() -> None:
    """Without the branch: same other parameters, and detections equal to the last bit."""
    with_branch = small_detector().eval()
    without = VideoDetector(small_config(contrast=ContrastConfig(enabled=False))).eval()
    state = {name: value for name, value in with_branch.state_dict().items() if not name.startswith("auxiliary.")}
    without.load_state_dict(state)
    frames, _ = clips_and_targets(1, references=4)
    memory = [d.remember(frames[0], [(64, 96)] * 5) for d in (with_branch, without)]
    first, second = (d.detect(frames[0, 0], m, (64, 96)) for d, m in zip((with_branch, without), memory, strict=True))
    assert len(first["boxes"]) > 0
    for name in first:
        assert torch.equal(first[name], second[name])
    assert without.train()(*clips_and_targets(2))["contrast"] == 0


def test_memory_can_be_built_frame_by_frame() -> None:
    detector = small_detector().eval()
    frames = clips_and_targets(1, references=3)[0][0]
    together = detector.remember(frames, [(64, 96)] * 4)
    joined = FrameMemory.join([detector.remember(frame[None], [(64, 96)]) for frame in frames])
    assert len(together) == len(joined) == 4
    for a, b in zip(together.encoded, joined.encoded, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    for part, frame in zip(together.split(), frames, strict=True):
        alone = detector.remember(frame[None], [(64, 96)])
        assert len(part) == len(part.tables) == 1
        torch.testing.assert_close(part.features, alone.features, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(part.tables[0].taps, alone.tables[0].taps, rtol=1e-4, atol=1e-5)
        assert [len(layer) for layer in part.encoded] == [len(part.proposals[0])] * len(together.encoded)
    again = FrameMemory.join(together.split())
    assert torch.equal(again.features, together.features)
    assert all(torch.equal(a, b) for a, b in zip(again.encoded, together.encoded, strict=True))
    assert [id(table) for table in again.tables] == [id(table) for table in together.tables]
    with pytest.raises(ValueError, match="different padded sizes"):
        FrameMemory.join([together, detector.remember(frames[:1, :, :48], [(48, 96)])])


def test_the_order_of_references_does_not_matter() -> None:
    detector = small_detector().eval()
    frames = clips_and_targets(1, references=3)[0][0]
    found = [
        detector.detect(frames[0], detector.remember(frames[order], [(64, 96)] * 3), (64, 96))
        for order in ([1, 2, 3], [3, 1, 2])
    ]
    torch.testing.assert_close(found[0]["scores"], found[1]["scores"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("references", ["adaptive", "sliding"])
@pytest.mark.parametrize("length", [1, 2, 5])
def test_detect_video(references: str, length: int) -> None:
    """Frames of odd sizes are padded inside; each frame equals a single `detect` with the same memory."""
    from clab_lite.data.references import adaptive_references, sliding_references

    detector = small_detector().eval()
    video = list(clips_and_targets(1, references=4, height=60, width=90)[0][0, :length])
    found = list(detector.detect_video(video, references=references, count=3))
    assert len(found) == length
    padded = torch.nn.functional.pad(torch.stack(video), (0, 6, 0, 4))
    for i in range(length):
        wanted = adaptive_references(length, 3) if references == "adaptive" else sliding_references(i, length, 3)
        memory = detector.remember(padded[wanted], [(60, 90)] * 3)
        alone = detector.detect(padded[i], memory, (60, 90))
        torch.testing.assert_close(found[i]["scores"], alone["scores"], rtol=1e-3, atol=1e-5)


def test_scale_brings_boxes_to_the_original_frame() -> None:
    config = small_config()
    detector = small_detector(detection=replace(config.detection, iou_threshold=1.0)).eval()  # NMS off: same boxes
    frames = clips_and_targets(1)[0][0]
    memory = detector.remember(frames, [(64, 96)] * 3)
    resized = detector.detect(frames[0], memory, (64, 96))
    original = detector.detect(frames[0], memory, (64, 96), scale=(0.5, 0.25))
    torch.testing.assert_close(original["boxes"], resized["boxes"] * torch.tensor([2.0, 4, 2, 4]))


def test_wrong_input_is_explained() -> None:
    detector = small_detector()
    clips, targets = clips_and_targets(2)
    with pytest.raises(RuntimeError, match=r"detector\.eval\(\)"):
        detector.train().remember(clips[0], [(64, 96)] * 3)
    with pytest.raises(DataError, match=r"T >= 1"):
        detector(clips[:, :1], targets)
    with pytest.raises(DataError, match="2 clips came with 1 targets"):
        detector(clips, targets[:1])
    with pytest.raises(DataError, match="reference_targets"):
        detector(clips, [{k: v for k, v in t.items() if k != "reference_targets"} for t in targets])
    targets[1]["labels"] = torch.tensor([4])
    with pytest.raises(DataError, match=r"label 0 of frame 0 of clip 1 is 4\. Labels are 0 to 3"):
        detector(clips, targets)
    targets[1]["boxes"] = torch.tensor([[30.0, 5, 20, 40]])
    with pytest.raises(DataError, match=r"box 0 of frame 0 of clip 1 is \[30"):
        detector(clips, targets)
    with pytest.raises(ValueError, match="sideways"):
        list(small_detector().eval().detect_video([clips[0, 0]], references="sideways"))


def test_training_lowers_the_loss() -> None:
    """Twenty steps on one batch: a wrong sign anywhere in the losses would show."""
    detector = small_detector().train()
    clips, targets = clips_and_targets(2)
    optimizer = torch.optim.SGD(detector.parameters(), lr=0.02, momentum=0.9)
    torch.manual_seed(0)
    history = []
    for _ in range(20):
        total = sum(detector(clips, targets).values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        history.append(float(total.detach()))
    assert history[-1] < 0.6 * history[0]
