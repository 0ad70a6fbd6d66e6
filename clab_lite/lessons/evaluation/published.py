"""Published numbers on ImageNet VID, each with where it was read, beside ours, which are of another dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from clab_lite.evaluation_report import EvaluationReport

_VID = "ImageNet VID, 555 videos"
_VFE = "README of vfe.pytorch"
_SPEEDS = "VOC, MEGA (by its three speeds)"
_CLAB = "README of the official CLAB code; paper, arXiv 2508.20551"


@dataclass(frozen=True)
class Published:
    """AP50 in percent; slow, medium and fast where the source gives them."""

    system: str
    backbone: str
    ap50: float
    slow: float | None
    medium: float | None
    fast: float | None
    source: str
    protocol: str
    """By which AP50 was computed, where that is known; `evaluation_words.PROTOCOL_TEXTS` says how each computes it."""


PUBLISHED = (
    Published("Faster R-CNN, one frame", "ResNet-101", 76.7, 84.9, 74.1, 52.3, _VFE, _SPEEDS),
    Published("SELSA", "ResNet-101", 81.5, None, None, None, _VFE, "not stated there"),
    Published("MEGA", "ResNet-101", 82.9, 89.4, 81.6, 62.7, _VFE, _SPEEDS),
    Published("CLAB", "ResNet-101", 84.0, None, None, None, _CLAB, "COCO"),
    Published("CLAB", "ResNeXt-101", 85.2, None, None, None, _CLAB, "COCO"),
)
"""As their authors or their readers report them; none of them was measured by this project."""


def beside_published(reports: dict[str, EvaluationReport], backbone: str, dataset: str) -> pd.DataFrame:
    """The published rows, then ours, every row with its dataset and its protocol.

    Args:
        reports: name of a detector -> its report.
        backbone, dataset: of ours, in words.
    """
    rows: list[tuple[Any, ...]] = [
        (row.system, row.backbone, _VID, row.protocol, *_numbers(row), "quoted: " + row.source) for row in PUBLISHED
    ]
    for name, report in reports.items():
        motion = report.protocols["mega"].scores
        speeds = [_percent(motion[speed].value) if speed in motion else None for speed in ("slow", "medium", "fast")]
        protocol = "AP50: COCO; speeds: VOC, MEGA"
        rows.append((name, backbone, dataset, protocol, _percent(report.ap50), *speeds, "measured in this lesson"))
    columns = ["detector", "backbone", "videos", "protocol", "AP50 %", "slow", "medium", "fast", "where it is from"]
    return pd.DataFrame(rows, columns=columns)


def _numbers(row: Published) -> tuple[float | None, ...]:
    return row.ap50, row.slow, row.medium, row.fast


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 1)
