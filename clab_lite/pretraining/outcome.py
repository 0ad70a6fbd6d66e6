"""What a pre-training asks of a method's configuration, shows after each step, and leaves in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from clab_lite.config import BackboneConfig
from clab_lite.methods.shared.method import Method
from clab_lite.methods.shared.recipe import PretrainConfig
from clab_lite.training.run_folder import BACKBONE


class MethodSettings(Protocol):
    """What the configurations of the three methods have in common; each is a frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def pretrain(self) -> PretrainConfig: ...
    @property
    def backbone(self) -> BackboneConfig: ...


@dataclass(frozen=True)
class PretrainStep:
    """What `pretrain` shows to whoever watches, after each step. Looking may not change the weights."""

    iteration: int
    """Steps done."""
    total: int
    """Steps of the whole run."""
    method: Method
    """In training mode, after the step."""
    batch: Any
    terms: dict[str, float]
    """Of this step, with "total"; of several processes, the share of this one."""


@dataclass(frozen=True)
class PretrainResult:
    """What a pre-training leaves in memory; its backbone is in `run_folder`."""

    method: Method
    run_folder: Path
    iterations: int
    seconds: float
    last_row: dict[str, Any] | None

    @property
    def backbone_file(self) -> Path:
        return self.run_folder / BACKBONE
