"""Records go to the disk and come back; the nearest run is the one a person would name."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clab_lite.errors import DataError
from clab_lite.study.observe import turned_to_fit
from clab_lite.study.origin import require_one_study, require_same
from clab_lite.study.record import Moment, Record
from clab_lite.study.setting import Setting
from clab_lite.study.store import CLOUDS, RECORDS, Study, collect, open_study, save_study

OBJECTS = Setting(start=0.05, level="object", train_videos=32)


def record(setting: Setting) -> Record:
    steps = np.array([1.0, 10.0, 20.0])
    log = {"iteration": steps, "detection": 3 / steps, "contrast": 2 / steps, "weight": 0.2 * (1 - steps / 20)}
    log["chance"] = np.array([2.3, 2.3, np.nan])
    balance = {"iteration": steps[:2], "detection": np.array([1.0, 3.0]), "contrast": np.array([10.0, 30.0])}
    balance["cosine"] = np.array([-0.5, 0.25])
    cloud = {"frame": np.eye(2, dtype=np.float32), "object": np.ones((2, 2), np.float32)}
    scores = {"frame": {"knn_video": 0.5}, "object": {"knn_class": float("nan")}}
    moments = (Moment(0, 0.2, scores, cloud), Moment(20, 0.0, scores, cloud))
    return Record(setting, log, balance, moments, {"all": 0.5, "fast": float("nan")}, "4 videos", 12.0)


def study_of(*settings: Setting) -> Study:
    table = pd.DataFrame({"video": [0, 1], "video_name": ["a", "b"], "frame": 0, "track": -1, "label": [3, -1],
                          "class_name": ["dog", ""], "troubles": ""})  # fmt: skip
    return Study(tuple(record(s) for s in settings), {"frame": table, "object": table}, "clab-lite study X")


def test_round_trip(tmp_path: Path) -> None:
    study = study_of(Setting(seed=1), Setting(start=0.0))
    save_study(study, tmp_path)
    found = open_study(tmp_path)
    assert [r.setting for r in found.records] == [Setting(start=0.0), Setting(seed=1)]
    assert found.command == study.command
    again, first = found.records[1], study.records[0]
    for part in ("log", "balance"):
        for name, values in getattr(first, part).items():
            np.testing.assert_allclose(getattr(again, part)[name], values, rtol=1e-4)
    assert again.ap["all"] == 0.5 and np.isnan(again.ap["fast"])
    assert np.isnan(again.moments[0].scores["object"]["knn_class"])
    np.testing.assert_array_equal(again.moments[1].cloud["object"], np.ones((2, 2)))
    assert found.points["frame"]["class_name"].tolist() == ["dog", ""]


def test_file_is_strict_json_without_nan(tmp_path: Path) -> None:
    save_study(study_of(Setting()), tmp_path)

    def refuse(word: str) -> None:
        raise AssertionError(word)

    json.loads((tmp_path / RECORDS).read_text(), parse_constant=refuse)


def test_share_is_of_the_weighted_contrast() -> None:
    """Measured after steps 1 and 10 of 20, the weight falls from 0.2 to zero at step 20: 0.19 and 0.1 come next;
    contrast is ten times detection: 1.9/2.9 and 1/2."""
    found = record(Setting(start=0.2, until=1.0, iterations=20))
    np.testing.assert_allclose(found.weights(), [0.19, 0.1])
    np.testing.assert_allclose(found.share(), [1.9 / 2.9, 0.5])


def test_share_takes_the_weight_that_moments_take() -> None:
    """One convention: what was measured after step i goes with the weight of the step to come."""
    run = record(Setting(start=0.2, until=1.0, iterations=20))
    at = {moment.iteration: moment.weight for moment in run.moments}
    last = replace(run, balance={name: np.array([20.0]) for name in run.balance})
    np.testing.assert_allclose(last.weights(), [at[20]])


def test_steps_stay_whole() -> None:
    run = record(Setting(iterations=200_000))
    run.balance["iteration"][:] = (1, 123_456)
    run.balance["contrast"][:] = (10.1234567, 2.0)
    plain = run.to_dict()["balance"]
    assert plain["iteration"] == [1, 123_456]
    assert plain["contrast"] == [10.123, 2.0]


def test_origin_comes_back_and_older_records_have_none(tmp_path: Path) -> None:
    run = replace(record(Setting()), made_of={"config": "a", "torch": "2"})
    again = Record.from_dict(run.to_dict(), run.clouds(), tmp_path)
    assert again.made_of == run.made_of
    older = run.to_dict()
    del older["made_of"]
    assert Record.from_dict(older, run.clouds(), tmp_path).made_of == {}


def test_runs_of_another_origin_are_refused() -> None:
    now, here = {"config": "a", "torch": "2"}, Path("OUT/run")
    for known in ({}, {"config": "a"}, now):
        require_same(here, replace(record(Setting()), made_of=known), Setting(), now)
    with pytest.raises(DataError, match=r"OUT.run: .*config: b -> a.* Name another folder"):
        require_same(here, replace(record(Setting()), made_of={"config": "b"}), Setting(), now)
    with pytest.raises(DataError, match=r"temperature=0\.5"):
        require_same(here, record(Setting(temperature=0.5)), Setting(), now)


def test_runs_of_two_studies_are_refused() -> None:
    def run(place: str, videos: str = "4 videos", **origin: str) -> tuple[Path, Record]:
        return Path(place), replace(record(Setting()), videos=videos, made_of=origin)

    require_one_study([run("a", learn="1", judged="1"), run("b"), run("c", "others", learn="1", judged="2")])
    with pytest.raises(DataError, match=r"c: its learn is 2, that of a is 1"):
        require_one_study([run("a", learn="1"), run("b"), run("c", learn="2")])
    with pytest.raises(DataError, match="judged"):
        require_one_study([run("a", judged="1"), run("b", judged="2")])


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"start": 0.004}, Setting(start=0.005)),
        ({"start": 0.03}, Setting(start=0.05)),
        ({"start": 0.0}, Setting(start=0.0)),
        ({"start": 0.0, "shape": "cosine", "temperature": 0.5}, Setting(start=0.0)),
        ({"start": 0.05, "shape": "constant"}, Setting(start=0.05, shape="constant")),
        ({"start": 0.05, "shape": "constant", "until": 1.0}, Setting(start=0.05, shape="constant")),
        ({"start": 0.05, "shape": "cosine"}, Setting(start=0.05)),
        ({"start": 0.05, "shape": "step", "until": 0.9}, Setting(start=0.05, shape="constant")),
        ({"start": 0.05, "until": 0.9}, Setting(start=0.05, until=1.0)),
        ({"start": 0.05, "temperature": 0.4}, Setting(start=0.05, temperature=0.5)),
        ({"start": 0.05, "seed": 1}, Setting(start=0.05, seed=1)),
        ({"start": 0.05, "level": "object", "train_videos": 32}, OBJECTS),
    ],
)
def test_nearest(asked: dict, expected: Setting) -> None:
    others = (Setting(start=0.05), Setting(start=0.05, seed=1), Setting(start=0.05, temperature=0.5))
    study = study_of(
        Setting(start=0.005), Setting(start=0.0), Setting(start=0.05, shape="constant"), Setting(start=0.05, until=1.0),
        OBJECTS, *others,
    )  # fmt: skip
    assert study.nearest(**asked).setting == expected


def test_nearest_looks_at_clips_and_steps_too() -> None:
    study = study_of(Setting(start=0.05, clips=8), Setting(start=0.05, iterations=50), Setting(start=0.5))
    assert study.nearest(start=0.05).setting == Setting(start=0.5)
    assert study.nearest(start=0.5, clips=8).setting.clips == 8
    assert study.nearest(start=0.5, iterations=50).setting.iterations == 50
    with pytest.raises(DataError, match="temperature"):
        study.nearest(start=0.05, temperature=0.0)


def test_of_gives_all_seeds_of_an_arm() -> None:
    study = study_of(Setting(seed=2), Setting(seed=0), Setting(start=0.0))
    assert [r.setting.seed for r in study.of(Setting(seed=7))] == [0, 2]


def test_faults_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"records\.json: it cannot be read \(No such file"):
        open_study(tmp_path)
    save_study(study_of(Setting()), tmp_path)
    content = json.loads((tmp_path / RECORDS).read_text())
    del content["records"][0]["balance"]
    (tmp_path / RECORDS).write_text(json.dumps(content))
    with pytest.raises(DataError, match="is no record of a study"):
        open_study(tmp_path)
    (tmp_path / RECORDS).write_text("[]")
    with pytest.raises(DataError, match="no list of records"):
        open_study(tmp_path)
    with pytest.raises(DataError, match="holds no runs"):
        replace(study_of(), records=()).nearest(start=0.1)
    with pytest.raises(DataError, match=r"holds no runs of a study\. Make them"):
        collect(tmp_path)


def cut_maps(rows: int) -> bytes:
    whole = study_of(Setting()).records[0]
    file = io.BytesIO()
    np.savez_compressed(file, **{f"{whole.name}/{key}": cloud[:rows] for key, cloud in whole.clouds().items()})
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        (CLOUDS, None, "cannot be read as maps"),
        (CLOUDS, b"", "cannot be read as maps"),
        (CLOUDS, b"<html>", "cannot be read as maps"),
        (CLOUDS, cut_maps(2)[:200], "cannot be read as maps"),
        (CLOUDS, cut_maps(1), "maps of other runs"),
        ("points_object.csv", None, r"it cannot be read \(No such file"),
        ("points_object.csv", b"", "cannot be read as a table"),
        ("points_object.csv", b"a,b\n1,2\n", "lacks the columns video, "),
        ("points_object.csv", b"video,video_name,frame,track,label,class_name,troubles\n", "has 0 rows"),
        (RECORDS, b"{", "it is not JSON"),
        (RECORDS, b'{"command": "x", "records": [{"setting": null}]}', "is no setting of a study"),
        (RECORDS, b'{"command": "x", "records": [{"setting": {"wings": 2}}]}', "wings.* is no setting of a study"),
        (RECORDS, b'{"command": "x", "records": [7]}', "is no setting of a study"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, content: bytes | None, named: str) -> None:
    save_study(study_of(Setting()), tmp_path)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=named):
        open_study(tmp_path)


def test_maps_without_a_digest_are_still_counted(tmp_path: Path) -> None:
    """Studies of before the digest are read; a map that lacks points is told from its table."""
    save_study(study_of(Setting()), tmp_path)
    content = json.loads((tmp_path / RECORDS).read_text())
    del content["clouds"]
    (tmp_path / RECORDS).write_text(json.dumps(content))
    assert len(open_study(tmp_path).records) == 1
    (tmp_path / CLOUDS).write_bytes(cut_maps(1))
    with pytest.raises(DataError, match="its table of points has 2 rows"):
        open_study(tmp_path)


@pytest.mark.parametrize("mirror", [1, -1])
def test_maps_are_turned_not_bent(mirror: int) -> None:
    generator = np.random.default_rng(0)
    before = generator.normal(size=(20, 2)).astype(np.float32)
    angle = 2.0
    turn = np.array([[np.cos(angle), np.sin(angle)], [-mirror * np.sin(angle), mirror * np.cos(angle)]])
    turned = (before @ turn).astype(np.float32)
    np.testing.assert_allclose(turned_to_fit(turned, before), before, atol=1e-5)
