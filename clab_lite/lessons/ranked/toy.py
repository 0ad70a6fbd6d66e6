"""Eight toy classes, 4 hues x 2 shapes: withheld ones share hue and shape with known ones. Trains in seconds."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from clab_lite.config import BackboneConfig
from clab_lite.methods.ranked import RankedConfig
from clab_lite.methods.ranked.loss import Ranks
from clab_lite.methods.ranked.measure import CropScores, class_means, cosines, embed_all, known_score, score
from clab_lite.methods.ranked.model import RankedModel
from clab_lite.methods.ranked.ranking import Ranking
from clab_lite.methods.ranked.source import RankedBatch, prepare
from clab_lite.methods.shared.recipe import PretrainConfig, learning_rate
from clab_lite.show.style import BLUE, GREY, INK, VERMILLION, heading, new_figure, quiet

HUES = {"red": 0.0, "green": 0.33, "blue": 0.6, "pink": 0.85}
SHAPES = ("disc", "square")
CLASSES = tuple(f"{hue} {shape}" for hue in HUES for shape in SHAPES)
WITHHELD = ("green disc", "pink square")
KNOWN = tuple(name for name in CLASSES if name not in WITHHELD)
SIDE = 24
_BATCH = 48


def draw(names: list[str], draws: np.random.Generator) -> Tensor:
    """A picture (n, 3, 24, 24) uint8 of each named class: size, place, tone and background are drawn at random."""
    y, x = np.mgrid[:SIDE, :SIDE]
    pictures = []
    for name in names:
        hue, shape = name.split()
        grey = draws.uniform(60, 190)
        picture = grey + draws.normal(0, 12, (SIDE, SIDE, 3))
        radius, cx, cy = draws.uniform(6, 9), *draws.uniform(10, 14, 2)
        far = np.hypot(x - cx, y - cy) if shape == "disc" else np.maximum(abs(x - cx), abs(y - cy)) * 1.1
        tone = (HUES[hue] + draws.normal(0, 0.015)) % 1, draws.uniform(0.7, 1), draws.uniform(0.6, 1)
        colour = 255 * np.array(colorsys.hsv_to_rgb(*tone))
        picture[far <= radius] = colour + draws.normal(0, 10, 3)
        pictures.append(picture.clip(0, 255).astype(np.uint8))
    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2)


def toy_similarity() -> Tensor:
    """(6, 6) of the known classes: 2/3 for the same hue, 1/3 for the same shape in a neighbouring hue."""
    hues = list(HUES)
    table = torch.eye(len(KNOWN), dtype=torch.float64)
    for row, first in enumerate(KNOWN):
        for column, second in enumerate(KNOWN):
            (hue, shape), (other, form) = first.split(), second.split()
            apart = abs(hues.index(hue) - hues.index(other))
            if hue == other and shape != form:
                table[row, column] = 2 / 3
            elif shape == form and min(apart, len(hues) - apart) == 1:
                table[row, column] = 1 / 3
    return table


@dataclass(frozen=True)
class ToyRun:
    """One trained toy model."""

    ranks: int
    seed: int
    scores: CropScores
    known: NDArray[np.float64]
    withheld: NDArray[np.float64]
    """(N,) scores of test pictures: the largest softmax probability of the cosines to the class means."""
    cosine_auroc: float
    """With the largest cosine itself as the score."""
    nearest: dict[str, str]
    """Withheld class -> the known class whose mean its pictures come closest to, on average."""


@cache
def train_toy(ranks: int, seed: int = 0, steps: int = 200) -> ToyRun:
    """Train on the six known classes, judge on new pictures of all eight. One thread; torch's random state stays."""
    config = RankedConfig(
        ranking="none", ranks=ranks, crop=SIDE, dim=32, bank=256, withheld=WITHHELD,
        backbone=BackboneConfig("resnet18", 8, imagenet_weights=False, frozen_stages=0, frozen_norm=False),
        pretrain=PretrainConfig(steps, _BATCH, "adamw", 2e-3),
    )  # fmt: skip
    draws = np.random.default_rng(seed)
    table = toy_similarity()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = RankedModel(config, Ranking(KNOWN))
        model.ranks = Ranks.of_similarity(table, ranks, config.lowest_temperature, config.highest_temperature)
        optimizer = torch.optim.AdamW(model.trainable(), weight_decay=1e-4)
        for step in range(steps):
            labels = draws.integers(len(KNOWN), size=_BATCH)
            names = [KNOWN[label] for label in labels]
            batch = RankedBatch(prepare(draw(names, draws)), prepare(draw(names, draws)), torch.from_numpy(labels))
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(config.pretrain, step)
            optimizer.zero_grad()
            model(batch)["total"].backward()
            model.update()
            optimizer.step()
    return _judge(model, table, ranks, seed)


