"""Settings from the configuration that mmcv writes into a checkpoint as text; the text is read, never run."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from clab_lite.config import DetectorConfig, ProposalConfig

_MOST = 200_000
"""Letters of a text that is parsed; official ones have 8,000."""


def read_config_text(text: str) -> dict[str, Any]:
    """The assignments of an mmcv configuration as plain values; what is no plain value is left out.

    Args:
        text: Python assignments of numbers, strings, lists and `dict(...)`, as `meta["config"]` holds them.
    """
    if len(text) > _MOST:
        return {}
    try:
        lines = ast.parse(text).body
        return {
            line.targets[0].id: _value(line.value)
            for line in lines
            if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
        }
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # damaged text: the official values are used
        return {}


def with_official_settings(config: DetectorConfig, settings: dict[str, Any]) -> DetectorConfig:
    """The config with what an official configuration says and weights do not show.

    Args:
        config: the official values, for what is not said.
        settings: from `read_config_text`.
    """
    detector = _at(settings, "model.detector")
    extractor, head = _at(detector, "roi_head.bbox_roi_extractor"), _at(detector, "roi_head.bbox_head")
    # Without attention blocks Temporal RoI Align has no weights; only the text tells that it is there.
    roi = replace(config.roi, temporal=config.roi.temporal or _at(extractor, "type") == "TemporalRoIAlign")
    roi = _set(roi, "most_similar", _at(extractor, "num_most_similar_points"))
    roi = _set(roi, "attention_blocks", _at(extractor, "num_temporal_attention_blocks"))
    roi = _set(roi, "sampling_ratio", _at(extractor, "roi_layer.sampling_ratio"))
    box_head = _set(config.box_head, "attention_blocks", _at(head, "aggregator.num_attention_blocks"))
    anchors = _set(config.rpn.anchors, "scales", _numbers(_at(detector, "rpn_head.anchor_generator.scales")))
    anchors = _set(anchors, "ratios", _numbers(_at(detector, "rpn_head.anchor_generator.ratios")))
    test = _at(detector, "test_cfg")
    rpn = replace(
        config.rpn,
        anchors=anchors,
        train_proposals=_proposals(config.rpn.train_proposals, _at(detector, "train_cfg.rpn_proposal")),
        test_proposals=_proposals(config.rpn.test_proposals, _at(test, "rpn")),
    )
    detection = _set(config.detection, "score_threshold", _at(test, "rcnn.score_thr"))
    detection = _set(detection, "iou_threshold", _at(test, "rcnn.nms.iou_threshold"))
    detection = _set(detection, "max_detections", _at(test, "rcnn.max_per_img"))
    detection = _set(detection, "references", _at(settings, "data.test.ref_img_sampler.num_ref_imgs"))
    frame = config.frame
    scale = _first(_at(settings, "data.test"), "img_scale")
    if isinstance(scale, list) and len(scale) == 2 and all(isinstance(side, int) for side in scale):
        frame = replace(frame, long_side=max(scale), short_side=min(scale))
    return replace(config, frame=frame, roi=roi, box_head=box_head, rpn=rpn, detection=detection)


def _proposals(config: ProposalConfig, settings: Any) -> ProposalConfig:
    """Old configurations say max_num and nms_thr for what newer ones call max_per_img and nms.iou_threshold."""
    config = _set(config, "before_nms", _at(settings, "nms_pre"))
    for name in ("max_num", "max_per_img"):
        config = _set(config, "after_nms", _at(settings, name))
    for name in ("nms_thr", "nms.iou_threshold"):
        config = _set(config, "iou_threshold", _at(settings, name))
    return config


def _set(config: Any, name: str, value: Any) -> Any:
    """The dataclass with a field changed, when the value is there and of the field's kind."""
    old = getattr(config, name)
    if isinstance(value, bool) or not isinstance(value, int | float | tuple):
        return config
    if isinstance(old, tuple) != isinstance(value, tuple) or (isinstance(old, int) and not isinstance(value, int)):
        return config
    return replace(config, **{name: value})


def _numbers(value: Any) -> tuple[float, ...] | None:
    if isinstance(value, list) and value and all(type(item) in (int, float) for item in value):
        return tuple(float(item) for item in value)
    return None


def _at(settings: Any, path: str) -> Any:
    """The value at a dotted path, None when there is none."""
    for name in path.split("."):
        settings = settings.get(name) if isinstance(settings, dict) else None
    return settings


def _first(settings: Any, name: str) -> Any:
    """The first value of that name at any depth: pipelines are lists of steps, some with steps inside."""
    if isinstance(settings, dict) and name in settings:
        return settings[name]
    inside = settings.values() if isinstance(settings, dict) else settings if isinstance(settings, list) else ()
    return next((found for item in inside if (found := _first(item, name)) is not None), None)


def _value(node: ast.expr) -> Any:
    """Plain value of an expression (tuples as lists); None for what is not plain."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        return {keyword.arg: _value(keyword.value) for keyword in node.keywords if keyword.arg}
    if isinstance(node, ast.Dict):
        return {
            key.value: _value(value)
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant)
        }
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(item) for item in node.elts]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        number = _value(node.operand)
        return -number if isinstance(number, int | float) else None
    return node.value if isinstance(node, ast.Constant) else None
