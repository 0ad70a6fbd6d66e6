"""Evaluation, comparison and embedding by several processes: bit by bit what one process finds, and a common end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ranks import require_success, run_torchrun, started_ranks, wait
from sharing_ranks import commands, open_videos, results, write_run
from small_dataset import VIDEOS, write_small_dataset

_SCRIPT = Path(__file__).with_name("sharing_ranks.py")
_ALL = [(video, frame) for video, frames in enumerate(VIDEOS.values()) for frame in range(len(frames))]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos, of 4, 3 and 2 frames; beside it a copy with a torn frame, and two runs."""
    root = tmp_path_factory.mktemp("sharing")
    path = write_small_dataset(root / "data")
    frames = sorted(write_small_dataset(root / "broken").rglob("*.JPEG"))
    frames[-1].write_bytes(frames[-1].read_bytes()[:200])
    for seed, name in enumerate(("run", "other")):
        write_run(open_videos(path), root / name, seed)
    return path


@pytest.fixture(scope="module")
def groups(dataset: Path) -> Path:
    """Folders "2" and "3": what the processes of two groups found and raised. The second goes on with the work of a
    job that was killed: killed.json."""
    for size in (2, 3):
        (dataset.parent / str(size)).mkdir()
    ended = run_torchrun([_SCRIPT, "dies", dataset, dataset.parent / "3"], 2, timeout=400)
    stored = len(list((dataset.parent / "3/killed_store").rglob("*.npz")))
    said = {"code": ended.code, "errors": ended.errors, "stored": stored}
    (dataset.parent / "killed.json").write_text(json.dumps(said))
    with (
        started_ranks([_SCRIPT, "sums,results,failures,denied", dataset, dataset.parent / "2"], 2) as two,
        started_ranks([_SCRIPT, "dies,results,commands", dataset, dataset.parent / "3"], 3) as three,
    ):
        require_success(wait([*two, *three], timeout=600))
    return dataset.parent


def of_ranks(folder: Path, what: str) -> list[Any]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob(f"{what}_?.json"))]


def test_every_process_returns_what_one_process_finds(groups: Path, tmp_path: Path) -> None:
    """Three processes for one video, too: two of them have nothing to do."""
    expected = results(groups / "data", tmp_path)
    assert '"ap50": null' not in expected["memory"].split("per_class")[0]
    assert expected["store"] == expected["memory"]
    for size in (2, 3):
        found = of_ranks(groups / str(size), "results")
        assert len(found) == size
        for answers in found:
            assert answers == expected
        files = sorted(path.name for path in (groups / str(size) / "store").rglob("*.npz"))
        assert files == sorted(path.name for path in (tmp_path / "store").rglob("*.npz"))
        assert not list((groups / str(size)).rglob("*.part"))


def test_a_group_may_be_left_and_joined_again(groups: Path) -> None:
    assert of_ranks(groups / "2", "sums") == [[3.0, 3.0]] * 2


@pytest.mark.parametrize(("what", "failing", "message"), [
    ("torn", 1, "frame 3 is torn"),
    ("early", 0, "the folder is full"),
    ("other_weights", 1, "process 1 has another detector, setting or choice of frames than the main process"),
])  # fmt: skip
def test_one_failure_ends_all_within_seconds(groups: Path, what: str, failing: int, message: str) -> None:
    for rank, answers in enumerate(of_ranks(groups / "2", "failures")):
        kind, said, seconds = answers[what]
        assert kind == ("DataError" if rank == failing else "OtherProcessFailed")
        assert message in said
        assert said.startswith(f"process {failing} failed: ") == (rank != failing)
        assert seconds < 30


def test_of_equal_failures_one_is_told(groups: Path) -> None:
    kinds = sorted(answers["all_at_once"][0] for answers in of_ranks(groups / "2", "failures"))
    assert kinds == ["DataError", "OtherProcessFailed"]


def test_a_process_without_a_sign_of_life_is_not_waited_for(groups: Path) -> None:
    main, other = (answers["silent"] for answers in of_ranks(groups / "2", "failures"))
    assert main[0] == "DataError"
    assert "process 1 has given no sign of life for" in main[1]
    assert main[2] < 8
    assert other[0] == "OtherProcessFailed"


def test_where_one_process_may_not_write_all_go_on_elsewhere(groups: Path) -> None:
    main, other = of_ranks(groups / "2", "denied")
    assert "denied cannot be written (Permission denied): the detections go to" in main["said"]
    assert other["said"] == ""
    assert main["counts"] == other["counts"] != "[0, 0, 0]"
    assert len(list((groups / "2/instead").rglob("*.npz"))) == 3


def test_commands_write_the_files_of_one_process(groups: Path) -> None:
    alone = groups / "alone"
    alone.mkdir()
    one, many = commands(groups / "data", alone), of_ranks(groups / "3", "commands")
    for path in ("evaluated/metrics.json", "evaluated/per_class.csv", "embedded/embeddings.csv"):
        assert (groups / "3" / path).read_bytes() == (alone / path).read_bytes(), path
    matrices = [np.load(folder / "embedded/embeddings.npy") for folder in (groups / "3", alone)]
    np.testing.assert_array_equal(*matrices)
    for name in ("evaluate", "embed", "compare"):
        assert [answers[name][0] for answers in many] == [0, 0, 0], many
        assert many[0][name][1].replace(str(groups / "3"), str(alone)) == one[name][1]
        assert [answers[name][1:] for answers in many[1:]] == [["", ""]] * 2  # one speaks, and shows a bar


def test_a_command_fails_in_all_processes_and_says_why_once(groups: Path) -> None:
    answers = [each["broken"] for each in of_ranks(groups / "3", "commands")]
    assert [status for status, _, _ in answers] == [2, 2, 2]
    told = [errors for _, _, errors in answers if "clab-lite: " in errors]
    assert len(told) == 1
    assert "000001.JPEG" in told[0]


def test_a_command_for_one_process_is_refused(groups: Path) -> None:
    for status, said, errors in (each["detect"] for each in of_ranks(groups / "3", "commands")):
        assert (status, said) == (2, "")
        assert "`clab-lite detect` works in one process, and 3 were started" in errors
        assert "one command for each, with --device cuda:0" in errors


def test_a_killed_process_ends_the_job_and_the_next_job_goes_on(groups: Path) -> None:
    """Two processes under torchrun, one killed by SIGKILL in its second video; then three processes."""
    killed = json.loads((groups / "killed.json").read_text())
    assert killed["code"] != 0
    assert "Signal 9 (SIGKILL)" in killed["errors"]
    assert 1 <= killed["stored"] <= 2
    seen = sorted(tuple(place) for places in of_ranks(groups / "3", "dies") for place in places)
    assert set(seen) | {place for place in _ALL if place[0] < 2} == set(_ALL)
    assert len(seen) == len(set(seen)) < len(_ALL)
    assert len(list((groups / "3/killed_store").rglob("*.npz"))) == 3
