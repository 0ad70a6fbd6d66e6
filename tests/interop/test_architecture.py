"""The configuration of a detector from the names and shapes of its weights."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from official_files import EMBED, narrow_config, narrow_detector, official_content, official_shapes, selsa_shapes

from clab_lite import presets
from clab_lite.config import BackboneConfig, BoxHeadConfig, ContrastConfig, DetectorConfig
from clab_lite.detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.interop import detector_config, from_mmtracking, to_mmtracking


def paper(architecture: str) -> DetectorConfig:
    config = presets.paper(architecture).detector
    return replace(config, backbone=replace(config.backbone, imagenet_weights=False))


@pytest.mark.parametrize("architecture", ["r50", "r101", "x101"])
@pytest.mark.parametrize("auxiliary", [True, False])
@pytest.mark.parametrize("temporal", [True, False])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_official_detectors(architecture: str, auxiliary: bool, temporal: bool, prefix: str) -> None:
    absent = ("auxiliary.",) * (not auxiliary) + (EMBED,) * (not temporal)
    shapes = {name: value for name, value in official_shapes(architecture).items() if not name.startswith(absent)}
    found = detector_config({"state_dict": {prefix + name: value for name, value in shapes.items()}})
    expected = paper(architecture)
    assert found == replace(
        expected,
        roi=replace(expected.roi, temporal=temporal),
        contrast=expected.contrast if auxiliary else ContrastConfig(enabled=False),
    )


@pytest.mark.parametrize("architecture", ["r50", "r101", "x101"])
def test_selsa_of_mmtracking_fits_the_detector_that_is_found(architecture: str) -> None:
    """Every name and shape, none left over; its head has two layers where CLAB's has three."""
    shapes = selsa_shapes(architecture)
    config = detector_config({"state_dict": shapes, "meta": {"epoch": 7}})
    assert config.box_head == BoxHeadConfig(layers=2) and not config.roi.temporal and not config.contrast.enabled
    with torch.device("meta"):
        ours = VideoDetector(config).state_dict()
    assert {name: value.shape for name, value in from_mmtracking(shapes).items()} == {
        name: value.shape for name, value in ours.items()
    }


@pytest.mark.parametrize("architecture", ["r50", "r101", "x101"])
def test_our_state_dict_is_written_in_the_official_order(architecture: str) -> None:
    with torch.device("meta"):
        ours = VideoDetector(paper(architecture)).state_dict()
    assert list(to_mmtracking(ours)) == list(official_shapes(architecture))


@pytest.mark.parametrize("change", [
    {},
    {"num_classes": 1},
    {"box_head": BoxHeadConfig(layers=1, width=32)},
    {"box_head": BoxHeadConfig(layers=5, width=16, class_agnostic=True)},
    {"backbone": BackboneConfig("resnet18", 12, imagenet_weights=False)},
    {"backbone": BackboneConfig("resnet101", 4, imagenet_weights=False)},
    {"roi": replace(narrow_config().roi, output_size=5, temporal=False)},
    {"contrast": ContrastConfig(enabled=False)},
], ids=lambda change: ",".join(change) or "nothing")  # fmt: skip
def test_every_width_and_depth_is_seen(change: dict) -> None:
    config = narrow_config(**change)
    with torch.device("meta"):
        content = official_content(VideoDetector(config))
    assert detector_config(content) == config


def test_the_text_of_the_official_configuration_is_used() -> None:
    text = """
model = dict(type='SELSA', detector=dict(
    rpn_head=dict(anchor_generator=dict(type='AnchorGenerator', scales=[2, 8], ratios=[1.0], strides=[16])),
    roi_head=dict(
        bbox_roi_extractor=dict(type='TemporalRoIAlign', num_most_similar_points=3, num_temporal_attention_blocks=8),
        bbox_head=dict(aggregator=dict(type='SelsaAggregator', num_attention_blocks=4)))))
"""
    anchors = replace(narrow_config().rpn.anchors, scales=(2.0, 8.0), ratios=(1.0,))
    config = narrow_config(
        rpn=replace(narrow_config().rpn, anchors=anchors),
        roi=replace(narrow_config().roi, most_similar=3, attention_blocks=8),
        box_head=BoxHeadConfig(width=48, attention_blocks=4),
    )
    content = official_content(narrow_detector(config), config=text)
    assert detector_config(content) == config
    with pytest.raises(DataError, match=r"rpn_cls\.weight: 2 anchors a cell, expected 12: their sizes are not known\."):
        detector_config({"state_dict": content["state_dict"]})
    with pytest.raises(DataError, match="expected 12"):
        detector_config({**content, "meta": {"config": "model = dict("}})  # damaged text
    with pytest.raises(DataError, match=r"checkpoint, meta, config: .*attention_blocks"):
        detector_config({**content, "meta": {"config": text.replace("blocks=8", "blocks=-1")}})


