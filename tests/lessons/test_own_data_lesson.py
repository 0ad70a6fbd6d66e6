"""Lesson 10: what is damaged is found, the json opens, files go both ways, the plan's arithmetic holds."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import clab_lite as cl
from clab_lite import lessons
from clab_lite.data.check import check_dataset
from clab_lite.errors import DataError
from clab_lite.lessons import own_data
from clab_lite.lessons.own_data import broken, checks, clip
from clab_lite.lessons.own_data.plan_figures import time_in_words
from clab_lite.lessons.own_data.smallest import FIELDS
from clab_lite.trained import Trained

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAME = "10_your_data_and_bigger_machines"


def test_the_undamaged_world_is_ready(tmp_path: Path) -> None:
    report = check_dataset(broken.tiny_world(tmp_path / "world"), progress=False)
    assert report.ok
    assert report.verdict.level == "OK"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cut short", "truncated"),
        ("lost frame", "is missing"),
        ("typing error", "'seventy'"),
        ("other size", "1280 x 64"),
        ("shared video", "byte for byte"),
    ],
)
def test_every_damage_is_found_and_named(tmp_path: Path, name: str, words: str) -> None:
    report = check_dataset(own_data.damage(tmp_path / "world", [name]), progress=False)
    assert not report.ok
    assert words in report.full_text()


def test_an_unknown_damage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="flood"):
        own_data.damage(tmp_path / "world", ["flood"])


def test_the_printed_check_names_no_folder_of_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own_data.check(own_data.damage(tmp_path / "world", ["lost frame"]), level="FAIL")
    text = capsys.readouterr().out
    assert str(tmp_path) not in text
    assert all(line.startswith(("[FAIL]", "  ")) for line in text.splitlines())


def test_the_json_has_twelve_fields_and_opens(tmp_path: Path) -> None:
    samples = lessons.samples("train")
    folder = own_data.write_dataset(tmp_path / "mine", samples, train=2, val=1)
    content = json.loads((folder / "train.json").read_text())
    assert {table: set(rows[0]) for table, rows in content.items()} == {t: set(fields) for t, fields in FIELDS.items()}
    assert len(own_data.field_table()) == 12
    index = cl.data.open_dataset(folder, split="train")
    assert len(index) == 2
    theirs, ours = samples.annotation(1, 3), index.annotation(1, 3)
    assert ours.boxes.tolist() == theirs.boxes.tolist()
    assert ours.track_ids.tolist() == theirs.track_ids.tolist()
    names = [samples.class_names[label] for label in theirs.labels]
    assert [index.class_names[label] for label in ours.labels] == [f"toy {name}" for name in names]
    assert check_dataset(folder, progress=False).ok


def test_a_clip_without_pyav_is_the_folder_of_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> None:
        raise DataError('video files need the library PyAV. Install it with `pip install "av>=17"`.')

    monkeypatch.setattr(clip, "import_av", missing)
    samples = lessons.samples("val")
    assert own_data.clip_of(samples, 4, tmp_path) == samples.image_path(4, 0).parent
    assert "pip install" in capsys.readouterr().out


def test_an_mp4_is_written_and_detected_in(tmp_path: Path) -> None:
    torch.manual_seed(0)
    samples = lessons.samples("val")
    config = cl.presets.lesson()
    detector = cl.VideoDetector(config.detector).eval()
    path = own_data.clip_of(samples, 4, tmp_path)
    done = own_data.detect_in(Trained(detector, config, samples.class_names, 0), path, tmp_path / "out", score=0.0)
    assert path.suffix == ".mp4"
    assert done.frames == samples.videos[4].frame_count
    assert own_data.Sheet(done.folder, width=300)._repr_jpeg_().startswith(b"\xff\xd8")
    assert own_data.first_lines(done.folder)["frame"].tolist() == [0, 1, 2]


def test_classes_are_counted_by_frames(tmp_path: Path) -> None:
    samples = lessons.samples("val")
    shown = samples.annotation(0, 0).labels.tolist()[0]
    other = (shown + 1) % len(samples.class_names)
    frames = [{"frame": n, "labels": [shown, shown, other], "scores": [0.9, 0.4, 0.29 + n]} for n in range(2)]
    (tmp_path / "detections.jsonl").write_text("\n".join(map(json.dumps, frames)) + "\n")
    table = own_data.classes_found(tmp_path, samples, 0).set_index("class")
    assert table.loc[samples.class_names[shown]].tolist()[0] == 2  # two boxes of one frame count once
    assert table.loc[samples.class_names[shown]].tolist()[1] >= 1
    assert table.loc[samples.class_names[other], "frames with a box"] == 1


def test_official_names_go_both_ways(tmp_path: Path) -> None:
    detector = cl.VideoDetector(cl.presets.lesson().detector)
    table = own_data.names_beside(detector)
    assert table["official name"].str.startswith(("detector.", "auxiliary.")).all()
    back = cl.interop.load_detector(cl.interop.save_mmtracking(tmp_path / "a.pth", detector))
    equal, total = own_data.same_weights(detector, back)
    assert equal == total == len(detector.state_dict())
    assert own_data.what_is(tmp_path / "a.pth") == ""
    (tmp_path / "page.pth").write_text("<html>")
    assert "web page" in own_data.what_is(tmp_path / "page.pth")


def test_the_recipe_in_numbers() -> None:
    """8 GPUs with 2 clips of 3 frames: 15 other clips, 45 negatives; 7 epochs of 111,473 key frames in steps of 16."""
    plan = own_data.Plan(own_data.DATASETS["ImageNet VID + DET"], steps_per_second=2.0)
    assert (plan.clips, plan.negatives, plan.steps) == (16, 45, math.ceil(7 * 111_473 / 16))
    assert plan.chance == pytest.approx(math.log(46))
    assert plan.hours == pytest.approx(plan.steps / 7200)
    assert plan.scaled_rate == pytest.approx(0.01)
    assert own_data.Plan(1000, gpus=1).negatives == 3
    assert own_data.Plan(1000, gpus=1, clips_per_gpu=1).chance == 0


def test_a_plan_without_gpus_is_refused() -> None:
    with pytest.raises(DataError, match="gpus is 0"):
        own_data.Plan(1000, gpus=0)


def test_weights_are_counted_without_making_them() -> None:
    detector = cl.VideoDetector(cl.presets.lesson().detector)
    assert own_data.parameters("lesson") == sum(weight.numel() for weight in detector.parameters())
    whole, alone = own_data.checkpoint_megabytes("lesson")
    assert alone == pytest.approx(own_data.parameters("lesson") * 4 / 1e6)
    assert 2 * alone < whole < 2.01 * alone, "momentum, and the few numbers of BatchNorm that are not trained"


@pytest.mark.parametrize("gpus", [1, 8, 32])
@pytest.mark.parametrize("clips", [1, 8])
def test_the_planner_draws_what_it_says(gpus: int, clips: int) -> None:
    draw = own_data.explore_plan(own_data.DATASETS, "lesson")
    figure, words = draw(dataset="ImageNet VID", gpus=gpus, clips_per_gpu=clips, epochs=7, steps_per_second=1.0)
    figure.canvas.draw()
    plan = own_data.Plan(57_834, gpus, clips)
    assert f"{plan.negatives} negatives" in figure.axes[0].get_title(loc="left")
    assert time_in_words(plan.hours) in figure.axes[1].get_title(loc="left")
    assert f"{plan.steps:,} steps" in words
    squares = [patch for patch in figure.axes[0].patches if patch.get_fill()]
    assert len(squares) == 3 * gpus * clips


def test_times_in_words() -> None:
    assert [time_in_words(hours) for hours in (0.005, 0.5, 13.5, 100)] == ["18 s", "30 min", "13.5 h", "4.2 days"]


def _entry(image: int, category: int, box: list[int], track: int) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": box, "instance_id": track}


ANNOTATIONS = {
    "two corners": _entry(7, 2, [50, 20, 86, 52], 4),
    "not the middle": _entry(7, 2, [68, 36, 36, 32], 4),
    "do not add 1": _entry(7, 2, [50, 20, 37, 33], 4),
    "width comes before height": _entry(7, 2, [50, 20, 32, 36], 4),
    "x comes before y": _entry(7, 2, [20, 50, 32, 36], 4),
    "are exchanged": _entry(2, 7, [50, 20, 36, 32], 4),
    "hand the arguments on": _entry(7, 2, [50, 20, 36, 32], 0),
    "are missing: instance_id (you wrote track)": {
        "image_id": 7,
        "category_id": 2,
        "bbox": [50, 20, 36, 32],
        "track": 4,
    },
    "a dictionary": [1],
    "should be [50, 20, 36, 32]": _entry(7, 2, [0, 0, 1, 1], 4),
}
"""What is told -> what was returned for `(7, 2, (50, 20, 86, 52), 4)`."""
KEYS = 57_834 * 7 / 1.25 / 3600
HOURS = {
    "all GPUs share an epoch": KEYS / 2,
    "not one.": KEYS / 8,
    "key frames, not one": KEYS,
    "that is one epoch": KEYS / 16 / 7,
    "those are seconds": KEYS / 16 * 3600,
    "those are minutes": KEYS / 16 * 60,
    "more of them are faster": KEYS / 16 * 1.25**2,
    "only key frames": KEYS / 16 * 3,
    "neither": 77.0,
}
"""What is told -> what was returned for 57,834 key frames, 7 epochs, 8 GPUs of 2 clips, 1.25 steps per second."""
SPLITS: dict[str, Callable[[list[str]], tuple[list[str], list[str]]]] = {
    "Draw recordings": lambda names: (names[::2], names[1::2]),
    "is on both sides": lambda names: (names, names[:4]),
    "neither side": lambda names: (names[4:16], names[:4]),
    "one side is empty": lambda names: (names, []),
    "more is held out": lambda names: (names[:4], names[4:]),
}
MISTAKES: list[tuple[Callable[..., Any], str, Callable[..., Any]]] = [
    *((checks.annotation, words, lambda *_, value=value: value) for words, value in ANNOTATIONS.items()),
    *((checks.hours, words, lambda *_, value=value: value) for words, value in HOURS.items()),
    *((checks.split, words, answer) for words, answer in SPLITS.items()),
]


@pytest.mark.parametrize(("check", "words", "answer"), MISTAKES, ids=[words for _, words, _ in MISTAKES])
def test_mistakes_are_named(check: Callable[..., Any], words: str, answer: Callable[..., Any]) -> None:
    verdict = check(answer)
    assert verdict.state == "wrong"
    assert words in verdict.message


@pytest.mark.parametrize("check", [checks.annotation, checks.split, checks.hours])
def test_a_stub_is_not_answered_yet(check: Callable[..., Any]) -> None:
    assert check(lambda *_: None).state == "unanswered"


def test_the_solutions_of_the_notebook_are_right() -> None:
    source = (NOTEBOOKS / "sources" / f"{NAME}.py").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    solutions = re.findall(r"# ```python\n(# def .*?)# ```", source, re.DOTALL)
    for solution in solutions:
        exec(re.sub(r"^# ?", "", solution, flags=re.MULTILINE), names)
    assert len(solutions) == 3
    assert checks.annotation(names["my_annotation"]).ok
    assert checks.split(names["my_split"]).ok
    assert checks.hours(names["my_hours"]).ok


def test_five_questions_with_one_right_answer_each() -> None:
    questions = json.loads((NOTEBOOKS / "questions" / f"{NAME}.json").read_text(encoding="utf-8"))
    assert len(questions) == 5
    assert all(sum(choice["right"] for choice in question["choices"]) == 1 for question in questions)


def test_the_network_adds_what_the_cost_model_says() -> None:
    """Eight GPUs of R50, half a second a step, 10 Gbit/s: 6968 steps and 0.46 s of sending."""
    figure, words = own_data.draw_network("paper-r50", 0.5, 10, 8)
    assert "6,968 steps" in words and "580 MB a step, 0.46 s" in words
    assert f"takes {time_in_words(6968 * 0.5 / 3600)} to {time_in_words(6968 * 0.964 / 3600)}" in words
    line = figure.axes[0].lines[0]
    assert list(line.get_xdata()) == [1, 2, 4, 8, 16, 32]
    assert line.get_ydata()[0] == pytest.approx(55_737 * 0.5 / 3600)
