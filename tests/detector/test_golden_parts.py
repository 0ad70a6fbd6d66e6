"""Each part against the official implementation, float32 on a CPU."""

from pathlib import Path

import numpy as np
import pytest
import torch
from gathered_regions import gathered_regions, temporal_module
from golden_inputs import make_feature, make_rois
from golden_model import (
    CASES,
    SEED,
    assert_nearly_all,
    difference,
    golden,
    key_image,
    official_detector,
    official_keys,
    official_state,
)
from weights_recipe import make_weight

from clab_lite.detector import VideoDetector
from clab_lite.detector.roi_align import roi_align
from clab_lite.detector.rpn import base_anchors, propose, sample_anchors
from clab_lite.detector.selsa import SelsaAggregator
from clab_lite.interop import from_mmtracking, to_mmtracking

TEMPORAL = "detector.roi_head.bbox_roi_extractor.embed_network.conv"


def feature(offset: int, shape: tuple[int, ...], relu: bool = True) -> torch.Tensor:
    return torch.from_numpy(make_feature(SEED + offset, shape, relu))


@pytest.mark.parametrize("architecture", ["r50", "r101", "x101"])
def test_every_official_key_is_consumed_and_comes_back(architecture: str) -> None:
    from golden_model import official_config

    with torch.device("meta"):
        ours = VideoDetector(official_config(architecture)).state_dict()
    shapes = {name: torch.empty(shape, device="meta") for name, shape, _ in official_keys(architecture)}
    converted = from_mmtracking({"state_dict": shapes, "meta": {}})
    assert {n: v.shape for n, v in converted.items()} == {n: v.shape for n, v in ours.items()}
    assert list(to_mmtracking(converted)) == list(shapes)


def test_features_and_neck(detector: VideoDetector) -> None:
    expected = golden("r50_features_rpn")
    frame = torch.from_numpy(key_image())[None]
    with torch.no_grad():
        c4, c5 = detector.backbone(frame)
        neck = detector.neck(c5)
    for name, value in {"c4": c4, "c5": c5, "neck": neck}.items():
        assert difference(expected, name, value) < 1e-4, name


def test_anchors_and_rpn_outputs(detector: VideoDetector) -> None:
    expected = golden("r50_features_rpn")
    with torch.no_grad():
        _, features = detector.extract(torch.from_numpy(key_image())[None])
        objectness, deltas = detector.rpn(features)
    anchors = detector.rpn.anchors(features)
    np.testing.assert_allclose(base_anchors(detector.config.rpn.anchors).numpy(), expected["base_anchors"], atol=1e-4)
    np.testing.assert_allclose(anchors.numpy(), expected["anchors"], atol=1e-4)
    height, width = features.shape[-2:]
    assert difference(expected, "rpn_cls_score", objectness.reshape(height, width, -1).permute(2, 0, 1)) < 1e-4
    assert difference(expected, "rpn_bbox_pred", deltas.reshape(height, width, -1).permute(2, 0, 1)) < 1e-4
    size = tuple(CASES["key"]["img_shape"])
    for name, config in {
        "proposals_test": detector.config.rpn.test_proposals,
        "proposals_train": detector.config.rpn.train_proposals,
    }.items():
        boxes, scores = propose(objectness[0], deltas[0], anchors, size, config)
        assert len(boxes) == len(expected[name])
        np.testing.assert_allclose(boxes.numpy(), expected[name][:, :4], atol=1e-3)
        np.testing.assert_allclose(scores.numpy(), expected[name][:, 4], atol=1e-4)


def test_sampled_anchors_are_valid_ones(detector: VideoDetector) -> None:
    expected = golden("r50_features_rpn")
    samples = sample_anchors(
        torch.from_numpy(expected["anchors"]),
        torch.tensor([[20.0, 30, 110, 120]]),
        (160, 240),
        detector.config.rpn.sampler,
    )
    assert expected["anchor_valid_flags"][torch.cat([samples.positive, samples.negative]).numpy()].all()


def test_roi_align() -> None:
    case, expected = CASES["roi"], golden("r50_roi_selsa")
    height, width = case["h"], case["w"]
    for name, offset, frames, rois in (("key", 20, 1, "rois"), ("ref", 21, case["n_ref_img"], "ref_rois")):
        maps = feature(offset, (frames, 512, height, width))
        found = roi_align(maps, torch.from_numpy(expected[rois]), 7, 16, 2)
        assert difference(expected, f"roi_align_{name}", found) < 1e-4
    small = feature(40, (1, 16, height, width))
    for name in ("small", "small_odd"):  # odd: regions that leave the map, empty and tiny ones
        found = roi_align(small, torch.from_numpy(expected[f"{name}_rois"]), 7, 16, 2)
        assert difference(expected, f"{name}_roi_align", found) < 1e-4


def test_temporal_roi_align_and_box_head(detector: VideoDetector) -> None:
    case, expected = CASES["roi"], golden("r50_roi_selsa")
    size = (case["n_ref_img"], 512, case["h"], case["w"])
    maps, boxes = feature(21, size), torch.from_numpy(expected["rois"])[:, 1:]
    assert detector.temporal is not None
    with torch.no_grad():
        (key,), references = detector.temporal.tables(feature(20, (1, *size[1:]))), detector.temporal.tables(maps)
        similar = gathered_regions(detector.temporal, boxes, key, references)
        (aggregated,) = detector.temporal([boxes], [key], [references])
        pooled_references = roi_align(maps, torch.from_numpy(expected["ref_rois"]), 7, 16, 2)
        logits, deltas = detector.box_head([aggregated], [detector.box_head.encode_references(pooled_references)])
    assert_nearly_all(expected, "most_similar", similar)
    assert_nearly_all(expected, "temporal_roi_align", aggregated)
    # Region 5 holds a cell whose second and third most similar cells differ by 1.1e-7: float32 may go either way.
    others = [i for i in range(case["n_roi"]) if i != 5]
    for name, found in {"bbox_forward_cls_score": logits, "bbox_forward_bbox_pred": deltas}.items():
        assert difference({name: expected[name][others]}, name, found[others]) < 1e-3
        assert difference(expected, name, found) < 0.1


