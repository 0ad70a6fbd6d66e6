"""The short version of `make scaling`: what two processes send, and a job that goes on by itself after kill -9."""

from __future__ import annotations

import sys

import pytest
from ranks import require_success
from training_world import write_dataset

from clab_lite import presets
from clab_lite.scaling import VID_KEY_FRAMES, Cost
from clab_lite.training.log import read_log
from trials.scaling.__main__ import expected_bytes
from trials.scaling.cost import PAGE, cost_rows
from trials.scaling.losses import STEPS, Job, config


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Job:
    root = tmp_path_factory.mktemp("scaling")
    job = Job(write_dataset(root / "dataset"), root / "undisturbed")
    require_success(job.start("count" if sys.platform == "linux" else "nothing"))
    return job


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's counters of a connection")
def test_two_processes_send_what_the_cost_model_says(undisturbed: Job) -> None:
    found, gradients = undisturbed.traffic(), Cost.of(config(), 2).weights.gradient_bytes
    assert [each["gradients"] for each in found] == [gradients, gradients]
    received = sum(each["received"] for each in found) / 2
    assert received == pytest.approx(expected_bytes(2), rel=0.01)
    assert received > expected_bytes(2), "headers come on top"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_job_that_loses_a_process_goes_on_by_itself(undisturbed: Job) -> None:
    """kill -9 of the process that wrote the checkpoint: torchrun starts both again, and --resume finds it."""
    job = Job(undisturbed.dataset, undisturbed.folder.with_name("elastic"))
    ended = job.torchrun("kill", 0, "--resume", max_restarts=2)
    assert ended.code == 0, ended.errors
    assert job.folder.with_suffix(".happened").exists() and job.steps == STEPS
    assert job.equals(undisturbed)
    rows = [read_log(each.folder / "log.jsonl") for each in (job, undisturbed)]
    assert [row["losses"] for row in rows[0]] == [row["losses"] for row in rows[1]]


def test_the_cost_of_the_official_recipe() -> None:
    """Eight GPUs with two clips each; by hand."""
    cost = Cost.of(presets.named("paper-r50"), 8)
    assert cost.steps_per_epoch == -(-VID_KEY_FRAMES // 16) and cost.frames == 48
    assert cost.gradients == pytest.approx(2 * 7 / 8 * 4 * cost.weights.trained)
    assert cost.embeddings == 7 * (6 * (128 * 4 + 8) + 16)
    best, worst = cost.epoch_hours(0.5, bytes_per_second=cost.sent / 0.25)
    assert best == pytest.approx(cost.steps_per_epoch * 0.5 / 3600) and worst == pytest.approx(1.5 * best)
    assert Cost.of(presets.named("paper-r50"), 1).sent == 0


def test_the_page_has_the_table_of_this_code() -> None:
    """`make scaling` writes it."""
    assert "\n".join(cost_rows()) in PAGE.read_text(encoding="utf-8")