def _judge(model: RankedModel, table: Tensor, ranks: int, seed: int) -> ToyRun:
    draws = np.random.default_rng(seed + 1000)
    labels = np.arange(40 * len(KNOWN)) % len(KNOWN)
    truth = torch.from_numpy(labels)
    train, test = (embed_all(model, prepare(draw([KNOWN[label] for label in labels], draws))) for _ in range(2))
    unknown = embed_all(model, prepare(draw(list(WITHHELD) * 80, draws)))
    means = class_means(train, truth, len(KNOWN))
    measured = score(means, test, truth, unknown, unknown[:0], Ranks.of_similarity(table, 3, 0.1, 0.6))
    similar = [cosines(group, means) for group in (test, unknown)]
    known, withheld = (known_score(found).double().numpy() for found in similar)
    places = {
        name: int(similar[1][number :: len(WITHHELD)].mean(dim=0).argmax()) for number, name in enumerate(WITHHELD)
    }
    nearest = {name: KNOWN[place] for name, place in places.items()}
    return ToyRun(ranks, seed, measured, known, withheld, measured.near_cosine_auroc, nearest)


def draw_toys(seed: int = 0) -> Figure:
    """Some pictures of each class; names of the withheld ones in red."""
    draws = np.random.default_rng(seed)
    figure, panels = new_figure(9.5, 1.9, 2, 4)
    for axes, name in zip(panels, [f"{hue} {shape}" for shape in SHAPES for hue in HUES], strict=True):
        strip = np.concatenate(list(draw([name] * 5, draws).permute(0, 2, 3, 1).numpy()), axis=1)
        axes.imshow(strip)
        axes.axis("off")
        withheld = name in WITHHELD
        axes.set_title(f"{name}{' (withheld)' if withheld else ''}", fontsize=9,
                       color=VERMILLION if withheld else INK)  # fmt: skip
    return figure


def draw_toy_scores(runs: list[ToyRun]) -> Figure:
    """Scores of known and of withheld pictures, a panel per model."""
    figure, panels = new_figure(9.5, 3.1, 1, len(runs), sharex=True)
    low, high = (
        function([function(np.concatenate([run.known, run.withheld])) for run in runs]) for function in (min, max)
    )
    bins = np.linspace(low, high, 31).tolist()
    for axes, run in zip(panels, runs, strict=True):
        heading(axes, finding_toy(run))
        for values, colour, label in ((run.known, BLUE, "known"), (run.withheld, VERMILLION, "withheld")):
            axes.hist(
                values, bins, color=colour, alpha=0.55, label=label, weights=np.full(len(values), 1 / len(values))
            )
        axes.set_xlabel("score: largest softmax probability", color=GREY, fontsize=9)
        quiet(axes)
    panels[0].set_ylabel("share of pictures", color=GREY, fontsize=9)
    panels[0].legend(fontsize=9, frameon=False, loc="upper left")
    return figure


def finding_toy(run: ToyRun) -> str:
    """The title: how the withheld classes fare."""
    area = run.scores.near_auroc
    verdict = "below chance" if area < 0.45 else "above chance" if area > 0.55 else "at chance"
    return f"r = {run.ranks}: AUROC {area:.2f}, {verdict}"
