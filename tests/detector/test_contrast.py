"""The auxiliary branch: goldens, a slow twin, closed forms and empty cases."""

import json
import math
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from golden_inputs import make_aux_feature
from golden_model import GOLDENS, difference, golden
from tiny_model import clips_and_targets, small_config, small_detector
from weights_recipe import make_weight

from clab_lite.config import ContrastConfig
from clab_lite.detector.contrast import AuxiliaryBranch, clip_labels, track_labels
from clab_lite.detector.targets import auxiliary_rows

HEAD = json.loads((GOLDENS / "aux_head.json").read_text())
OFFICIAL = {"channel.0": "conv", "proj.0": "projector.0", "proj.2": "projector.2"}


def official_branch(temperature: float, in_channels: int = 1024) -> AuxiliaryBranch:
    branch = AuxiliaryBranch(in_channels, ContrastConfig(temperature=temperature))
    state = branch.state_dict()
    for official, ours in OFFICIAL.items():
        for part in ("weight", "bias"):
            name = f"{ours}.{part}"
            state[name] = torch.from_numpy(make_weight(f"auxiliary.{official}.{part}", state[name].shape))
    branch.load_state_dict(state)
    return branch


def slow_nt_xent(embeddings: torch.Tensor, labels: torch.Tensor, temperature: float) -> float:
    """Loops over ordered positive pairs; only that positive and the negatives stand in the denominator."""
    unit = torch.nn.functional.normalize(embeddings.double(), dim=1)
    terms = []
    for a in range(len(unit)):
        negatives = [
            math.exp(float(unit[a] @ unit[n]) / temperature) for n in range(len(unit)) if labels[n] != labels[a]
        ]
        for p in range(len(unit)):
            if p != a and labels[p] == labels[a]:
                positive = math.exp(float(unit[a] @ unit[p]) / temperature)
                terms.append(-math.log(positive / (positive + sum(negatives))))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("name", list(HEAD["cases"]))
def test_official_head(name: str) -> None:
    case, arrays = HEAD["cases"][name], golden("aux_head")
    branch = official_branch(case["temperature"])
    shape = (case["B"] * (case["T"] + 1), 1024, case["h"], case["w"])
    features = torch.from_numpy(make_aux_feature(case["feature_seed"], *shape)).requires_grad_()
    labels = torch.from_numpy(arrays[f"{name}_targets"])
    loss = branch(features, labels)
    (case["loss_weight"] * loss).backward()
    assert float(loss.detach()) * case["loss_weight"] == pytest.approx(case["loss"], rel=1e-5)
    assert difference(arrays, f"{name}_embedding", branch.embed(features)) < 1e-4
    assert difference(arrays, f"{name}_input_grad", features.grad) < 1e-4
    for official, ours in OFFICIAL.items():
        for part in ("weight", "bias"):
            gradient = branch.get_parameter(f"{ours}.{part}").grad
            assert difference(arrays, f"{name}_grad_{official}.{part}", gradient) < 1e-4


@pytest.mark.parametrize("case", HEAD["ntxent"], ids=lambda c: f"B{c['B']}T{c['T']}_t{c['temperature']}")
def test_nt_xent_goldens(case: dict) -> None:
    name, arrays = f"ntxent_B{case['B']}T{case['T']}", golden("aux_head")
    branch = AuxiliaryBranch(4, ContrastConfig(temperature=case["temperature"]))
    embeddings = torch.from_numpy(arrays[f"{name}_embedding"]).requires_grad_()
    labels = torch.from_numpy(arrays[f"{name}_targets"])
    loss = branch.loss(embeddings, labels)
    loss.backward()
    loss = float(loss.detach())
    assert loss == pytest.approx(case["loss"], rel=1e-5, abs=1e-6)
    assert loss == pytest.approx(slow_nt_xent(embeddings.detach(), labels, case["temperature"]), rel=1e-4, abs=1e-6)
    assert difference(arrays, f"{name}_t{case['temperature']}_grad", embeddings.grad) < 1e-3
    assert float(embeddings.grad.norm()) == pytest.approx(case["grad_norm"], rel=1e-3)


