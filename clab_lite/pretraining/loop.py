"""The loop that pre-trains a backbone with any of the three methods.

One step: the terms of a batch, backward from their weighted sum "total", the method moves its queues on, optimizer
step. The learning rate, the batch and the random numbers are pure functions of the step, so a run that was killed
continues exactly where its checkpoint was written.

The same code runs alone or under `torchrun`. The recipe's batch is the joined one: each of N processes makes its Nth of
it, keys and embeddings are gathered, BatchNorm sees all (`clab_lite.methods.shared.joined_norm`), and gradients are
averaged. So N processes learn what one would, up to rounding, and a run may go on with another number of them
(unless its configuration `counts_processes`).

A run folder holds config.json (with the method's name and the loop's settings), log.jsonl, tensorboard/, checkpoint.pt
and, written with every checkpoint, backbone.safetensors for `clab-lite train --init`. A row of log.jsonl: iteration
(steps done), progress, learning_rate (of the last step), losses (mean since the last row: unweighted terms, and
"total"), gradient_norm (mean), seconds (of pre-training so far), and sometimes a note.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from inspect import signature
from itertools import chain
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from clab_lite import distributed
from clab_lite.backbone_file import write_backbone
from clab_lite.methods.shared.joined_norm import join_norms
from clab_lite.methods.shared.method import Method, Source
from clab_lite.methods.shared.part import Part
from clab_lite.methods.shared.recipe import learning_rate
from clab_lite.nonfinite import layer_named
from clab_lite.pretraining.outcome import MethodSettings, PretrainResult, PretrainStep
from clab_lite.pretraining.settings import LoopConfig
from clab_lite.pretraining.state import PretrainState
from clab_lite.pretraining.steps import step_batches
from clab_lite.training.agreement import require_same_start
from clab_lite.training.batches import seed_iteration
from clab_lite.training.calibrate import Precision, SpeedWatch, choose_compute
from clab_lite.training.checkpoint import CHECKPOINT, read_pretraining
from clab_lite.training.deterministic import deterministic
from clab_lite.training.folder_lock import HeldFolder
from clab_lite.training.interrupt import interrupts_deferred
from clab_lite.training.log import RunLog
from clab_lite.training.losses import TrainingDiverged
from clab_lite.training.optimizer import set_learning_rate
from clab_lite.training.run_folder import BACKBONE, RunFolder, open_run

__all__ = ["MethodSettings", "PretrainResult", "PretrainStep", "TrainingDiverged", "pretrain"]


def pretrain(
    name: str,
    config: MethodSettings,
    build: Callable[[], tuple[Method, Source]],
    dataset: dict[str, Any],
    run_folder: str | Path | HeldFolder,
    *,
    loop: LoopConfig | None = None,
    device: str | torch.device | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    stop_after: int | None = None,
    on_step: Callable[[PretrainStep], None] | None = None,
) -> PretrainResult:
    """Pre-train a backbone. Leaves torch at the number of threads it chose.

    Args:
        name: of the method, for the files of the run.
        config: of the method; `config.pretrain` is its recipe.
        build: makes the method and the source of its batches. Called with the recipe's seed set.
        dataset: what `clab_lite.training.dataset.describe` says of the videos: a run continues on the same ones only.
            (The number of processes counts where the configuration `counts_processes`.)
        run_folder: where the files of the run go; a folder that the caller holds already stays held.
        loop: threads, precision, rows, checkpoints.
        device: where to compute; None takes a CUDA device when there is one.
        resume: continue the run in the folder (start it when it has no checkpoint yet).
        overwrite: replace the run in the folder, once the first batch of the new one is there.
        progress: show a progress bar with the time left.
        stop_after: stop, with a checkpoint, after this many steps counted from the start of the run.
        on_step: called after every step, in every process: for live boards and measurements.

    Raises:
        DataError: bad data, a folder in use, a folder that holds another run, a batch that the processes cannot share.
        TrainingDiverged: a term or the gradient is not finite; the message has all of them and names the first layer.
        KeyboardInterrupt: Ctrl-C or SIGTERM. The step was finished and a checkpoint written.
    """
    loop = loop or LoopConfig()
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    joined = distributed.start_from_environment(place.type)
    try:
        part = Part(distributed.rank(), distributed.world_size())
        part.places(config.pretrain.batch)  # not shared equally? say so now
        dataset = dataset | {"processes": part.of if getattr(config, "counts_processes", False) else 1}
        target = run_folder if isinstance(run_folder, HeldFolder) else Path(run_folder)
        about = {"method": name, "loop": _written(loop)}
        with (
            deterministic(loop.deterministic, place),
            open_run(
                target, config, dataset, resume=resume, overwrite=overwrite, about=about, read=read_pretraining
            ) as folder,
        ):
            torch.manual_seed(config.pretrain.seed)
            method, source = build()
            run = _Run(config, loop, source, part, dataset, folder, place, method, on_step)
            return run.loop(stop_after, progress)
    finally:
        if joined:
            distributed.stop()


def _written(loop: LoopConfig) -> dict[str, Any]:
    """The loop's settings for the files of the run. Those of before know no `deterministic`: they were not."""
    return {name: value for name, value in asdict(loop).items() if name != "deterministic" or value}


