"""What the repository's README and docs/results.md take over from the lessons."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from lesson_runs import NOTEBOOKS

from clab_lite.errors import DataError
from clab_lite.study import Moment, Record, Setting, Study, open_study
from clab_lite.study.comparison import ArmRecord, Comparison, open_comparison
from clab_lite.study.comparison.arms import arm

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def run(setting: Setting, ap: float) -> Record:
    moment = Moment(setting.iterations, 0.0, {"object": {"knn_class": ap}}, {})
    return Record(setting, {}, {"iteration": np.array([])}, (moment,), {"all": ap}, "4 videos", 1.0)


def study_of(*records: Record) -> Study:
    return Study(records, {"frame": pd.DataFrame(), "object": pd.DataFrame()}, "clab-lite study X")


def notebook_with(*sources: str) -> nbformat.NotebookNode:
    output = nbformat.v4.new_output("display_data", {"image/png": base64.b64encode(PNG).decode()})
    cells = [nbformat.v4.new_code_cell(source, outputs=[output]) for source in sources]
    return nbformat.v4.new_notebook(cells=cells)


def test_one_row_per_setting_with_its_interval() -> None:
    from builder import front_page

    gains = (0.02, 0.03, 0.04)
    records = [run(Setting(start=0.0, seed=seed), 0.5) for seed in range(3)]
    records += [run(Setting(seed=seed), 0.5 + gain) for seed, gain in enumerate(gains)]
    records += [run(Setting(start=0.05), 0.9)]  # one seed: no row
    head, line, row, _, together, *_ = front_page.effects(study_of(*records)).split("\n")
    assert head == "| contrast | training videos | seeds | AP50 | clean | troubled | kNN purity |"
    assert line.count("---") == 7
    # mean 0.03, standard deviation 0.01: 4.303 x 0.01 / sqrt(3) = 0.0248
    assert row.startswith("| frame, 0.005 linear to 0 at 0.5, τ 0.1 | 128 | 3 |")
    assert "0.500 → 0.530: +0.030 [+0.005, +0.055]" in row
    assert together.startswith("AP50: 1 of 1 intervals leave out zero")


def test_two_seeds_have_no_row_and_few_videos_are_named() -> None:
    from builder import front_page

    two = [replace(Setting(shape="constant"), seed=seed) for seed in range(2)]
    few = [replace(Setting(train_videos=32), seed=seed, start=start) for seed in range(3) for start in (0.0, 0.005)]
    many = [replace(Setting(), seed=seed, start=start) for seed in range(3) for start in (0.0, 0.005)]
    text = front_page.effects(study_of(*[run(setting, 0.5 + setting.start) for setting in two + few + many]))
    (row,) = [row for row in text.split("\n") if "| 32 | 3 |" in row]
    assert "0.500 → 0.505: +0.005" in row and "constant" not in text


def test_the_results_have_the_numbers_of_the_shipped_study() -> None:
    from builder import front_page, table

    page = (NOTEBOOKS.parent / "docs/results.md").read_text(encoding="utf-8")
    found = front_page.effects(open_study(NOTEBOOKS.parent / "data_samples/study"))
    assert page == table.with_table(page, found, front_page.BEGIN, front_page.END), "run: python notebooks/build.py"


def test_the_readme_says_in_words_what_the_results_say() -> None:
    """Another study or comparison may say something else: then its words are to be written anew."""
    readme = (NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8")
    results = (NOTEBOOKS.parent / "docs/results.md").read_text(encoding="utf-8")
    assert "in no setting that was tried does the branch move AP50" in readme
    assert "AP50: 0 of 5 intervals leave out zero" in results
    assert "a longer training gains more than any of the three pre-trainings" in " ".join(readme.split())
    assert "A pre-training that is paid for: 0 of 3 better in the mean" in results
    assert "docs/weight_explorer.png" in readme


def test_every_arm_has_a_row_with_its_interval() -> None:
    """Differences 0.02, 0.03, 0.04: mean 0.03, standard deviation 0.01, as above."""
    from builder import front_page

    made: dict[str, list[float]] = {"scratch": [0.5, 0.4, 0.3], "codo": [0.52, 0.43, 0.34]}
    records = [
        ArmRecord(arm(name, seed), {"all": ap}, 40.0 if name == "codo" else 0.0, 60.0, {}, "", "videos", {})
        for name, aps in made.items()
        for seed, ap in enumerate(aps)
    ]  # type: ignore[arg-type]
    head, _, scratch, codo, _, together, _, words = front_page.methods(Comparison(tuple(records), "")).split("\n")
    assert head.count("|") == scratch.count("|") == codo.count("|") == 6
    assert scratch == "| from scratch | 3 | 0.400 | | 60 s |"
    assert codo == "| CoDo-style first | 3 | 0.430 | +0.030 [+0.005, +0.055] | 100 s |"
    assert together.startswith("1 of 1 intervals leave out zero") and words == "Not measured."


def test_the_results_have_the_numbers_of_the_shipped_comparison() -> None:
    from builder import front_page, table

    page = (NOTEBOOKS.parent / "docs/results.md").read_text(encoding="utf-8")
    found = front_page.methods(open_comparison(NOTEBOOKS.parent / "data_samples/methods/comparison"))
    marks = (front_page.BEGIN_METHODS, front_page.END_METHODS)
    assert page == table.with_table(page, found, *marks), "run: python notebooks/build.py --no-execute"


def test_the_readme_shows_the_picture_of_the_lesson() -> None:
    import build
    from builder import front_page

    lesson, code = build.PICTURED
    expected = front_page.picture(nbformat.read(NOTEBOOKS / f"{lesson}.ipynb", 4), code)
    assert (NOTEBOOKS.parent / "docs/weight_explorer.png").read_bytes() == expected


def test_the_picture_below_a_cell() -> None:
    from builder import front_page

    assert front_page.picture(notebook_with("explore(a)", "other()"), "explore(") == PNG
    for sources in (("other()",), ("explore(a)", "explore(b)")):
        with pytest.raises(DataError, match="One cell is needed"):
            front_page.picture(notebook_with(*sources), "explore(")


def test_readme_pictures_are_light() -> None:
    for picture in Path(NOTEBOOKS.parent / "docs").glob("*.png"):
        assert picture.stat().st_size < 500_000
