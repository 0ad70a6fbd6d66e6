"""Short CoDo-style runs, measured: the background-invariance probe before, during and after.

    python -m clab_lite.methods.codo.trial runs/codo                      every run of the lesson (twenty minutes)
    python -m clab_lite.methods.codo.trial runs/codo --only noise-0.2-1   one run: background, jitter, seed
    python -m clab_lite.methods.codo.trial runs/codo --gather FILE        join the records that are there into one file

Runs that are there are kept. One thread and float32: the same numbers on every machine of a kind.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from clab_lite.data.vid import VideoIndex, open_dataset
from clab_lite.files import write_json
from clab_lite.methods.codo import CoDo, CoDoConfig, CompositeSource, build, lite
from clab_lite.methods.codo.backgrounds import Kind
from clab_lite.methods.codo.measure import Probe, ProbeSet, compare, make_probe, probe_backbone, probe_embeddings
from clab_lite.methods.codo.model import readings
from clab_lite.methods.codo.norm import reestimate_norm
from clab_lite.methods.shared.steps import train_steps
from clab_lite.methods.shared.trial_records import gather
from clab_lite.samples import find_samples

INSTANCES, BACKGROUNDS = 32, 8
"""Of the probe: held-out objects of 32 videos on frames of 8 others."""
MOMENTS = (0, 20, 40, 80, 120, 160)
"""Steps done when the probe is taken."""
PROBE_JITTER = (0.0, 0.1, 0.2, 0.3, 0.4)
"""Box jitter of the probe itself, at the start and at the end."""
JITTER = 0.2
NORM_BATCHES = 4
"""Batches of composites that BatchNorm is estimated from before every probe; on training frames whatever the run is
trained on, so that only the weights differ between runs. With the statistics it is made with, an
untrained network heaps everything in one place ("untrained" in a record), and training would get the credit."""
DIGITS = 4

Run = tuple[Kind, float, int]
"""Background, box jitter, seed."""
RUNS: tuple[Run, ...] = (
    *((kind, JITTER, seed) for kind in ("downstream", "same", "noise") for seed in range(3)),
    *(("downstream", jitter, seed) for jitter in (0.0, 0.4) for seed in range(3)),
)


def setting(run: Run, base: CoDoConfig | None = None) -> CoDoConfig:
    """The configuration of a run: lite, but for its background, jitter and seed."""
    kind, jitter, seed = run
    config = lite() if base is None else base
    composite = replace(config.composite, background=kind, jitter=jitter)
    return replace(config, composite=composite, pretrain=replace(config.pretrain, seed=seed))


def name_of(run: Run) -> str:
    """For example "noise-0.2-1"."""
    return f"{run[0]}-{run[1]:g}-{run[2]}"


def fit(config: CoDoConfig, method: CoDo, source: CompositeSource, on_step: Callable[[int, float], None]) -> None:
    """Train; `on_step(steps done, total loss)` after every step."""
    for report in train_steps(method.train(), source, config.pretrain):
        on_step(report.step + 1, report.terms["total"])


def settle_norm(method: CoDo, source: CompositeSource) -> None:
    """Estimate the trunk's BatchNorm from composites of a source, of steps that no run is trained on."""
    first = method.config.pretrain.steps
    batches = (source.batch(first + number) for number in range(NORM_BATCHES))
    reestimate_norm(method.trunk, ((b.images.flatten(0, 1), torch.stack(readings(b, method.config))) for b in batches))


def measure(run: Run, learn: VideoIndex, held_out: VideoIndex, base: CoDoConfig | None = None) -> dict[str, Any]:
    """Train one run and probe it; plain values for json. Weights start from the run's seed."""
    config = setting(run, base)
    torch.manual_seed(config.pretrain.seed)
    method, source = build(config, learn)
    frames = CompositeSource.of(setting(("downstream", JITTER, run[2]), base), learn)
    probe = make_probe(held_out, INSTANCES, BACKGROUNDS, config.composite)
    losses: list[float] = []
    moments: list[dict[str, Any]] = []

    def look(done: int) -> None:
        settle_norm(method, frames)
        moments.append({"step": done, "embedding": plain(compare(probe_embeddings(method.trunk, probe))),
                        "c4": plain(compare(probe_backbone(method.trunk, probe)))})  # fmt: skip

    def on_step(done: int, loss: float) -> None:
        losses.append(loss)
        if done in MOMENTS or done == config.pretrain.steps:
            look(done)

    began = time.monotonic()
    as_it_is = plain(compare(probe_embeddings(method.trunk, probe)))
    look(0)
    curve = [through_jitter(method, probe)]
    fit(config, method, source, on_step)
    curve.append(through_jitter(method, probe))
    return {
        "background": run[0], "jitter": run[1], "seed": run[2], "moments": moments,
        "untrained": as_it_is, "losses": [round(loss, DIGITS) for loss in losses],
        "probe_jitter": {"amplitudes": list(PROBE_JITTER), "before": curve[0], "after": curve[1]},
        "seconds": round(time.monotonic() - began, 1),
        "made_of": {"torch": str(torch.__version__), "config": asdict(config)},
    }  # fmt: skip


def through_jitter(method: CoDo, probe: ProbeSet) -> list[dict[str, float]]:
    """The probe read through jittered boxes, for each amplitude of PROBE_JITTER."""
    found = (compare(probe_embeddings(method.trunk, probe, probe.jittered(a))) for a in PROBE_JITTER)
    return [plain(one) for one in found]


def plain(probe: Probe) -> dict[str, float]:
    """A probe as rounded numbers."""
    return {name: round(value, DIGITS) for name, value in asdict(probe).items()}


def main(words: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m clab_lite.methods.codo.trial")
    parser.add_argument("out", type=Path, help="folder of the records")
    parser.add_argument("--only", choices=[name_of(run) for run in RUNS], help="make this run alone")
    parser.add_argument("--gather", type=Path, metavar="FILE", help="join the records into FILE; trains nothing")
    options = parser.parse_args(words)
    if options.gather:
        print(f"{gather(options.out, options.gather)} runs: {options.gather}")
        return
    torch.set_num_threads(1)
    learn, held_out = (open_dataset(find_samples(), split, progress=False) for split in ("train", "val"))
    for run in RUNS:
        path = options.out / f"{name_of(run)}.json"
        if path.exists() or options.only not in (None, name_of(run)):
            continue
        record = measure(run, learn, held_out)
        write_json(path, record)
        first, last = (Probe(**record["moments"][place]["embedding"]) for place in (0, -1))
        shares = f"{first.background_share:.0%} -> {last.background_share:.0%}"
        print(f"{name_of(run)}: gap {first.gap:.2f} -> {last.gap:.2f}, share of the background {shares}", flush=True)


if __name__ == "__main__":
    main()
