"""From detections to a report: the goldens through the whole chain, and what must not change a number."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scored_videos import FRAMES, mixed_detections, of, scored_index

from clab_lite.data import VideoIndex, open_dataset
from clab_lite.data.subset import Subset
from clab_lite.evaluate import FrameDetections, score_detections
from clab_lite.evaluation_report import EvaluationReport, Score

GOLDENS = Path(__file__).parent / "goldens/evaluation"
MOTIONS = ("all", "slow", "medium", "fast")


def golden(case: str, truth: Path | None = None) -> tuple[VideoIndex, list[FrameDetections], dict[str, Any]]:
    """A golden case (its ground truth, unless given) as a dataset, and its detections in float32, as a detector gives
    them."""
    folder = GOLDENS / case
    truth = truth or folder / "gt_cocovid.json"
    content = json.loads(truth.read_text())
    index = open_dataset(truth, "val", cache=False, progress=False)
    position = {video.name: v for v, video in enumerate(index.videos)}
    name = {video["id"]: video["name"] for video in content["videos"]}
    place = {image["id"]: (position[name[image["video_id"]]], image["frame_id"]) for image in content["images"]}
    rows: dict[tuple[int, int], list] = {}
    for row in json.loads((folder / "dets.json").read_text()):
        rows.setdefault(place[row["image_id"]], []).append(row)
    found = []
    for (video, frame), own in rows.items():
        boxes = np.array([row["bbox"] for row in own])
        boxes[:, 2:] += boxes[:, :2]
        scores, labels = (np.array([row[key] for row in own]) for key in ("score", "category_id"))
        found.append(FrameDetections(video, frame, boxes.astype(np.float32), scores.astype(np.float32), labels - 1))
    return index, found, json.loads((folder / "expected.json").read_text())


@pytest.mark.parametrize("case", ["motion", "sizes", "oddframes", "degenerate", "classes_without_gt"])
def test_goldens_through_the_whole_chain(case: str) -> None:
    """COCO-VID json -> index -> frame table, tracks -> three protocols by motion and size."""
    index, found, expected = golden(case)
    report = score_detections(index, found, resamples=0)
    coco = expected["pycocotools"]
    assert report.ap50 == pytest.approx(coco["AP50"], abs=1e-9)
    assert report.ap == pytest.approx(coco["mAP"], abs=1e-9)
    for size, scores in report.by_size.items():
        for value, key in ((scores.ap50, f"AP50_{size}"), (scores.ap, f"mAP_{size}")):
            assert (-1 if value is None else value) == pytest.approx(coco[key], abs=1e-9)
    for motion in MOTIONS:
        mega, fgfa = expected["mega_motion"][motion]["mAP"], expected["fgfa_motion"][motion]["all"]["mAP"]
        assert report.protocols["mega"].scores[motion].value == (mega and pytest.approx(mega, abs=1e-6))
        assert report.protocols["fgfa"].scores[motion].value == (fgfa and pytest.approx(fgfa, abs=1e-9))
    assert report.protocols["coco"].scores["all"].value == report.ap50
    boxes = [report.protocols["mega"].scores[motion].boxes for motion in MOTIONS]
    info = expected["info"]
    assert boxes == [info["gt"], info["gt_slow"], info["gt_medium"], info["gt_fast"]]


def test_sizes_are_those_that_the_file_gives(tmp_path: Path) -> None:
    """As pycocotools reads them: a mask is smaller than its box."""
    content = json.loads((GOLDENS / "sizes/gt_cocovid.json").read_text())
    for item in content["annotations"]:
        item["area"] /= 2
    (tmp_path / "val.json").write_text(json.dumps(content))
    truth = COCO(tmp_path / "val.json")
    theirs = COCOeval(truth, truth.loadRes(str(GOLDENS / "sizes/dets.json")), "bbox")
    theirs.evaluate()
    theirs.accumulate()
    theirs.summarize()
    index, found, expected = golden("sizes", tmp_path / "val.json")
    report = score_detections(index, found, resamples=0)
    ours = [report.ap, report.ap50, *(report.by_size[size].ap for size in ("small", "medium", "large"))]
    assert ours == pytest.approx(theirs.stats[[0, 1, 3, 4, 5]].tolist(), abs=1e-9)
    assert report.by_size["small"].ap != pytest.approx(expected["pycocotools"]["mAP_small"], abs=0.01)
    small = score_detections(index, found, subset=Subset(size="small"), resamples=0)
    assert (small.ap, small.overall.boxes) == (ours[2], sum(a["area"] <= 32**2 for a in content["annotations"]))
    assert Subset(size="small").select(index).asked.sum() == small.overall.boxes


def test_undefined_numbers_say_why() -> None:
    index, found, _ = golden("no_gt")
    report = score_detections(index, found)
    assert report.ap50 is None
    assert report.overall.undefined == "there is no ground truth"
    assert report.overall.ap50_interval is None
    assert report.by_size["small"].undefined == "there is no small object"
    assert EvaluationReport.from_json(report.to_json()) == report
    index, found, _ = golden("perfect")
    fast = score_detections(index, found, resamples=0).protocols["mega"].scores["fast"]
    assert fast == Score(None, None, 0, 0, 0, "there is no fast object")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    return scored_index(tmp_path_factory.mktemp("scoring"))


@pytest.fixture(scope="module")
def found(index: VideoIndex) -> list[FrameDetections]:
    return mixed_detections(index)


@pytest.fixture(scope="module")
def report(index: VideoIndex, found: list[FrameDetections]) -> EvaluationReport:
    return score_detections(index, found, resamples=200)


def test_intervals_hold_the_number(report: EvaluationReport) -> None:
    def holds(span: tuple[float, float] | None, value: float | None) -> bool:
        return span is not None and value is not None and span[0] <= value <= span[1] and span[0] < span[1]

    for scores in (report.overall, *report.per_class.values(), *report.by_trouble.values()):
        assert holds(scores.ap50_interval, scores.ap50)
        assert holds(scores.ap_interval, scores.ap)
    for scores in report.by_size.values():  # few sources show a class in one size
        assert scores.ap50_interval is None or holds(scores.ap50_interval, scores.ap50)
    for protocol in report.protocols.values():
        for score in (protocol.scores["all"], *protocol.per_class.values()):
            assert holds(score.interval, score.value)
    assert report.protocols["coco"].scores["all"].interval == report.overall.ap50_interval


def test_one_source_has_no_interval(index: VideoIndex, found: list[FrameDetections]) -> None:
    part = score_detections(index, found, subset=Subset(videos=("ILSVRC2015_val_00001",)), resamples=50)
    assert part.counts["videos"] == 2  # two snippets of one source
    assert part.overall.ap50_interval is None
    assert part.protocols["mega"].scores["all"].interval is None


def test_what_no_metric_may_depend_on(
    index: VideoIndex, found: list[FrameDetections], report: EvaluationReport
) -> None:
    """The order in which frames are handed over; twice the same call."""
    again = score_detections(index, found[::-1], resamples=200)
    assert again == report
    assert EvaluationReport.from_json(report.to_json()) == report


def test_without_tracks_there_is_no_motion(index: VideoIndex, found: list[FrameDetections]) -> None:
    table = replace(index.table, track_ids=np.full_like(index.table.track_ids, -1))
    part = score_detections(replace(index, table=table), found, resamples=0)
    assert list(part.protocols) == ["coco", "mega", "fgfa"]
    assert all(list(protocol.scores) == ["all"] for protocol in part.protocols.values())


def test_frames_that_nobody_annotated_are_left_out(index: VideoIndex, found: list[FrameDetections]) -> None:
    part = replace(index, table=replace(index.table, unannotated=np.arange(1, len(index) * FRAMES, 2)))
    assert replace(of(part, found), subset="every=2") == of(index, found, "every=2")


def test_worst_frames(index: VideoIndex) -> None:
    """Video 1 misses one object in frame 3, video 0 all three in frame 2 and boasts with something else."""
    found = []
    for video in range(len(index)):
        for frame in range(FRAMES):
            truth = index.annotation(video, frame)
            count = len(truth.labels)
            scores = np.full(count, 0.9, np.float32)
            boxes = truth.boxes
            if (video, frame) == (1, 3):
                scores[2] = 0.2  # found, but nobody would see it
            if (video, frame) == (0, 2):
                boxes = truth.boxes + 300
            if (video, frame) == (0, 4):
                count = 2
            found.append(FrameDetections(video, frame, boxes[:count], scores[:count], truth.labels[:count]))
    worst = score_detections(index, found, resamples=0).worst
    assert [(w.video, w.frame, w.missed, w.wrong) for w in worst] == [
        (index.videos[0].name, 2, 3, 2.7),
        (index.videos[1].name, 3, 1, 0.0),
    ]


def test_curves_are_those_of_the_classes(report: EvaluationReport) -> None:
    for name, scores in report.per_class.items():
        precision = report.curves[name].precision
        assert len(precision) == 101
        assert np.mean(precision) == pytest.approx(scores.ap50, abs=1e-4)
        assert list(precision) == sorted(precision, reverse=True)
    assert np.mean(report.curves["all classes"].precision) == pytest.approx(report.ap50, abs=1e-4)
    assert list(report.curves) == ["all classes", *report.per_class]
