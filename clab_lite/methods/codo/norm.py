"""BatchNorm statistics of another kind of picture.

Those of CoDo-style pre-training come from composites, where everything is an instance on a foreign background. Before
a detector freezes them it should see its own clean frames once (specification, quirk 7). Ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from clab_lite.config import FrameConfig
from clab_lite.data.transforms import PAD_MULTIPLE, pad_to_multiple, prepare_frame
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError


@torch.no_grad()
def reestimate_norm(network: nn.Module, batches: Iterable[Any]) -> int:
    """Replace the running statistics of every BatchNorm by their mean over batches. Gives the number of batches.

    As `torch.optim.swa_utils.update_bn`, which a backbone with `frozen_norm` would not listen to: here only the
    BatchNorm layers compute in training mode. All modes are as before afterwards; weights do not change.

    Args:
        network: called with each batch; a tuple is its arguments.
        batches: of any size; each counts alike.

    Raises:
        DataError: there is no batch (the statistics stay).
    """
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    before = [(layer.training, layer.momentum) for layer in layers]
    count = 0
    try:
        for batch in batches:
            if count == 0:
                for layer in layers:
                    layer.reset_running_stats()
                    layer.momentum = None  # the mean of all batches, not a moving average
                    layer.training = True
            network(*batch) if isinstance(batch, tuple) else network(batch)
            count += 1
    finally:
        for layer, (training, momentum) in zip(layers, before, strict=True):
            layer.training, layer.momentum = training, momentum
    if count == 0:
        raise DataError("no frame to estimate BatchNorm from. Give at least one batch.")
    return count


def clean_frames(index: VideoIndex, size: FrameConfig, count: int, batch: int = 8) -> Iterator[Tensor]:
    """`count` frames spread evenly over an index, as a detector sees them: (N, 3, H, W), N at most `batch`.

    Frames of another size than the one before start a new batch. Padding is part of what the detector sees.
    """
    places = [(v, f) for v, video in enumerate(index.videos) for f in range(video.frame_count)]
    waiting: list[Tensor] = []
    for number in range(min(count, len(places))):
        video, frame = places[number * len(places) // min(count, len(places))]
        image = pad_to_multiple(prepare_frame(index.load_image(video, frame), size)[0], PAD_MULTIPLE)
        if waiting and (len(waiting) == batch or waiting[0].shape != image.shape):
            yield torch.stack(waiting)
            waiting = []
        waiting.append(image)
    if waiting:
        yield torch.stack(waiting)
