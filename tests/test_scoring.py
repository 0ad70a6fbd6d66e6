"""From detections to a report: the goldens through the whole chain, and what must not change a number."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clab_lite.data import VideoIndex, open_dataset
from clab_lite.data.subset import Subset
from clab_lite.data.table import VideoRecord, assemble
from clab_lite.evaluate import FrameDetections, score_detections
from clab_lite.evaluation_report import EvaluationReport, Score

GOLDENS = Path(__file__).parent / "goldens/evaluation"
MOTIONS = ("all", "slow", "medium", "fast")
FRAMES = 8


def golden(case: str) -> tuple[VideoIndex, list[FrameDetections], dict[str, Any]]:
    """A golden case as a dataset and its detections, in float32 as a detector gives them."""
    folder = GOLDENS / case
    content = json.loads((folder / "gt_cocovid.json").read_text())
    index = open_dataset(folder / "gt_cocovid.json", "val", cache=False, progress=False)
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
    """Six videos of four sources: in each, three objects of three classes, still, drifting and fast."""
    root, draw = tmp_path_factory.mktemp("scoring"), np.random.default_rng(5)
    names = [f"val/ILSVRC2015_val_{source:05d}{part:03d}" for source in range(4) for part in range(1 + source % 2)]
    records, troubles = [], {}
    for name in names:
        record = VideoRecord(name, False)
        sides = draw.permutation([24, 64, 110])[:, None] + draw.integers(-6, 6, (3, 2))
        corner, labels = draw.integers(0, 150, (3, 2)), draw.permutation(3)
        for frame in range(FRAMES):
            record.start_frame(640, 480)
            for k, speed in enumerate((0, 3, 40)):
                x, y = corner[k] + (speed * frame, 0)
                box = tuple(map(float, (x, y, x + sides[k][0], y + sides[k][1])))
                record.add_box(box, int(labels[k]), k, bool(draw.integers(2)), False)  # type: ignore[arg-type]
        records.append(record)
        troubles[name] = tuple(() if frame % 2 else ("noise",) for frame in range(FRAMES))
    return VideoIndex(assemble(records, ("car", "cat", "dog", "fox"), []), root, root, troubles)


@pytest.fixture(scope="module")
def found(index: VideoIndex) -> list[FrameDetections]:
    """True boxes, moved; some missing, some of another class; and boxes anywhere."""
    draw, result = np.random.default_rng(6), []
    for video in range(len(index)):
        for frame in range(FRAMES):
            truth = index.annotation(video, frame)
            kept = np.flatnonzero(draw.random(3) < 0.8)
            boxes = truth.boxes[kept] + draw.normal(0, 4, (len(kept), 4))
            labels = np.where(draw.random(len(kept)) < 0.1, draw.integers(0, 4, len(kept)), truth.labels[kept])
            corners = draw.uniform(0, 300, (4, 2))
            boxes = np.concatenate([boxes, np.concatenate([corners, corners + draw.uniform(20, 90, (4, 2))], axis=1)])
            labels = np.concatenate([labels, draw.integers(0, 4, 4)])
            scores = np.concatenate([draw.uniform(0.2, 1, len(kept)), draw.uniform(0, 0.7, 4)])
            best = np.argsort(-scores)
            result.append(
                FrameDetections(
                    video, frame, boxes[best].astype(np.float32), scores[best].astype(np.float32), labels[best]
                )
            )
    return result


@pytest.fixture(scope="module")
def report(index: VideoIndex, found: list[FrameDetections]) -> EvaluationReport:
    return score_detections(index, found, resamples=200)


def of(index: VideoIndex, found: Sequence[FrameDetections], *words: str) -> EvaluationReport:
    return score_detections(index, found, subset=Subset.parse(words), resamples=0)


def same(first: Any, second: Any) -> None:
    """The same value, basis and reason; intervals are left out."""
    assert replace(first, interval=None) == replace(second, interval=None)


def test_subsets_give_the_rows_of_the_full_report(
    index: VideoIndex, found: list[FrameDetections], report: EvaluationReport
) -> None:
    for motion in MOTIONS[1:]:
        part = of(index, found, f"motion={motion}")
        for protocol in ("mega", "fgfa"):
            assert list(part.protocols[protocol].scores) == ["all"]
            same(part.protocols[protocol].scores["all"], report.protocols[protocol].scores[motion])
    for size, whole in report.by_size.items():
        part = of(index, found, f"size={size}")
        assert (part.ap50, part.ap, part.overall.boxes) == (whole.ap50, whole.ap, whole.boxes)
        assert part.by_size == {}
    for words, row in (("trouble=clean", "clean"), ("trouble=any", "any_trouble"), ("trouble=noise", "noise")):
        part = of(index, found, words)
        whole = report.by_trouble[row]
        assert (part.ap50, part.ap) == (whole.ap50, whole.ap)
        assert part.counts == {"videos": whole.videos, "frames": whole.frames, "boxes": whole.boxes}
    for name in ("car", "dog"):
        part = of(index, found, f"classes={name}")
        assert (part.ap50, part.ap) == (report.per_class[name].ap50, report.per_class[name].ap)
        assert list(part.per_class) == [name]
        for protocol in report.protocols:
            same(part.protocols[protocol].per_class[name], report.protocols[protocol].per_class[name])


def test_subsets_of_videos_and_frames(index: VideoIndex, found: list[FrameDetections]) -> None:
    part = of(index, found, "videos=ILSVRC2015_val_00001,*_00003001")
    chosen = [1, 2, 5]
    moved = [replace(frame, video=chosen.index(frame.video)) for frame in found if frame.video in chosen]
    assert replace(part, subset="") == score_detections(index.select(chosen), moved, resamples=0)
    assert part.subset == "videos=ILSVRC2015_val_00001,*_00003001"
    half = of(index, found, "every=2")
    assert half.counts["frames"] == len(index) * FRAMES // 2
    assert half.ap50 == of(index, [frame for frame in found if frame.frame % 2 == 0], "every=2").ap50
    assert half.ap50 == of(index, found, "trouble=noise").ap50


def test_occluded_objects_alone(index: VideoIndex, found: list[FrameDetections]) -> None:
    """Ignored objects may be found or not: without their detections the number is the same."""
    part = of(index, found, "occluded=no")
    assert part.overall.boxes == sum(
        int((~index.annotation(v, f).occluded).sum()) for v in range(len(index)) for f in range(FRAMES)
    )
    assert part.ap50 is not None
    assert of(index, found).ap50 != part.ap50
    perfect = [
        FrameDetections(v, f, truth.boxes[keep], np.ones(keep.sum(), np.float32), truth.labels[keep])
        for v in range(len(index))
        for f in range(FRAMES)
        for truth in [index.annotation(v, f)]
        for keep in [~truth.occluded]
    ]
    for protocol in of(index, perfect, "occluded=no").protocols.values():
        assert protocol.scores["all"].value == pytest.approx(1)
    assert of(index, perfect).ap50 < 0.8  # type: ignore[operator]


def test_intervals_hold_the_number(report: EvaluationReport) -> None:
    rows = [report.overall, *report.per_class.values(), *report.by_trouble.values(), *report.by_size.values()]
    for scores in rows:
        for value, span in ((scores.ap50, scores.ap50_interval), (scores.ap, scores.ap_interval)):
            assert value is not None
            assert span is not None
            assert span[0] <= value <= span[1]
            assert span[0] < span[1]
    for protocol in report.protocols.values():
        for score in [*protocol.scores.values(), *protocol.per_class.values()]:
            assert score.value is not None
            assert score.interval is not None
            assert score.interval[0] <= score.value <= score.interval[1]
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
            truth, count = index.annotation(video, frame), 3
            scores = np.full(3, 0.9, np.float32)
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
