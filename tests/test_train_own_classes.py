"""The three forms of a dataset of one's own train and evaluate by the same commands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_data import documented_json, write_json_dataset
from PIL import Image
from training_world import micro_config, write_dataset

from clab_lite.cli import main
from clab_lite.config import Config
from clab_lite.data.vid import open_dataset
from clab_lite.errors import DataError
from clab_lite.evaluate import FrameDetections, score_detections
from clab_lite.train import for_classes_of, train
from clab_lite.trained import load_run


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    config = micro_config(3)
    monkeypatch.setattr("clab_lite.cli.parsing.presets.named", lambda name: config)


def run_commands(dataset: Path, run: Path) -> dict[str, Any]:
    """Train, then evaluate; the metrics."""
    assert main(["train", str(dataset), "--out", str(run), "--device", "cpu"]) == 0
    assert main(["evaluate", str(run), str(dataset), "--device", "cpu"]) == 0
    return json.loads((run / "metrics.json").read_text())


def own_folder(root: Path) -> Path:
    """An ILSVRC folder with two classes of its own, the second in the training split only."""
    for number, name in enumerate(("train/hall", "val/yard")):
        images, annotations = root / "Data/VID" / name, root / "Annotations/VID" / name
        images.mkdir(parents=True)
        annotations.mkdir(parents=True)
        for frame in range(3):
            Image.new("RGB", (96, 64), (90, 90, 90)).save(images / f"{frame:06d}.JPEG")
            box = "<bndbox><xmin>50</xmin><ymin>20</ymin><xmax>86</xmax><ymax>50</ymax></bndbox>"
            objects = "".join(
                f"<object><trackid>{track}</trackid><name>{kind}</name>{box}</object>"
                for track, kind in enumerate(("person", "forklift")[: 2 - number])
            )
            size = "<size><width>96</width><height>64</height></size>"
            (annotations / f"{frame:06d}.xml").write_text(f"<annotation>{size}{objects}</annotation>")
    return root


def still_images(content: dict[str, Any]) -> dict[str, Any]:
    for image in content["images"]:
        del image["video_id"], image["frame_id"]
    for item in content["annotations"]:
        del item["instance_id"]
    return content


@pytest.mark.usefixtures("few_steps")
@pytest.mark.parametrize(
    ("form", "names", "videos", "frames", "boxes"),
    [
        ("videos", ("person", "forklift"), 2, 6, 6),
        ("one file", ("person", "forklift"), 2, 6, 6),
        ("stills", ("person", "forklift"), 6, 6, 6),
        ("folder", ("forklift", "person"), 1, 3, 3),
        ("folder with a list", ("person", "crane", "forklift"), 1, 3, 3),
    ],
)
def test_every_form_trains_and_evaluates(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    form: str,
    names: tuple[str, ...],
    videos: int,
    frames: int,
    boxes: int,
) -> None:
    root, run = tmp_path / "mine", tmp_path / "run"
    if form.startswith("folder"):
        dataset = own_folder(root)
        if form == "folder with a list":
            (root / "classes.txt").write_text("\n".join(names))
    else:
        content = documented_json()
        dataset = write_json_dataset(root, still_images(content) if form == "stills" else content)
        if form == "one file":
            dataset = root / "val.json"
    metrics = run_commands(dataset, run)
    counts = {key: metrics["overall"][key] for key in ("videos", "frames", "boxes")}
    assert counts == {"videos": videos, "frames": frames, "boxes": boxes}
    trained = load_run(run)
    assert trained.class_names == names
    assert trained.config.detector.num_classes == trained.detector.config.num_classes == len(names)
    printed = capsys.readouterr().out
    assert f"detector.num_classes: 30 -> {len(names)}" in printed
    assert f"{len(names)} classes: {', '.join(names)}" in printed


@pytest.mark.usefixtures("few_steps")
def test_a_run_meets_only_its_own_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_commands(write_json_dataset(tmp_path / "mine", documented_json()), tmp_path / "run")
    other = documented_json()
    other["categories"][0]["name"] = "pallet"
    dataset = write_json_dataset(tmp_path / "other", other)
    assert main(["evaluate", str(tmp_path / "run"), str(dataset), "--device", "cpu"]) == 2
    assert "Label 0 is 'person' in the run, 'pallet' in the dataset" in capsys.readouterr().err


def test_what_is_found_in_a_group_is_neither_right_nor_wrong(tmp_path: Path) -> None:
    """The group is not to be found, and no box in it is wrong, however certain."""
    content = still_images(documented_json())
    content["annotations"] = [
        {"image_id": 1, "category_id": 1, "bbox": [8, 10, 20, 40]},
        {"image_id": 1, "category_id": 1, "bbox": [40, 4, 50, 56], "iscrowd": 1},
    ]
    index = open_dataset(write_json_dataset(tmp_path, content), "val", cache=False)
    boxes = np.array([[8, 10, 28, 50], [40, 4, 90, 60], [45, 10, 60, 40]], np.float32)
    found = FrameDetections(0, 0, boxes, np.array([0.5, 0.9, 0.8], np.float32), np.zeros(3, np.int64))
    report = score_detections(index, [found], resamples=0)
    values = {name: protocol.scores["all"].value for name, protocol in report.protocols.items()}
    assert values == pytest.approx({"coco": 1.0, "mega": 1.0, "fgfa": 1.0}, abs=1e-12)
    assert report.counts["boxes"] == 1


def test_a_number_of_classes_that_was_chosen_is_checked(tmp_path: Path) -> None:
    index = open_dataset(write_json_dataset(tmp_path, documented_json()), "train", cache=False)

    def config(count: int) -> Config:
        base = micro_config(1)
        return replace(base, detector=replace(base.detector, num_classes=count))

    assert for_classes_of(index, config(30)).detector.num_classes == 2
    assert for_classes_of(index, config(2)) == config(2)
    for count in (1, 40):
        with pytest.raises(DataError, match=rf"2 classes.*num_classes is {count}.*--detector\.num-classes 2"):
            train(config(count), index, tmp_path / "run", device="cpu", progress=False)


def test_imagenet_keeps_its_thirty(tmp_path: Path) -> None:
    index = open_dataset(write_dataset(tmp_path), "train", cache=False)
    assert for_classes_of(index, micro_config()) == micro_config()
