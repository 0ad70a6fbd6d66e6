"""What is measured on held-out frames, and the trial that writes the records."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from clab_lite.data import open_dataset
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError
from clab_lite.methods.crosscl import CrossCL, lite, trial
from clab_lite.methods.crosscl.measure import (
    compare_windows,
    cross_stage_similarity,
    cross_view_similarity,
    held_out_frames,
    level_maps,
    load_views,
    plain_pairs,
    similarity_map,
    window_vectors,
)
from clab_lite.methods.shared import PretrainConfig
from clab_lite.methods.shared.steps import StepReport

ROOT = Path(__file__).parents[2]
SMALL = lite(
    pretrain=PretrainConfig(steps=3, batch=2, learning_rate=0.05),
    backbone=replace(lite().backbone, width=4),
    neck_dim=8,
    queue=8,
    global_dim=6,
)


@pytest.fixture(scope="module")
def index() -> VideoIndex:
    return open_dataset(ROOT / "data_samples", split="val", progress=False, cache=False)


def test_comparison_by_hand() -> None:
    here = torch.eye(3)
    there = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, 1, 0]])  # the second and third are swapped
    found = compare_windows(here, there)
    assert (found.retrieval, found.same, found.other, found.windows) == pytest.approx((1 / 3, 1 / 3, 2 / 6, 3))
    assert compare_windows(here, here).retrieval == 1
    cosines = torch.tensor([[0.9, 0.8], [0.95, 0.2]])  # the second query finds the first window, not the reverse
    assert compare_windows(cosines, torch.eye(2)).retrieval == 0.5
    one = compare_windows(here[:1], here[:1])
    assert (one.retrieval, one.same, one.other) == (1, 1, 0)


def test_held_out_frames_are_of_different_videos(index: VideoIndex) -> None:
    frames = held_out_frames(index, 12)
    assert len({video for video, _ in frames}) == 12 and all(frame == 5 for _, frame in frames)
    with pytest.raises(DataError, match="Choose 1 to 64"):
        held_out_frames(index, 65)


def test_window_vectors_are_unit_and_follow_their_boxes(index: VideoIndex) -> None:
    method = CrossCL(SMALL).train()
    views = load_views(index, held_out_frames(index, 2), 96)
    maps = level_maps(method, views)
    assert method.training and {level: tuple(m.shape) for level, m in maps.items()} == {
        3: (2, 8, 12, 12),
        4: (2, 8, 6, 6),
    }
    vectors = window_vectors(maps, method.contrast.windows)
    assert vectors[3].shape == (2, 9, 8)
    torch.testing.assert_close(vectors[4].norm(dim=-1), torch.ones(2, 9))
    twice = window_vectors(maps, method.contrast.windows.expand(2, -1, -1).flip(1))
    torch.testing.assert_close(twice[3], vectors[3].flip(1))
    heat = similarity_map(vectors[4][0, 4], maps[3][0])
    assert heat.shape == (12, 12) and heat.abs().max() <= 1 + 1e-6
    expected = torch.nn.functional.cosine_similarity(vectors[4][0, 4], maps[3][0, :, 5, 7], dim=0)
    torch.testing.assert_close(heat[5, 7], expected)


def test_measures_of_a_method_do_not_change_it(index: VideoIndex) -> None:
    torch.manual_seed(0)
    method = CrossCL(SMALL)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    views = load_views(index, held_out_frames(index, 3), 96)
    found = cross_stage_similarity(method, views)
    assert found.windows == 27 and -1 <= found.other <= 1
    pairs = plain_pairs(index, held_out_frames(index, 3), SMALL)
    assert cross_view_similarity(method, pairs).windows == 3 * 4  # of 9 windows, 4 lie in the smaller square
    itself = cross_stage_similarity(method, views, 3, 3)
    assert itself.retrieval == 1 and itself.same == pytest.approx(1)
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())


def test_runs_have_their_arms_settings() -> None:
    assert trial.setting("without-2").cross_weight == 0 and trial.setting("without-2").pretrain.seed == 2
    assert trial.setting("temporal-0").views == "temporal" and trial.setting("other_images-1").exclude_same_image
    assert trial.setting("cross-0") == lite()
    for run in ("with-0", "cross", "cross-x"):
        with pytest.raises(DataError, match="unknown"):
            trial.setting(run)


def test_a_run_leaves_a_record_of_plain_numbers(index: VideoIndex, tmp_path: Path) -> None:
    record = trial.run_trial("cross-1", index.select(range(4)), index, SMALL)
    assert [moment["step"] for moment in record["moments"]] == [0, 1, 2, 3]
    assert record["moments"][-1]["p3_to_p4"]["windows"] == 108
    assert record["curves"]["step"] == [3] and len(record["curves"]["p4_to_p3"]) == 1
    assert "retrieval" in trial.summary(record)
    again = trial.run_trial("cross-1", index.select(range(4)), index, SMALL)
    assert {**again, "seconds": 0} == {**record, "seconds": 0}
    (tmp_path / "cross-1.json").write_text(json.dumps(record))
    assert trial.gather(tmp_path, tmp_path / "all.json") == 1
    assert json.loads((tmp_path / "all.json").read_text()) == [json.loads(json.dumps(record))]
    with pytest.raises(DataError, match="no records"):
        trial.gather(tmp_path / "none", tmp_path / "all.json")


def test_curves_are_means_over_a_few_steps() -> None:
    reports = [StepReport(step, 0.1, {"total": float(step)}) for step in range(7)]
    assert trial.curves(reports, every=3) == {"step": [3, 6, 7], "total": [1.0, 4.0, 6.0]}
