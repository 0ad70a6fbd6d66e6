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
