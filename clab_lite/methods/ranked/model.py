"""The two networks: ranked contrast with a key network and a labelled bank, and the SoftMax baseline."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clab_lite.distributed import gather_uneven, join_rows
from clab_lite.methods.ranked.config import RankedConfig
from clab_lite.methods.ranked.loss import RankedTerms, Ranks, ranked_loss
from clab_lite.methods.ranked.ranking import Ranking
from clab_lite.methods.ranked.released import released_loss
from clab_lite.methods.ranked.source import RankedBatch
from clab_lite.methods.shared.momentum import MomentumEncoder
from clab_lite.methods.shared.projector import projector
from clab_lite.methods.shared.queue import LabelledBank
from clab_lite.methods.shared.stages import Stages


class CropEncoder(nn.Module):
    """Crops (n, 3, S, S) -> C5 -> global average -> head: (n, D), not normalised."""

    def __init__(self, config: RankedConfig) -> None:
        super().__init__()
        self.stages = Stages(config.backbone, config.stem)
        width = self.stages.channels[-1]
        self.head = projector(width, config.hidden or width, config.dim)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a quarter faster on a CPU

    def forward(self, crops: Tensor) -> Tensor:
        return self.head(self.stages(crops)[-1].mean(dim=(2, 3)))


class RankedModel(nn.Module):
    """Ranked contrast (specification, section 2). A step: loss against the old bank, `update`, optimizer."""

    def __init__(self, config: RankedConfig, ranking: Ranking) -> None:
        super().__init__()
        self.config = config
        self.ranking = ranking
        similarity = ranking.similarity(config.ranks)
        temperatures = (config.lowest_temperature, config.highest_temperature)
        self.ranks = Ranks.of_similarity(similarity, config.ranks, *temperatures)
        self.query = CropEncoder(config)
        self.key = MomentumEncoder(self.query, config.ema)
        self.bank = LabelledBank(config.bank, config.dim)
        self._new: tuple[Tensor, Tensor] | None = None

    def forward(self, batch: RankedBatch) -> dict[str, Tensor]:
        """Terms rank_1 ... rank_r, unweighted, and their mean (or sum) as total; over the crops of all processes."""
        keys, labels = gather_uneven(self.key(batch.key)), gather_uneven(batch.labels)
        terms = self._loss(join_rows(self.query(batch.query).float()), keys.float(), labels)
        self._new = (keys, labels)
        named = {f"rank_{number + 1}": value for number, value in enumerate(terms.per_rank)}
        return {**named, "total": terms.total}

    def _loss(self, anchors: Tensor, keys: Tensor, labels: Tensor) -> RankedTerms:
        config, bank = self.config, self.bank
        inputs = (anchors, keys, bank.vectors, labels, bank.labels)
        if config.semantics == "released":
            lowest, highest = config.lowest_temperature, config.highest_temperature
            return released_loss(*inputs, self.ranking, config.ranks, config.variant, lowest, highest)
        return ranked_loss(*inputs, self.ranks, config.variant, config.rank_reduction)

    def update(self) -> None:
        """Move the key network towards the query network, then put the batch's keys in front of the bank.

        Called before the optimizer's step, so the key network is one step behind, as in the released code.
        """
        self.key.update(self.query)
        if self._new is not None:
            self.bank.push(*self._new)
            self._new = None

    def embed(self, crops: Tensor) -> Tensor:
        """Prepared crops (n, 3, S, S) -> unit vectors (n, D) of the query network."""
        return F.normalize(self.query(crops), dim=1)

    def trainable(self) -> Iterator[nn.Parameter]:
        """The query network's parameters."""
        return (parameter for parameter in self.query.parameters() if parameter.requires_grad)

    def backbone_state(self) -> dict[str, Tensor]:
        """Weights under the names of `VideoDetector.backbone`, without a small stem's first convolution."""
        return self.query.stages.detector_state()


class SoftmaxModel(nn.Module):
    """The baseline: the same backbone with one output per class, trained by cross-entropy on one view (ours).

    The released baseline also has another stem and 1000 outputs, so that it compares two things at once.
    """

    def __init__(self, config: RankedConfig, classes: int) -> None:
        super().__init__()
        self.config = config
        self.stages = Stages(config.backbone, config.stem)
        self.head = nn.Linear(self.stages.channels[-1], classes)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def logits(self, crops: Tensor) -> Tensor:
        """Crops (n, 3, S, S) -> (n, classes)."""
        return self.head(self.stages(crops)[-1].mean(dim=(2, 3)))

    def forward(self, batch: RankedBatch) -> dict[str, Tensor]:
        """cross_entropy, which is also the total; over the crops of all processes."""
        value = F.cross_entropy(join_rows(self.logits(batch.query).float()), gather_uneven(batch.labels))
        return {"cross_entropy": value, "total": value}

    def update(self) -> None:
        """Nothing to move."""

    def embed(self, crops: Tensor) -> Tensor:
        """The normalised outputs (n, classes): what the report takes class means of."""
        return F.normalize(self.logits(crops), dim=1)

    def trainable(self) -> Iterator[nn.Parameter]:
        """All parameters."""
        return (parameter for parameter in self.parameters() if parameter.requires_grad)

    def backbone_state(self) -> dict[str, Tensor]:
        """As for `RankedModel`."""
        return self.stages.detector_state()
