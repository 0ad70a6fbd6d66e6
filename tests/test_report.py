"""The report: what it says, that it needs nothing else, and that text from outside cannot become markup."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from made_reports import made_report
from page_reader import read_page
from small_dataset import FlatDetector, KnowingDetector, open_small_dataset

from clab_lite.embeddings import embed
from clab_lite.evaluate import FrameDetections, detect_dataset, score_detections
from clab_lite.evaluation_report import EvaluationReport, Scores
from clab_lite.presets import tiny
from clab_lite.report import write_report
from clab_lite.report_data import InferenceCost, ReportData, choose_pictures, compare_maps

UNDEFINED = Scores.of(math.nan, math.nan, videos=0, frames=0, boxes=0, undefined="there is no ground truth")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    index = open_small_dataset(tmp_path_factory.mktemp("small"))
    found = list(detect_dataset(KnowingDetector(index), index, progress=False))
    table = embed(FlatDetector(), index, progress=False)
    losses = dict.fromkeys(("rpn_objectness", "rpn_box", "box_class", "box_regression", "contrast", "total"), 1.0)
    rows = [
        {"iteration": i, "losses": losses, "contrast_weight": w, "contrast_chance": 2.3}
        for i, w in ((10, 0.1), (20, 0.0))
    ]
    return ReportData(
        "tiny, seed 0",
        score_detections(index, found),
        index.class_names,
        rows,
        choose_pictures(index, found, 2, 2),
        [compare_maps("Objects", "one object in one frame", {"before": table, "after": table})],
        InferenceCost(1_234_567, 1_000_000, 0.0, 9),
        asdict(tiny()),
        {"threads": "1"},
        "clab-lite demo --seed 0",
    )


def test_whole_report(data: ReportData, tmp_path: Path) -> None:
    path = write_report(tmp_path / "run" / "report.html", data)
    text, reader = path.read_text(encoding="utf-8"), read_page(path)
    assert reader.headings[0] == "tiny, seed 0"
    assert "The auxiliary branch costs nothing at inference" in reader.headings
    assert any("neighbour purity by class" in heading for heading in reader.headings)
    assert any(heading.endswith("in 4 frames not picked by result") for heading in reader.headings)
    assert len(reader.images) == 1 + 4 + 1
    assert reader.headings[-1] == "Words"
    assert "What this run does not show" in reader.headings
    assert "--detector.contrast.no-enabled" in text
    for piece in ("1.000", "1,234,567", "clab-lite demo --seed 0", "9 frames, 11 boxes", "detector.rpn.channels"):
        assert piece in text
    assert [child.name for child in path.parent.iterdir()] == ["report.html"]


def test_needs_nothing_from_outside(data: ReportData, tmp_path: Path) -> None:
    path = write_report(tmp_path / "report.html", data)
    reader = read_page(path)
    assert all(source.startswith("data:image/png;base64,") for source in reader.images)
    assert len(reader.addresses) > len(reader.images) > 0
    assert not [address for address in reader.addresses if "//" in address.partition(";base64,")[0]]
    assert not reader.tags & {"script", "link", "iframe", "object", "embed"}
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!data:)|url\(|@import|<script|<link", path.read_text())


def test_text_is_escaped(data: ReportData, tmp_path: Path) -> None:
    evil = '<script>alert("1")</script>'
    pictures = [replace(picture, video=evil, troubles=(evil,)) for picture in data.pictures]
    maps = [replace(data.maps[0], title=evil, what=evil, by=evil)]
    evaluation = replace(
        data.evaluation,
        per_class={evil: replace(UNDEFINED, undefined=evil)},
        by_trouble={evil: UNDEFINED},
        protocol=evil,
    )
    facts, settings = {evil: evil}, {evil: {evil: evil}}
    hostile = replace(
        data,
        title=evil,
        evaluation=evaluation,
        pictures=pictures,
        maps=maps,
        facts=facts,
        settings=settings,
        command=evil,
    )
    path = write_report(tmp_path / "report.html", hostile)
    assert "script" not in read_page(path).tags
    assert "alert(&quot;1&quot;)" in path.read_text()


def test_empty_report_leaves_sections_out(tmp_path: Path) -> None:
    path = write_report(tmp_path / "report.html", ReportData("nothing", EvaluationReport(UNDEFINED, {}, {}), ("dog",)))
    reader = read_page(path)
    assert reader.headings == ["nothing", "Average precision", "Words"]
    assert reader.images == []
    assert "AP is undefined: there is no ground truth." in path.read_text()


def test_intervals_stand_in_the_table_where_there_are_any(data: ReportData, tmp_path: Path) -> None:
    data = replace(data, pictures=(), maps=(), log_rows=())
    without = replace(data, evaluation=EvaluationReport(UNDEFINED, {}, {}))
    assert "95 % interval" not in read_page(write_report(tmp_path / "r.html", without)).texts
    report = replace(made_report(("dog", "car")), measured=None)
    texts = read_page(write_report(tmp_path / "r.html", replace(data, evaluation=report))).texts
    assert "95 % interval" in texts
    for scores in (report.overall, report.by_trouble["noise"], report.per_class["dog"]):
        assert scores.ap50_interval is not None
        low, high = scores.ap50_interval
        assert f"{low:.3f}\N{EN DASH}{high:.3f}" in texts


def test_a_difference_is_not_hidden(data: ReportData, tmp_path: Path) -> None:
    path = write_report(tmp_path / "r.html", replace(data, cost=InferenceCost(10, 9, 1e-3, 4)))
    assert "Removing the branch changed detections" in read_page(path).headings


def test_failure_leaves_the_old_report(data: ReportData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_report(tmp_path / "report.html", replace(data, pictures=(), maps=(), log_rows=()))
    before = path.read_text()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("clab_lite.files.os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(path, replace(data, title="new", pictures=(), maps=(), log_rows=()))
    assert path.read_text() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_pictures_are_chosen_by_place_not_by_result(tmp_path: Path) -> None:
    index = open_small_dataset(tmp_path)
    none = (np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    found = [FrameDetections(v, f, *none) for v, video in enumerate(index.videos) for f in range(video.frame_count)]
    chosen = choose_pictures(index, found, clean=2, troubled=3)
    assert [bool(picture.troubles) for picture in chosen] == [False, False, True, True, True]
    assert len({(picture.video, picture.frame) for picture in chosen}) == 5
    assert {kind for picture in chosen for kind in picture.troubles} == {"motion_blur", "noise", "occlusion"}
    assert all(len(picture.truth.labels) for picture in chosen)
    assert choose_pictures(index, found, clean=0, troubled=0) == []
