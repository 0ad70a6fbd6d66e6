"""What a pre-training loop needs to know about a method and about its data; the three methods are written to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from torch import Tensor, nn

from clab_lite.methods.shared.part import Part


class Method(Protocol):
    """A contrastive method, an `nn.Module`. One step of training is:

        terms = method(source.batch(step))
        terms["total"].backward()
        method.update()
        optimizer.step()

    `total` is the weighted sum that is minimised; the other terms are unweighted, for logs and plots.
    """

    def forward(self, batch: Any) -> dict[str, Tensor]:
        """Named scalar terms, and "total". With nothing to contrast a term is 0, connected to the graph.

        Several processes: their mean is what one process with the joined batch computes, and so is the gradient.
        """

    def __call__(self, batch: Any) -> dict[str, Tensor]:
        """As `forward`, the way modules are called."""

    def update(self) -> None:
        """After backward, before the optimizer's step: move queues and banks on (and, for ranked, the key network)."""

    def trainable(self) -> Iterator[nn.Parameter]:
        """The parameters to give to the optimizer; those of key networks are not among them."""

    def backbone_state(self) -> dict[str, Tensor]:
        """The trained backbone, with the names and shapes of `VideoDetector.backbone`."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that training needs to go on: weights, key network, queues."""


class Source(Protocol):
    """Where batches come from."""

    def batch(self, step: int, part: Part = ...) -> Any:
        """A part of the batch of a step (0-based), the whole unless asked otherwise: a pure function of (seed, step,
        part), so that a run can go on anywhere."""
