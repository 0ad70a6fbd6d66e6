"""Readers of settings, logs, results and records of measured runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import yaml
from hostile_pickles import object_arrays
from small_dataset import open_small_dataset

from clab_lite import presets
from clab_lite.config import Config
from clab_lite.data.source_file import read_json
from clab_lite.detection_store import DetectionStore, Manifest, VideoDetections
from clab_lite.errors import DataError
from clab_lite.evaluation_report import EvaluationReport
from clab_lite.interop.config_text import read_config_text, with_official_settings
from clab_lite.lessons import codo, crosscl
from clab_lite.lessons.quiz import read_questions
from clab_lite.media.result_folder import ResultFolder
from clab_lite.methods.ranked.ranking_file import read_ranking
from clab_lite.study import open_study
from clab_lite.study.comparison import open_comparison
from clab_lite.study.ranked import read_records
from clab_lite.training.log import read_log
from clab_lite.training.saved_config import config_to_dict, settings_from_dict
from trials.fuzz.mutate import BYTES
from trials.fuzz.mutate_json import changed_json
from trials.fuzz.mutate_lines import LINES
from trials.fuzz.mutate_pack import ZIP
from trials.fuzz.strategies import json_like
from trials.fuzz.target import Changes, Mutator, Special, Target, Tree, mutated, one_file
from trials.fuzz.worlds import tree_of

SHIPPED = Path(__file__).parents[3] / "data_samples"
_STUDY = ("records.json", "clouds.npz", "points_frame.csv", "points_object.csv")
_ANY = (*(changed_json,) * 6, *BYTES)
_RANKING = {"ranking": {"car": ["dog", "fox"], "dog": ["car"], "fox": []}, "scores": {"car": {"dog": 0.8, "fox": 0.3}},
            "released_scores": False}  # fmt: skip
_YAML = (
    b"a: &a [x, x]\nranking: {car: *a}\n",
    b"ranking: !!python/object/apply:os.system ['true']\n",
    b"x0: &x0 [a, a]\n" + b"".join(b"x%d: &x%d [%s]\n" % (n, n, b"*x%d, " % (n - 1) * 10) for n in range(1, 12)),
    b"x0: &x0 {a: 1}\n" + b"".join(b"x%d: &x%d {<<: [%s]}\n" % (n, n, b"*x%d, " % (n - 1) * 10) for n in range(1, 12)),
    b"ranking: " + b"[" * 3_000,
    b"ranking:\n" + b" - " * 3_000,
    b"ranking: {" + b", ".join(b"c%d: []" % n for n in range(3_000)) + b"}",
    b"ranking: {car: 1:1:1:1" + b":59" * 5_000 + b"}",
    b"%YAML 9.9\n---\nranking: {}",
    b"ranking: {? [a, b] : []}",
    b"ranking: {car: [2026-13-45]}",
)
"""Aliases that stand for very much, tags, and depths."""


def _first(name: str, count: int = 2) -> Callable[[], Sequence[bytes]]:
    """A shipped file with its first records alone: a change is likelier to matter."""

    def make() -> tuple[bytes, ...]:
        content = json.loads((SHIPPED / name).read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return (json.dumps({**content, "records": content["records"][:count]}).encode(),)
        return (json.dumps(content[:count]).encode(),)

    return make


def _spliced_yaml(rng: Random, content: bytes) -> bytes:
    return rng.choice(_YAML) + (content if rng.random() < 0.3 else b"")


def _log() -> tuple[bytes, ...]:
    losses = dict.fromkeys(("rpn_objectness", "rpn_box", "box_class", "box_regression", "contrast"), 0.5)
    rows = [
        {"iteration": k, "progress": k / 3, "learning_rate": 0.1, "contrast_weight": 0.2, "losses": losses,
         "contrast_chance": 1.5, "gradient_norm": 3.0, "seconds": 1.0} for k in (1, 2, 3)
    ]  # fmt: skip
    return ("\n".join(map(json.dumps, [*rows, {**rows[-1], "note": "x"}])).encode() + b"\n",)


def _changed_row(rng: Random, content: bytes) -> bytes:
    lines = content.split(b"\n")
    place = rng.randrange(len(lines))
    lines[place] = changed_json(rng, lines[place])
    return b"\n".join(lines)


def _use_log(path: Path) -> None:
    for row in read_log(path):
        assert row["iteration"] >= 0 and all(isinstance(value, int | float) for value in row["losses"].values())


def _use_settings(path: Path) -> None:
    content: Any = read_json(path, "Write it anew.")
    config = settings_from_dict(Config, content, path)
    assert settings_from_dict(Config, config_to_dict(config), path) == config


def _use_report(path: Path) -> None:
    report = EvaluationReport.from_json(path)
    assert EvaluationReport.from_json(report.to_json()) == report


def _use_text(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    found = read_config_text(text)
    with_official_settings(presets.paper("r50").detector, found)
    if not found:
        raise DataError("The text says nothing. Official values are used.")


def _texts() -> tuple[bytes, ...]:
    from trials.fuzz.weights import CONFIG_TEXT

    return (CONFIG_TEXT.encode(),)


def _results() -> tuple[bytes, ...]:
    return (b'{"files": ["detections.jsonl", "pictures/000001.jpg"], "frames": 2}',)


def _use_results(path: Path) -> None:
    outside = path.parent.parent / "outside"
    outside.touch()
    folder = ResultFolder(path.parent, ["summary.json"])
    folder.keep({})
    assert outside.exists(), "a file beside the folder is gone"


@cache
def _store_file() -> bytes:
    draw = np.random.default_rng(0)
    found = VideoDetections.of(
        {k: (draw.random((2, 4), np.float32), draw.random(2, np.float32), np.zeros(2, np.int64)) for k in range(3)}, 2
    )
    return next(
        content for name, content in tree_of(lambda root: _store(root).add(0, found)).items() if name[-4:] == ".npz"
    )


def _store(folder: Path) -> DetectionStore:
    index = _index()
    return DetectionStore(folder, Manifest("w", "s", 90, 66, 14, "float32", ("car", "dog")), index)


@cache
def _index() -> Any:
    import tempfile

    return open_small_dataset(Path(tempfile.mkdtemp(prefix="fuzz_")))


def _use_store(path: Path) -> None:
    store = _store(path.parent)
    store.path(0).parent.mkdir(exist_ok=True)
    store.path(0).write_bytes(path.read_bytes())
    found = store.read(0)
    if found is None:
        raise DataError.at(path, "", "counts as missing", "Detect again.")
    assert len(found.frame_of_row) == len(found.scores) and set(found.labels.tolist()) <= {0, 1}
    found.joined(VideoDetections.of({}, 2)).of_frames(np.arange(2))


def _other_array(rng: Random, content: bytes) -> bytes:
    """An array of another kind, in a file that is in order otherwise."""
    import io

    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = dict(stored)
    except Exception:  # changed before
        return content
    name = rng.choice(sorted(arrays))
    old = arrays[name]
    ways = (
        lambda: old.astype(np.float64) * np.nan, lambda: old.astype(np.complex64), lambda: old[:0], lambda: old[None],
        lambda: old.astype(np.float32) * -1, lambda: old.astype(np.uint64), lambda: np.array(7),
        lambda: old.astype(str),
        lambda: np.zeros((10, 4)), lambda: old.astype(bool), lambda: old[::-1], lambda: np.full_like(old, 120),
        lambda: np.zeros(1, "V8"), lambda: old.astype(">i8"), lambda: np.repeat(old, 1000, axis=0),
    )  # fmt: skip
    try:
        arrays[name] = rng.choice(ways)() if isinstance(old, np.ndarray) and old.ndim else np.array([1])
    except (TypeError, ValueError):  # of a kind that has no such form, after an earlier change
        return content
    file = io.BytesIO()
    (np.savez_compressed if rng.random() < 0.2 else np.savez)(file, **arrays)
    return file.getvalue()


def _objects(rng: Random, content: bytes) -> bytes:
    return object_arrays(Path("canary")) if rng.random() < 0.1 else content


def _study_tree() -> Tree:
    tree = {name: (SHIPPED / "study" / name).read_bytes() for name in _STUDY}
    return {**tree, "records.json": _first("study/records.json", 1)()[0]}


def _change_study(rng: Random, tree: Tree) -> Changes:
    ways: dict[str, Sequence[Mutator]] = {"records.json": _ANY, "clouds.npz": (_other_array, *BYTES[:3], *ZIP[:2])}
    name = rng.choice(("records.json", "records.json", "records.json", *_STUDY))
    if rng.random() < 0.02:
        return {name: Special(rng.choice(("gone", "folder", "pipe")))}
    return {name: mutated(rng, tree[name], ways.get(name, (*LINES, *BYTES)))}


def _use_study(root: Path) -> None:
    study = open_study(root)
    for record in study.records:
        record.share()
        json.dumps(record.to_dict(), allow_nan=False)


def _json_target(name: str, file: str, seeds: Callable[[], Sequence[bytes]], read: Callable[[Path], object],
                 inputs: int, factor: int, **more: Any) -> Target:  # fmt: skip
    return one_file(name, file, seeds, _ANY, read, inputs, factor=factor, strategy=json_like, **more)


def _ranking(suffix: str) -> Target:
    text = json.dumps(_RANKING) if suffix == "json" else yaml.safe_dump(_RANKING)
    ways = _ANY if suffix == "json" else (*LINES, *LINES, *BYTES, _spliced_yaml)
    inputs = 200 if suffix == "json" else 100  # yaml is read by Python alone
    return one_file(
        f"ranking ({suffix})", f"mine.{suffix}", lambda: (text.encode(),), ways, read_ranking, inputs, factor=20
    )


TARGETS: tuple[Target, ...] = (
    _json_target(
        "settings",
        "config.json",
        lambda: (json.dumps(config_to_dict(presets.tiny())).encode(),),
        _use_settings,
        300,
        10,
    ),
    one_file("configuration text", "config.py", _texts, (*LINES, *BYTES), _use_text, 300, factor=10, names_files=False),
    one_file("log", "log.jsonl", _log, (_changed_row, _changed_row, _changed_row, *BYTES), _use_log, 500, factor=8),
    _json_target(
        "metrics.json", "metrics.json", lambda: ((SHIPPED / "trained/clab.json").read_bytes(),), _use_report, 60, 20
    ),
    one_file(
        "stored detections",
        "stored.npz",
        lambda: (_store_file(),),
        (_other_array, _other_array, _objects, *ZIP),
        _use_store,
        300,
        factor=10,
        guided=None,
    ),
    one_file("results folder", "results/summary.json", _results, _ANY, _use_results, 200, factor=8),
    _ranking("json"),
    _ranking("yaml"),
    Target("study", _study_tree, _change_study, _use_study, 60, factor=25, megabytes=128),
    _json_target(
        "comparison",
        "comparison.json",
        _first("methods/comparison/comparison.json"),
        lambda path: open_comparison(path.parent),
        200,
        8,
    ),
    _json_target(
        "records of ranked contrast",
        "records.json",
        _first("methods/ranked/records.json"),
        lambda path: read_records(path.parent),
        150,
        8,
    ),
    _json_target("records of CoDo", "codo.json", _first("methods/codo/records.json"), codo.measured_runs, 100, 8),
    _json_target(
        "records of CrossCL", "crosscl.json", _first("methods/crosscl/records.json"), crosscl.measured_runs, 100, 8
    ),
    _json_target(
        "questions",
        "questions.json",
        lambda: (b'[{"question": "a?", "choices": [{"text": "b", "right": true, "because": "c"}]}]',),
        read_questions,
        150,
        8,
    ),
)
