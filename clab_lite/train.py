"""The training loop.

One iteration: losses of a batch, total = four detection losses + weight(progress) * contrast, backward,
clip, step. The learning rate, the contrast weight, the batch and the random sampling are pure functions of
the iteration, so a run that was killed continues exactly where its checkpoint was written. The same code
runs alone or under `torchrun`.

A run folder holds config.json (with an entry "init" where the backbone was pre-trained), log.jsonl, tensorboard/,
checkpoint.pt, snapshot_start.pt and snapshot_contrast_zero.pt. A row of log.jsonl: iteration (steps done), progress,
learning_rate, contrast_weight (both of the last step), losses (mean since the last row: five unweighted, and "total"),
contrast_chance (the contrast of embeddings that tell nothing), gradient_norm (mean, before clipping),
seconds (of training so far), and sometimes a note.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from clab_lite import distributed
from clab_lite.backbone_file import PretrainedBackbone, load_backbone
from clab_lite.config import Config, DetectorConfig
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.nonfinite import layer_named
from clab_lite.schedule import contrast_schedule, count_iterations, falls_to_zero, learning_rate
from clab_lite.training.agreement import require_same_start
from clab_lite.training.batches import Batch, Target, batches, seed_iteration
from clab_lite.training.calibrate import Compute, Precision, SpeedWatch, choose_compute, state_kept
from clab_lite.training.checkpoint import CHECKPOINT, SNAPSHOT_CONTRAST_ZERO, SNAPSHOT_START
from clab_lite.training.dataset import describe, require_classes
from clab_lite.training.deterministic import deterministic
from clab_lite.training.folder_lock import HeldFolder
from clab_lite.training.interrupt import interrupts_deferred
from clab_lite.training.log import RunLog
from clab_lite.training.losses import TrainingDiverged, compute_losses, contrast_chance, total_loss
from clab_lite.training.optimizer import set_learning_rate
from clab_lite.training.run_folder import RunFolder, open_run
from clab_lite.training.state import TrainState

__all__ = ["Step", "TrainResult", "TrainingDiverged", "for_classes_of", "train"]


@dataclass(frozen=True)
class Step:
    """What `train` shows to whoever watches, after each step. Looking may not change the weights or the gradients."""

    iteration: int
    """Steps done."""
    total: int
    """Steps of the whole run."""
    detector: nn.Module
    """In training mode, after the step."""
    clips: Tensor
    """(B, 1+T, 3, H, W), the batch of the step: the detector has just been fitted to it."""
    targets: list[Target]
    weight: float
    """Of the contrast, in this step. What is measured on `detector` belongs to the weight of the step to come."""
    row: dict[str, Any] | None
    """The row of the log that was written, if one was."""


@dataclass(frozen=True)
class TrainResult:
    """What a training leaves in memory: the trained detector (in training mode) and how it was computed."""

    detector: nn.Module
    run_folder: Path
    iterations: int
    seconds: float
    compute: Compute
    last_row: dict[str, Any] | None


def for_classes_of(index: VideoIndex, config: Config) -> Config:
    """The configuration with one output per class of the dataset.

    Raises:
        DataError: it asks for another number. The presets' number, that of ImageNet VID, is replaced instead.
    """
    found, chosen = len(index.class_names), config.detector.num_classes
    if chosen not in (found, DetectorConfig().num_classes):
        raise DataError(
            f"the dataset has {found} classes, the detector's num_classes is {chosen}. "
            f"Leave it out, or set --detector.num-classes {found}."
        )
    return replace(config, detector=replace(config.detector, num_classes=found))


def train(
    config: Config,
    index: VideoIndex,
    run_folder: str | Path | HeldFolder,
    *,
    device: str | torch.device | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    stop_after: int | None = None,
    detector: nn.Module | None = None,
    init: PretrainedBackbone | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> TrainResult:
    """Train a detector on the key frames of an index. Leaves torch at the number of threads it chose.

    Args:
        config: every setting of the run; the number of classes is the dataset's (see `for_classes_of`).
        index: videos with their key frames.
        run_folder: where the files of the run go; a folder that the caller holds already stays held.
        device: where to compute; None takes a CUDA device when there is one.
        resume: continue the run in the folder (start it when it has no checkpoint yet).
        overwrite: replace the run in the folder, once the first batch of the new one is there.
        progress: show a progress bar with the time left.
        stop_after: stop, with a checkpoint, after this many iterations counted from the start of the run.
        detector: the model and weights to start from; None builds one from the configuration.
        init: a pre-trained backbone (`clab_lite.backbone_file.read_backbone`) in place of ImageNet's weights or random
            ones. The run remembers it: to continue the run, give the same.
        on_step: called after every step, in every process: for live boards and measurements.

    Raises:
        DataError: bad data, a folder in use, a folder that holds another run, a backbone that does not fit.
        TrainingDiverged: a loss or the gradient is not finite; the message names the first layer.
        KeyboardInterrupt: Ctrl-C or SIGTERM, in any process. The step was finished and a checkpoint written.
    """
    if detector is None:
        config = for_classes_of(index, config)
    elif init is not None:
        raise DataError("detector and init exclude each other: load the backbone into the detector, or leave one out.")
    require_classes(index, config.detector.num_classes)
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    joined = distributed.start_from_environment(place.type)
    try:
        target = run_folder if isinstance(run_folder, HeldFolder) else Path(run_folder)
        about = {"init": None if init is None else init.about()}
        with (
            deterministic(config.train.deterministic, place),
            open_run(target, config, describe(index), resume=resume, overwrite=overwrite, about=about) as folder,
        ):
            torch.manual_seed(config.train.seed)
            model = _begun(config.detector, init) if detector is None else detector
            return _Run(config, index, folder, place, model, on_step).loop(stop_after, progress)
    finally:
        if joined:
            distributed.stop()


def _begun(config: DetectorConfig, init: PretrainedBackbone | None) -> VideoDetector:
    """The detector before its first step."""
    if init is None:
        return VideoDetector(config)
    backbone = replace(config.backbone, imagenet_weights=False)  # they would be replaced
    detector = VideoDetector(replace(config, backbone=backbone))
    load_backbone(init, detector.backbone)
    return detector


class _Run:
    """One training run: what it works with, and its loop."""

    def __init__(
        self,
        config: Config,
        index: VideoIndex,
        folder: RunFolder,
        device: torch.device,
        detector: nn.Module,
        on_step: Callable[[Step], None] | None,
    ) -> None:
        self.on_step = on_step
        self.config, self.index, self.folder, self.device = config, index, folder, device
        self.dataset = describe(index)
        self.total = count_iterations(config.train, len(index.key_frames), distributed.world_size())
        self.weight = contrast_schedule(config.train.contrast, self.total)
        self.state = TrainState.begin(detector, config, device, folder.checkpoint)
        require_same_start(self.state.iteration, folder.checkpoint, device)
        # The wrapper averages gradients over ranks; the detector inside keeps the names of the weights.
        self.model = DistributedDataParallel(detector) if distributed.world_size() > 1 else detector

    def loop(self, stop_after: int | None, progress: bool) -> TrainResult:
        """Run to the end, or to `stop_after`."""
        state, main = self.state, distributed.is_main()
        end = min(self.total if stop_after is None else stop_after, self.total)
        bar = tqdm(total=self.total, initial=state.iteration, unit="step", disable=not (progress and main))
        stream = batches(self.config, self.index, state.iteration, self.device)
        with closing(stream), closing(bar):
            bar.set_description("timing threads and precision")
            clips = self._settle(stream)
            self.folder.begin()  # From here on, an old run in the folder is gone.
            if state.iteration == 0:
                self._snapshot(SNAPSHOT_START)
            bar.set_description("training")
            bar.unpause()  # The time left counts from here.
            with (
                closing(RunLog(self.folder.path, state.iteration, main)) as log,
                interrupts_deferred() as stop_asked,
                layer_named(state.detector, self._again),
            ):
                row = self._iterate(clips, end, log, bar, stop_asked)
        return TrainResult(state.detector, self.folder.path, state.iteration, state.seconds, state.compute, row)

    def _iterate(
        self, stream: Iterable[Batch], end: int, log: RunLog, bar: tqdm, stop_asked: Callable[[], bool]
    ) -> dict[str, Any] | None:
        config, state, row = self.config.train, self.state, None
        watch = SpeedWatch(state.compute)
        began = time.monotonic() - state.seconds
        for iteration, (clips, targets) in zip(range(state.iteration, end), stream, strict=False):
            step_began = time.monotonic()
            if falls_to_zero(self.weight, iteration, self.total):
                self._snapshot(SNAPSHOT_CONTRAST_ZERO)
            rate, weight = self._step(iteration, clips, targets)
            now = time.monotonic()
            state.iteration, state.seconds = iteration + 1, now - began
            note = watch.add(now - step_began) or (str(state.compute) if iteration == 0 else None)
            state.compute = watch.compute
            fades = falls_to_zero(self.weight, state.iteration, self.total)  # The last step in which contrast counted.
            written = None
            if note or fades or state.iteration in (1, self.total) or state.iteration % config.log_every == 0:
                row = written = self._row(rate, weight, targets, clips.shape[1], note)
                log.write(row)
                bar.set_postfix({name: f"{row['losses'][name]:.3f}" for name in ("total", "contrast")}, refresh=False)
            if self.on_step is not None:
                self.on_step(Step(state.iteration, self.total, state.detector, clips, targets, weight, written))
            stops = stop_asked()
            if stops or state.iteration == end or state.iteration % config.checkpoint_every == 0:
                self._save(log)
            bar.update()
            if stops:
                break
        return row

    def _step(self, iteration: int, clips: Tensor, targets: list[Target]) -> tuple[float, float]:
        """One update of the weights. Gives the learning rate and the contrast weight that it used."""
        config, state = self.config.train, self.state
        self.latest = iteration, clips, targets
        seed_iteration(config.seed, iteration)
        rate = learning_rate(config, iteration, self.total)
        weight = self.weight(iteration / self.total)
        set_learning_rate(state.optimizer, rate)
        losses = compute_losses(self.model, clips, targets, state.compute.precision)
        total = total_loss(losses, weight)
        state.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(state.parameters, config.gradient_clip)
        samples = [str(target["sample_id"]) for target in targets]
        state.recent.add(iteration + 1, losses, total, norm, samples)
        if self.device.type == "cpu":
            state.recent.check()  # To ask a GPU is to wait for it: there, rows and checkpoints ask.
        state.optimizer.step()
        return rate, weight

    def _again(self) -> Tensor:
        """The total loss of the latest step once more. On a GPU the weights may have been updated since."""
        iteration, clips, targets = self.latest
        seed_iteration(self.config.train.seed, iteration)
        losses = compute_losses(self.state.detector, clips, targets, self.state.compute.precision)
        return total_loss(losses, self.weight(iteration / self.total))

    def _settle(self, stream: Generator[Batch, None, None]) -> Iterable[Batch]:
        """Choose threads and precision on the first batch, and give it back. A resumed run keeps its own."""
        if self.folder.checkpoint is not None:
            torch.set_num_threads(self.state.compute.threads)
            return stream
        clips, targets = first = next(stream)

        def try_step(precision: Precision) -> None:
            losses = compute_losses(self.state.detector, clips, targets, precision)
            total_loss(losses, self.weight(0.0)).backward()

        with state_kept(self.state.detector):
            self.state.compute = choose_compute(self.config.train, self.device, try_step)
        return chain([first], stream)

    def _row(self, rate: float, weight: float, targets: list[Target], length: int, note: str | None) -> dict[str, Any]:
        contrast = self.config.detector.contrast
        chance = contrast_chance(contrast.level, length, targets) if contrast.enabled else None
        row = self.state.row(self.total, rate, weight, chance)
        return row if note is None else {**row, "note": note}

    def _snapshot(self, name: str) -> None:
        self.folder.save(name, self.state.model_content(self.config, self.index.class_names))

    def _save(self, log: RunLog) -> None:
        """Write the checkpoint, after its log is on the disk and its losses are known to be finite."""
        self.state.recent.check()
        log.sync()
        content = self.state.content(self.config, self.index.class_names, self.dataset)
        self.folder.save(CHECKPOINT, {**content, **self.folder.about})
