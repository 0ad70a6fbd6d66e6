"""The comparison of the methods: its plan, its runs, its file, and what is computed from it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy import stats

from clab_lite.backbone_file import read_backbone
from clab_lite.cli import main
from clab_lite.data.vid import VideoIndex
from clab_lite.detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.pretraining.methods import preset_of
from clab_lite.study.comparison import ARMS, Arm, ArmRecord, Comparison, arms, effects, open_comparison
from clab_lite.study.comparison.arms import LONG, PRETRAIN_STEPS, SEEDS, SHORT, arm, plan
from clab_lite.study.comparison.record import RECORD
from clab_lite.study.comparison.run import make_arm, origin
from clab_lite.study.comparison.store import collect_arms, read_record, save_comparison
from clab_lite.study.run import Videos
from clab_lite.trained import load_run
from clab_lite.training.folder_lock import hold


def _record(name: Any, seed: int, ap: float, seconds: tuple[float, float] = (0.0, 100.0), **changes: Any) -> ArmRecord:
    values: dict[str, Any] = {"terms": {}, "backbone": "", "videos": "some", "made_of": {"torch": "2"}} | changes
    return ArmRecord(arm(name, seed), {"all": ap, "fast": math.nan}, *seconds, **values)


def test_the_plan_is_paired_and_spends_the_same() -> None:
    found = plan()
    assert len(found) == len(ARMS) * len(SEEDS) and len({one.folder for one in found}) == len(found)
    assert [one.name for one in found[: len(ARMS)]] == list(ARMS)
    for one in found:
        config, method = one.detector_config(), one.method_config()
        assert config.train.seed == one.seed and config.train.iterations == one.steps
        assert config.detector.contrast.enabled == (one.name == "branch") and config.train.contrast.start == 0.005
        assert (method is None) == (one.name in ("scratch", "short", "branch"))
        assert one.steps == (SHORT if method or one.name == "short" else LONG)
        if method is not None:
            assert (method.pretrain.seed, method.pretrain.steps) == (one.seed, PRETRAIN_STEPS[one.name])
            backbone = config.detector.backbone
            assert (method.backbone.architecture, method.backbone.width) == (backbone.architecture, backbone.width)
    ranked: Any = arm("ranked").method_config()
    assert ranked.withheld is None


def test_all_arms_of_a_seed_draw_the_same_weights() -> None:
    states = []
    for name in ("scratch", "branch"):
        torch.manual_seed(3)
        states.append(VideoDetector(arm(name, 3).detector_config().detector).state_dict())
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())
    assert any(key.startswith("auxiliary.") for key in states[1].keys() - states[0].keys())


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Methods whose batches four videos can fill."""

    def preset(name: str, _preset: str) -> Any:
        config = preset_of(name, "lite")
        changes: dict[str, Any] = {"pretrain": replace(config.pretrain, batch=4)}
        if name != "codo":
            changes["bank" if name == "ranked" else "queue"] = 8
        return replace(config, **changes)  # type: ignore[type-var]

    monkeypatch.setattr(arms, "preset_of", preset)


@pytest.mark.parametrize("name", ["scratch", "ranked", "crosscl", "codo"])
@pytest.mark.usefixtures("small")
def test_a_run_leaves_its_record(name: Any, index: VideoIndex, tmp_path: Path) -> None:
    videos = Videos(index, index, index.select([0]), "one video")
    asked = Arm(name, 0 if name == "scratch" else 2, 1, labelled=3, seed=1)
    with hold(tmp_path / asked.folder) as held:
        record = make_arm(asked, videos, held)
    folder = tmp_path / asked.folder
    again = read_record(folder / RECORD)
    assert again.to_dict() == record.to_dict() and again.arm == asked and again.videos == "one video"
    assert record.detector_seconds > 0 and set(record.ap) >= {"all", "slow", "fast"}
    assert record.made_of == origin(asked, videos)
    start = load_run(folder / "detector", file="snapshot_start.pt").detector
    if name == "scratch":
        assert (record.pretrain_seconds, record.terms, record.backbone) == (0.0, {}, "")
        return
    assert record.pretrain_seconds > 0 and all(math.isfinite(value) for value in record.terms["total"])
    found = read_backbone(folder / "pretraining")
    assert (found.method, found.steps, found.digest) == (name, 2, record.backbone)
    assert bool((start.backbone.get_submodule("layer3.0.conv1").weight == found.state["layer3.0.conv1.weight"]).all())
    assert collect_arms(tmp_path).of(name)[0].to_dict() == record.to_dict()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    records = [_record(name, seed, 0.1 * seed) for seed in (1, 0) for name in ("codo", "scratch")]
    path = save_comparison(Comparison(tuple(records), "make it"), tmp_path)
    assert json.loads(path.read_text())["records"][0]["ap"]["fast"] is None
    found = open_comparison(tmp_path)
    assert found.command == "make it"
    assert [(one.arm.name, one.arm.seed) for one in found.records] == [
        ("scratch", 0), ("scratch", 1), ("codo", 0), ("codo", 1),
    ]  # fmt: skip
    assert math.isnan(found.records[0].ap["fast"]) and found.of("codo")[1].ap["all"] == pytest.approx(0.1)


