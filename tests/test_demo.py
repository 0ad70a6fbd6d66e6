"""The demo from end to end: 30 iterations on a very small world. The point is that every part fits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from clab_lite.branch_cost import branch_cost
from clab_lite.cli import main
from clab_lite.data.vid import open_dataset
from clab_lite.data.world import WorldConfig, make_world
from clab_lite.demo import demo_config, require_own_folder
from clab_lite.errors import DataError
from clab_lite.samples import find_samples
from clab_lite.trained import load_run
from clab_lite.training.folder_lock import LOCK, hold

ITERATIONS = 30
README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "world"
    make_world(folder, WorldConfig(train_videos=6, val_videos=3, train_frames=4, val_frames=4), progress=False)
    return folder


@pytest.fixture(scope="module")
def run(world: Path) -> Path:
    folder = world.parent / "run"
    words = ["--data", str(world), "--out", str(folder), "--iterations", str(ITERATIONS)]
    assert main(["demo", *words, "--threads", "1", "--precision", "float32"]) == 0
    return folder


def test_the_run_folder_holds_everything(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    expected = {"config.json", "log.jsonl", "checkpoint.pt", "snapshot_start.pt", "snapshot_contrast_zero.pt"}
    assert expected | {"metrics.json", "report.html", "tensorboard"} <= names
    assert not [name for name in names if name.endswith(".part")]


def test_it_learns_something(run: Path) -> None:
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["iteration"] == ITERATIONS
    assert rows[-1]["losses"]["box_class"] < 0.8 * rows[0]["losses"]["box_class"]


def test_metrics_count_every_frame(run: Path) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["overall"]["frames"] == 12
    assert metrics["overall"]["videos"] == 3
    assert 0 <= metrics["ap50"] <= 1
    groups = metrics["by_trouble"]
    assert groups["clean"]["frames"] + groups["any_trouble"]["frames"] == 12


def test_report_is_whole_and_stands_alone(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    assert page.rstrip().endswith("</html>")
    assert page.count("data:image/png;base64,") >= 4  # curves, frames, two maps
    assert 'src="http' not in page
    assert "costs nothing at inference" in page
    assert f"clab-lite demo --seed 0 --iterations {ITERATIONS} --threads 1 --precision float32" in page


def test_without_the_branch_every_bit_stays(run: Path, world: Path) -> None:
    trained = load_run(run)
    cost = branch_cost(trained.detector, open_dataset(world, split="val").select([0]))
    assert cost.frames == 4
    assert cost.largest_difference == 0.0
    branch = sum(p.numel() for p in trained.detector.auxiliary.parameters())
    assert cost.parameters_with - cost.parameters_without == branch > 0


def test_other_commands_read_the_run(
    run: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = json.loads((run / "metrics.json").read_text())
    assert main(["evaluate", str(run), str(world), "--device", "cpu"]) == 0
    assert "all frames" in capsys.readouterr().out
    assert json.loads((run / "metrics.json").read_text()) == before  # the demo's own number, computed again
    assert before["measured"] == {
        "dataset": str(world), "split": "val", "weights": "checkpoint.pt", "iteration": ITERATIONS,
        "iterations": ITERATIONS, "long_side": 192, "short_side": 128, "references": 14,
    }  # fmt: skip
    assert main(["evaluate", str(run), str(world), "--device", "cpu", "--split", "train"]) == 0
    assert json.loads((run / "metrics.json").read_text()) == before
    assert json.loads((run / "evaluation/train-all/metrics.json").read_text())["measured"]["split"] == "train"
    assert main(["embed", str(run), str(world), "--out", str(tmp_path / "embeddings"), "--level", "frame"]) == 0
    shown = {path.name for path in (tmp_path / "embeddings").iterdir() if path.name != LOCK}
    assert shown == {"embeddings.csv", "embeddings.npy", "map.png"}
    frames = next((world / "Data" / "VID" / "val").iterdir())
    assert main(["detect", str(run), str(frames), "--out", str(tmp_path / "found")]) == 0
    assert len(list((tmp_path / "found/pictures").glob("*.jpg"))) == 4
    assert main(["check", str(world)]) == 0


def test_outputs_are_tried_before_the_work(
    run: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    words = [str(run), str(world), "--device", "cpu", "--out", str(tmp_path / "file")]
    frames = next((world / "Data" / "VID" / "val").iterdir())
    for command in (["embed", *words], ["detect", str(run), str(frames), *words[2:]]):
        assert main(command) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"clab-lite: {tmp_path / 'file'}: ")
        assert len(error.splitlines()) == 1  # and no progress bar before it


def test_an_unfinished_run_says_so(run: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = torch.load(run / "checkpoint.pt", weights_only=True)
    torch.save({**content, "iteration": 13}, tmp_path / "checkpoint.pt")
    assert main(["evaluate", str(tmp_path), str(world), "--device", "cpu"]) == 0
    assert f"weights of step 13 of {ITERATIONS}" in capsys.readouterr().out
    torch.save({**content, "class_names": ["dog"] * 30}, tmp_path / "checkpoint.pt")
    assert main(["evaluate", str(tmp_path), str(world), "--device", "cpu"]) == 2
    assert "'dog' in the run" in capsys.readouterr().err


def test_a_run_that_is_no_demo_is_never_replaced(run: Path, world: Path, tmp_path: Path) -> None:
    require_own_folder(run)
    require_own_folder(tmp_path / "new")
    (tmp_path / "config.json").write_text('{"name": "paper-r50"}')
    with pytest.raises(DataError, match=r"paper-r50.*--out"):
        require_own_folder(tmp_path)
    assert main(["train", str(world), "--out", str(run)]) == 2  # nor a demo by a training


def test_a_demo_holds_its_folder_to_the_end(run: Path, world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second demo in it is refused, and takes nothing away."""
    before = {path.name for path in run.iterdir()}
    with hold(run):
        assert main(["demo", "--data", str(world), "--out", str(run)]) == 2
    assert "is working in this folder" in capsys.readouterr().err
    assert {path.name for path in run.iterdir()} == before


def test_missing_samples_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("clab_lite.samples.__file__", str(tmp_path / "clab_lite" / "samples.py"))
    with pytest.raises(DataError, match="make-samples"):
        find_samples()


def test_weights_that_do_not_fit_are_explained(run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such run folder"):
        load_run(tmp_path / "nowhere")
    (tmp_path / "checkpoint.pt").write_bytes((run / "checkpoint.pt").read_bytes()[:1000])
    with pytest.raises(DataError, match="not a readable checkpoint"):
        load_run(tmp_path)


def test_readme_example_runs(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = demo_config(iterations=2, threads=1, precision="float32")
    monkeypatch.setattr("clab_lite.presets.tiny", lambda: short)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data_samples").symlink_to(world)
    code = README.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0].replace("range(5)", "range(4)")
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["report"].counts["frames"] == len(names["video"]) * 3
    assert set(names["result"]) == {"boxes", "scores", "labels"}
