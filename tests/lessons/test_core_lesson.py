"""The lessons core: starting, cards, predictions, quizzes, verdicts, what is shipped."""

from __future__ import annotations

import functools
import json
import warnings
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from clab_lite import lessons
from clab_lite.errors import DataError, Notice
from clab_lite.lessons import places
from clab_lite.lessons.card import MARK, Card, duration
from clab_lite.lessons.exercises import Verdict, checker, correct, unanswered, wrong
from clab_lite.lessons.places import notebooks_folder, samples_folder
from clab_lite.lessons.predict import Prediction
from clab_lite.lessons.quiz import Quiz, read_questions
from clab_lite.lessons.series import SERIES
from clab_lite.presets import lesson as lesson_preset
from clab_lite.weights_file import write_weights

QUESTION = {
    "question": "Is 2 < 3?",
    "choices": [
        {"text": "yes", "right": True, "because": "it is."},
        {"text": "no", "right": False, "because": "count again."},
    ],
}
RUN = {"minutes": 2.4, "memory_mb": 930, "machine": "2 CPU cores", "version": "0.1.0", "date": "2026-11-21"}


def test_start_sets_the_seeds_and_knows_the_fast_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAB_LITE_FAST", "1")
    lesson = lessons.start("04_contrast")
    first = np.random.rand()  # noqa: NPY002
    assert (lesson.fast, lesson.choose("long", "short")) == (True, "short")
    assert lesson.folder == Path("runs/lessons/04_contrast")
    assert lesson.folder.is_dir()
    monkeypatch.setenv("CLAB_LITE_FAST", "0")
    lesson = lessons.start("04_contrast")
    assert np.random.rand() == first  # noqa: NPY002
    assert (lesson.fast, lesson.choose("long", "short")) == (False, "long")
    with pytest.raises(DataError, match="no lesson '04_contrasts'"):
        lessons.start("04_contrasts")


def test_card_says_what_the_last_run_took() -> None:
    card = Card("04_contrast", {"04_contrast": {"cpu": RUN}})
    assert card.facts == {
        "time on 2 CPU cores": "2.4 min",
        "time on a GPU": "not measured",
        "peak memory": "0.9 GB",
        "last run": "version 0.1.0, 2026-11-21",
    }
    assert MARK in card._repr_html_()
    assert "You will see points that move" in repr(card)
    gpu = Card("04_contrast", {"04_contrast": {"gpu": {**RUN, "machine": "A <GPU>", "minutes": 0.5}}})
    assert gpu.facts["time on A <GPU>"] == "30 s"
    assert "A &lt;GPU&gt;" in gpu._repr_html_()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(DataError, match=r"runs/lessons/04_contrast: cannot be written to .*a folder of your own"):
        _ = lessons.start("04_contrast").folder


def test_of_warnings_only_our_own_are_shown() -> None:
    with warnings.catch_warnings(record=True) as shown:
        lessons.start("04_contrast")
        warnings.warn("of a library", stacklevel=1)
        warnings.warn("instead of UMAP", Notice, stacklevel=1)
    assert [str(one.message) for one in shown] == ["instead of UMAP"]


@pytest.mark.parametrize("runs", [{}, {"04_contrast": {}}, {"04_contrast": {"cpu": {"minutes": 1}}}, *(
    {"04_contrast": {"cpu": {**RUN, **wrong}}} for wrong in ({"minutes": None}, {"minutes": "x"}, {"date": 3})
)])  # fmt: skip
def test_card_of_a_lesson_that_nobody_measured(runs: dict) -> None:
    facts = Card("04_contrast", runs).facts
    assert facts["time on a CPU"] == facts["peak memory"] == facts["last run"] == "not measured yet"


def test_card_reads_the_file_of_the_current_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "questions").mkdir()
    (tmp_path / "questions" / "00_start_here.json").touch()
    (tmp_path / "runs.json").write_text(json.dumps({"04_contrast": {"cpu": RUN}}))
    assert Card("04_contrast").facts["peak memory"] == "0.9 GB"
    (tmp_path / "runs.json").write_text("broken")
    assert Card("04_contrast").facts["peak memory"] == "not measured yet"


def test_durations() -> None:
    assert [duration(m) for m in (0.25, 1.4, 1.5, 4.96)] == ["15 s", "84 s", "1.5 min", "5.0 min"]


def test_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    inside = tmp_path / "copy" / "notebooks"
    (inside / "questions").mkdir(parents=True)
    (inside / "questions" / "00_start_here.json").touch()
    (tmp_path / "copy" / "questions").mkdir()  # of something else
    (tmp_path / "copy" / "runs.json").touch()
    (tmp_path / "copy" / "data_samples" / "Annotations" / "VID").mkdir(parents=True)
    for here in (inside, inside.parent):
        monkeypatch.chdir(here)
        assert notebooks_folder() == inside
        assert samples_folder() == tmp_path / "copy" / "data_samples"


def test_samples_that_are_nowhere_are_to_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise DataError("there is no folder data_samples here.")

    monkeypatch.setattr(places, "find_samples", nowhere)
    with pytest.raises(DataError, match="Copy the folder data_samples of the repository"):
        samples_folder()


