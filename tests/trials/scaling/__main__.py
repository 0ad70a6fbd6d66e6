"""`make scaling`: the tables of docs/scaling.md and docs/robustness.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from ranks import require_success
from slurm import FakeJob
from training_world import write_dataset

from clab_lite.scaling import NUMBER, Cost
from trials.page import measured_on, write_section
from trials.scaling.cost import PAGE, cost_rows
from trials.scaling.losses import KEPT, OPTIONS, STEPS, Job, config
from trials.scaling.traffic import FIRST, LAST, LOG_ROW_NUMBERS

GROUPS = (1, 2, 3)


def main() -> None:
    """Measure and write; the cost model's own table into docs/scaling.md."""
    write_section("scaling", "\n".join(cost_rows()), PAGE)
    if sys.platform != "linux":
        sys.exit("make scaling reads the kernel's counters of TCP connections: run it on Linux.")
    with tempfile.TemporaryDirectory() as folder:
        dataset = write_dataset(Path(folder) / "dataset")
        traffic, undisturbed = traffic_rows(dataset, Path(folder))
        mishaps = [mishap_row(what, Job(dataset, Path(folder) / what), undisturbed) for what in MISHAPS]
        script = script_line(dataset, Path(folder))
    write_section("scaling", page(traffic, mishaps, script))


def traffic_rows(dataset: Path, folder: Path) -> tuple[list[str], Job]:
    """Bytes of one process and step for each size of group, and the run of two processes."""
    weights = Cost.of(config(), 1).weights
    rows = [
        f"Preset `lesson` at half its width, {weights.trained:,} trained numbers, one clip a process, steps {FIRST} to "
        f"{LAST}. Received: by the kernel's counters of the processes' own TCP connections, gloo's headers in it.",
        "",
        "| processes | bytes a process sends in a step, cost model | received a process, measured | measured / model "
        "| of them gradients, handed to the library | other calls |",
        "|---|---|---|---|---|---|",
    ]
    for processes in GROUPS:
        job = Job(dataset, folder / f"count_{processes}")
        require_success(job.start("count", processes=processes))
        found, expected = job.traffic(processes), expected_bytes(processes)
        mean = {name: sum(each[name] for each in found) / processes for name in found[0]}
        ratio = f"{mean['received'] / expected:.4f}" if expected else ""
        rows.append(
            f"| {processes} | {expected:,.0f} | {mean['received']:,.0f} | {ratio} "
            f"| {mean['gradients']:,.0f} | {mean['collectives'] - mean['gradients']:,.0f} |"
        )
    return rows, Job(dataset, folder / "count_2")


def expected_bytes(processes: int) -> float:
    """Of the cost model, and a row of the log, which the measured runs write in every step."""
    return Cost.of(config(), processes).sent + 2 * (processes - 1) / processes * LOG_ROW_NUMBERS * NUMBER


MISHAPS = {
    "broken": "process 1 meets a frame that it cannot read",
    "term": "SIGTERM to process 1",
    "kill": "kill -9 of process 1 under torchrun",
    "elastic": "kill -9 of process 0 under torchrun --max-restarts 2, --resume",
}


def mishap_row(what: str, job: Job, undisturbed: Job) -> str:
    """What was done to a job, how it ended, and whether the run ends as the undisturbed one did."""
    if what == "elastic":
        ended, then = [job.torchrun("kill", 0, "--resume", max_restarts=2)], "torchrun went on by itself"
        steps = job.steps
    elif what == "kill":
        ended, then = [job.torchrun("kill")], "torchrun with --resume"
        steps = job.steps
        require_success([job.torchrun("kill", 1, "--resume")])
    else:
        ended, then = job.start(what), "started again with --resume"
        steps = job.steps
        require_success(job.start(what, 1, "--resume"))
    codes, same = ", ".join(str(each.code) for each in ended), "yes" if job.equals(undisturbed) else "**no**"
    return f"| {MISHAPS[what]} | {codes} | {steps} | {then} | {same} |"


def page(traffic: list[str], mishaps: list[str], script: str) -> str:
    """The section of docs/robustness.md."""
    head = [
        f"{STEPS} steps in two processes, a checkpoint every {KEPT}; the mishap in the fourth step (the bad frame: the "
        "first that is read after its start).",
        "",
        "| what happened | exit status | checkpoint of step | then | same weights and momenta as undisturbed |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*traffic, "", *head, *mishaps, "", script, "", measured_on()])


def script_line(dataset: Path, folder: Path) -> str:
    """docs/slurm/train.sbatch from end to end, on one machine and without SLURM."""
    run = folder / "script" / "run"
    words = {"PRESET": "lesson", "TRAIN": OPTIONS.removeprefix("--preset lesson ")}
    evaluate = "--device cpu --split train --resamples 100"
    with FakeJob(folder / "script").start(dataset, run, real=True, EVALUATE=evaluate, **words) as process:
        _, errors = process.communicate(timeout=600)
    reports = [file.name for file in run.rglob("metrics.json")]
    if process.returncode or not reports:
        raise AssertionError(f"the script ended with {process.returncode}: {errors[-3000:]}")
    return (
        "`docs/slurm/train.sbatch` with stand-ins for `srun` and `scontrol`, one machine, two processes: trained "
        f"{Job(dataset, run).steps} steps, evaluated, wrote {' and '.join(reports)}; exit status {process.returncode}."
    )


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()  # --help may not begin hours of work
    main()
