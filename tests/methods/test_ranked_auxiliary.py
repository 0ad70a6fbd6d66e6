"""Ranked contrast beside a detector's training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from codo_world import drawn_videos
from training_world import micro_config

from clab_lite.data.clips import ClipDataset, collate_clips
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.boxes import box_iou
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.methods.ranked import RankedConfig
from clab_lite.methods.ranked.auxiliary import RankedBranch, VideoDetectorWithRanking, regions_of
from clab_lite.methods.ranked.loss import ranked_loss
from clab_lite.methods.ranked.ranking import Ranking
from clab_lite.train import for_classes_of, train
from clab_lite.training.log import read_log

RANKED = RankedConfig(ranks=2, bank=16, ema=0.9)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    return drawn_videos(tmp_path_factory.mktemp("ranked"))


def clips_of(index: VideoIndex, keys: list[int]) -> tuple[torch.Tensor, list[dict[str, Any]]]:
    config = micro_config()
    dataset = ClipDataset(index, config.data, config.detector.frame, 0)
    return collate_clips([dataset[position, key] for position, key in enumerate(keys)])


def branch() -> RankedBranch:
    torch.manual_seed(0)
    contrast = replace(micro_config().detector.contrast, channels=8, hidden=8, embedding=6)
    return RankedBranch(4, contrast, RANKED, Ranking(("ant", "bee", "cat"), {"ant": ["bee"], "bee": ["ant"]}))


def test_regions_are_moved_copies_that_still_match() -> None:
    boxes = torch.tensor([[10.0, 10, 50, 30], [45, 5, 60, 40]])
    target = {"boxes": boxes, "labels": torch.tensor([2, 0]), "image_size": (40, 60)}
    second = {**target, "reference_targets": [{"boxes": boxes[:0], "labels": boxes[:0, 0].long()}, target]}
    for _ in range(10):
        found = regions_of([target, second], 3, torch.device("cpu"))
        assert set(found.keys[:, 0].tolist()) <= {0.0, 3.0, 5.0}  # row of the frame: clip times length plus frame
        assert torch.equal(found.keys[:, 0], found.anchors[:, 0]) and len(found.labels) >= 3
        overlap = torch.stack(
            [box_iou(a[None, 1:], k[None, 1:])[0, 0] for a, k in zip(found.anchors, found.keys, strict=True)]
        )
        assert (overlap >= 0.5).all() and (overlap < 1).any()
        names = {tuple(box): label for box, label in zip(boxes.tolist(), [2, 0], strict=True)}
        assert [names[tuple(box)] for box in found.keys[:, 1:].tolist()] == found.labels.tolist()
        assert (found.anchors[:, 1:] <= torch.tensor([60.0, 40, 60, 40])).all() and (found.anchors >= 0).all()


def test_nothing_to_contrast() -> None:
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64), "image_size": (40, 60)}
    found = regions_of([empty], 2, torch.device("cpu"))
    assert found.anchors.shape == (0, 5) and found.labels.shape == (0,)
    features = torch.zeros(0, 4, 5, 5, requires_grad=True)
    branch()(features, features, found.labels).backward()
    assert features.grad is not None


def test_the_branch_is_the_ranked_loss_and_moves_on_after_it() -> None:
    made = branch()
    anchors, keys = torch.randn(5, 4, 3, 3, requires_grad=True), torch.randn(5, 4, 3, 3, requires_grad=True)
    with torch.no_grad():
        for parameter in made.query.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))  # at the start the two networks are equal
    labels, old, slow = torch.tensor([0, 1, 2, 1, 0]), made.bank.vectors, made.key(keys)
    before = [p.clone() for p in made.key.parameters()]
    loss = made(anchors, keys, labels)
    expected = ranked_loss(made.query(anchors), slow, old, labels, torch.full((16,), -1), made.ranks)
    torch.testing.assert_close(loss, expected.total)
    loss.backward()
    assert anchors.grad is not None and anchors.grad.any() and keys.grad is None
    assert made.bank.labels[:5].tolist() == labels.tolist()
    for key, was, query in zip(made.key.parameters(), before, made.query.parameters(), strict=True):
        torch.testing.assert_close(key, 0.9 * was + 0.1 * query)
    bank = made.bank.vectors
    with torch.no_grad():
        made(anchors, keys, labels)
    made.eval()(anchors, keys, labels)
    assert made.bank.vectors is bank  # looking does not move anything


def test_it_trains_beside_the_detector_and_fades_out(videos: VideoIndex, tmp_path: Path) -> None:
    config = for_classes_of(videos, micro_config())
    schedule = replace(config.train.contrast, start=0.1, until=0.5)
    config = replace(config, train=replace(config.train, iterations=4, log_every=1, contrast=schedule))
    detector = VideoDetectorWithRanking(config.detector, RANKED, Ranking(videos.class_names))
    clips, targets = clips_of(videos, [0, 8])
    losses = detector(clips, targets)
    losses["contrast"].backward()
    assert losses["contrast"] >= 0 and detector.backbone.conv1.weight.grad is not None
    result = train(config, videos, tmp_path, device="cpu", detector=detector, progress=False)
    rows = read_log(tmp_path / "log.jsonl")
    assert [row["contrast_weight"] for row in rows] == [0.1, 0.05, 0.0, 0.0]
    assert (detector.ranked.bank.labels >= 0).any()
    plain = VideoDetector(replace(config.detector, contrast=replace(config.detector.contrast, enabled=False)))
    plain.load_state_dict(result.detector.detector_state())  # type: ignore[operator]


def test_a_ranking_of_other_classes() -> None:
    config = micro_config().detector
    with pytest.raises(DataError, match=r"the ranking has 2 classes, the detector \d+. Read the ranking with"):
        VideoDetectorWithRanking(config, RANKED, Ranking(("ant", "bee")))
