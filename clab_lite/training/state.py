"""What changes during training, as one value that a checkpoint can hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import nn

from clab_lite.config import Config
from clab_lite.errors import DataError
from clab_lite.training.calibrate import Compute
from clab_lite.training.losses import RecentLosses
from clab_lite.training.optimizer import build_optimizer
from clab_lite.training.saved_config import config_to_dict


@dataclass
class TrainState:
    """Weights, optimiser, position, and how steps are computed.

    There is no random state: `batches.seed_iteration` makes it a function of the iteration.
    """

    detector: nn.Module
    parameters: list[nn.Parameter]
    """Those that are trained."""
    optimizer: torch.optim.Optimizer
    iteration: int = 0
    """Steps done."""
    seconds: float = 0.0
    """Of training, over all sittings."""
    compute: Compute = Compute(1, "float32")
    recent: RecentLosses = field(default_factory=RecentLosses)

    @classmethod
    def begin(
        cls, detector: nn.Module, config: Config, device: torch.device, saved: dict[str, Any] | None
    ) -> TrainState:
        """The state before the first step, or the one that `content` saved.

        Raises:
            DataError: what was saved does not fit this detector and its optimiser.
        """
        detector.train().to(device)
        detector.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        parameters = [parameter for parameter in detector.parameters() if parameter.requires_grad]
        state = cls(detector, parameters, build_optimizer(parameters, config.train))
        if saved is not None:
            try:
                state._restore(saved, device)
            except (KeyError, TypeError, ValueError, RuntimeError) as error:
                reason = " ".join(str(error).split())[:200]
                raise DataError(
                    f"the checkpoint of step {saved['iteration']} does not fit the detector to train ({reason}). "
                    "Use another copy, or start a new run."
                ) from error
        return state

    def _restore(self, saved: dict[str, Any], device: torch.device) -> None:
        self.detector.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.iteration, self.seconds = saved["iteration"], saved["seconds"]
        self.compute = Compute(**saved["compute"])
        self.recent = RecentLosses(saved["recent"].to(device))

    def row(self, total: int, rate: float, weight: float, chance: float | None) -> dict[str, Any]:
        """A row of the log (fields: see `clab_lite.train`); the recent losses start anew."""
        self.recent.check()
        losses, norm = self.recent.mean()
        return {
            "iteration": self.iteration,
            "progress": self.iteration / total,
            "learning_rate": rate,
            "contrast_weight": weight,
            "losses": losses,
            "contrast_chance": chance,
            "gradient_norm": norm,
            "seconds": round(self.seconds, 3),
        }

    def model_content(self, config: Config, class_names: Sequence[str]) -> dict[str, Any]:
        """What a snapshot holds: enough to build the detector again (`clab_lite.trained`)."""
        return {
            "model": self.detector.state_dict(),
            "iteration": self.iteration,
            "config": config_to_dict(config),
            "class_names": list(class_names),
        }

    def content(self, config: Config, class_names: Sequence[str], dataset: dict[str, Any]) -> dict[str, Any]:
        """What a checkpoint holds: a snapshot, and all that is needed to continue."""
        return {
            **self.model_content(config, class_names),
            "optimizer": self.optimizer.state_dict(),
            "seconds": self.seconds,
            "compute": asdict(self.compute),
            "recent": self.recent.state(),
            "dataset": dataset,
        }
