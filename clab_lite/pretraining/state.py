"""What changes during a pre-training, as one value that a checkpoint can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from clab_lite.errors import DataError
from clab_lite.methods.shared.method import Method
from clab_lite.methods.shared.recipe import PretrainConfig
from clab_lite.training.calibrate import Compute
from clab_lite.training.losses import RecentLosses
from clab_lite.training.optimizer import build_optimizer

_REMEDY = "Lower pretrain.learning_rate; the last checkpoint is from before."


@dataclass
class PretrainState:
    """The method (with its key network and queues), the optimiser, the position, and how steps are computed.

    There is no random state: `clab_lite.training.batches.seed_iteration` makes it a function of the step.
    """

    method: Method
    parameters: list[nn.Parameter]
    """Those that are trained."""
    optimizer: torch.optim.Optimizer
    iteration: int = 0
    """Steps done."""
    seconds: float = 0.0
    """Of pre-training, over all sittings: preparing batches counts, writing the files of the run too."""
    compute: Compute = Compute(1, "float32")
    recent: RecentLosses | None = None
    """None before the first step, which tells the names of the terms."""

    @classmethod
    def begin(
        cls, method: Method, config: PretrainConfig, device: torch.device, saved: Mapping[str, Any] | None
    ) -> PretrainState:
        """The state before the first step, or the one that `content` saved.

        Raises:
            DataError: what was saved does not fit this method and its optimiser.
        """
        module = cast(nn.Module, method).train().to(device)
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a quarter faster on a CPU
        parameters = [parameter for parameter in method.trainable() if parameter.requires_grad]
        state = cls(method, parameters, build_optimizer(parameters, config))
        if saved is not None:
            try:
                state._restore(saved, device)
            except (KeyError, TypeError, ValueError, RuntimeError) as error:
                reason = " ".join(str(error).split())[:200]
                raise DataError(
                    f"the checkpoint of step {saved['iteration']} does not fit the method to pre-train ({reason}). "
                    "Use another copy, or start a new run."
                ) from error
        return state

    def _restore(self, saved: Mapping[str, Any], device: torch.device) -> None:
        cast(nn.Module, self.method).load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.iteration, self.seconds = saved["iteration"], saved["seconds"]
        self.compute = Compute(**saved["compute"])
        self.recent = RecentLosses(saved["recent"].to(device), saved["terms"], _REMEDY)

    def remember(self, terms: Mapping[str, Tensor], gradient_norm: Tensor) -> RecentLosses:
        """Add the terms of the step to come after `iteration`, "total" among them."""
        if self.recent is None:
            self.recent = RecentLosses(None, [name for name in terms if name != "total"], _REMEDY)
        self.recent.add(self.iteration + 1, dict(terms), terms["total"], gradient_norm)
        return self.recent

    def row(self, total: int, rate: float) -> dict[str, Any]:
        """A row of the log (fields: see `clab_lite.pretraining.loop`); the recent terms start anew."""
        assert self.recent is not None, "no step was done"
        self.recent.check()
        losses, norm = self.recent.mean()
        return {
            "iteration": self.iteration,
            "progress": self.iteration / total,
            "learning_rate": rate,
            "losses": losses,
            "gradient_norm": norm,
            "seconds": round(self.seconds, 3),
        }

    def content(self, config: dict[str, Any], dataset: dict[str, Any]) -> dict[str, Any]:
        """What a checkpoint holds: all that is needed to continue."""
        assert self.recent is not None, "no step was done"
        return {
            "model": self.method.state_dict(),
            "iteration": self.iteration,
            "config": config,
            "optimizer": self.optimizer.state_dict(),
            "seconds": self.seconds,
            "compute": asdict(self.compute),
            "terms": list(self.recent.terms),
            "recent": self.recent.state(),
            "dataset": dataset,
        }
