"""Lesson 09: draws of videos by hand agree with the library; likeness of frames; figures of a report."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scored_videos import mixed_detections, scored_index

from clab_lite.data.subset import Subset
from clab_lite.detection_store import VideoDetections
from clab_lite.evaluate import score_detections
from clab_lite.evaluation_report import EvaluationReport
from clab_lite.lessons import evaluation
from clab_lite.lessons.evaluation.report_figures import Line, finding, lines_of
from clab_lite.lessons.evaluation.videos import FoundInVideos
from clab_lite.metrics.bootstrap import draw_resamples, resampled_ap
from clab_lite.metrics.coco import CocoRules
from clab_lite.metrics.collect import collect
from clab_lite.scoring.inputs import Inputs


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> FoundInVideos:
    index = scored_index(tmp_path_factory.mktemp("world"))
    frames: dict[int, dict] = {}
    for frame in mixed_detections(index):
        frames.setdefault(frame.video, {})[frame.frame] = (frame.boxes, frame.scores, frame.labels)
    videos = {v: VideoDetections.of(results, len(index.class_names)) for v, results in frames.items()}
    inputs = Inputs.of(index, Subset().select(index), videos.__getitem__)
    outcomes = collect(inputs.chunks, inputs.classes, CocoRules(inputs.truth, thresholds=(0.5,)))[0]
    return FoundInVideos(outcomes, inputs.frames.video, inputs.video_names)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> EvaluationReport:
    index = scored_index(tmp_path_factory.mktemp("world"))
    return score_detections(index, mixed_detections(index), resamples=50)


def test_all_videos_once_give_the_report(found: FoundInVideos, report: EvaluationReport) -> None:
    assert found.ap50_of_videos(range(found.videos)) == pytest.approx(report.ap50, abs=1e-12)
    assert found.ap50_of_frames(range(found.frames)) == pytest.approx(report.ap50, abs=1e-12)


def test_draws_by_hand_equal_those_of_the_library(found: FoundInVideos) -> None:
    """The library's tables, and rows copied as often as their video is drawn."""
    counts = draw_resamples(np.arange(found.videos), 20, seed=1)
    library = resampled_ap(found.outcomes, ["0.50 all"], found.video_of_frame, counts).mean
    by_hand = [found.ap50_of_videos(np.repeat(np.arange(found.videos), count)) for count in counts]
    assert by_hand == pytest.approx(library.tolist(), abs=1e-9)


def test_likeness_of_frames() -> None:
    """Groups without spread inside are 1, groups as different inside as between are about 0."""
    group = np.repeat(np.arange(50), 4)
    assert evaluation.likeness(np.repeat(np.random.default_rng(0).random(50), 4), group) == pytest.approx(1)
    assert evaluation.likeness(np.random.default_rng(0).random(200), group) < 0.15
    assert math.isnan(evaluation.likeness(np.ones(8), np.arange(8) // 4))
    assert evaluation.worth(200, 50, 1.0) == pytest.approx(50)
    assert evaluation.worth(200, 50, 0.0) == pytest.approx(200)


def test_found_share_leaves_out_empty_frames(found: FoundInVideos) -> None:
    share = found.found_share()
    assert np.isnan(share).sum() == found.videos  # one frame of each video has no objects
    assert np.nanmin(share) >= 0
    assert np.nanmax(share) <= 1


def test_figures_of_videos(found: FoundInVideos) -> None:
    evaluation.draw_alike(found).canvas.draw()
    draw = np.random.default_rng(0)
    values = [found.ap50_of_videos(draw.integers(0, found.videos, found.videos)) for _ in range(20)]
    figure = evaluation.draw_draws(values, values, 0.5, (0.4, 0.6))
    low, high = evaluation.percentiles(values)
    assert f"{high - low:.3f}" in figure.axes[0].get_title(loc="left")


@pytest.mark.parametrize("group", evaluation.GROUPS)
@pytest.mark.parametrize("protocol", evaluation.PROTOCOLS)
def test_every_group_is_drawn(report: EvaluationReport, group: str, protocol: str) -> None:
    figure, words = evaluation.explore_report(report)(group=group, protocol=protocol)
    figure.canvas.draw()
    assert "objects" in words


def test_titles_say_what_the_numbers_say(report: EvaluationReport) -> None:
    text = finding(lines_of(report, "class"), "class")
    lowest = min(report.per_class, key=lambda name: report.per_class[name].ap50 or 0)
    assert f"{lowest} {report.per_class[lowest].ap50:.2f} is lowest" in text
    assert "clean frames of the same videos" in finding(lines_of(report, "trouble"), "trouble")
    gaps = [Line("noise", 0.7, None, 42, 0.8), Line("low light", 0.46, None, 26, 0.97)]
    assert finding(gaps, "trouble").endswith("low light, 0.46 against 0.97 (26 objects, no interval)")
    assert finding([Line("blur", 1.0, None, 25, 0.9)], "trouble") == (
        "No trouble is below clean frames of the same videos"
    )
    assert finding([], "size") == "By size: too few rows to compare"


def test_the_table_of_protocols(report: EvaluationReport) -> None:
    table = evaluation.protocol_table(report)
    assert table.loc["COCO", "fast"] == "not defined"
    assert table.loc["VOC, MEGA", "all"].startswith(f"{report.protocols['mega'].scores['all'].value:.3f}")


def test_quoted_and_measured_rows_are_told_apart(report: EvaluationReport) -> None:
    table = evaluation.beside_published({"ours": report}, "tiny", "9 videos")
    assert table["where it is from"].str.startswith("quoted").sum() == len(table) - 1
    assert table["AP50 %"].iloc[-1] == round(100 * (report.ap50 or 0), 1)
    assert table["videos"].iloc[-1] == "9 videos"
    assert table.loc[table["detector"] == "CLAB", "protocol"].tolist() == ["COCO", "COCO"]
    assert not table["protocol"].isna().any()


def test_a_detector_beside_itself_differs_by_zero(tmp_path: Path) -> None:
    """Every difference is zero, and the title says so."""
    from clab_lite.compare import compare_found

    index = scored_index(tmp_path)
    frames: dict[int, dict] = {}
    for frame in mixed_detections(index):
        frames.setdefault(frame.video, {})[frame.frame] = (frame.boxes, frame.scores, frame.labels)
    videos = {v: VideoDetections.of(results, len(index.class_names)) for v, results in frames.items()}
    same = compare_found(index, Subset().select(index), videos.__getitem__, videos.__getitem__, resamples=50)
    figure = evaluation.draw_comparison(same)
    assert "+0.000" in figure.axes[0].get_title(loc="left")
