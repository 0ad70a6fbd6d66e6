"""One run of ranked contrast: train on the training videos, judge crops of the held-out ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from clab_lite.data.video_index import VideoIndex
from clab_lite.methods.ranked import RankedConfig, build, known_classes, ranking_of, training_crops
from clab_lite.methods.ranked.backgrounds import background_crops
from clab_lite.methods.ranked.crops import Crops, find_crops
from clab_lite.methods.ranked.loss import Ranks
from clab_lite.methods.ranked.measure import CropScores, class_means, cosines, embed_all, score
from clab_lite.methods.ranked.model import RankedModel, SoftmaxModel
from clab_lite.methods.ranked.source import prepare
from clab_lite.pretraining.loop import pretrain
from clab_lite.pretraining.settings import LoopConfig
from clab_lite.study.ranked.record import TrialRecord, rounded, thinned
from clab_lite.training.calibrate import Precision
from clab_lite.training.dataset import describe

LADDER_RANKS = 3
"""Every model is measured on the three-rank ladder of its ranking, also one that was trained without ranks."""

Model = RankedModel | SoftmaxModel


@dataclass(frozen=True)
class Trial:
    """What differs between the runs of a sweep."""

    objective: str
    variant: str
    ranks: int
    seed: int

    def config(self, base: RankedConfig) -> RankedConfig:
        """The configuration of this run."""
        return replace(
            base,
            objective=self.objective,  # type: ignore[arg-type]
            variant=self.variant,  # type: ignore[arg-type]
            ranks=self.ranks,
            pretrain=replace(base.pretrain, seed=self.seed),
        )

    def made(self, record: TrialRecord) -> bool:
        """Whether a record is of this run."""
        return self == Trial(record.objective, record.variant, record.ranks, record.seed)


def planned(seeds: int) -> list[Trial]:
    """The sweep: r in {1, 3, 5} x {in, out-in}, and SoftMax, for each seed; what the lesson compares comes first."""
    settings = [("ranked", "in", 1), ("ranked", "in", 3), ("softmax", "in", 1)]
    settings += [("ranked", "out-in", 3), ("ranked", "out-in", 1), ("ranked", "in", 5), ("ranked", "out-in", 5)]
    return [Trial(*setting, seed) for setting in settings for seed in range(seeds)]


def run_trial(
    config: RankedConfig,
    learn: VideoIndex,
    judge: VideoIndex,
    precision: Precision = "float32",
    device: str | torch.device = "cpu",
) -> TrialRecord:
    """Train a configuration with the shipped loop and judge it (in float32). The caller's number of threads stays."""
    threads = torch.get_num_threads()
    try:
        with TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
            result = pretrain(
                "ranked", config, lambda: build(config, learn), describe(learn), Path(folder) / "run",
                loop=LoopConfig(1, precision, checkpoint_every=config.pretrain.steps), device=device, progress=False,
            )  # fmt: skip
        assert isinstance(result.method, RankedModel | SoftmaxModel)
        return replace(judge_model(result.method, config, learn, judge, result.seconds), precision=precision)
    finally:
        torch.set_num_threads(threads)


def judge_model(
    model: Model, config: RankedConfig, learn: VideoIndex, judge: VideoIndex, seconds: float = 0.0, every: int = 1
) -> TrialRecord:
    """All numbers of a trained model.

    Args:
        model: trained on `learn`.
        config: of its training.
        learn: the class means are of these crops, not augmented.
        judge: held-out videos: known and withheld classes, and as many backgrounds as there are known crops at most.
        seconds: of the training, for the record.
        every: one frame in so many of each held-out video.
    """
    names, withheld = known_classes(config, learn), config.withheld or ()
    train = training_crops(replace(config, crop_source="gt"), learn)
    known = find_crops(judge, names, config.crop, every=every)
    near = [find_crops(judge, (name,), config.crop, every=every) for name in withheld]
    far = background_crops(judge, config.crop, len(known))
    means = class_means(_embed(model, train), torch.from_numpy(train.labels), len(names))
    known_embeddings, labels = _embed(model, known), torch.from_numpy(known.labels)
    near_embeddings = [_embed(model, crops) for crops in near]
    table = Ranks.of_similarity(ranking_of(config, learn).similarity(LADDER_RANKS), LADDER_RANKS, 0.1, 0.6)
    joined = torch.cat([known_embeddings[:0], *near_embeddings])
    scores = score(means, known_embeddings, labels, joined, _embed(model, far), table)
    counts = {"train": len(train), "known": len(known), "near": len(joined), "far": len(far)}
    per_class = [cosines(known_embeddings[labels == c], means).mean(dim=0) for c in range(len(names))]
    per_withheld = [cosines(embeddings, means).mean(dim=0) for embeddings in near_embeddings]
    return _record(
        config, scores, names, counts, seconds,
        cosines=rounded(torch.stack(per_class).numpy()),
        class_counts=tuple(int((labels == c).sum()) for c in range(len(names))),
        withheld_cosines=rounded(torch.stack(per_withheld).numpy()) if per_withheld else (),
        output_accuracy=_output_accuracy(known_embeddings, labels) if isinstance(model, SoftmaxModel) else None,
    )  # fmt: skip


def _embed(model: Model, crops: Crops) -> Tensor:
    """Embeddings (N, D) of all crops, a part at a time."""
    parts = [prepare(crops.pixels(rows)) for rows in np.array_split(np.arange(len(crops)), len(crops) // 512 + 1)]
    return torch.cat([embed_all(model, part) for part in parts])


def _output_accuracy(outputs: Tensor, labels: Tensor) -> float:
    return float((outputs.argmax(dim=1) == labels).double().mean())


def _record(
    config: RankedConfig,
    scores: CropScores,
    names: Sequence[str],
    counts: dict[str, int],
    seconds: float,
    **more: object,
) -> TrialRecord:
    return TrialRecord(
        objective=config.objective,
        variant=config.variant,
        ranks=config.ranks,
        ranking=config.ranking,
        semantics=config.semantics,
        seed=config.pretrain.seed,
        steps=config.pretrain.steps,
        class_names=tuple(names),
        withheld=config.withheld or (),
        counts=counts,
        accuracy=round(scores.accuracy, 4),
        near_auroc=round(scores.near_auroc, 4),
        far_auroc=round(scores.far_auroc, 4),
        near_cosine_auroc=round(scores.near_cosine_auroc, 4),
        far_cosine_auroc=round(scores.far_cosine_auroc, 4),
        ladder=tuple(round(float(step), 4) for step in scores.ladder),
        near_curve=thinned(scores.near_curve),
        far_curve=thinned(scores.far_curve),
        seconds=round(seconds, 1),
        **more,  # type: ignore[arg-type]
    )


def make_missing(
    trials: Sequence[Trial],
    found: Sequence[TrialRecord],
    base: RankedConfig,
    learn: VideoIndex,
    judge: VideoIndex,
    precision: Precision = "float32",
    device: str | torch.device = "cpu",
    say: Callable[[str], None] = print,
) -> Iterator[TrialRecord]:
    """Run the trials that no record is of, one after the other."""
    for trial in trials:
        if any(trial.made(record) for record in found):
            continue
        record = run_trial(trial.config(base), learn, judge, precision, device)
        ladder = ", ".join(f"{step:.2f}" for step in record.ladder)
        measured = f"accuracy {record.accuracy:.3f}, ladder {ladder}"
        say(f"{record.method}, seed {record.seed}: {measured}, {record.seconds:.0f} s")
        yield record
