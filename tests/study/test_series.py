"""A whole plan at toy size: runs are made once, watched at the right moments, gathered and read back."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from training_world import micro_config

from clab_lite.data.vid import VideoIndex
from clab_lite.study import plans, series
from clab_lite.study.record import RECORD
from clab_lite.study.run import Videos
from clab_lite.study.setting import Setting
from clab_lite.study.store import collect, open_study, save_study
from clab_lite.training.folder_lock import hold

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
    assert (share[:4] > 0).all() and (share[4:] == 0).all() and (share <= 1).all()
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
    table = embed_levels(start, videos.embedded, ("frame",), frame_step=2, progress=False)["frame"]
    assert record.moments[0].scores["frame"]["uniformity"] == pytest.approx(table.scores("video").uniformity, rel=1e-4)


def test_a_run_of_another_process_is_left_alone(
    plan: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(plans.PLANS, "toy", lambda: RUNS[:1])
    with hold(tmp_path / RUNS[0].name):
        series.make_missing(plan, tmp_path, tmp_path)
    assert capsys.readouterr().out == ""
    assert not (tmp_path / RUNS[0].name / RECORD).exists()
