"""The demo: from the bundled videos to a trained detector, its AP on held-out videos, and a report to look at."""

from __future__ import annotations

import os
import platform
import reprlib
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from clab_lite import presets
from clab_lite.branch_cost import branch_cost
from clab_lite.config import Config
from clab_lite.data.source_file import read_json
from clab_lite.data.vid import VideoIndex, open_dataset
from clab_lite.devices import pick_device
from clab_lite.errors import DataError
from clab_lite.evaluate import detect_dataset, score_detections
from clab_lite.evaluation_report import EvaluationReport, Measured
from clab_lite.files import write_text
from clab_lite.moments import embedding_maps
from clab_lite.report import write_report
from clab_lite.report_data import ReportData, choose_pictures
from clab_lite.samples import find_samples
from clab_lite.train import TrainResult, train
from clab_lite.trained import load_run
from clab_lite.training.folder_lock import hold
from clab_lite.training.log import read_log
from clab_lite.training.run_folder import CONFIG, LOG, METRICS, REPORT
from clab_lite.training.saved_config import config_to_dict

NAME = "demo"


@dataclass(frozen=True)
class DemoResult:
    """What the demo found and left behind."""

    evaluation: EvaluationReport
    report: Path
    """report.html in the run folder."""
    training_seconds: float
    seconds: float
    """From the start of the demo to its end."""


def run_demo(
    out: str | Path, *, data: str | Path | None = None, config: Config | None = None, device: str = "cpu"
) -> DemoResult:
    """Train, evaluate on the held-out videos, write metrics.json and report.html.

    Args:
        out: run folder; an earlier demo in it is replaced, any other run is refused.
        data: dataset folder; None takes `data_samples` (see `find_samples`).
        config: None is `demo_config()`, the tiny preset.
        device: see `clab_lite.devices.pick_device`.

    Raises:
        DataError: bad data, or another demo or training works in the folder.
    """
    began, place = time.monotonic(), pick_device(device)
    config = demo_config() if config is None else config
    samples = Path(data) if data is not None else find_samples()
    learn, held_out = open_dataset(samples, split="train"), open_dataset(samples, split="val")
    with hold(Path(out)) as held:  # to the end: two demos in one folder would mix their results
        require_own_folder(held.path)
        print(f"1/3 training on {len(learn)} videos")
        result = train(config, learn, held, device=place, overwrite=True)
        evaluation, report = _show(held.path, samples, held_out, place, config, result)
    return DemoResult(evaluation, report, result.seconds, time.monotonic() - began)


def _show(
    folder: Path, samples: Path, held_out: VideoIndex, place: torch.device, config: Config, result: TrainResult
) -> tuple[EvaluationReport, Path]:
    """Evaluate the run in the folder and write metrics.json and report.html."""
    print(f"2/3 evaluating on {len(held_out)} held-out videos")
    trained = load_run(folder, place)  # what a person would load later, not what is in memory
    detector = trained.detector
    found = list(detect_dataset(detector, held_out))
    evaluation = replace(score_detections(held_out, found), measured=Measured.of(trained, samples, "val"))
    write_text(folder / METRICS, evaluation.to_json() + "\n")
    print("3/3 embeddings and report")
    data_of_report = ReportData(
        title="What the tiny detector learned",
        evaluation=evaluation,
        class_names=held_out.class_names,
        log_rows=read_log(folder / LOG),
        pictures=choose_pictures(held_out, found),
        maps=embedding_maps(folder, held_out, place),
        cost=branch_cost(detector, held_out.select([0])),
        settings=config_to_dict(config),
        facts=facts(result, place),
        command=command_of(config, result),
    )
    return evaluation, write_report(folder / REPORT, data_of_report)


def demo_config(
    seed: int = 0,
    iterations: int | None = None,
    threads: int | None = None,
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
) -> Config:
    """The tiny preset under the demo's own name; what is None stays as the preset has it."""
    config = presets.tiny()
    training = replace(config.train, seed=seed, threads=threads, precision=precision)
    if iterations is not None:
        training = replace(training, iterations=iterations)
    return replace(config, name=NAME, train=training)


def command_of(config: Config, result: TrainResult) -> str:
    """The command that repeats a demo: with the threads and precision that were chosen by timing."""
    compute = result.compute
    return (
        f"clab-lite demo --seed {config.train.seed} --iterations {config.train.iterations} "
        f"--threads {compute.threads} --precision {compute.precision}"
    )


def require_own_folder(folder: Path) -> None:
    """Refuse a folder that holds a run which is not a demo: the demo replaces what is there."""
    path = folder / CONFIG
    if not path.exists():
        return
    try:
        content = read_json(path, "")
    except DataError:
        content = None
    name = content.get("name") if isinstance(content, dict) else "unreadable"
    if name != NAME:
        problem = f"holds the run {reprlib.repr(name)}, not a demo"
        raise DataError.at(folder, CONFIG, problem, "Name another folder with --out.")


def facts(result: TrainResult, device: torch.device) -> dict[str, str]:
    """What a reader needs to judge times and numbers."""
    compute = result.compute
    return {
        "device": f"{device}, {os.cpu_count()} CPU cores, {compute.threads} threads, {compute.precision}",
        "training": f"{result.iterations} iterations in {result.seconds:.0f} s",
        "versions": f"Python {platform.python_version()}, PyTorch {torch.__version__}",
    }
