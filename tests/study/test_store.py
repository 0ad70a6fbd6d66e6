"""Records go to the disk and come back; the nearest run is the one a person would name."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clab_lite.errors import DataError
from clab_lite.study.observe import turned_to_fit
from clab_lite.study.record import Moment, Record
from clab_lite.study.setting import Setting
from clab_lite.study.store import RECORDS, Study, open_study, save_study

OBJECTS = Setting(start=0.05, level="object", train_videos=32)


def record(setting: Setting) -> Record:
    steps = np.array([1.0, 10.0, 20.0])
    log = {"iteration": steps, "detection": 3 / steps, "contrast": 2 / steps, "weight": 0.2 * (1 - steps / 20)}
    log["chance"] = np.array([2.3, 2.3, np.nan])
    balance = {"iteration": steps[:2], "detection": np.array([1.0, 3.0]), "contrast": np.array([10.0, 30.0])}
    balance["cosine"] = np.array([-0.5, 0.25])
    cloud = {"frame": np.eye(2, dtype=np.float32), "object": np.ones((3, 2), np.float32)}
    scores = {"frame": {"knn_video": 0.5}, "object": {"knn_class": float("nan")}}
    moments = (Moment(0, 0.2, scores, cloud), Moment(20, 0.0, scores, cloud))
    return Record(setting, log, balance, moments, {"all": 0.5, "fast": float("nan")}, "4 videos", 12.0)


def study_of(*settings: Setting) -> Study:
    table = pd.DataFrame({"video": [0, 1], "class_name": ["dog", ""]})
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
    np.testing.assert_array_equal(again.moments[1].cloud["object"], np.ones((3, 2)))
    assert found.points["frame"]["class_name"].tolist() == ["dog", ""]


def test_file_is_strict_json_without_nan(tmp_path: Path) -> None:
    save_study(study_of(Setting()), tmp_path)

    def refuse(word: str) -> None:
        raise AssertionError(word)

    json.loads((tmp_path / RECORDS).read_text(), parse_constant=refuse)


def test_share_is_of_the_weighted_contrast() -> None:
    """Weights of steps 1 and 10 of 20, linear from 0.2 to zero at step 20: 0.2 and 0.11; contrast is ten times
    detection: 2/3 and 1.1/2.1."""
    found = record(Setting(start=0.2, until=1.0, iterations=20)).share()
    np.testing.assert_allclose(found, [2 / 3, 1.1 / 2.1])


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


def test_of_gives_all_seeds_of_an_arm() -> None:
    study = study_of(Setting(seed=2), Setting(seed=0), Setting(start=0.0))
    assert [r.setting.seed for r in study.of(Setting(seed=7))] == [0, 2]


def test_faults_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"records\.json: no such study"):
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


def test_maps_are_turned_not_bent() -> None:
    generator = np.random.default_rng(0)
    before = generator.normal(size=(20, 2)).astype(np.float32)
    angle = 2.0
    turn = np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])  # a mirror too
    turned = (before @ turn).astype(np.float32)
    np.testing.assert_allclose(turned_to_fit(turned, before), before, atol=1e-5)
