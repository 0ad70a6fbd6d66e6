"""IoU matching and the samplers of anchors and RoIs. The only randomness is `choose_random`."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from clab_lite.config import SamplerConfig
from clab_lite.detector.boxes import box_iou

NEGATIVE = -1
BETWEEN = -2


def choose_random(candidates: Tensor, count: int) -> Tensor:
    """Choose `count` of the (N,) candidate indices at random, without repetition (all of them when N <= count).

    Drawn on the CPU, so that a seed gives the same choice on every device. Goldens replace this function by
    "the first `count`".
    """
    order = torch.randperm(len(candidates))[:count]
    return candidates[order.to(candidates.device)]


@dataclass(frozen=True)
class Samples:
    """Sampled candidates of one image: indices (P,) and (N,), and the ground truth of each positive (P,)."""

    positive: Tensor
    negative: Tensor
    matched: Tensor


def match(candidates: Tensor, ground_truth: Tensor, config: SamplerConfig) -> Tensor:
    """Assign each of R candidate boxes a ground truth -> (R,) index, or NEGATIVE, or BETWEEN (neither).

    A candidate takes its best ground truth from `positive_iou` on. Then every ground truth also claims the
    candidates that share its own highest overlap, if that is at least `min_positive_iou`; later ground truths win.
    Without ground truth everything is negative. Checked by golden `rpn_labels` and `roi_pos_assigned_gt`.
    """
    matched = torch.full((len(candidates),), BETWEEN, dtype=torch.long, device=candidates.device)
    if len(ground_truth) == 0 or len(candidates) == 0:
        return matched.fill_(NEGATIVE)
    overlap = box_iou(ground_truth, candidates)
    best, best_ground_truth = overlap.max(dim=0)
    matched[best < config.negative_iou] = NEGATIVE
    positive = best >= config.positive_iou
    matched[positive] = best_ground_truth[positive]
    highest = overlap.max(dim=1).values
    claims = (overlap == highest[:, None]) & (highest >= config.min_positive_iou)[:, None]
    order = torch.arange(1, len(ground_truth) + 1, device=candidates.device)
    last_claim = (claims * order[:, None]).max(dim=0).values - 1
    return torch.where(last_claim >= 0, last_claim, matched)


def sample(matched: Tensor, config: SamplerConfig) -> Samples:
    """Draw at most `count` candidates, at most `positive_fraction` of them positive; indices come back ascending."""
    positive = torch.nonzero(matched >= 0).flatten()
    negative = torch.nonzero(matched == NEGATIVE).flatten()
    most_positive = int(config.count * config.positive_fraction)
    if len(positive) > most_positive:
        positive = choose_random(positive, most_positive).sort().values
    if len(negative) > config.count - len(positive):
        negative = choose_random(negative, config.count - len(positive)).sort().values
    return Samples(positive, negative, matched[positive])
