"""Batches of clips whose order is a pure function of the iteration, so that resuming is exact."""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from clab_lite.config import Config
from clab_lite.data.clips import ClipDataset, ClipSample, ClipSampler, collate_clips
from clab_lite.data.vid import VideoIndex
from clab_lite.distributed import rank, world_size
from clab_lite.errors import DataError
from clab_lite.training.interrupt import ignore_interrupts

Target = dict[str, Any]
Batch = tuple[Tensor, list[Target]]
"""clips (B, 1 + T, 3, H, W) and their B targets."""
_Item = TypeVar("_Item")


def batches(
    config: Config, index: VideoIndex, start_iteration: int, device: torch.device
) -> Generator[Batch, None, None]:
    """Batches of this rank, from `start_iteration` on, without end.

    Yields:
        clips (B, 1 + T, 3, H, W) float32 on the device, each frame channels-last in memory; B targets on
        the device.

    Raises:
        DataError: a frame of the batch cannot be used.
    """
    sampler = ClipSampler(
        len(index.key_frames),
        config.train.clips_per_rank,
        seed=config.train.seed,
        rank=rank(),
        world_size=world_size(),
        start_iteration=start_iteration,
    )
    loader = DataLoader(
        ErrorsReturned(ClipDataset(index, config.data, config.detector.frame, config.train.seed)),
        batch_sampler=sampler,
        collate_fn=_collate,
        worker_init_fn=ignore_interrupts,
        num_workers=config.data.workers,
        pin_memory=device.type == "cuda",
        # An own generator: the loader draws a worker seed, and must not take it from the training's random
        # state.
        generator=torch.Generator().manual_seed(config.train.seed),
    )
    for loaded in loader:
        if isinstance(loaded, DataError):
            raise loaded
        clips, targets = loaded
        frames = _moved(clips.flatten(0, 1), device).contiguous(memory_format=torch.channels_last)
        yield frames.unflatten(0, clips.shape[:2]), [on_device(target, device) for target in targets]


class ErrorsReturned(Dataset[_Item | DataError]):
    """A DataError is returned: raised in a worker process, it would arrive with a traceback for its message."""

    def __init__(self, items: Dataset[_Item]) -> None:
        self.items = items

    def __getitem__(self, item: Any) -> _Item | DataError:
        try:
            return self.items[item]
        except DataError as error:
            return error


def _collate(samples: Sequence[ClipSample | DataError]) -> Batch | DataError:
    """`collate_clips`, or the first error."""
    clips = []
    for sample in samples:
        if isinstance(sample, DataError):
            return sample
        clips.append(sample)
    return collate_clips(clips)


def on_device(value: Any, device: torch.device) -> Any:
    """Tensors, and what moves itself by `to`, inside dicts and lists, on the device; everything else unchanged."""
    if isinstance(value, Tensor):
        return _moved(value, device)
    if callable(getattr(value, "to", None)):
        return value.to(device)
    if isinstance(value, dict):
        return {key: on_device(item, device) for key, item in value.items()}
    return [on_device(item, device) for item in value] if isinstance(value, list) else value


def _moved(value: Tensor, device: torch.device) -> Tensor:
    """On the device. Only CUDA keeps what it still copies: MPS may read memory that has been given to others."""
    return value.to(device, non_blocking=device.type == "cuda")


def seed_iteration(seed: int, iteration: int) -> None:
    """Start torch's random state of one iteration of this rank.

    Anchor and RoI sampling draw from it. Seeding per iteration makes every step a pure function of the
    weights, the batch and the iteration: there is no random state to save, on any rank, on any device.
    """
    torch.manual_seed(random.Random(f"clab-lite {seed} {iteration} {rank()}").getrandbits(63))
