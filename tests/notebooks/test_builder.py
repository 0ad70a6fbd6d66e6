"""The builder: cells from a source, a run, clean outputs, the table."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import nbformat
import numpy as np
import pytest
from lesson_runs import cells, copied_folder, execute, outputs
from PIL import Image

from clab_lite.errors import DataError
from clab_lite.lessons.twin import WIDGET_VIEW
from clab_lite.show.style import PALETTE

SOURCE = """# %% [markdown]
# # A title
#
# Some text.

# %%
print("one")

# %% tags=["exercise"]
answer = None

# %%
check(answer)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# answer = 3
# ```
#
# </details>
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "04_contrast.py"
    path.write_text(SOURCE)
    return path


def showing(*found: dict) -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell("x", id="04-000", outputs=[nbformat.from_dict(output) for output in found])
    return nbformat.v4.new_notebook(cells=[cell])


def displayed(**data: str) -> dict:
    return {
        "output_type": "display_data",
        "metadata": {"x": 1},
        "data": {k.replace("__", "/"): v for k, v in data.items()},
    }


def test_cells_have_fixed_ids_and_their_tags(source: Path) -> None:
    notebook = cells.notebook_of(source)
    nbformat.validate(notebook)
    assert [cell.id for cell in notebook.cells] == [f"04-{n:03d}" for n in range(5)]
    assert notebook.cells[0].source == "# A title\n\nSome text."
    assert notebook.cells[2].metadata == {"tags": ["exercise"]}


def test_exercises_are_found_with_their_solutions(source: Path) -> None:
    (exercise,) = cells.exercises(cells.notebook_of(source))
    assert (exercise.stub, exercise.check, exercise.solution) == ("answer = None", "check(answer)", "answer = 3\n")
    source.write_text(SOURCE.replace("Solution", "Hint"))
    with pytest.raises(DataError, match="04-002 has no hidden solution"):
        cells.exercises(cells.notebook_of(source))
    source.write_text(SOURCE[: SOURCE.index("# %%\ncheck")])
    with pytest.raises(DataError, match="no code cell after it"):
        cells.exercises(cells.notebook_of(source))


def test_unknown_lessons_are_named() -> None:
    with pytest.raises(DataError, match="no lesson begins with '77'"):
        cells.sources(["77"])


def test_noise_and_widget_views_go_and_the_twin_stays() -> None:
    notebook = showing(
        {"output_type": "stream", "name": "stderr", "text": "a warning"},
        {"output_type": "stream", "name": "stdout", "text": "10 %\r"},
        {"output_type": "stream", "name": "stdout", "text": "100 %\ndone\n"},
        displayed(
            **{WIDGET_VIEW: "view", "text/plain": "slope 1", "image/png": base64.encodebytes(b"\x89PNG").decode()}
        ),
    )
    outputs.clean(notebook)
    stream, shown = notebook.cells[0].outputs
    assert stream.text == "100 %\ndone\n"
    assert shown == {
        "output_type": "display_data",
        "metadata": {},
        "data": {"text/plain": "slope 1", "image/png": base64.b64encode(b"\x89PNG").decode()},
    }


def test_a_widget_without_a_twin_is_refused() -> None:
    with pytest.raises(DataError, match="04-000 shows a widget without a static twin"):
        outputs.clean(showing(displayed(**{WIDGET_VIEW: "view", "text/plain": "VBox()"})))


@pytest.mark.parametrize("shown", [
    {"output_type": "stream", "name": "stdout", "text": "in /home/me/clab/x"}, displayed(text__html="<b>/home/me/clab"),
])  # fmt: skip
def test_folders_of_the_machine_are_refused(shown: dict) -> None:
    with pytest.raises(DataError, match="names the folder /home/me/clab"):
        outputs.clean(showing(shown), (Path("/home/me/clab"),))