def test_a_prediction_takes_a_guess_and_gives_no_answer() -> None:
    guess = Prediction("Up or <down>?", ["up", "down"])
    assert guess.choice is None
    data = guess._repr_mimebundle_()
    assert "Up or &lt;down&gt;?" in data["text/html"]
    guess.choose("down")
    assert guess.choice == "down"
    assert "Noted" in guess.widget.children[2].value


def test_a_quiz_answers_with_reasons() -> None:
    quiz = Quiz(read_one([QUESTION, QUESTION]))
    assert quiz.choose(0, 1) == "✗ not so: count again."
    assert quiz.right == 0
    assert quiz.choose(0, 0) == "✓ right: it is."
    assert quiz.right == 1
    assert "1 of 2 right" in quiz.widget.children[-1].value
    twin = quiz._repr_mimebundle_()["text/html"]
    assert twin.count("<details>") == 2
    assert "Is 2 &lt; 3?" in twin


def read_one(content: object) -> tuple:
    path = Path("questions.json")
    path.write_text(json.dumps(content))
    return read_questions(path)


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_bad_questions_are_refused() -> None:
    with pytest.raises(DataError, match="question 1: has 0 right choices"):
        read_one([{**QUESTION, "choices": QUESTION["choices"][1:]}])
    with pytest.raises(DataError, match="no list of questions"):
        read_one([{"question": "?"}])
    with pytest.raises(DataError, match="cannot be read"):
        read_questions(Path("nowhere.json"))


def test_verdicts_show_their_sign() -> None:
    assert repr(correct("it is 3.")) == "✓ correct: it is 3."
    assert (correct().ok, wrong("no").ok, unanswered().ok) == (True, False, False)
    assert "not answered yet" in repr(unanswered())
    assert "1 &lt; 2" in wrong("1 < 2")._repr_html_()


def test_a_checker_names_errors_of_the_learner() -> None:
    @checker
    def half(answer) -> Verdict:
        return correct() if answer(4) == 2 else wrong("halve it.")

    assert half(None).state == half(...).state == "unanswered"
    assert half(lambda x: x / 2).ok
    verdict = half(lambda x: x / 0)
    assert verdict.state == "wrong"
    assert "your code stopped with ZeroDivisionError: division by zero" in verdict.message
    other = checker(lambda answer: correct() if float(answer(4)) == 2 else wrong("halve it."))
    assert "another form than the task asks for" in other(lambda x: [x]).message
    assert "another form than the task asks for" in other("two").message


class Stops(torch.nn.Module):
    """Its forward pass cannot work."""

    def forward(self, x: int) -> float:
        return x / 0


class NeverMade:
    """It cannot be made."""

    def __init__(self, x: int) -> None:
        self.half = x / 0


class StopsWhenCalled:
    """It can be made, and not be called."""

    def __call__(self, x: int) -> float:
        return x / 0


@pytest.mark.parametrize("answer", [Stops(), NeverMade, StopsWhenCalled(), functools.partial(StopsWhenCalled())])
def test_a_checker_finds_the_learners_code_in_whatever_can_be_called(answer: Callable[[int], Any]) -> None:
    half = checker(lambda answer: correct() if answer(4) == 2 else wrong("halve it."))
    assert "your code stopped with ZeroDivisionError" in half(answer).message


@pytest.mark.parametrize("answer", [torch.nn.Identity(), list, functools.partial(list)])
def test_an_error_after_the_learners_code_is_not_laid_at_its_door(answer: Callable[..., Any]) -> None:
    half = checker(lambda answer: correct() if float(answer([4])) == 2 else wrong("halve it."))
    assert "another form than the task asks for" in half(answer).message


def test_a_checker_tells_the_line_of_the_cell() -> None:
    cell = compile("def mine(x):\n    y = x\n    return y + missing\n", "/tmp/ipykernel_12/345.py", "exec")
    space: dict = {}
    exec(cell, space)
    verdict = checker(lambda answer: correct(str(answer(1))))(space["mine"])
    assert "NameError" in verdict.message
    assert "(line 3 of your cell" in verdict.message


def test_samples() -> None:
    index = lessons.samples("val")
    assert len(index) > 0
    assert index.load_image(0, 0).shape[0] == 3


def test_trained_reads_a_file_of_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from clab_lite.detector.video_detector import VideoDetector

    config = lesson_preset()
    names = tuple(f"class {n}" for n in range(config.detector.num_classes))
    write_weights(tmp_path / "clab.safetensors", VideoDetector(config.detector), config, names, 600)
    monkeypatch.setenv("CLAB_LITE_TRAINED", str(tmp_path))
    shipped = lessons.trained("clab")
    assert (shipped.iteration, shipped.class_names, shipped.config) == (600, names, config)
    assert not shipped.detector.training
    with pytest.raises(DataError, match=r"no weights 'claab' \(there are: clab\)"):
        lessons.trained("claab")


def test_trained_files_are_those_that_were_made_together() -> None:
    folder = samples_folder() / "trained"
    rows = [line.split() for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()]
    names = ["baseline.json", "baseline.safetensors", "clab.json", "clab.safetensors"]
    assert sorted(name for _, name in rows) == names
    for digest, name in rows:
        assert sha256((folder / name).read_bytes()).hexdigest() == digest, f"{name}: run data_samples/trained/make.sh"


def test_series_is_in_order() -> None:
    assert [lesson.name[:2] for lesson in SERIES] == [f"{n:02d}" for n in range(len(SERIES))]
