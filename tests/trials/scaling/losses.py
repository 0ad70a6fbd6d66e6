"""Jobs of two processes that lose one: how they end, what they say, and what the next start makes of the folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ranks import Ended, run_ranks, run_torchrun

from clab_lite.cli.parsing import parse
from clab_lite.config import Config

STEPS, KEPT, AT = 6, 2, 3
"""Steps of a run, between its checkpoints, and before the mishap."""
_PATIENCE = 400.0
"""Seconds for a job, on a machine that is busy elsewhere."""
_SCRIPT = Path(__file__).with_name("mishap.py")
OPTIONS = (
    "--preset lesson --device cpu --detector.backbone.width 8 "
    "--detector.backbone.frozen-norm --train.clips-per-rank 1 --train.threads 1 --train.precision float32 "
    f"--train.log-every 1 --train.iterations {STEPS} --train.checkpoint-every {KEPT} --data.no-cache-images"
)


def config() -> Config:
    """What the words of the command mean."""
    command: Any = parse(["train", "DATASET", *OPTIONS.split()])
    return command.config  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Job:
    """A training of two processes in a folder."""

    dataset: Path
    folder: Path

    def words(self, what: str, rank: int, *options: str) -> list[str | Path]:
        """Of the program that trains, with a mishap."""
        mark = self.folder.with_suffix(".happened")
        command = ["train", self.dataset, "--out", self.folder, *OPTIONS.split(), *options]
        return [_SCRIPT, what, str(rank), str(AT), mark, *command]

    def start(self, what: str, rank: int = 1, *options: str, processes: int = 2) -> list[Ended]:
        """Processes that nobody watches."""
        return run_ranks(self.words(what, rank, *options), processes, _PATIENCE)

    def traffic(self, processes: int = 2) -> list[dict[str, float]]:
        """What each process counted, after `start("count")`."""
        mark = self.folder.with_suffix(".happened")
        return [json.loads(mark.with_suffix(f".{rank}").read_text()) for rank in range(processes)]

    def torchrun(self, what: str, rank: int = 1, *options: str, max_restarts: int = 0) -> Ended:
        """The same under torchrun."""
        return run_torchrun(self.words(what, rank, *options), 2, f"--max-restarts={max_restarts}", timeout=_PATIENCE)

    @property
    def steps(self) -> int:
        """Of its checkpoint."""
        return int(torch.load(self.folder / "checkpoint.pt", weights_only=True)["iteration"])

    def equals(self, other: Job) -> bool:
        """Whether weights and momenta are the same, bit by bit."""
        own, others = (torch.load(job.folder / "checkpoint.pt", weights_only=True) for job in (self, other))
        same = all(torch.equal(value, others["model"][name]) for name, value in own["model"].items())
        momenta = (content["optimizer"]["state"] for content in (own, others))
        pairs = zip(*(list(each.values()) for each in momenta), strict=True)
        return same and all(torch.equal(a["momentum_buffer"], b["momentum_buffer"]) for a, b in pairs)