@pytest.mark.parametrize(("names", "says"), [
    (["visual.proj", "logit_scale"], r"'visual\.proj'.*looks like CLIP"),
    (["vision_model.embeddings.class_embedding"], "looks like CLIP"),
    (["conv1.weight", "layer1.0.conv1.weight", "fc.bias"], r"\(3, the first is 'conv1\.weight'\).*a plain ResNet"),
    (["backbone.body.conv1.weight", "rpn.head.conv.0.0.weight"], "image detector of torchvision"),
    (["backbone.conv1.weight", "backbone.layer1.0.conv1.weight"], "image detector of mmdetection"),
    (["detector.backbone.conv1.weight", "motion.flow.weight"], r"\(1, .* 'motion\.flow\.weight'\).*FGFA or DFF"),
    (["backbone.conv1.weight", "box_head.layers.0.weight"], "a run of clab-lite"),
    (["blocks.0.attn.qkv.weight"], r"'blocks\.0\.attn\.qkv\.weight'\) and lacks .*weight'\)\. Give"),
])  # fmt: skip
def test_another_model_is_recognised(names: list[str], says: str) -> None:
    with pytest.raises(DataError, match=f"checkpoint, state_dict: .*{says}") as caught:
        detector_config({name: torch.zeros(2) for name in names})
    first = "detector.backbone.conv1.weight"
    missing = first if first not in names else "detector.neck.convs.0.conv.weight"
    assert f"lacks keys of such a detector ({8 - (first in names)}, the first is {missing!r})" in str(caught.value)


def test_what_does_not_fit_is_named() -> None:
    shapes = official_shapes("r50")
    without = {name: value for name, value in shapes.items() if "rpn_conv" not in name}
    with pytest.raises(
        DataError, match=r"state_dict: lacks keys of .* \(1, the first is 'detector\.rpn_head\.rpn_conv\.weight'"
    ):
        detector_config(without)
    grouped = {"detector.backbone.layer1.0.conv2.weight": torch.empty(128, 4, 3, 3, device="meta")}
    with pytest.raises(DataError, match=r"\(3, 4, 6, 3\) bottleneck blocks with 32 groups is none of ours.*resnext101"):
        detector_config({**shapes, **grouped})
    odd = {"detector.roi_head.bbox_head.shared_fcs.0.weight": torch.empty(1024, 25000, device="meta")}
    with pytest.raises(DataError, match="25000 inputs are no square of cells of 512 channels"):
        detector_config({**shapes, **odd})
    flat = {"detector.backbone.conv1.weight": torch.empty((), device="meta")}
    with pytest.raises(DataError, match=r"conv1\.weight: has shape \(\), expected 4 dimensions"):
        detector_config({**shapes, **flat})
    no_projector = {name: value for name, value in shapes.items() if not name.startswith("auxiliary.proj.2")}
    with pytest.raises(DataError, match=r"the first is 'auxiliary\.proj\.2\.weight'"):
        detector_config(no_projector)


@pytest.mark.parametrize(("content", "says"), [
    ([torch.zeros(1)], "holds a list"),
    ({"state_dict": torch.zeros(1)}, "is a Tensor, not a table"),
    ({"state_dict": {"a": 1.0}}, "entry 'a' is a float"),
    ({"epoch": 3}, "entry 'epoch' is a int"),
    ({}, r"lacks keys of such a detector \(8, "),
])  # fmt: skip
def test_files_without_a_table_of_tensors(content: object, says: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "odd.pth")
    with pytest.raises(DataError, match=rf"odd\.pth.*{says}"):
        detector_config(tmp_path / "odd.pth")
