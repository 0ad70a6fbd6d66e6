"""The page of an evaluation: what it says follows from the report, and it needs nothing else to be read."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_reports import made_report, undefined_scores
from page_reader import Page, read_page
from small_dataset import open_small_dataset

from clab_lite.data.classes import VID_CLASSES
from clab_lite.data.vid import VideoIndex
from clab_lite.evaluation_page import write_evaluation_page, write_per_class_csv
from clab_lite.evaluation_report import EvaluationReport, Score, Scores, WorstFrame
from clab_lite.evaluation_words import ERRORS_OF_PART, FEW_SOURCES, FULL_VAL, PROTOCOL_TEXTS

WORST = [("val/ILSVRC2015_val_00000001", 0), ("val/ILSVRC2015_val_00001000", 1)]
REPORT = made_report(VID_CLASSES, WORST)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    return open_small_dataset(tmp_path_factory.mktemp("small"))


def nothing_found(video: str, frame: int) -> Mapping[str, Any]:
    return {"boxes": np.zeros((0, 4), np.float32), "scores": np.zeros(0, np.float32), "labels": np.zeros(0, np.int64)}


def written(folder: Path, report: EvaluationReport, index: VideoIndex) -> Page:
    path = write_evaluation_page(folder / "page.html", report, index, nothing_found, VID_CLASSES)
    return read_page(path)


def numbers_of(report: EvaluationReport) -> list[Score | Scores]:
    scores: list[Score | Scores] = [report.overall, *report.by_size.values(), *report.by_trouble.values()]
    scores += report.per_class.values()
    for protocol in report.protocols.values():
        scores += protocol.scores.values()
    return scores


def test_every_number_stands_with_its_interval_and_its_basis(index: VideoIndex, tmp_path: Path) -> None:
    text = "\n".join(written(tmp_path, REPORT, index).texts)
    for score in numbers_of(REPORT):
        value, interval = (
            (score.value, score.interval) if isinstance(score, Score) else (score.ap50, score.ap50_interval)
        )
        assert f"{value:.3f}" in text
        assert interval is None or f"{interval[0]:.3f}\N{EN DASH}{interval[1]:.3f}" in text
        assert f"{score.frames:,}" in text
        assert f"{score.boxes:,}" in text
    for error in REPORT.errors.values():
        assert f"{error.cost:.3f}" in text
        assert f"{error.count:,}" in text


def test_every_protocol_says_what_it_is(index: VideoIndex, tmp_path: Path) -> None:
    text = "\n".join(written(tmp_path, REPORT, index).texts)
    for protocol in PROTOCOL_TEXTS.values():
        assert protocol.rules in text
        assert protocol.comparable in text
    assert "bbox_mAP_50" in text
    assert "pycocotools" in PROTOCOL_TEXTS["coco"].rules


def test_sections_stand_in_order_with_their_findings(index: VideoIndex, tmp_path: Path) -> None:
    page = written(tmp_path, REPORT, index)
    starts = [
        "AP50 0.",
        "The choice of the protocol",
        "How to read the intervals",
        "Fast objects score lowest",
        "Small objects score lowest",
        "Motion blur costs most",
        "Classes reach from",
        "Precision is",
        "",
        "The 2 worst frames miss 2 objects",
    ]
    assert len(page.headings) == len(starts)
    assert all(heading.startswith(start) for heading, start in zip(page.headings, starts, strict=True))


def test_needs_nothing_from_outside(index: VideoIndex, tmp_path: Path) -> None:
    page = written(tmp_path, REPORT, index)
    assert len(page.images) == 2
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.images)
    assert not [address for address in page.addresses if "//" in address.partition(";base64,")[0]]
    assert not page.tags & {"script", "link", "iframe", "object", "embed", "img"}
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!data:|#)|url\(|@import", text)
    used, made = re.findall(r'<use href="#([^"]+)"', text), re.findall(r'<image id="([^"]+)"', text)
    assert used == made == ["frame-0", "frame-1"]


def test_every_section_has_a_link(index: VideoIndex, tmp_path: Path) -> None:
    for report, count in ((REPORT, 9), (EvaluationReport(REPORT.overall, {}, {}), 2)):
        written(tmp_path, report, index)
        text = (tmp_path / "page.html").read_text(encoding="utf-8")
        links = re.findall(r'<a href="#([^"]+)"', text)
        assert links == re.findall(r'<section id="([^"]+)"', text)
        assert len(links) == count == text.count("<section")


def test_a_part_says_how_much_of_what_was_evaluated_it_is(index: VideoIndex, tmp_path: Path) -> None:
    coco = REPORT.protocols["coco"]
    coco = replace(coco, scores={"all": replace(coco.scores["all"], videos=7, frames=68, boxes=1)})
    overall = replace(REPORT.overall, videos=64, frames=640, boxes=1)
    report = replace(REPORT, overall=overall, protocols={"coco": coco}, subset="motion=fast")
    page = written(tmp_path, report, index)
    text = "\n".join(page.texts)
    assert "1 true box of 30 classes, on 68 of 640 frames and in 7 of 64 videos." in text
    assert ERRORS_OF_PART.format(subset="motion=fast") in text
    assert "640" not in page.texts  # no row of a table counts another way
    whole = "\n".join(written(tmp_path, replace(REPORT, overall=overall, protocols={}), index).texts)
    assert "64 videos, 640 frames, 1 true box of 30 classes." in whole
    assert ERRORS_OF_PART.format(subset="") not in whole


def test_rows_without_interval_say_why(index: VideoIndex, tmp_path: Path) -> None:
    text = f"Without an interval: {FEW_SOURCES}."
    assert text not in written(tmp_path, EvaluationReport(REPORT.overall, {}, {}), index).texts
    car = replace(REPORT.per_class["car"], ap50_interval=None)
    report = EvaluationReport(REPORT.overall, {"car": car, "dog": REPORT.overall}, {})
    assert written(tmp_path, report, index).texts.count(text) == 1


def test_text_from_outside_is_escaped(index: VideoIndex, tmp_path: Path) -> None:
    evil = '<script>alert("1")</script>'
    report = made_report((evil, "dog"))
    protocols = {key: replace(value, title=evil, rules=evil) for key, value in report.protocols.items()}
    report = replace(
        report,
        protocols=protocols,
        by_trouble={evil: undefined_scores(evil)},
        by_size={evil: undefined_scores(evil)},
        errors={evil: report.errors["missed"]},
        subset=f"videos={evil}",
        measured=replace(report.measured, dataset=evil, weights=evil) if report.measured else None,
    )
    page = written(tmp_path, report, index)
    assert "script" not in page.tags
    assert 'alert("1")' in "".join(page.texts)


def test_undefined_numbers_say_why(index: VideoIndex, tmp_path: Path) -> None:
    fast = Score(None, None, 0, 0, 0, "there is no fast object")
    protocols = {key: replace(p, scores={**p.scores, "fast": fast}) for key, p in REPORT.protocols.items()}
    page = written(tmp_path, replace(REPORT, protocols=protocols), index)
    assert page.texts.count("undefined: there is no fast object") == 3
    nothing = EvaluationReport(undefined_scores(), {}, {})
    page = written(tmp_path, nothing, index)
    assert page.headings == ["AP50 is undefined on the dataset", "AP50 by protocol"]
    assert "AP is undefined: there is no ground truth." in page.texts


def test_no_tracks_no_troubles_no_intervals(index: VideoIndex, tmp_path: Path) -> None:
    protocols = {
        key: replace(p, scores={"all": replace(p.scores["all"], interval=None)}) for key, p in REPORT.protocols.items()
    }
    overall = replace(REPORT.overall, ap50_interval=None, ap_interval=None)
    report = EvaluationReport(overall, {}, {}, protocols=protocols)
    page = written(tmp_path, report, index)
    assert any("the dataset gives no tracks" in text for text in page.texts)
    assert "95 % interval" not in page.texts
    assert any(text.startswith("A number without interval") for text in page.texts)
    page = written(tmp_path, replace(report, subset="motion=fast"), index)
    assert not any("gives no tracks" in text for text in page.texts)
    assert "The part: motion=fast." in page.texts


def test_only_the_whole_validation_split_compares_with_papers(index: VideoIndex, tmp_path: Path) -> None:
    whole = replace(REPORT, overall=replace(REPORT.overall, **FULL_VAL))
    for report, comparable in ((whole, True), (REPORT, False), (replace(whole, subset="size=small"), False)):
        texts = written(tmp_path, report, index).texts
        assert any(text.startswith("This is the whole validation split") for text in texts) is comparable
        assert any("not with a paper" in text for text in texts) is not comparable


def test_pictures_show_only_the_classes_of_the_subset(index: VideoIndex, tmp_path: Path) -> None:
    report = EvaluationReport(REPORT.overall, {}, {}, worst=(WorstFrame(*WORST[0], 1, 0.0),))
    texts = written(tmp_path, report, index).texts
    assert {"dog (missed)", "car (missed)"} <= set(texts)
    texts = written(tmp_path, replace(report, subset="classes=dog"), index).texts
    assert "dog (missed)" in texts
    assert "car (missed)" not in texts
    assert "The worst frame misses 1 object" in texts


def test_failure_leaves_the_old_page(index: VideoIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, REPORT, index)
    before = (tmp_path / "page.html").read_text(encoding="utf-8")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("clab_lite.files.os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        written(tmp_path, replace(REPORT, subset="size=small"), index)
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == before
    assert len(list(tmp_path.iterdir())) == 1


def test_csv_holds_each_class_once(tmp_path: Path) -> None:
    name = 'a "very", odd name'
    report = made_report((name, "dog", "car"))
    nobody = replace(undefined_scores(), videos=1)
    report = replace(report, per_class={**report.per_class, "fox": nobody})
    with write_per_class_csv(tmp_path / "per_class.csv", report).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == [name, "dog", "car", "fox"]
    scores, mega = report.per_class[name], report.protocols["mega"].per_class[name]
    assert scores.ap_interval is not None
    assert float(rows[0]["coco_ap50"]) == pytest.approx(scores.ap50, abs=1e-6)
    assert float(rows[0]["coco_ap_high"]) == pytest.approx(scores.ap_interval[1], abs=1e-6)
    assert float(rows[0]["mega_ap50"]) == pytest.approx(mega.value, abs=1e-6)
    assert [int(rows[0][key]) for key in ("videos", "frames", "boxes")] == [scores.videos, scores.frames, scores.boxes]
    assert rows[3]["coco_ap50"] == rows[3]["coco_ap_low"] == rows[3]["fgfa_ap50"] == ""
    empty = write_per_class_csv(tmp_path / "e.csv", EvaluationReport(undefined_scores(), {}, {})).read_text()
    assert empty.startswith("class,coco_ap50,coco_ap50_low,coco_ap50_high,coco_ap")
    assert len(empty.splitlines()) == 1
