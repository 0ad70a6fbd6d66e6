"""Single files of strangers that did harm, or would have: each is refused, and says why."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hostile_pickles import Payload
from small_dataset import open_small_dataset

from clab_lite import presets
from clab_lite.array_file import read_arrays
from clab_lite.config import Config
from clab_lite.detection_store import DetectionStore, Manifest, VideoDetections
from clab_lite.errors import DataError
from clab_lite.evaluation_report import EvaluationReport
from clab_lite.interop.config_text import read_config_text, with_official_settings
from clab_lite.media import video_file
from clab_lite.media.result_folder import ResultFolder
from clab_lite.methods.ranked.ranking_file import read_ranking
from clab_lite.study import open_study
from clab_lite.tensor_file import load_tensors
from clab_lite.training.log import read_log
from clab_lite.training.saved_config import settings_from_dict

DEEP = "[" * 100_000
MERGED = "x0: &x0 {a: 1}\n" + "".join(f"x{n}: &x{n} {{<<: [{f'*x{n - 1}, ' * 10}]}}\n" for n in range(1, 12))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &a [x]\nranking: {car: *a}", r"line 2: '\*' stands for another part"),
        (
            "x0: &x0 [a]\n" + "".join(f"x{n}: &x{n} [{f'*x{n - 1}, ' * 10}]\n" for n in range(1, 12)),
            "stands for another",
        ),
        (MERGED, "stands for another"),
        ("ranking: {car: 1:1" + ":59" * 5_000 + "}", "car.*no list of names"),
        ("ranking: " + "[" * 5_000, "cannot be read"),
        ("ranking: {" + ", ".join(f"c{n}: []" for n in range(2_000)) + ", c7: []}", "'c7' is there twice"),
    ],
)
def test_rankings(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(DataError, match=rf"(?s)r\.yaml.*{says}") as caught:
        read_ranking(tmp_path / "r.yaml")
    assert len(str(caught.value)) < 2_000


@pytest.mark.parametrize(
    "row",
    [
        '{"iteration": -1, "losses": {}}',
        '{"iteration": 1, "losses": {"a": "x"}}',
        '{"iteration": 1, "losses": {"a": null}}',
        '{"iteration": 1, "losses": {}, "learning_rate": []}',
        '{"iteration": 1, "losses": {}, "note": 3}',
        '{"iteration": 1, "losses": {"a": 1' + "0" * 400 + "}}",
        DEEP,
    ],
)
def test_logs(row: str, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(row + "\n")
    with pytest.raises(DataError, match=r"log\.jsonl, line 1: (no row of a log|not JSON)"):
        read_log(tmp_path / "log.jsonl")


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        DEEP.encode(),
        b'{"overall": {"ap50": "x"}}',
        b"[]",
        b'{"overall": {"ap50": 1e999}}',
        b'{"overall": 1}',
    ],
)
def test_reports(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_bytes(content)
    with pytest.raises(DataError, match=r"m\.json: (not an evaluation report|it is)"):
        EvaluationReport.from_json(tmp_path / "m.json")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", 10**4000),
        ("learning_rate", float("nan")),
        ("steps", [0.5] * 100_000),
        ("x" * 100_000, 1),
        ("steps", [[]]),
    ],
)
def test_settings(field: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        settings_from_dict(Config, {"train": {field: value}}, tmp_path / "config.json")
    assert "config.json" in str(caught.value) and len(str(caught.value)) < 2_000


@pytest.mark.parametrize(
    "text",
    [
        "-" * 100_000 + "1",
        "a = " + "1+" * 50_000 + "1",
        "a = " + "[" * 5_000,
        "model = " + "dict(a=" * 90 + "1" + ")" * 90,
        "a = 0x" + "f" * 100_000,
        "\0",
        "x = 1\n" * 100_000,
    ],
)
def test_configuration_text(text: str) -> None:
    detector = presets.paper("r50").detector
    assert with_official_settings(detector, read_config_text(text)).backbone == detector.backbone


def test_a_number_of_many_digits_in_an_official_configuration() -> None:
    text = "model = dict(detector=dict(test_cfg=dict(rcnn=dict(max_per_img=0x" + "f" * 10_000 + "))))"
    with pytest.raises(DataError, match=r"max_detections is a number of thousands of digits\. Choose"):
        with_official_settings(presets.paper("r50").detector, read_config_text(text))


@pytest.mark.parametrize(
    "names", [["../a"], ["/a"], ["C:a"], ["a\\..\\..\\b"], ["\ud800"], [""], [3], "ab", {"a": 1}, None]
)
def test_results_of_others(names: object, tmp_path: Path) -> None:
    """What summary.json lists gets removed."""
    (tmp_path / "summary.json").write_text(json.dumps({"files": names}))
    with pytest.raises(DataError, match=r"summary\.json: is not from earlier detections"):
        ResultFolder(tmp_path, ["summary.json"])


GOOD = {
    "frames": np.array([0, 2], np.int32), "counts": np.array([1, 1], np.int32), "boxes": np.ones((2, 4), np.float32),
    "scores": np.array([0.5, 0.2], np.float32), "labels": np.array([0, 1], np.uint8),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("counts", np.array([3, -1], np.int32)),
        ("frames", np.array([2, 0], np.int32)),
        ("frames", np.array([0, 0], np.int32)),
        ("frames", np.array([0, 9], np.int32)),
        ("scores", np.array([0.5, np.nan], np.float32)),
        ("boxes", np.full((2, 4), np.inf)),
        ("labels", np.array([0, 7], np.uint8)),
        ("labels", np.array(["a", "b"])),
        ("scores", np.array([0.5, 1.5], np.float32)),
        ("frames", np.array([[0, 2]], np.int32)),
        ("frames", np.array([0.0, 2.0])),
        ("labels", np.array([0, -1], np.int8)),
    ],
)
def test_stored_detections(name: str, values: np.ndarray, tmp_path: Path) -> None:
    index = open_small_dataset(tmp_path / "data")
    store = DetectionStore(tmp_path / "store", Manifest("w", "s", 90, 66, 14, "float32", ("car", "dog")), index)
    store.add(0, VideoDetections(**GOOD))
    assert store.read(0) is not None
    np.savez(store.path(0), **{**GOOD, name: values})
    assert store.read(0) is None


def test_arrays_that_unpack_to_very_much(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", a=np.zeros(10**7, np.uint8))
    with pytest.raises(ValueError, match=r"would unpack to 10,000,\d+ bytes, more than"):
        read_arrays(tmp_path / "bomb.npz")
    with pytest.raises(ValueError, match="would unpack"):
        read_arrays(tmp_path / "bomb.npz", max_bytes=1_000_000)
    assert len(read_arrays(tmp_path / "bomb.npz", max_bytes=11_000_000)["a"]) == 10**7
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**9,)})
    with zipfile.ZipFile(tmp_path / "claim.npz", "w") as archive:
        archive.writestr("a.npy", header.getvalue())
    with pytest.raises((ValueError, MemoryError, EOFError)):
        read_arrays(tmp_path / "claim.npz")


def test_arrays_of_code_of_text_and_what_is_no_array(tmp_path: Path) -> None:
    path, canary = tmp_path / "a.npz", tmp_path / "canary"
    np.savez(path, a=np.array([Payload(canary)], object))
    with pytest.raises(ValueError, match="Object arrays"):
        read_arrays(path)
    assert not canary.exists()
    np.savez(path, a=np.ones(2), b=np.array(["x"]))
    with pytest.raises(ValueError, match="b is not of numbers"):
        read_arrays(path)
    assert read_arrays(path, ["a"])["a"].tolist() == [1, 1]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("note", b"text")
    with pytest.raises(ValueError, match="note is not of numbers"):
        read_arrays(path)


def edit_balance(record: dict) -> None:
    record["balance"]["cosine"] = record["balance"]["cosine"][:-1]


def edit_log(record: dict) -> None:
    del record["log"]["chance"]


def edit_seconds(record: dict) -> None:
    record["seconds"] = int("9" * 400)


@pytest.mark.parametrize("edit", [edit_balance, edit_log, edit_seconds])
def test_studies(edit: Callable[[dict], None], tmp_path: Path) -> None:
    shipped = Path(__file__).parents[1] / "data_samples" / "study"
    for path in shipped.iterdir():
        if path.name != "SHA256SUMS":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    content = json.loads((tmp_path / "records.json").read_text(encoding="utf-8"))
    edit(content["records"][0])
    (tmp_path / "records.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"records\.json, record .* is no record of a study"):
        open_study(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipes_keep_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match=r"pipe: cannot be read \(not a regular file\)"):
        load_tensors(tmp_path / "pipe")
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "pipe")


def test_videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from video_clips import write_clip

    titled = write_clip(tmp_path / "titled.mp4", 3)
    content = titled.read_bytes()
    assert b"Lavf" in content, "the name of the writer"
    titled.write_bytes(content.replace(b"Lavf", b"L\xdfvf"))  # Latin-1
    assert sum(1 for _ in video_file.VideoFile(titled).frames()) == 3
    monkeypatch.setattr(video_file, "MOST_PIXELS", 1_000)
    with pytest.raises(DataError, match=r"titled\.mp4: cannot be read .*64x48, more than 1,000 pixels.* Scale it"):
        video_file.VideoFile(titled)
