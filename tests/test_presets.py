"""The presets: `paper` is the official recipe, number for number; every preset's contrast fades to zero."""

import pytest

from clab_lite import presets
from clab_lite.detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.schedule import contrast_schedule, count_iterations

OFFICIAL = {
    "frame.long_side": 1000,
    "frame.short_side": 600,
    "num_classes": 30,
    "neck_channels": 512,
    "supervise": "key",
    "backbone.width": 64,
    "backbone.imagenet_weights": True,
    "backbone.frozen_stages": 1,
    "backbone.frozen_norm": True,
    "rpn.channels": 512,
    "rpn.anchors.stride": 16,
    "rpn.anchors.scales": (4, 8, 16, 32),
    "rpn.anchors.ratios": (0.5, 1, 2),
    "rpn.train_proposals.before_nms": 6000,
    "rpn.train_proposals.after_nms": 600,
    "rpn.train_proposals.iou_threshold": 0.7,
    "rpn.test_proposals.before_nms": 6000,
    "rpn.test_proposals.after_nms": 300,
    "rpn.test_proposals.iou_threshold": 0.7,
    "rpn.sampler.count": 256,
    "rpn.sampler.positive_fraction": 0.5,
    "rpn.sampler.positive_iou": 0.7,
    "rpn.sampler.negative_iou": 0.3,
    "rpn.sampler.min_positive_iou": 0.3,
    "roi.output_size": 7,
    "roi.sampling_ratio": 2,
    "roi.temporal": True,
    "roi.most_similar": 2,
    "roi.attention_blocks": 4,
    "roi.sampler.count": 256,
    "roi.sampler.positive_fraction": 0.25,
    "roi.sampler.positive_iou": 0.5,
    "roi.sampler.negative_iou": 0.5,
    "roi.sampler.min_positive_iou": 0.5,
    "box_head.layers": 3,
    "box_head.width": 1024,
    "box_head.attention_blocks": 16,
    "box_head.class_agnostic": False,
    "contrast.enabled": True,
    "contrast.channels": 512,
    "contrast.hidden": 256,
    "contrast.embedding": 128,
    "contrast.temperature": 0.1,
    "contrast.level": "frame",
    "detection.score_threshold": 0.0001,
    "detection.iou_threshold": 0.5,
    "detection.max_detections": 100,
    "detection.references": 14,
}
OFFICIAL_DATA = {
    "references": 2,
    "frame_range": 9,
    "flip": 0.5,
    "colour_jitter": 0,
    "scale_jitter": 0,
    "include_det": True,
}
OFFICIAL_TRAIN = {
    "clips_per_rank": 2,
    "epochs": 7,
    "iterations": None,
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "momentum": 0.9,
    "nesterov": False,
    "weight_decay": 0.0001,
    "gradient_clip": 35,
    "schedule": "step",
    "warmup": 500,
    "contrast.shape": "linear",
    "contrast.start": 0.005,
    "contrast.until_iteration": 25_000,
}


def value_of(config: object, path: str) -> object:
    for name in path.split("."):
        config = getattr(config, name)
    return config


@pytest.mark.parametrize("architecture", ["r50", "r101", "x101"])
def test_paper_is_the_official_recipe(architecture: str) -> None:
    config = presets.paper(architecture)
    for part, expected in ((config.detector, OFFICIAL), (config.data, OFFICIAL_DATA), (config.train, OFFICIAL_TRAIN)):
        found = {path: value_of(part, path) for path in expected}
        assert found == expected
    assert [round(step * 7, 9) for step in config.train.steps] == [2, 5]
    names = {"r50": "resnet50", "r101": "resnet101", "x101": "resnext101_64x4d"}
    assert config.detector.backbone.architecture == names[architecture]


@pytest.mark.parametrize(
    "config",
    [presets.lesson(), presets.tiny(), presets.laptop(), presets.paper("r50")],
    ids=lambda config: config.name,
)
def test_the_contrast_starts_and_fades_to_zero(config) -> None:
    """VID and DET key frames on 8 GPUs: 111 473 clips an epoch, 16 a step."""
    total = count_iterations(config.train, 111_473, 8)
    weight = contrast_schedule(config.train.contrast, total)
    assert weight(0.0) == 0.005
    assert 0 < weight(0.25) < 0.005
    assert weight(0.6) == 0 and weight(1.0) == 0


def test_an_unknown_architecture_is_named() -> None:
    with pytest.raises(DataError, match="'r34' is unknown"):
        presets.paper("r34")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["lesson", "tiny", "laptop", "paper-r50", "paper-r101", "paper-x101"])
def test_presets_by_name(name: str) -> None:
    assert presets.named(name).name == name


def test_an_unknown_preset_is_named() -> None:
    with pytest.raises(DataError, match=r"'huge' is unknown. Choose one of: lesson, tiny, laptop, paper-r50"):
        presets.named("huge")


def test_lesson_is_tiny_at_half_its_width() -> None:
    """Two detectors in half precision, with and without branch, stay below 6 MB together (30 classes)."""
    lesson, tiny = presets.lesson(), presets.tiny()
    assert lesson.detector.backbone.width * 2 == tiny.detector.backbone.width
    assert (lesson.train, lesson.data, lesson.detector.frame) == (tiny.train, tiny.data, tiny.detector.frame)
    numbers = sum(value.numel() for value in VideoDetector(lesson.detector).state_dict().values())
    assert 2 * 2 * numbers < 6_000_000
