"""The background-invariance probe, BatchNorm on other pictures, and the measured runs."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from codo_world import drawn_videos, micro
from torch import nn

from clab_lite import presets
from clab_lite.config import FrameConfig
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.backbone import Backbone
from clab_lite.errors import DataError
from clab_lite.methods.codo import build, trial
from clab_lite.methods.codo.measure import compare, make_probe, probe_backbone, probe_embeddings
from clab_lite.methods.codo.norm import clean_frames, reestimate_norm


@pytest.fixture(scope="module")
def codo_videos(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    return drawn_videos(tmp_path_factory.mktemp("codo"))


def slow_probe(rows: torch.Tensor) -> tuple[float, ...]:
    """The five numbers by loops, for (I, M, L, D)."""
    instances, backgrounds, levels, _ = rows.shape
    places = [(i, m) for i in range(instances) for m in range(backgrounds)]

    def cosine(a: tuple[int, int], b: tuple[int, int]) -> float:
        return sum(float(torch.cosine_similarity(rows[a][n], rows[b][n], dim=0)) for n in range(levels)) / levels

    pairs = [(a, b) for a in places for b in places if a != b]
    instance = [cosine(a, b) for a, b in pairs if a[0] == b[0]]
    background = [cosine(a, b) for a, b in pairs if a[0] != b[0] and a[1] == b[1]]
    neither = [cosine(a, b) for a, b in pairs if a[0] != b[0] and a[1] != b[1]]
    found, against = [], []
    for i, m in places:
        for other in range(backgrounds):
            if other == m:
                continue
            all_of_them = [cosine((i, m), (j, other)) for j in range(instances)]
            found.append(max(range(instances), key=all_of_them.__getitem__) == i)
            rivals = [cosine((i, m), (j, m)) for j in range(instances) if j != i]
            against.append(all_of_them[i] > max(rivals))
    return tuple(sum(values) / len(values) for values in (instance, background, neither, found, against))


@pytest.mark.parametrize("shape", [(4, 3), (9, 2), (3, 5)])
def test_slow_twin_of_the_probe(shape: tuple[int, int]) -> None:
    instances, backgrounds = shape
    rows = torch.randn(instances, backgrounds, 2, 5, dtype=torch.float64) + 0.5
    rows = rows + 0.7 * torch.randn(instances, 1, 2, 5) + 0.5 * torch.randn(1, backgrounds, 2, 5)
    found = compare(rows)
    names = ("same_instance", "same_background", "neither", "retrieval", "against_background")
    assert [getattr(found, name) for name in names] == pytest.approx(slow_probe(rows))
    assert found.gap == pytest.approx(found.same_instance - found.same_background)


def test_three_networks_that_can_be_foreseen() -> None:
    instance, background = torch.eye(6)[:4, None].expand(4, 3, 6), torch.eye(6)[None, :3].expand(4, 3, 6)
    sees_it = compare(instance)
    assert (sees_it.same_instance, sees_it.same_background, sees_it.retrieval) == (1, 0, 1)
    assert sees_it.against_background == 1 and sees_it.background_share == 0
    sees_behind = compare(background + 1e-3 * torch.randn(4, 3, 6))
    assert sees_behind.gap == pytest.approx(-1, abs=0.01) and sees_behind.against_background == 0
    sees_both = compare(torch.cat([instance, background], dim=2))
    assert sees_both.gap == pytest.approx(0, abs=1e-6) and sees_both.background_share == pytest.approx(1)
    assert sees_both.retrieval == 1, "retrieval alone would not notice the background"
    assert math.isnan(compare(torch.ones(4, 3, 6)).background_share)


def test_the_share_of_the_background_does_not_change_when_a_constant_is_taken_away() -> None:
    """The gap does: a centred network looks better by it, and is not."""
    rows = torch.randn(30, 1, 64) + 0.6 * torch.randn(1, 10, 64) + 0.2 * torch.randn(30, 10, 64)
    heaped, centred = compare(rows + 5 * torch.randn(64)), compare(rows)
    assert centred.gap > 4 * heaped.gap
    assert centred.background_share == pytest.approx(heaped.background_share, abs=0.1)


def test_probe_sets_are_held_apart(codo_videos: VideoIndex) -> None:
    composite = micro().composite
    probe = make_probe(codo_videos, 2, 2, composite)
    assert probe.pixels.shape == (2, 2, 3, 32, 32) and probe.boxes.shape == (2, 2, 4)
    assert set(probe.names) <= set(codo_videos.class_names) and probe.size == 32
    assert torch.equal(make_probe(codo_videos, 2, 2, composite).pixels, probe.pixels)
    assert not torch.equal(make_probe(codo_videos, 2, 2, composite, seed=1).pixels, probe.pixels)
    assert torch.equal(probe.jittered(0.0), probe.boxes)
    assert not torch.equal(probe.jittered(0.2), probe.boxes)
    for seed in range(8):
        found = make_probe(codo_videos, 2, 2, composite, seed)
        assert len({instance.source for instance in found.instances}) == len(set(found.behind)) == 2
        assert not {instance.source for instance in found.instances} & set(found.behind)
    with pytest.raises(DataError, match="needs 6 source videos, 3 with objects; there are 4"):
        make_probe(codo_videos, 3, 3, composite)
    with pytest.raises(DataError, match="compares nothing"):
        make_probe(codo_videos, 1, 2, composite)


def test_embeddings_come_in_the_order_of_the_probe(codo_videos: VideoIndex) -> None:
    config = micro()
    method, _ = build(config, codo_videos)
    probe = make_probe(codo_videos, 2, 2, config.composite)
    rows = probe_embeddings(method.trunk, probe, batch=3)
    assert rows.shape == (2, 2, 2, 8) and method.trunk.training
    torch.testing.assert_close(probe_embeddings(method.trunk, probe, batch=64), rows)
    assert probe_backbone(method.trunk, probe).shape == (2, 2, 16)
    moved = replace(probe, pixels=probe.pixels[1:, 1:], boxes=probe.boxes[1:, 1:])
    torch.testing.assert_close(probe_embeddings(method.trunk, moved)[0, 0], rows[1, 1], rtol=1e-4, atol=1e-5)


def test_norm_is_the_mean_over_batches() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.Dropout(0.5)).eval()
    with torch.no_grad():
        network[1].running_mean.fill_(9.0)
    batches = [torch.randn(4, 3, 5, 5) + shift for shift in (0, 3)]
    weight = network[0].weight.clone()
    assert reestimate_norm(network, batches) == 2
    means = torch.stack([network[0](batch).mean(dim=(0, 2, 3)) for batch in batches])
    torch.testing.assert_close(network[1].running_mean, means.mean(dim=0))
    assert not network.training and not network[1].training and network[1].momentum == 0.1
    assert torch.equal(network[0].weight, weight)
    with pytest.raises(DataError, match="no frame"):
        reestimate_norm(network, [])
    torch.testing.assert_close(network[1].running_mean, means.mean(dim=0))


def test_a_frozen_backbone_sees_its_clean_frames(codo_videos: VideoIndex) -> None:
    backbone = Backbone(replace(presets.lesson().detector.backbone, width=4, frozen_norm=True)).train()
    frames = list(clean_frames(codo_videos, FrameConfig(96, 64), 20, batch=8))
    assert [tuple(batch.shape) for batch in frames] == [(8, 3, 64, 96), (8, 3, 64, 96), (4, 3, 64, 96)]
    before = backbone.bn1.running_mean.clone()
    reestimate_norm(backbone, frames)
    wanted = torch.stack([backbone.conv1(batch).mean(dim=(0, 2, 3)) for batch in frames]).mean(dim=0)
    torch.testing.assert_close(backbone.bn1.running_mean, wanted)
    assert not torch.equal(before, wanted) and not backbone.bn1.training
    assert len(list(clean_frames(codo_videos, FrameConfig(96, 64), 10_000, batch=32))) == 1


def test_a_measured_run_leaves_a_record(
    codo_videos: VideoIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "INSTANCES", 2)
    monkeypatch.setattr(trial, "BACKGROUNDS", 2)
    monkeypatch.setattr(trial, "MOMENTS", (0, 2))
    run = ("same", 0.1, 7)
    record = trial.measure(run, codo_videos, codo_videos, micro())
    assert [moment["step"] for moment in record["moments"]] == [0, 2, 4]
    assert len(record["losses"]) == 4 and len(record["probe_jitter"]["after"]) == len(trial.PROBE_JITTER)
    assert record["made_of"]["config"]["composite"]["background"] == "same"
    again = trial.measure(run, codo_videos, codo_videos, micro())
    assert {**again, "seconds": 0} == {**record, "seconds": 0}
    (tmp_path / f"{trial.name_of(run)}.json").write_text(json.dumps(record))
    assert trial.gather(tmp_path, tmp_path / "all.json") == 1
    assert json.loads((tmp_path / "all.json").read_text())[0]["seed"] == 7
    with pytest.raises(DataError, match="holds no records"):
        trial.gather(tmp_path / "nowhere", tmp_path / "all.json")
