"""CoDo-style contrast beside a detector's training."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from codo_world import drawn_videos, micro
from training_world import micro_config

from clab_lite.data.clips import ClipDataset, collate_clips
from clab_lite.data.transforms import normalise, pad_to_multiple
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.methods.codo.auxiliary import CoDoBranch, VideoDetectorWithCoDo, composites_of, picture
from clab_lite.train import for_classes_of, train
from clab_lite.training.log import read_log


@pytest.fixture(scope="module")
def codo_videos(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    return drawn_videos(tmp_path_factory.mktemp("codo"))


def clips_of(index: VideoIndex, keys: list[int]) -> tuple[torch.Tensor, list[dict[str, Any]]]:
    config = micro_config()
    dataset = ClipDataset(index, config.data, config.detector.frame, 0)
    return collate_clips([dataset[position, key] for position, key in enumerate(keys)])


def test_a_picture_is_the_frame_again(codo_videos: VideoIndex) -> None:
    image = codo_videos.load_image(0, 0)
    assert torch.equal(picture(pad_to_multiple(normalise(image[:, :50, :90])), (50, 90)), image[:, :50, :90])


def test_instances_stand_on_frames_of_other_videos(codo_videos: VideoIndex) -> None:
    """Each video is painted in one grey: what lies behind tells where it is from."""
    clips, targets = clips_of(codo_videos, [0, 8, 16])
    assert len({target["video_id"] for target in targets}) == 3
    for number, target in enumerate(targets):
        clips[number] = normalise(torch.full((3, 1, 1), 60.0 * (number + 1)))
        target["track_ids"] = torch.arange(len(target["boxes"]))
    plain = replace(micro().composite.photo, jitter_probability=0.0, grey=0.0, blur=0.0)
    for seed in range(5):
        batch = composites_of(clips, targets, micro(photo=plain, views=3), random.Random(seed))
        for view in range(3):
            for image, box in zip(batch.images[view], batch.boxes[view], strict=True):
                x1, y1, x2, y2 = (int(side) for side in box)
                inside = image[:, y1:y2, x1:x2]
                outside = image.clone()
                outside[:, y1:y2, x1:x2] = float("nan")
                assert outside[outside.isfinite()].unique().numel() == 3, "one grey, three channels"
                assert float((outside[0].nanmean() - inside[0].mean()).abs()) > 0.5


def test_one_video_alone_gives_zero_with_zero_gradient(codo_videos: VideoIndex) -> None:
    config = micro_config().detector
    detector = VideoDetector(config)
    branch = CoDoBranch(detector.backbone, micro())
    for video in (0, 1):  # of one object, of two
        clips, targets = clips_of(codo_videos, [8 * video, 8 * video + 1])
        assert {target["video_id"] for target in targets} == {video}
        assert composites_of(clips, targets, micro(), random.Random(0)) is None
    loss = branch(detector.backbone, clips, targets)
    loss.backward()
    assert float(loss.detach()) == 0
    assert all(bool((parameter.grad == 0).all()) for parameter in branch.parameters())
    nothing = [{**t, "boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.long)} for t in targets]
    for target in nothing:
        del target["track_ids"], target["video_id"]
    assert float(branch(detector.backbone, clips, nothing).detach()) == 0


def test_an_object_that_two_clips_show_is_taken_once(codo_videos: VideoIndex) -> None:
    clips, targets = clips_of(codo_videos, [0, 1, 8])
    assert [target["video_id"] for target in targets] == [0, 0, 1]
    batch = composites_of(clips, targets, micro(pretrain=replace(micro().pretrain, batch=16)), random.Random(0))
    objects = {(t["video_id"], int(track)) for t in targets for track in t["track_ids"]}
    assert batch.images.shape[1] == len(objects)


def test_gradient_reaches_backbone_and_branch_and_statistics_stay(codo_videos: VideoIndex) -> None:
    config = for_classes_of(codo_videos, micro_config()).detector
    config = replace(config, backbone=replace(config.backbone, frozen_norm=False))
    detector = VideoDetectorWithCoDo(config, micro())
    clips, targets = clips_of(codo_videos, [0, 8, 16])
    before = {name: value.clone() for name, value in detector.backbone.named_buffers() if "running" in name}
    loss = detector.codo(detector.backbone, clips, targets)
    loss.backward()
    assert float(loss.detach()) > 0
    assert float(detector.backbone.conv1.weight.grad.abs().sum()) > 0
    assert float(detector.codo.reader.head.projection.weight.grad.abs().sum()) > 0
    for name, value in before.items():
        torch.testing.assert_close(dict(detector.backbone.named_buffers())[name], value)
    assert all(m.momentum == 0.1 for m in detector.backbone.modules() if hasattr(m, "momentum"))


def test_the_loss_is_a_function_of_the_global_generator(codo_videos: VideoIndex) -> None:
    detector = VideoDetector(micro_config().detector)
    branch = CoDoBranch(detector.backbone, micro())
    clips, targets = clips_of(codo_videos, [0, 8])
    values = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        values.append(float(branch(detector.backbone, clips, targets).detach()))
    assert values[0] == values[1] != values[2]


def test_it_trains_beside_the_detector_with_the_decaying_weight(codo_videos: VideoIndex, tmp_path: Path) -> None:
    config = for_classes_of(codo_videos, micro_config(iterations=8))
    config = replace(
        config, detector=replace(config.detector, contrast=replace(config.detector.contrast, enabled=False))
    )
    config = replace(config, train=replace(config.train, log_every=1))
    torch.manual_seed(0)
    detector = VideoDetectorWithCoDo(config.detector, micro())
    result = train(config, codo_videos, tmp_path / "run", device="cpu", progress=False, detector=detector)
    rows = read_log(tmp_path / "run" / "log.jsonl")
    weights = [row["contrast_weight"] for row in rows]
    assert weights[0] == config.train.contrast.start and weights[-1] == 0 and weights == sorted(weights, reverse=True)
    assert rows[0]["losses"]["contrast"] > 0
    plain = VideoDetector(detector.config)
    plain.load_state_dict(result.detector.detector_state())


def test_settings_that_need_memory_are_refused() -> None:
    backbone = VideoDetector(micro_config().detector).backbone
    for changes in ({"ema": 0.9}, {"ema": 0.9, "negatives": "queue", "queue_size": 16}):
        with pytest.raises(DataError, match="negatives come from the batch"):
            CoDoBranch(backbone, micro(**changes))
    with pytest.raises(DataError, match=r"Use levels \(3, 4\)"):
        CoDoBranch(backbone, micro(levels=(4, 5)))
