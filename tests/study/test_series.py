"""A whole plan at toy size: runs are made once, watched at the right moments, gathered and read back."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from training_world import micro_config

from clab_lite.cli.study import Study
from clab_lite.data.vid import VideoIndex
from clab_lite.errors import DataError
from clab_lite.evaluation_report import EvaluationReport, ProtocolScores, Score, Scores
from clab_lite.study import plans, series, worlds
from clab_lite.study.record import RECORD
from clab_lite.study.run import Videos, average_precisions
from clab_lite.study.setting import Setting
from clab_lite.study.store import collect, open_study, save_study
from clab_lite.training.folder_lock import FolderInUse, HeldFolder, hold
from clab_lite.training.losses import DETECTION_LOSSES, TrainingDiverged

RUNS = [Setting(iterations=8, start=0.1), Setting(iterations=8, start=0.0, train_videos=2)]


@pytest.fixture
def plan(index: VideoIndex, monkeypatch: pytest.MonkeyPatch) -> str:
    """Settings keep what they vary and take everything else from the smallest configuration there is."""
    own = Setting.config

    def small(setting: Setting):
        config, base = own(setting), micro_config()
        contrast = replace(base.detector.contrast, temperature=setting.temperature, level=setting.level)
        train = replace(config.train, clips_per_rank=2, log_every=2)
        return replace(config, detector=replace(base.detector, contrast=contrast), data=base.data, train=train)

    monkeypatch.setattr(Setting, "config", small)
    monkeypatch.setitem(plans.PLANS, "toy", lambda: RUNS)
    monkeypatch.setattr(series, "study_videos", lambda *_: Videos(index, index, index, "4 videos"))
    return "toy"


def test_plan_is_made_once(plan: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    series.make_missing(plan, tmp_path, tmp_path / "out")
    assert capsys.readouterr().out.count("AP50") == 2
    written = (tmp_path / "out" / RUNS[0].name / RECORD).stat().st_mtime_ns
    series.make_missing(plan, tmp_path, tmp_path / "out")
    assert capsys.readouterr().out == ""
    assert (tmp_path / "out" / RUNS[0].name / RECORD).stat().st_mtime_ns == written

    study = collect(tmp_path / "out")
    save_study(study, tmp_path / "shipped")
    contrast = open_study(tmp_path / "shipped").of(RUNS[0])[0]
    assert [moment.iteration for moment in contrast.moments] == [0, 1, 4, 6, 8]  # 4: the weight reaches zero
    assert contrast.moments[0].weight == 0.1 and contrast.moments[2].weight == 0.0
    assert contrast.balance["iteration"].tolist() == list(range(1, 9))
    share = contrast.share()
    assert (share[:3] > 0).all() and (share[3:] == 0).all() and (share <= 1).all()  # after step 4 no weight is left
    rows = [json.loads(line) for line in (tmp_path / "out" / RUNS[0].name / "log.jsonl").read_text().splitlines()]
    assert contrast.log["iteration"].tolist() == [row["iteration"] for row in rows]
    expected = [sum(row["losses"][name] for name in DETECTION_LOSSES) for row in rows]
    np.testing.assert_allclose(contrast.log["detection"], expected, rtol=1e-4)
    np.testing.assert_allclose(contrast.log["contrast"], [row["losses"]["contrast"] for row in rows], rtol=1e-4)
    assert set(contrast.made_of) == {"config", "learn", "embedded", "judged", "clab_lite", "torch"}
    baseline = study.of(RUNS[1])[0]
    assert (baseline.share() == 0).all() and (baseline.balance["contrast"] > 0).all()
    for level in ("frame", "object"):
        rows = len(study.points[level])
        assert rows > 0 and all(moment.cloud[level].shape == (rows, 2) for moment in contrast.moments)
    assert set(contrast.ap) >= {"all", "slow", "medium", "fast"}
    assert np.isfinite(contrast.moments[0].scores["object"]["alignment_track"])


def test_first_moment_is_the_start_of_the_training(plan: str, tmp_path: Path) -> None:
    """The embeddings before training come from the very weights that training starts with."""
    from clab_lite.embeddings import embed_levels
    from clab_lite.trained import load_run

    series.make_missing(plan, tmp_path, tmp_path)
    record = collect(tmp_path).of(RUNS[0])[0]
    start = load_run(tmp_path / RUNS[0].name, file="snapshot_start.pt").detector
    videos = series.study_videos()
    tables = embed_levels(start, videos.embedded, ("frame", "object"), frame_step=2, progress=False)
    frame, objects = record.moments[0].scores["frame"], record.moments[0].scores["object"]
    by_video = tables["frame"].scores("video", 1, gap=2)
    by_class, by_track = (
        tables["object"].scores("class_name", 5, gap=1_000_000),
        tables["object"].scores("track", 1, gap=2),
    )
    for found, names, expected in (
        (frame, "video", by_video), (objects, "class", by_class), (objects, "track", by_track),
    ):  # fmt: skip
        near = {"rel": 1e-3, "abs": 1e-5, "nan_ok": True}
        assert found[f"silhouette_{names}"] == pytest.approx(expected.silhouette, **near)
        assert found[f"knn_{names}"] == pytest.approx(expected.knn_purity, **near)
        assert found[f"alignment_{names}"] == pytest.approx(expected.alignment, **near)
    assert frame["uniformity"] == pytest.approx(tables["frame"].scores("video").uniformity, rel=1e-4)
    points = collect(tmp_path).points
    for level in ("frame", "object"):  # the rows of a map are the rows of its table, and of the points that name them
        rows = tables[level].table
        for column in ("video", "frame", *(("track", "class_name") if level == "object" else ())):
            assert points[level][column].tolist() == rows[column].tolist()
        assert len(set(points[level]["video"])) > 1
        map_ = tables[level].map()
        np.testing.assert_allclose(np.abs(record.moments[0].cloud[level]), np.abs(map_), atol=2e-3 * np.abs(map_).max())


def test_every_ap_has_its_own_name() -> None:
    def scores(ap50: float | None) -> Scores:
        return Scores(ap50, 0.01, 1, 1, 1)

    def motion(value: float | None, other: float) -> ProtocolScores:
        named = {"all": 0.02, "slow": 0.5, "medium": value, "fast": 0.7}
        found = {name: Score(None if ap is None else ap + other, None, 1, 1, 1) for name, ap in named.items()}
        return ProtocolScores("", "", "", found, {})

    troubles = {"clean": scores(0.2), "any_trouble": scores(0.3), "noise": scores(0.4), "occlusion": scores(None)}
    report = EvaluationReport(scores(0.1), {}, troubles, protocols={"voc": motion(0.6, 0.1), "mega": motion(None, 0.0)})
    found = average_precisions(report)
    assert found == pytest.approx(
        {
            "all": 0.1, "clean": 0.2, "troubled": 0.3, "noise": 0.4, "occlusion": np.nan,
            "slow": 0.5, "medium": np.nan, "fast": 0.7,
        },
        nan_ok=True,
    )  # fmt: skip


def test_a_run_of_another_process_is_left_alone(
    plan: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(plans.PLANS, "toy", lambda: RUNS[:1])
    with hold(tmp_path / RUNS[0].name):
        (missing,) = series.make_missing(plan, tmp_path, tmp_path)
    assert capsys.readouterr().out == ""
    assert missing.name == RUNS[0].name and "is working in this folder" in missing.why and not missing.diverged
    assert not (tmp_path / RUNS[0].name / RECORD).exists()
    with pytest.raises(DataError, match="holds no runs"):
        series.gather(tmp_path)


def test_a_training_that_diverges_does_not_stop_the_others(
    plan: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def diverge(setting: Setting, *_: object) -> None:
        tried.append(setting)
        raise TrainingDiverged("contrast = nan")

    monkeypatch.setattr(series, "make_run", diverge)
    missing = series.make_missing(plan, tmp_path, tmp_path)
    assert tried == RUNS and [left.name for left in missing] == [setting.name for setting in RUNS]
    assert all(left.diverged and "contrast = nan" in left.why for left in missing)


def test_a_run_finished_while_we_waited_is_kept(plan: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process finishes between the first look and the lock: the second look finds its record."""
    monkeypatch.setitem(plans.PLANS, "toy", lambda: RUNS[:1])
    others, ours, name = tmp_path / "others", tmp_path / "ours", RUNS[0].name
    assert series.make_missing(plan, tmp_path, others) == []

    @contextmanager
    def after_waiting(folder: Path) -> Iterator[HeldFolder]:
        shutil.copytree(others / name, folder)
        with hold(folder) as held:
            yield held

    monkeypatch.setattr(series, "hold", after_waiting)
    monkeypatch.setattr(series, "make_run", lambda *_: pytest.fail("made again"))
    assert series.make_missing(plan, tmp_path, ours) == []
    assert (ours / name / RECORD).read_bytes() == (others / name / RECORD).read_bytes()


def test_the_command_says_what_to_do_about_missing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*missing: series.Missing) -> tuple[int, str]:
        monkeypatch.setattr(series, "make_missing", lambda *_: list(missing))
        return Study(tmp_path, "effect", tmp_path).run(), capsys.readouterr().out

    monkeypatch.setattr(series, "gather", lambda _: 3)
    waits, diverged = series.Missing("a", "another is at it", False), series.Missing("b", "contrast = nan", True)
    assert told() == (0, f"3 runs: {tmp_path}\n")
    code, text = told(waits)
    assert code == 0 and "Missing: 1. The same command makes" in text and "Diverged" not in text
    code, text = told(diverged, waits, diverged)
    assert code == 1 and "Missing: 1." in text and "Diverged: 2." in text and "missing: b: contrast = nan" in text
    code, text = told(diverged)
    assert code == 1 and "Missing:" not in text and "plans.py" in text


def test_waits_for_who_holds_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds, "PATIENCE", 0.0)
    with hold(tmp_path), pytest.raises(FolderInUse), worlds.patiently_held(tmp_path):
        pass
    with worlds.patiently_held(tmp_path), pytest.raises(FolderInUse), hold(tmp_path):
        pass
    with hold(tmp_path):
        pass
