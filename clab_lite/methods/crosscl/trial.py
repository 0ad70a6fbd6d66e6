"""Short CrossCL runs, measured: does a window look alike on P3 and P4, with the cross terms and without?

    python -m clab_lite.methods.crosscl.trial runs/crosscl                   every run of the lesson
    python -m clab_lite.methods.crosscl.trial runs/crosscl --only cross-0    one run: arm, seed
    python -m clab_lite.methods.crosscl.trial runs/crosscl --gather FILE     join the records into one file

Runs that are there are kept. One thread and float32: the same numbers on every machine of a kind.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from clab_lite.data.vid import open_dataset
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError
from clab_lite.files import write_json
from clab_lite.methods.crosscl import CrossCL, CrossCLConfig, build, lite
from clab_lite.methods.crosscl.measure import (
    cross_stage_similarity,
    cross_view_similarity,
    held_out_frames,
    load_views,
    plain_pairs,
)
from clab_lite.methods.shared.steps import StepReport, train_steps
from clab_lite.methods.shared.trial_records import gather
from clab_lite.samples import find_samples

FRAMES = 12
"""Held-out frames, of as many videos: with 9 windows each, 108 windows to find among each other."""
MOMENTS = 10
"""Measurements during a run, besides the one before it."""
CURVE_EVERY = 5
"""Steps whose mean makes one point of the loss curves."""
DIGITS = 4

ARMS: dict[str, dict[str, Any]] = {
    "cross": {},
    "without": {"cross_weight": 0.0},
    "other_images": {"exclude_same_image": True},
    "temporal": {"views": "temporal"},
    "sgd": {"pretrain": replace(lite().pretrain, optimizer="sgd", learning_rate=0.05)},
}
"""Arm -> what it changes in `lite()`. without: the control. other_images: a window's negatives leave out its own image.
temporal: two whole frames of one video in place of two crops of one frame. sgd: the optimiser of the publication."""
SEEDS = (0, 1, 2)
RUNS = tuple(f"{arm}-{seed}" for arm in ARMS for seed in SEEDS)


def setting(run: str, base: CrossCLConfig | None = None) -> CrossCLConfig:
    """The configuration of a run, for example of "cross-0".

    Raises:
        DataError: there is no such run.
    """
    arm, _, seed = run.rpartition("-")
    if arm not in ARMS or not seed.isdecimal():
        raise DataError(f"run {run!r} is unknown. It is ARM-SEED; arms are {', '.join(ARMS)}.")
    config = replace(lite() if base is None else base, **ARMS[arm])
    return replace(config, pretrain=replace(config.pretrain, seed=int(seed)))


def measure(method: CrossCL, held_out: VideoIndex, frames: int = FRAMES) -> dict[str, Any]:
    """What a method knows about held-out frames: level to level on one view, and on to the other view of a pair."""
    views = load_views(held_out, held_out_frames(held_out, frames), method.config.image_size)
    pairs = plain_pairs(held_out, held_out_frames(held_out, frames), method.config)
    found = {
        "p3_to_p4": cross_stage_similarity(method, views, 3, 4),
        "p4_to_p3": cross_stage_similarity(method, views, 4, 3),
        "other_view": cross_view_similarity(method, pairs, 3, 4),
    }
    return {name: {k: round(v, DIGITS) for k, v in asdict(value).items()} for name, value in found.items()}


def run_trial(run: str, learn: VideoIndex, held_out: VideoIndex, base: CrossCLConfig | None = None) -> dict[str, Any]:
    """Train one run and measure it; plain values for json. Weights start from the run's seed."""
    config = setting(run, base)
    torch.manual_seed(config.pretrain.seed)
    method, source = build(config, learn)
    moments = [{"step": 0, **measure(method, held_out)}]
    reports: list[StepReport] = []
    steps = config.pretrain.steps
    looks = {round(steps * (i + 1) / MOMENTS) for i in range(MOMENTS)}
    began = time.monotonic()
    for report in tqdm(train_steps(method.train(), source, config.pretrain), desc=run, total=steps, unit="step"):
        reports.append(report)
        if report.step + 1 in looks:
            moments.append({"step": report.step + 1, **measure(method, held_out)})
    return {
        "arm": run.rpartition("-")[0], "seed": config.pretrain.seed, "moments": moments, "curves": curves(reports),
        "seconds": round(time.monotonic() - began, 1),
        "made_of": {"torch": str(torch.__version__), "config": asdict(config)},
    }  # fmt: skip


def curves(reports: Sequence[StepReport], every: int = CURVE_EVERY) -> dict[str, list[float]]:
    """Term -> its mean over every few steps; "step" is the last of them, counted from 1."""
    groups = [reports[start : start + every] for start in range(0, len(reports), every)]
    names = reports[0].terms if reports else {}
    means = {name: [_mean([r.terms[name] for r in group]) for group in groups] for name in names}
    return {"step": [group[-1].step + 1 for group in groups], **means}


def main(words: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m clab_lite.methods.crosscl.trial")
    parser.add_argument("out", type=Path, help="folder of the records")
    parser.add_argument("--only", choices=RUNS, help="make this run alone")
    parser.add_argument("--gather", type=Path, metavar="FILE", help="join the records into FILE; trains nothing")
    options = parser.parse_args(words)
    if options.gather:
        print(f"{gather(options.out, options.gather)} runs: {options.gather}")
        return
    torch.set_num_threads(1)
    samples = find_samples()
    learn, held_out = (open_dataset(samples, split=split, progress=False) for split in ("train", "val"))
    for run in (options.only,) if options.only else RUNS:
        path = options.out / f"{run}.json"
        if not path.exists():
            write_json(path, run_trial(run, learn, held_out))
        print(f"{run}: {summary(json.loads(path.read_text(encoding='utf-8')))}", flush=True)


def summary(record: dict[str, Any]) -> str:
    """The last measurement of a run in one line."""
    last = record["moments"][-1]
    there, back = last["p3_to_p4"], last["p4_to_p3"]
    return (
        f"retrieval P3 to P4 {there['retrieval']:.2f}, P4 to P3 {back['retrieval']:.2f} of {there['windows']} windows; "
        f"cosine same {there['same']:.3f}, other {there['other']:.3f}; {record['seconds']:.0f} s"
    )


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), DIGITS)


if __name__ == "__main__":
    main()
