from typing import Any

import pytest
import torch
from training_world import micro_config, write_dataset

from clab_lite.data.vid import VideoIndex, open_dataset
from clab_lite.detector import VideoDetector
from clab_lite.train import for_classes_of
from clab_lite.training.batches import batches

Batch = tuple[torch.Tensor, list[dict[str, Any]]]


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    """Four training videos of eight frames."""
    return open_dataset(write_dataset(tmp_path_factory.mktemp("world")), split="train")


@pytest.fixture
def detector(index: VideoIndex) -> VideoDetector:
    torch.manual_seed(0)
    return VideoDetector(for_classes_of(index, micro_config()).detector)


@pytest.fixture(scope="session")
def batch(index: VideoIndex) -> Batch:
    """Two clips of three frames, and their targets."""
    return next(batches(micro_config(), index, 0, torch.device("cpu")))
