"""Two short trainings in the notebook, alike but for the cross terms, and what their networks know on the way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from clab_lite.data.video_index import VideoIndex
from clab_lite.methods.crosscl import CrossCL, CrossCLConfig, PairBatch, PairSource, lite
from clab_lite.methods.crosscl.measure import (
    Similarity,
    cross_stage_similarity,
    held_out_frames,
    load_views,
    plain_pairs,
)
from clab_lite.methods.shared.steps import StepReport, train_steps

FRAMES = 12
"""Held-out frames that are measured on: 108 windows."""
ARMS = {"with cross terms": 1.0, "without": 0.0}
"""Name -> weight of P3 to P4 and P4 to P3."""


@dataclass
class LiveRun:
    """One training."""

    name: str
    method: CrossCL
    """The network, as trained."""
    reports: list[StepReport] = field(default_factory=list)
    moments: dict[int, Similarity] = field(default_factory=dict)
    """Steps done -> what P3's windows find on P4, on held-out frames."""

    @property
    def last(self) -> Similarity:
        """At the end."""
        return self.moments[max(self.moments)]


@dataclass
class Live:
    """Both trainings, an untrained network, and held-out pairs to try them on."""

    runs: dict[str, LiveRun]
    untrained: CrossCL
    pairs: PairBatch

    def network(self, name: str) -> CrossCL:
        """ "untrained", or that of a run."""
        return self.untrained if name == "untrained" else self.runs[name].method


def fresh(config: CrossCLConfig) -> CrossCL:
    """A network with the random weights of the configuration's seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.pretrain.seed)
        return CrossCL(config)


def train_live(
    learn: VideoIndex, held_out: VideoIndex, steps: int, *, looks: int = 4, config: CrossCLConfig | None = None
) -> Live:
    """Train with and without the cross terms from the same weights on the same batches; prints where it stands.

    Args:
        learn: videos to train on.
        held_out: videos to measure on.
        steps: of each training, with its own schedule.
        looks: measurements after the start, evenly spread; the last at the end.
        config: settings; None is lite.
    """
    base = lite() if config is None else config
    base = replace(base, pretrain=replace(base.pretrain, steps=steps))
    frames = held_out_frames(held_out, FRAMES)
    views = load_views(held_out, frames, base.image_size)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        runs = {}
        for name, weight in ARMS.items():
            chosen = replace(base, cross_weight=weight)
            method = fresh(chosen)
            source = PairSource(learn, chosen)
            run = runs[name] = LiveRun(name, method)
            run.moments[0] = cross_stage_similarity(method, views)
            due = {max(1, steps * number // looks) for number in range(1, looks + 1)}
            for report in train_steps(method.train(), source, chosen.pretrain):
                run.reports.append(report)
                if report.step + 1 in due:
                    run.moments[report.step + 1] = cross_stage_similarity(method, views)
                    found = run.moments[report.step + 1]
                    print(f"{name}, step {report.step + 1}: {found.retrieval:.0%} of {found.windows} windows found")
            method.eval()
    finally:
        torch.set_num_threads(threads)
    return Live(runs, fresh(base).eval(), plain_pairs(held_out, frames, base))