def test_two_key_frames_at_once(detector: VideoDetector) -> None:
    """The golden `train_path_*`: each key frame has its own references."""
    case, expected = CASES["roi"], golden("r50_roi_selsa")
    height, width = case["h"], case["w"]
    keys = feature(24, (2, 512, height, width))
    references = [feature(25 + i, (2, 512, height, width)) for i in range(2)]
    boxes = torch.from_numpy(make_rois(SEED + 27, 9, 2, 16 * height, 16 * width))[:, 1:].split(9)
    reference_rois = torch.from_numpy(make_rois(SEED + 28, 11, 4, 16 * height, 16 * width))
    assert detector.temporal is not None
    with torch.no_grad():
        tables = [detector.temporal.tables(maps) for maps in references]
        aggregated = detector.temporal(list(boxes), detector.temporal.tables(keys), tables)
        pooled_references = roi_align(torch.cat(references), reference_rois, 7, 16, 2).split(22)
        encoded = [detector.box_head.encode_references(regions) for regions in pooled_references]
        logits, deltas = detector.box_head(aggregated, encoded)
    assert_nearly_all(expected, "train_path_temporal_roi_align", torch.cat(aggregated))
    assert difference(expected, "train_path_cls_score", logits) < 1e-3
    assert difference(expected, "train_path_bbox_pred", deltas) < 1e-3


def test_aggregator_and_head(detector: VideoDetector) -> None:
    expected = golden("r50_roi_selsa")
    with torch.no_grad():
        aggregator = detector.box_head.aggregators[0]
        attended = aggregator(feature(30, (50, 1024), False), aggregator.remember(feature(31, (120, 1024), False)))
        encoded = detector.box_head.encode_references(feature(33, (60, 512, 7, 7)))
        logits, deltas = detector.box_head([feature(32, (20, 512, 7, 7))], [encoded])
    assert difference(expected, "aggregator0", attended) < 1e-4
    assert difference(expected, "head_cls_score", logits) < 1e-3
    assert difference(expected, "head_bbox_pred", deltas) < 1e-3


def test_small_modules() -> None:
    case, expected = CASES["roi"], golden("r50_roi_selsa")
    key, maps = (feature(*of) for of in ((40, (1, 16, case["h"], case["w"])), (41, (3, 16, case["h"], case["w"]))))
    boxes = torch.from_numpy(expected["small_rois"])[:, 1:]
    module = temporal_module(16, most_similar=2, attention_blocks=4)
    module.load_state_dict(
        {
            f"embed.{part}": torch.from_numpy(make_weight(f"{TEMPORAL}.{part}", shape))
            for part, shape in {"weight": (16, 16, 3, 3), "bias": (16,)}.items()
        }
    )
    plain = temporal_module(16, most_similar=3, attention_blocks=0)
    aggregator = SelsaAggregator(32, attention_blocks=4)
    names = {"fc_embed": "query", "ref_fc_embed": "key", "fc": "output", "ref_fc": "value"}
    prefix = "detector.roi_head.bbox_head.aggregator.0"
    aggregator.load_state_dict(
        {
            f"{ours}.{part}": torch.from_numpy(make_weight(f"{prefix}.{name}.{part}", shape))
            for name, ours in names.items()
            for part, shape in {"weight": (32, 32), "bias": (32,)}.items()
        }
    )
    with torch.no_grad():
        similar = gathered_regions(module, boxes, *module.tables(key), module.tables(maps))
        assert difference(expected, "small_most_similar", similar) < 1e-5
        for name, temporal in {"small_temporal": module, "small_temporal_noattn": plain}.items():
            (aggregated,) = temporal([boxes], temporal.tables(key), [temporal.tables(maps)])
            assert difference(expected, name, aggregated) < 1e-5, name
        attended = aggregator(feature(43, (5, 32), False), aggregator.remember(feature(44, (9, 32), False)))
    assert difference(expected, "small_aggregator", attended) < 1e-5


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(ValueError, match=r"detector\.rpn_head\.loc\.weight"):
        from_mmtracking({"state_dict": {"detector.rpn_head.loc.weight": torch.zeros(1)}})


def test_weights_survive_the_round_trip() -> None:
    official = official_state("r50")
    back = to_mmtracking(official_detector("r50").state_dict())
    assert back.keys() == official.keys()
    for name, value in official.items():
        torch.testing.assert_close(back[name], value, rtol=0, atol=0, msg=name)


def test_a_checkpoint_file_is_read_and_code_in_it_is_not_run(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "ran",))

    name = "detector.rpn_head.rpn_cls.bias"
    torch.save({"state_dict": {name: torch.ones(12)}, "meta": {"epoch": 7}}, tmp_path / "good.pth")
    assert from_mmtracking(tmp_path / "good.pth")["rpn.objectness.bias"].sum() == 12
    torch.save({"state_dict": {name: torch.ones(12)}, "meta": Payload()}, tmp_path / "bad.pth")
    with pytest.raises(ValueError, match=r"bad\.pth.*holds code"):
        from_mmtracking(tmp_path / "bad.pth")
    assert not (tmp_path / "ran").exists()
    with pytest.raises(ValueError, match=r"none\.pth"):
        from_mmtracking(tmp_path / "none.pth")
