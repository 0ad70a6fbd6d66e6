"""Lesson 05: rows, path, ledger, steps, forces and the proof, on a batch of the training world."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from pytorch_metric_learning.losses import NTXentLoss

from clab_lite.config import Config
from clab_lite.data.vid import VideoIndex, open_dataset
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.lessons import branch
from clab_lite.lessons.branch.batch import Batch
from clab_lite.lessons.branch.ledger import Ledger
from clab_lite.lessons.branch.path import branch_of, c4_of
from clab_lite.lessons.branch.steps import _half
from clab_lite.show.style import ORANGE, to_png
from clab_lite.train import for_classes_of
from clab_lite.training.batches import batches
from tests.training_world import micro_config, write_dataset


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    root = write_dataset(tmp_path_factory.mktemp("world"))
    return open_dataset(root, split="train")


@pytest.fixture(scope="module")
def config(index: VideoIndex) -> Config:
    base = for_classes_of(index, micro_config())
    # statistics of the batch, as in the lesson
    free = replace(base.detector, backbone=replace(base.detector.backbone, frozen_norm=False))
    return replace(base, detector=free, train=replace(base.train, clips_per_rank=4))


@pytest.fixture(scope="module")
def batch(config: Config, index: VideoIndex) -> Batch:
    return branch.real_batch(config, index, 1)


@pytest.fixture
def detector(config: Config) -> VideoDetector:
    torch.manual_seed(0)
    return VideoDetector(config.detector)


def test_the_batch_is_the_one_of_training(config: Config, index: VideoIndex, batch: Batch) -> None:
    stream = batches(config, index, 0, torch.device("cpu"))
    next(stream)
    clips, targets = next(stream)
    assert torch.equal(clips, batch.clips)
    assert [t["sample_id"] for t in targets] == [t["sample_id"] for t in batch.targets]
    assert batch.names[:4] == ["A0", "A1", "A2", "B0"]
    assert batch.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert batch.picture(0).shape == (64, 96, 3)
    assert len(batch.classes) == len(batch) == 12


def test_pictures_are_the_pixels_again(config: Config, index: VideoIndex) -> None:
    still = replace(config, data=replace(config.data, flip=0.0, colour_jitter=0.0))
    batch = branch.real_batch(still, index)
    video, frame = batch.targets[0]["video_id"], int(batch.targets[0]["sample_id"].rsplit("/", 1)[1])
    stored = index.load_image(video, frame).permute(1, 2, 0).numpy()
    assert np.abs(batch.picture(0).astype(int) - stored).max() == 0


def test_the_path_ends_in_the_loss_of_training_and_leaves_the_detector(detector: VideoDetector, batch: Batch) -> None:
    before = copy.deepcopy(detector.state_dict())
    path = branch.follow(detector, batch)
    assert all(torch.equal(before[name], value) for name, value in detector.state_dict().items())
    with torch.no_grad():
        loss = detector.train()(batch.clips, batch.targets)["contrast"]
    assert torch.equal(path.loss, loss)
    assert path.similarity.shape == (12, 12)
    detector.eval()
    branch.follow(detector, batch)
    assert not detector.training


def test_object_rows_give_the_loss_of_training(config: Config, batch: Batch) -> None:
    objects = replace(config.detector, contrast=replace(config.detector.contrast, level="object"))
    detector = VideoDetector(objects)
    rows = branch.follow_objects(detector, batch)
    with torch.no_grad():
        loss = detector.train()(batch.clips, batch.targets)["contrast"]
    assert torch.equal(rows.loss, loss)
    assert len(rows.rois) == len(rows.labels) == len(rows.embeddings)
    assert len(rows.names(batch)) == len(set(rows.names(batch))) == len(rows.labels.unique())


@pytest.mark.parametrize("temperature", [0.05, 0.1, 1.0])
def test_the_ledger_adds_up_to_nt_xent(temperature: float) -> None:
    rows, labels = torch.randn(10, 6, dtype=torch.float64), torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 2, 3])
    ledger = Ledger.of(rows, labels, temperature)
    assert ledger.loss == pytest.approx(float(NTXentLoss(temperature)(rows, labels)), rel=1e-5)
    assert ledger.paid.sum() == pytest.approx(1)
    assert ledger.caused.sum() == pytest.approx(1)
    assert not ledger.paid[~ledger.positive].any()
    assert not ledger.caused[~ledger.negative].any()
    for anchor in range(9):  # what an anchor's positives pay is what its negatives cause
        assert ledger.paid[anchor].sum() == pytest.approx(ledger.caused[anchor].sum())


def test_the_ledger_at_its_edges() -> None:
    equal = Ledger.of(np.ones((6, 3)), [0, 0, 1, 1, 2, 2], 0.1)
    assert equal.loss == pytest.approx(np.log(5)) == pytest.approx(equal.chance)
    alone = Ledger.of(np.random.default_rng(0).normal(size=(3, 4)), [0, 0, 0], 0.1)
    assert alone.loss == alone.shares.sum() == 0
    assert Ledger.of(np.eye(3), [0, 1, 2], 0.1).loss == 0  # no positives
    hot = Ledger.of([[1, 0], [-1, 0], [1, 0], [1, 0]], [0, 0, 1, 1], 0.001)
    assert np.isfinite(hot.loss)


def test_roles_and_sentences() -> None:
    ledger = Ledger.of(np.array([[1.0, 0], [1, 0.1], [0, 1], [0.1, 1]]), [0, 0, 1, 1], 0.1)
    names = ["A0", "A1", "B0", "B1"]
    assert [ledger.role(0, other) for other in range(4)] == ["itself", "positive", "negative", "negative"]
    assert "takes no part" in ledger.sentence(0, 0, names)
    assert "pays" in ledger.sentence(0, 1, names)
    assert "causes" in ledger.sentence(0, 2, names)


def test_learning_moves_the_copy_only(detector: VideoDetector, config: Config, index: VideoIndex, batch: Batch) -> None:
    before = copy.deepcopy(detector.state_dict())
    other = branch.real_batch(config, index, 5)
    steps = branch.learn(detector, [batch], batch, [other, batch], steps=12, learning_rate=0.02)
    assert all(torch.equal(before[name], value) for name, value in detector.state_dict().items())
    assert len(steps.embeddings) == len(steps.losses) == len(steps.other_losses) == 13
    assert steps.losses[-1] < steps.losses[0]
    assert steps.by_heart
    assert steps.ledger(0).loss == pytest.approx(steps.losses[0], rel=1e-4)
    assert [pair[1] for pair in steps.other_losses] == steps.losses
    assert not branch.learn(detector, [other], batch, [other], steps=1).by_heart


def test_stills_are_not_pulled(detector: VideoDetector, batch: Batch) -> None:
    found = branch.forces(detector, batch.with_stills(1, 3))
    assert [one.kind for one in found] == ["clip", "still", "clip", "still"]
    assert sum(one.share for one in found) == pytest.approx(1)
    for one in found:
        if one.kind == "still":
            assert one.cosine == pytest.approx(1)
            assert one.pull < 1e-9
            assert one.share > 0
            assert one.push > 0
        else:
            assert one.pull > 1e-6


def test_pull_and_push_are_the_two_halves_of_the_gradient(detector: VideoDetector, batch: Batch) -> None:
    rows = branch_of(detector).embed(c4_of(detector, batch)).detach().double().requires_grad_()
    whole = torch.autograd.grad(NTXentLoss(0.1)(rows, batch.labels), rows)[0]
    halves = [_half(rows, batch.labels, 0.1, half) for half in ("positive", "negative")]  # type: ignore[arg-type]
    assert torch.allclose(halves[0] + halves[1], whole, atol=1e-9)


def test_fewer_clips(detector: VideoDetector, batch: Batch) -> None:
    table = branch.fewer_clips(detector, batch)
    assert table.loc[1, "loss"] == table.loc[1, "gradient at C4"] == table.loc[1, "negatives per frame"] == 0
    assert table["negatives per frame"].tolist() == [0, 3, 6, 9]
    assert table.loc[4, "chance"] == pytest.approx(np.log(10), abs=1e-3)
    with pytest.raises(DataError, match="5 clips of a batch of 4"):
        batch.take(5)


def test_false_negatives_are_counted(config: Config, index: VideoIndex) -> None:
    counted = branch.count_false_negatives(config, index, 20)
    hits = 0
    for number in range(20):
        classes = branch.real_batch(config, index, number).classes[::3]
        hits += sum(classes[a] == classes[b] for a in range(4) for b in range(a))
    assert counted.pairs == 120
    assert counted.same_class == pytest.approx(hits / 120)
    assert 0 <= counted.same_video <= 1
    assert "false negative" in str(counted)


def test_a_batch_with_two_clips_of_one_class_is_found(config: Config, index: VideoIndex) -> None:
    found = branch.real_batch(config, index, branch.first_with_shared_class(config, index)).classes[::3]
    assert len(set(found)) == 3


def test_a_detector_without_a_branch_is_refused(config: Config) -> None:
    bare = replace(config.detector, contrast=replace(config.detector.contrast, enabled=False))
    with pytest.raises(DataError, match="no auxiliary branch"):
        branch_of(VideoDetector(bare))


def test_the_proof(detector: VideoDetector, index: VideoIndex) -> None:
    proof = branch.inference_proof(detector.eval(), index.select([0]), repetitions=2)
    assert proof.cost.largest_difference == 0
    assert proof.cost.parameters_with - proof.cost.parameters_without == sum(
        parameter.numel() for parameter in branch_of(detector).parameters()
    )
    assert "the same bits" in str(proof)
    slow = replace(proof, milliseconds_with=105.0, milliseconds_without=93.0, spread=16.0)
    assert "repeated: up to 16 apart" in str(slow) and "12 ms lies inside the noise" in str(slow)
    assert detector.auxiliary is not None


@pytest.fixture
def steps(detector: VideoDetector, batch: Batch) -> branch.Steps:
    return branch.learn(detector, [batch], batch, [batch], steps=3)


def test_every_figure_draws(detector: VideoDetector, batch: Batch, steps: branch.Steps) -> None:
    frames = branch.follow(detector, batch)
    figures = [
        branch.way(batch, frames, 3)[0],
        branch.before_after({"one": steps}, batch.names)("one", 2)[0],
        branch.temperature_view(steps, 2)(0.5)[0],
        branch.still_bars(branch.forces(detector, batch.with_stills(0))),
        branch.levels(batch, frames, branch.follow_objects(detector, batch)),
    ]
    for figure in figures:
        assert figure.get_figwidth() <= 9.5
        assert to_png(figure, 60).startswith(b"\x89PNG")


def test_false_negatives_are_marked_and_their_blame_is_told(batch: Batch, steps: branch.Steps) -> None:
    figure, line = branch.temperature_view(steps, 2, batch.classes)(0.5)
    ledger = Ledger(steps.ledger(2).similarity, np.asarray(steps.labels), 0.5)
    pairs = [(i, j) for i in range(len(batch)) for j in range(len(batch)) if batch.labels[i] != batch.labels[j]]
    false = [(i, j) for i, j in pairs if batch.classes[i] == batch.classes[j]]
    assert 0 < len(false) < len(pairs)  # four clips, three classes
    assert f"cause {sum(ledger.caused[pair] for pair in false):.0%} of the loss" in line
    assert line.endswith(f"blamed alike, {len(false) / len(pairs):.0%}")
    colours = [to_hex(bar.get_facecolor()) for bar in figure.axes[0].patches]
    assert (colours.count(ORANGE), len(colours)) == (len(false), len(pairs))
    assert "same class" not in branch.temperature_view(steps, 2)(0.5)[1]


def test_titles_follow_the_numbers(steps: branch.Steps, batch: Batch) -> None:
    def title(last: float, last_others: float) -> str:
        told = replace(steps, losses=[2.0, 2, 2, last], other_losses=[[2.0, 2.0]] * 3 + [[last_others, last_others]])
        return branch.before_after({"x": told}, batch.names)("x", 3)[0].axes[2].get_title(loc="left")

    assert title(0.1, 1.0) == "Learned by heart: others gain less"
    assert title(0.5, 0.6) == "This batch and others gained alike"
    assert title(2.0, 2.1) == "Nothing gained yet"
    assert title(0.5, 1.3) == "Learned by heart: others gain less"
    assert title(1.9, 0.8) == "This batch and others gained alike"


@pytest.mark.parametrize(
    ("row", "column", "word"), [("A0", "A0", "itself"), ("A0", "A1", "pays"), ("A0", "B0", "caus")]
)
def test_the_microscope_speaks_of_its_cell(batch: Batch, steps: branch.Steps, row: str, column: str, word: str) -> None:
    figure, text = branch.microscope(batch, steps)(row, column, 1)
    assert f"{row} and {column}" in text
    assert word in text
    assert len(figure.axes) == 4


def test_the_mouse_and_the_lists_choose_a_cell(batch: Batch, steps: branch.Steps) -> None:
    assert branch.cell_at(batch.names, 0, 4.2, 0.9) == ("A1", "B1")
    assert branch.cell_at(batch.names, 1, 4.2, 0.9) is None
    assert branch.cell_at(batch.names, 0, 12.4, 0.9) is None
    view = branch.view(batch, steps)
    view.set(row="B2", column="D1", step=2)
    assert "B2 and D1" in view.numbers


def test_hovering_moves_the_lists(batch: Batch, steps: branch.Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Callable[[int, float, float], None]] = []

    def listen(_picture: object, _figure: object, on_point: Callable[..., None], **_options: object) -> None:
        seen.append(on_point)

    module = sys.modules["clab_lite.lessons.branch.microscope"]  # its package gives the name to a function
    monkeypatch.setattr(module, "pointer", listen)
    view = branch.view(batch, steps)
    seen[0](0, 7.0, 2.0)
    assert (view.controls["row"].value, view.controls["column"].value) == ("A2", "C1")
    seen[0](3, 7.0, 2.0)  # the bars are no matrix
    assert view.controls["row"].value == "A2"


def test_the_module_list_is_complete() -> None:
    assert all(hasattr(branch, name) for name in branch.__all__)
    assert Path(branch.__file__).parent.name == "branch"
