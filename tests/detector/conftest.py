import pytest
import torch
from golden_model import official_detector

from clab_lite.detector import VideoDetector


@pytest.fixture(scope="session")
def detector() -> VideoDetector:
    """The ResNet-50 detector with the golden weights, in eval mode. Tests that change it make their own."""
    return official_detector("r50")


@pytest.fixture
def first_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The goldens replaced random choice by "the first `count`"."""
    from clab_lite.detector import sampling

    def first(candidates: torch.Tensor, count: int) -> torch.Tensor:
        return candidates[:count]

    monkeypatch.setattr(sampling, "choose_random", first)