def test_two_ranks_see_each_other(tmp_path: Path) -> None:
    """The official wrapper multiplies the loss by the ranks; ours is the plain value, with the same gradient."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(probe.getsockname()[1]), "WORLD_SIZE": "2"}
    script = Path(__file__).with_name("contrast_rank.py")
    path = os.pathsep.join([str(script.parent), str(script.parents[2])])
    ranks = [
        subprocess.Popen(
            [sys.executable, str(script), str(tmp_path / "rank")],
            env=os.environ | common | {"RANK": str(rank), "PYTHONPATH": path},
        )
        for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in ranks] == [0, 0]
    arrays = golden("aux_two_ranks")
    for rank in range(2):
        found = torch.load(tmp_path / f"rank_{rank}.pt", weights_only=True)
        assert difference(arrays, f"rank{rank}_emb", found["embeddings"]) < 1e-4
        assert 0.005 * 2 * float(found["loss"]) == pytest.approx(float(arrays[f"rank{rank}_loss"]), rel=1e-5)
        assert difference(arrays, f"rank{rank}_grad", found["gradient"]) < 1e-4


def test_closed_forms() -> None:
    """Two pairs on the axes: log((e + 2) / e) each (losses_overview.md). Equal embeddings: log(1 + negatives)."""
    branch = AuxiliaryBranch(4, ContrastConfig(temperature=1.0))
    pairs = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    labels = clip_labels(2, 2, torch.device("cpu"))
    assert float(branch.loss(pairs, labels)) == pytest.approx(math.log((math.e + 2) / math.e), abs=1e-6)
    assert float(branch.loss(torch.ones(6, 3), clip_labels(2, 3, torch.device("cpu")))) == pytest.approx(math.log(4))


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_without_negatives_or_positives_loss_and_gradient_are_zero(labels: list[int]) -> None:
    branch = AuxiliaryBranch(4, ContrastConfig(channels=8, hidden=8, embedding=4))
    features = torch.randn(3, 4, 5, 5, requires_grad=True)
    loss = branch(features, torch.tensor(labels))
    loss.backward()
    assert float(loss.detach()) == 0
    assert features.grad is not None and (features.grad == 0).all()
    assert all(p.grad is not None and (p.grad == 0).all() for p in branch.parameters())


def test_similarity_is_float32_under_autocast() -> None:
    branch = AuxiliaryBranch(4, ContrastConfig(channels=8, hidden=8, embedding=4))
    features, labels = torch.randn(6, 4, 5, 5), clip_labels(2, 3, torch.device("cpu"))
    with torch.autocast("cpu", torch.bfloat16):
        loss = branch(features, labels)
        embeddings = branch.embed(features).float()
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, branch.loss(embeddings, labels), rtol=1e-6, atol=1e-6)


def test_object_level_contrasts_tracks() -> None:
    """Same code on regions: positives share clip and track, so one clip with two tracks already has negatives."""
    clips, targets = clips_and_targets(1, references=2)
    for one in [targets[0], *targets[0]["reference_targets"]]:
        one["boxes"] = torch.cat([one["boxes"], torch.tensor([[50.0, 20, 80, 60]])])
        one["labels"] = torch.tensor([0, 1])
        one["track_ids"] = torch.tensor([7, 3])
    frame_level = small_detector().train()(clips, targets)
    contrast = replace(small_config().contrast, level="object")
    object_level = small_detector(contrast=contrast).train()(clips, targets)
    assert frame_level["contrast"] == 0
    assert object_level["contrast"] > 0


def test_objects_without_a_track_take_no_part() -> None:
    clips, targets = clips_and_targets(2, references=1)
    for one in (t for target in targets for t in [target, *target["reference_targets"]]):
        one["track_ids"] = torch.tensor([-1])
    contrast = replace(small_config().contrast, level="object")
    losses = small_detector(contrast=contrast).train()(clips, targets)
    sum(losses.values()).backward()
    assert losses["contrast"] == 0


def test_rows_of_object_level_are_boxes_of_their_frames() -> None:
    clips, targets = clips_and_targets(2, references=1)
    rois, labels = auxiliary_rows("object", clips, targets)
    frames = [t for target in targets for t in [target, *target["reference_targets"]]]
    assert rois is not None
    torch.testing.assert_close(rois[:, 1:], torch.cat([frame["boxes"] for frame in frames]))
    assert rois[:, 0].tolist() == [0, 1, 2, 3]
    assert labels.tolist() == [0, 0, 1, 1]
    assert auxiliary_rows("frame", clips, targets)[1].tolist() == [0, 0, 1, 1]


def test_track_labels_separate_clips() -> None:
    labels = track_labels(torch.tensor([0, 0, 1, 1, 0]), torch.tensor([5, 6, 5, 5, 6]))
    equal = labels[:, None] == labels
    assert equal.sum() == 1 + 4 + 4
    assert equal[1, 4] and equal[2, 3] and not equal[0, 2]