def test_large_pictures_shrink() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    smooth = Image.fromarray(noise).resize((960, 640), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    smooth.save(buffer, "PNG")
    notebook = showing(displayed(image__png=base64.b64encode(buffer.getvalue()).decode()))
    outputs.clean(notebook)
    (kind,) = notebook.cells[0].outputs[0].data
    assert kind == "image/jpeg"
    assert len(base64.b64decode(notebook.cells[0].outputs[0].data[kind])) < len(buffer.getvalue()) / 2


def test_rare_colours_survive_the_shrinking() -> None:
    """A few dots of one class beside a photograph: no class takes another's colour."""
    pixels = np.full((300, 400, 3), 255, np.uint8)
    noise = np.random.default_rng(0).normal(0, 25, (120, 400, 1))
    pixels[180:] = (np.array([150, 130, 90]) + noise).clip(0, 255)
    for number, colour in enumerate(PALETTE):
        pixels[20:26, 10 + 30 * number : 16 + 30 * number] = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    notebook = showing(displayed(image__png=base64.b64encode(file.getvalue()).decode()))
    outputs.clean(notebook)
    (picture,) = notebook.cells[0].outputs[0].data.values()
    small = base64.b64decode(picture)
    assert len(small) < len(file.getvalue())
    found = np.asarray(Image.open(io.BytesIO(small)).convert("RGB")).astype(int)
    assert np.abs(found - pixels)[21:25, :].max() <= 48


def test_a_large_notebook_is_refused_with_its_largest_outputs() -> None:
    notebook = showing({"output_type": "stream", "name": "stdout", "text": "x" * 600_000})
    with pytest.raises(DataError, match=r"x\.ipynb would have 600 kB, more than 500\. The largest outputs: 04-000"):
        outputs.as_text(notebook, "x")


def test_the_card_gets_the_newest_numbers() -> None:
    from clab_lite.lessons.card import Card

    card = Card("04_contrast", {})
    notebook = showing(displayed(text__html=card._repr_html_(), text__plain=repr(card)))
    run = {"minutes": 2.0, "memory_mb": 900, "machine": "2 CPU cores", "version": "1", "date": "2026-01-02"}
    outputs.renew_card(notebook, "04_contrast", {"04_contrast": {"cpu": run}})
    assert "2026-01-02" in notebook.cells[0].outputs[0].data["text/html"]


def test_the_table_stands_between_its_marks() -> None:
    from builder import table

    content = table.table({}, {"04_contrast"})
    assert "[04 Contrast](04_contrast.ipynb)" in content
    assert "not measured yet" in content
    before = f"a\n{table.BEGIN}\nold\n{table.END}\nb"
    assert table.with_table(before, "new") == f"a\n{table.BEGIN}\nnew\n{table.END}\nb"
    with pytest.raises(DataError, match="marks"):
        table.with_table("nothing", "new")


def test_a_run_is_measured_and_an_error_names_its_cell(source: Path) -> None:
    source.write_text('# %%\nimport os\nprint(os.environ["CLAB_LITE_FAST"], os.getcwd())\n\n# %%\n1 / 0\n')
    notebook = cells.notebook_of(source)
    with copied_folder() as folder:
        with pytest.raises(DataError, match=r"(?s)cell 04-001 stopped:\n1 / 0.*ZeroDivisionError"):
            execute(notebook, folder, fast=True)
        assert notebook.cells[0].outputs[0].text.startswith(f"1 {folder}")
        del notebook.cells[1]
        took = execute(notebook, folder, fast=False)
    assert notebook.cells[0].outputs[0].text.startswith("0 ")
    assert took.seconds > 0
    assert len(notebook.cells) == notebook.cells[0].execution_count == 1
    assert took.peak_mb is None or took.peak_mb > 10


def test_a_kernel_that_dies_and_a_cell_that_hangs_are_named(source: Path) -> None:
    source.write_text("# %%\nimport os\nos._exit(1)\n")
    with copied_folder() as folder, pytest.raises(DataError, match="kernel died in cell 04-000"):
        execute(cells.notebook_of(source), folder, fast=True)
    source.write_text("# %%\nimport time\ntime.sleep(60)\n")
    with copied_folder() as folder, pytest.raises(DataError, match="cell 04-000 took more than 1 s"):
        execute(cells.notebook_of(source), folder, fast=True, timeout=1)


def test_where_links_are_forbidden_the_samples_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from builder.execute import linked

    def forbidden(*_: object, **__: object) -> None:
        raise OSError("a required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", forbidden)
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "a.json").write_text("{}")
    linked(tmp_path / "samples", tmp_path / "copy")
    assert (tmp_path / "copy" / "a.json").read_text() == "{}"


@pytest.mark.parametrize("content", ['{"04_contrast": ', "[]"])
def test_broken_times_are_not_written_over(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import build

    (tmp_path / "runs.json").write_text(content)
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    with pytest.raises(DataError, match=r"runs\.json: .*Take it from the repository"):
        build.recorded_runs()
    (tmp_path / "runs.json").unlink()
    assert build.recorded_runs() == {}
