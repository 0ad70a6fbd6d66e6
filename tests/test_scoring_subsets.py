"""Reports of subsets: their numbers are those of the full report, and what is not asked for costs nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scored_videos import FRAMES, mixed_detections, of, scored_index

from clab_lite.data import VideoIndex
from clab_lite.data.subset import Subset
from clab_lite.data.table import VideoRecord, assemble
from clab_lite.evaluate import FrameDetections, score_detections
from clab_lite.evaluation_report import EvaluationReport

MOTIONS = ("slow", "medium", "fast")
CLASSES = ("car", "cat", "dog")
"""Those with objects; fox has none."""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    return scored_index(tmp_path_factory.mktemp("scoring"))


@pytest.fixture(scope="module")
def found(index: VideoIndex) -> list[FrameDetections]:
    return mixed_detections(index)


@pytest.fixture(scope="module")
def report(index: VideoIndex, found: list[FrameDetections]) -> EvaluationReport:
    return of(index, found)


def test_motion_size_and_trouble(index: VideoIndex, found: list[FrameDetections], report: EvaluationReport) -> None:
    for motion in MOTIONS:
        part = of(index, found, f"motion={motion}")
        for protocol in ("mega", "fgfa"):
            assert list(part.protocols[protocol].scores) == ["all"]
            assert part.protocols[protocol].scores["all"] == report.protocols[protocol].scores[motion]
    for size, whole in report.by_size.items():
        part = of(index, found, f"size={size}")
        assert (part.ap50, part.ap, part.overall.boxes) == (whole.ap50, whole.ap, whole.boxes)
        assert part.by_size == {}
    for words, row in (("trouble=clean", "clean"), ("trouble=any", "any_trouble"), ("trouble=noise", "noise")):
        part = of(index, found, words)
        whole = report.by_trouble[row]
        assert (part.ap50, part.ap) == (whole.ap50, whole.ap)
        assert part.counts == {"videos": whole.videos, "frames": whole.frames, "boxes": whole.boxes}


@pytest.mark.parametrize("name", CLASSES)
def test_a_class(index: VideoIndex, found: list[FrameDetections], report: EvaluationReport, name: str) -> None:
    """In each protocol, motion, size and trouble: what other classes are near to a detection does not change."""
    part = of(index, found, f"classes={name}")
    assert list(part.per_class) == [name]
    assert part.per_class[name] == report.per_class[name]
    assert (part.ap50, part.ap, part.overall.boxes) == (
        part.per_class[name].ap50, part.per_class[name].ap, part.per_class[name].boxes,
    )  # fmt: skip
    for key, protocol in report.protocols.items():
        assert part.protocols[key].per_class == {name: protocol.per_class[name]}
        assert part.protocols[key].scores["all"] == protocol.per_class[name]
    for motion in MOTIONS:
        whole, both = of(index, found, f"motion={motion}"), of(index, found, f"motion={motion}", f"classes={name}")
        for protocol in ("mega", "fgfa"):
            expected = whole.protocols[protocol].per_class[name]
            assert part.protocols[protocol].scores[motion] == expected
            assert both.protocols[protocol].scores["all"] == expected


def test_classes_share_the_whole(index: VideoIndex, found: list[FrameDetections], report: EvaluationReport) -> None:
    """Numbers of single classes have those of the full report as mean, counts as sum."""
    parts = [of(index, found, f"classes={name}") for name in CLASSES]

    def mean(take: Any) -> Any:
        return pytest.approx(float(np.mean([take(part) for part in parts])), abs=1e-12)

    for size in report.by_size:
        assert report.by_size[size].ap50 == mean(lambda part, size=size: part.by_size[size].ap50)
        assert report.by_size[size].boxes == sum(part.by_size[size].boxes for part in parts)
    assert report.by_trouble["noise"].ap50 == mean(lambda part: part.by_trouble["noise"].ap50)
    assert report.by_trouble["noise"].clean_ap50 == mean(lambda part: part.by_trouble["noise"].clean_ap50)
    foxes = of(index, found, "classes=car,fox").errors
    for kind, error in report.errors.items():
        assert error.cost == mean(lambda part, kind=kind: part.errors[kind].cost)
        of_foxes = foxes[kind].count - parts[0].errors[kind].count
        assert error.count == sum(part.errors[kind].count for part in parts) + of_foxes
    assert report.errors["class"].count > 0
    everything = of(index, found, "classes=car,cat,dog,fox")
    assert replace(everything, subset="") == report


def test_worst_frames_and_curves_are_of_the_class(index: VideoIndex, found: list[FrameDetections]) -> None:
    part = of(index, found, "classes=cat")
    assert list(part.curves) == ["all classes", "cat"]
    assert max(frame.missed for frame in part.worst) <= 1  # there is one cat


def test_videos_and_frames(index: VideoIndex, found: list[FrameDetections]) -> None:
    part = of(index, found, "videos=ILSVRC2015_val_00001,*_00003001")
    chosen = [1, 2, 5]
    moved = [replace(frame, video=chosen.index(frame.video)) for frame in found if frame.video in chosen]
    assert replace(part, subset="") == score_detections(index.select(chosen), moved, resamples=0)
    assert part.subset == "videos=ILSVRC2015_val_00001,*_00003001"
    half = of(index, found, "every=2")
    assert half.counts["frames"] == len(index) * FRAMES // 2
    assert half.ap50 == of(index, [frame for frame in found if frame.frame % 2 == 0], "every=2").ap50
    assert half.ap50 == of(index, found, "trouble=noise").ap50


@pytest.mark.parametrize("words", [
    "occluded=no", "motion=fast", "motion=slow", "size=small", "classes=car", "occluded=yes classes=cat,dog",
    "motion=medium occluded=no", "size=large motion=slow",
])  # fmt: skip
def test_what_is_not_asked_for_may_be_missed(index: VideoIndex, words: str) -> None:
    """Who finds what is asked for, and nothing else, is perfect in every number and makes no error."""
    chosen = Subset.parse(words).select(index)
    asked = np.zeros(len(index.table.boxes), bool)
    asked[chosen.truth[chosen.asked]] = True
    assert 0 < asked.sum() < len(asked)
    perfect = []
    for row in range(len(index) * FRAMES):
        rows = np.arange(*index.table.box_offsets[row : row + 2])
        rows = rows[asked[rows]]
        columns = index.table.boxes[rows], np.ones(len(rows), np.float32), index.table.labels[rows]
        perfect.append(FrameDetections(row // FRAMES, row % FRAMES, *columns))
    report = of(index, perfect, *words.split())
    assert report.ap == pytest.approx(1)
    assert report.overall.boxes == asked.sum()
    for protocol in report.protocols.values():
        assert protocol.scores["all"].value == pytest.approx(1)
    assert {(error.count, error.cost) for error in report.errors.values()} == {(0, 0.0)}
    for scores in report.by_size.values():
        assert scores.ap50 is None or scores.ap50 == pytest.approx(1)
    whole = of(index, perfect)
    assert whole.ap50 is not None
    assert whole.ap50 < 0.8
    assert whole.errors["missed"].count == len(asked) - asked.sum()


def test_a_detector_that_is_equally_good_everywhere(tmp_path: Path) -> None:
    """Cars are in one video, half of it noisy; dogs in six clean ones. In each frame every object is found, after one
    false car and one false dog: noise costs nothing, although all clean frames together have more false cars, and the
    clean ones of the video a dog that is missed."""
    records = [VideoRecord(f"v{video}", False) for video in range(7)]
    for video, record in enumerate(records):
        for _ in range(4):
            record.start_frame(320, 240)
            record.add_box((5, 5, 25, 25), int(video > 0), 0, False, False)
    records[0].add_box((250, 5, 280, 25), 1, 1, False, False)  # in the last frame, a clean one
    troubles = {"v0": (("noise",), (), ("noise",), ()), **{f"v{video}": ((),) * 4 for video in range(1, 7)}}
    troubles["v6"] = (("defocus",),) * 4  # no clean frame to compare with
    index = VideoIndex(assemble(records, ("car", "dog"), []), tmp_path, tmp_path, troubles)
    boxes = np.array([[5, 5, 25, 25], [100, 100, 140, 140], [200, 100, 240, 140]], np.float32)
    scores = np.array([0.5, 0.9, 0.9], np.float32)
    found = [
        FrameDetections(video, frame, boxes, scores, np.array([int(video > 0), 0, 1]))
        for video in range(7)
        for frame in range(4)
    ]
    by_trouble = of(index, found).by_trouble
    assert by_trouble["noise"].ap50 == pytest.approx(0.5)
    assert by_trouble["noise"].clean_ap50 == pytest.approx(0.5)
    assert by_trouble["clean"].ap50 < 0.4  # type: ignore[operator]
    assert by_trouble["defocus"].clean_ap50 is None
    assert by_trouble["clean"].clean_ap50 is None
