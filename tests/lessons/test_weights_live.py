"""The live half of lesson 06: cached features, a real small training, its board."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from clab_lite import lessons, presets
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.errors import DataError
from clab_lite.lessons import weights
from clab_lite.lessons.weights.cached import _before_last_block, _numbered, main_classes, pick_videos
from clab_lite.lessons.weights.live import LiveModel, _losses
from clab_lite.lessons.weights.live_view import snapshot_figure


@pytest.fixture(scope="module")
def bench() -> weights.Workbench:
    torch.manual_seed(0)
    config = presets.lesson().detector
    detector = VideoDetector(replace(config, num_classes=30)).eval()
    return weights.workbench(detector, lessons.samples("train"), lessons.samples("val"), classes=2, videos=3)


def test_the_cache_is_what_enters_the_last_block(bench: weights.Workbench) -> None:
    pixels = torch.randn(2, 3, 128, 192)
    last = list(bench.detector.backbone.get_submodule("layer3").children())[-1]
    with torch.no_grad():
        torch.testing.assert_close(last(_before_last_block(bench.detector, pixels)), bench.detector.extract(pixels)[0])


def test_cached_objects_belong_to_their_frames(bench: weights.Workbench) -> None:
    for part, split in ((bench.learn, "train"), (bench.held_out, "val")):
        index = lessons.samples(split)
        assert len(part.inputs) == len(part.video) == len(part.frame)
        for row, label in zip(part.box_row, part.label.tolist(), strict=True):
            note = index.annotation(int(part.video[row]), int(part.frame[row]))
            assert part.class_names[label] in {index.class_names[i] for i in note.labels}
    assert "to train on" in repr(bench) and "held out" in repr(bench)


def test_videos_are_picked_by_class() -> None:
    learn, held_out = lessons.samples("train"), lessons.samples("val")
    labels, (first, second) = pick_videos(learn, held_out, 3, 4)
    assert len(labels) == 3 and len(first) == 12 and len(second) == 6
    assert set(main_classes(learn)[first]) == set(main_classes(held_out)[second]) == set(labels)
    with pytest.raises(DataError, match="share no class"):
        pick_videos(learn, held_out.select([]), 3, 4)


def test_training_is_real_and_repeatable(bench: weights.Workbench) -> None:
    before = {name: value.clone() for name, value in bench.detector.state_dict().items()}
    setting = weights.LiveSetting(weight=0.3, steps=12, every=4, clips=3)
    run, again = bench.train(setting), bench.train(setting)
    assert run.column("step").tolist() == [0, 4, 8, 12]
    assert np.array_equal(run.snapshots[-1].embedded, again.snapshots[-1].embedded)
    assert not np.allclose(run.snapshots[0].embedded, run.snapshots[-1].embedded)
    assert run.column("class_loss")[-1] < run.column("class_loss")[0]
    for name, value in bench.detector.state_dict().items():
        assert torch.equal(value, before[name]), f"the shared detector changed: {name}"


@pytest.mark.parametrize("level", ["frame", "object"])
def test_weight_zero_leaves_the_branch_alone(bench: weights.Workbench, level: str) -> None:
    run = bench.train(weights.LiveSetting(weight=0.0, steps=4, every=4, clips=2, level=level))  # type: ignore[arg-type]
    assert run.column("share").tolist() == [0.0, 0.0]
    assert (run.column("contrast") > 0).all() and (run.column("chance") > 0).all()
    heavy = bench.train(weights.LiveSetting(weight=100.0, steps=4, every=4, clips=2, level=level))  # type: ignore[arg-type]
    assert heavy.column("share")[0] > 0.5


def test_fading_weight_is_zero_from_half_on(bench: weights.Workbench) -> None:
    run = bench.train(weights.LiveSetting(weight=0.4, shape="linear", steps=8, every=2, clips=2))
    assert run.column("weight") == pytest.approx([0.4, 0.2, 0.0, 0.0, 0.0])


def test_a_second_click_while_it_trains_does_nothing(bench: weights.Workbench) -> None:
    board = bench.board(weights.LiveSetting(steps=2, every=2, clips=2))
    board._training.acquire()
    board.button.click()
    assert len(board.runs) == 1
    board._training.release()
    board.button.click()
    assert len(board.runs) == 2


def test_a_batch_without_boxes_has_a_class_loss_of_zero(bench: weights.Workbench) -> None:
    learn = bench.learn
    bare = replace(learn, boxes=learn.boxes[:0], label=learn.label[:0], track=learn.track[:0])
    setting = weights.LiveSetting(steps=1, clips=2)
    model = LiveModel(bench.detector, len(bare.class_names), setting)
    class_loss, contrast, _, _ = _losses(model, bare, setting, np.random.default_rng(0))
    assert class_loss.item() == 0 and np.isfinite(contrast.item())


def test_tracks_of_any_number_are_told_apart() -> None:
    assert _numbered([(0, 1000), (1, 0), (0, 1000), (0, 0)]).tolist() == [1, 2, 1, 0]
    assert _numbered([]).tolist() == []


def test_board_trains_with_what_is_chosen(bench: weights.Workbench) -> None:
    board = bench.board(weights.LiveSetting(steps=4, every=2, clips=2))
    assert board.twin.startswith(b"\x89PNG") and len(board.runs) == 1
    board.controls["weight"].value, board.controls["temperature"].value = 1.0, 0.5
    board.controls["level"].value = "object"
    board.button.click()
    run = board.runs[-1]
    assert (run.setting.weight, run.setting.temperature, run.setting.level) == (1.0, 0.5, "object")
    assert board.player.position == 2 and "w = 1" in board.player.numbers and not board.button.disabled
    before = board.player.picture.value
    board.controls["points"].value = "learn"
    assert board.player.picture.value != before
    assert set(board._repr_mimebundle_()) >= {"image/png", "text/plain"}
    figure, words = snapshot_figure(run, 0)
    assert len(figure.axes) == 5 and words.startswith("Step 0 of 4")
    player = board.player
    board.player.set(1)
    board.controls["points"].value = "held"
    assert board.player.position == 1  # another view of the same moment
    board.controls["weight"].value = 3.0
    assert board.train() is board.runs[-1] and len(board.runs) == 3
    assert board.player is player and board.player.position == 2 and "w = 3" in board.player.numbers
    assert "w = 0.3" in weights.compare_figure(board.runs).get_suptitle()