class _Run:
    """One pre-training: what it works with, and its loop."""

    def __init__(
        self,
        config: MethodSettings,
        loop: LoopConfig,
        source: Source,
        part: Part,
        dataset: dict[str, Any],
        folder: RunFolder,
        device: torch.device,
        method: Method,
        on_step: Callable[[PretrainStep], None] | None,
    ) -> None:
        self.config, self.settings, self.source, self.part, self.dataset = config, loop, source, part, dataset
        self.folder, self.device, self.on_step = folder, device, on_step
        self.total = config.pretrain.steps
        self.state = PretrainState.begin(method, config.pretrain, device, folder.checkpoint)
        require_same_start(self.state.iteration, folder.checkpoint, device)
        self.model = self.state.method if part.of == 1 else cast(Method, together(cast(nn.Module, method)))

    def loop(self, stop_after: int | None, progress: bool) -> PretrainResult:
        """Run to the end, or to `stop_after`."""
        state, main = self.state, distributed.is_main()
        end = min(self.total if stop_after is None else stop_after, self.total)
        stream = step_batches(self.source, self.part, state.iteration, end, self.settings.workers, self.device)
        bar = tqdm(total=self.total, initial=state.iteration, unit="step", disable=not (progress and main))
        with closing(bar):
            stream = self._settled(stream)
            self.folder.begin()  # From here on, an old run in the folder is gone.
            if state.iteration:
                self._write_backbone()  # The run may have been killed between its checkpoint and its backbone.
            bar.unpause()  # The time left counts from here.
            with (
                closing(RunLog(self.folder.path, state.iteration, main)) as log,
                interrupts_deferred() as stop_asked,
                layer_named(cast(nn.Module, state.method), self._again),
            ):
                row = self._iterate(stream, end, log, bar, stop_asked)
        return PretrainResult(state.method, self.folder.path, state.iteration, state.seconds, row)

    def _iterate(
        self, stream: Iterator[Any], end: int, log: RunLog, bar: tqdm, stop_asked: Callable[[], bool]
    ) -> dict[str, Any] | None:
        settings, state, row = self.settings, self.state, None
        watch = SpeedWatch(state.compute)
        began = time.monotonic() - state.seconds
        for batch in stream:
            step_began = time.monotonic()
            rate, terms = self._step(batch)
            now = time.monotonic()
            state.iteration, state.seconds = state.iteration + 1, now - began
            note = watch.add(now - step_began) or (state.compute.named("loop") if state.iteration == 1 else None)
            state.compute = watch.compute
            if note or state.iteration in (1, self.total) or state.iteration % settings.log_every == 0:
                row = state.row(self.total, rate) | ({"note": note} if note else {})
                log.write(row)
                bar.set_postfix({"total": f"{row['losses']['total']:.3f}"}, refresh=False)
            if self.on_step is not None:
                values = {name: float(value) for name, value in terms.items()}
                self.on_step(PretrainStep(state.iteration, self.total, state.method, batch, values))
            stops = stop_asked()
            if stops or state.iteration == end or state.iteration % settings.checkpoint_every == 0:
                self._save(log)
            bar.update()
            if stops:
                break
        return row

    def _step(self, batch: Any) -> tuple[float, dict[str, torch.Tensor]]:
        """One update of the weights. Gives the learning rate that it used and the terms, without their graph."""
        config, state = self.config.pretrain, self.state
        self.latest = state.iteration, batch
        seed_iteration(config.seed, state.iteration)
        rate = learning_rate(config, state.iteration)
        set_learning_rate(state.optimizer, rate)
        terms = _terms(self.model, batch, self.device, state.compute.precision)
        state.optimizer.zero_grad(set_to_none=True)
        terms["total"].backward()
        norm = nn.utils.get_total_norm([p.grad for p in state.parameters if p.grad is not None])
        recent = state.remember(terms, norm)
        if self.device.type == "cpu":
            recent.check()  # To ask a GPU is to wait for it: there, rows and checkpoints ask.
        state.method.update()
        state.optimizer.step()
        return rate, {name: value.detach() for name, value in terms.items()}

    def _again(self) -> torch.Tensor:
        """The total of the latest step once more. A key network that a step moves moves on once more, too."""
        iteration, batch = self.latest
        seed_iteration(self.config.pretrain.seed, iteration)
        return _terms(self.state.method, batch, self.device, self.state.compute.precision)["total"]

    def _settled(self, stream: Iterator[Any]) -> Iterator[Any]:
        """Choose threads and precision on the first batch, and give it back. A resumed run keeps its own."""
        state = self.state
        if self.folder.checkpoint is not None:
            torch.set_num_threads(state.compute.threads)
            return stream
        first = next(stream, None)
        if first is None:  # no step is asked for
            return iter(())

        def try_step(precision: Precision) -> None:
            trial = copy.deepcopy(state.method)  # a step moves key networks and queues on
            _terms(trial, first, self.device, precision)["total"].backward()

        with torch.random.fork_rng(devices=[]):
            state.compute = choose_compute(self.settings, self.device, try_step)
        return chain([first], stream)

    def _save(self, log: RunLog) -> None:
        """Write the checkpoint and the backbone, after the log is on the disk and all terms are known to be finite."""
        state, folder = self.state, self.folder
        if state.recent is None:  # not one step
            return
        state.recent.check()
        log.sync()
        folder.save(CHECKPOINT, {**state.content(folder.config, self.dataset), **folder.about})
        self._write_backbone()

    def _write_backbone(self) -> None:
        state, folder = self.state, self.folder
        if not distributed.is_main():
            return
        write_backbone(
            folder.path / BACKBONE,
            state.method.backbone_state(),
            folder.about["method"],
            self.config.backbone,
            folder.config,
            state.iteration,
        )


def together(method: nn.Module) -> DistributedDataParallel:
    """A method (it is changed) that computes with those of the other processes; for the forward pass."""
    join_norms(method)
    # Averages gradients. Queues and statistics need no broadcast: every process computes the same ones.
    renamed = "forward_sync_buffers" in signature(DistributedDataParallel.__init__).parameters  # torch 2.14
    option: Any = {"forward_sync_buffers" if renamed else "broadcast_buffers": False}
    return DistributedDataParallel(method, **option)


def _terms(method: Method, batch: Any, device: torch.device, precision: Precision) -> dict[str, torch.Tensor]:
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
        return method(batch)
