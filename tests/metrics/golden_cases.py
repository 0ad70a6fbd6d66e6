"""The golden evaluation cases as arrays: frame table, ground truth with motion IoU, detections."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clab_lite.metrics.arrays import Detections, Frames, GroundTruth
from clab_lite.metrics.motion import motion_iou

GOLDENS = Path(__file__).parents[1] / "goldens" / "evaluation"
CASES = sorted(path.parent.name for path in GOLDENS.glob("*/gt_cocovid.json"))


@dataclass(frozen=True)
class Case:
    """One case. `detections` come in the shuffled order of the file, with frames as in the frame table."""

    names: list[str]
    """Class names in label order."""
    frames: Frames
    truth: GroundTruth
    detections: Detections
    expected: dict[str, Any]


def corners(rows: list[dict]) -> np.ndarray:
    """(N, 4) xyxy from the `bbox` (x, y, width, height) of each row."""
    boxes = np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def load_case(name: str, folder: Path = GOLDENS) -> Case:
    """Read one case; the motion is computed from the tracks, as an evaluation of a dataset does."""
    content = json.loads((folder / name / "gt_cocovid.json").read_text())
    found = json.loads((folder / name / "dets.json").read_text())
    images = sorted(content["images"], key=lambda image: image["id"])
    row = {image["id"]: position for position, image in enumerate(images)}
    frames = Frames.of(*([image[key] for image in images] for key in ("width", "height", "video_id")))
    annotations = content["annotations"]
    image = np.array([row[a["image_id"]] for a in annotations], np.int64)
    boxes, motion = corners(annotations), np.ones(len(annotations))
    number = np.array([image["frame_id"] for image in images])
    tracks = np.array([a["instance_id"] for a in annotations], np.int64)
    for video in np.unique(frames.video):
        own = frames.video[image] == video
        motion[own] = motion_iou(number[image[own]], tracks[own], boxes[own])
    truth = GroundTruth.of(
        image,
        [a["category_id"] - 1 for a in annotations],
        boxes,
        area=[a["area"] for a in annotations],
        crowd=[bool(a["iscrowd"]) for a in annotations],
        motion=motion,
    )
    detections = Detections.of(
        [row[d["image_id"]] for d in found],
        [d["category_id"] - 1 for d in found],
        corners(found),
        [d["score"] for d in found],
    )
    expected = json.loads((folder / name / "expected.json").read_text())
    return Case([category["name"] for category in content["categories"]], frames, truth, detections, expected)