@pytest.mark.parametrize(("content", "message"), [
    ("{", "it is not JSON"),
    ("[]", "is no comparison"),
    ('{"records": [{"arm": {"name": "magic"}}]}', "is none of the comparison"),
    ('{"records": [3]}', "is none of the comparison"),
])  # fmt: skip
def test_files_that_are_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "comparison.json").write_text(content)
    with pytest.raises(DataError, match=message):
        open_comparison(tmp_path)
    with pytest.raises(DataError, match="it cannot be read"):
        open_comparison(tmp_path / "none")
    with pytest.raises(DataError, match="holds no runs"):
        collect_arms(tmp_path)


def test_runs_of_two_comparisons_are_not_mixed(tmp_path: Path) -> None:
    for seed, version in enumerate(("2", "3")):
        folder = tmp_path / f"run{seed}"
        folder.mkdir()
        record = _record("codo", seed, 0.5, made_of={"torch": version})
        (folder / RECORD).write_text(json.dumps(record.to_dict()))
    with pytest.raises(DataError, match=r"its torch is 3, that of .* is 2"):
        collect_arms(tmp_path)


def test_effects_are_those_of_paired_seeds() -> None:
    """Against scipy's t-test of pairs; a seed without its pair does not count."""
    base, other = [0.5, 0.4, 0.6, 0.5], [0.55, 0.47, 0.61, 0.56]
    records = [_record("scratch", seed, ap) for seed, ap in enumerate(base)]
    records += [_record("codo", seed, ap, (20.0, 60.0)) for seed, ap in enumerate(other)]
    records += [_record("codo", 9, 0.9), _record("branch", 0, 0.7)]
    found = {one.arm: one for one in effects(Comparison(tuple(records), ""))}
    assert list(found) == ["branch", "codo"]
    codo = found["codo"]
    expected = stats.ttest_rel(other, base)
    interval = expected.confidence_interval()
    assert codo.difference.mean == pytest.approx(sum(other) / 4 - sum(base) / 4)
    assert (codo.difference.low, codo.difference.high) == pytest.approx((interval.low, interval.high))
    assert codo.difference.p_value == pytest.approx(expected.pvalue)
    assert codo.corrected == pytest.approx(min(1.0, 2 * expected.pvalue)) and codo.looks == 2
    assert codo.value.mean == pytest.approx(sum(other) / 4) and codo.seconds.mean == 80.0
    assert math.isnan(found["branch"].difference.low) and math.isnan(found["branch"].corrected)
    assert math.isnan(effects(Comparison(tuple(records), ""), measure="fast")[1].difference.mean)


def test_the_command_makes_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At most so many runs; those that are there are kept; others of another version are refused."""
    made: list[str] = []

    def make(one: Arm, _videos: Any, held: Any) -> ArmRecord:
        made.append(one.folder)
        record = _record(one.name, one.seed, 0.5)
        (held.path / RECORD).write_text(json.dumps(record.to_dict()))
        return record

    monkeypatch.setattr("clab_lite.study.comparison.store.study_videos", lambda *_: None)
    monkeypatch.setattr("clab_lite.study.comparison.store.origin", lambda *_: {"torch": "2"})
    monkeypatch.setattr("clab_lite.study.comparison.store.make_arm", make)
    words = ["study", str(tmp_path), "--plan", "methods", "--data", str(tmp_path)]
    assert main([*words, "--most", "2"]) == 0
    assert made == [one.folder for one in plan()[:2]]
    out = capsys.readouterr().out
    assert "AP50 all 0.500 (0 + 100 s of processor time)" in out and out.count("missing: ") == len(plan()) - 2
    assert main(words) == 0
    assert made == [one.folder for one in plan()]
    assert len(open_comparison(tmp_path).records) == len(plan())
    assert main([*words, "--gather"]) == 0 and len(made) == len(plan())
    monkeypatch.setattr("clab_lite.study.comparison.store.origin", lambda *_: {"torch": "3"})
    assert main(words) == 2
    assert "torch: 2 -> 3" in capsys.readouterr().err


def test_the_shipped_records_are_of_real_runs() -> None:
    folder = Path(__file__).parents[2] / "data_samples" / "methods" / "comparison"
    if not folder.is_dir():
        pytest.skip("no measured runs here")
    for record in open_comparison(folder).records:
        assert {"config", "learn", "judged"} <= record.made_of.keys(), f"{record.arm.folder}: says not what made it"
        assert len(record.backbone) == (16 if record.arm.pretrain_steps else 0), record.arm.folder
