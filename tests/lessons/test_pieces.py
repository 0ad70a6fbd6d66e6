"""Lesson 02: what is shown is what the detector computed."""

from dataclasses import replace

import pytest
import torch

from clab_lite import lessons, presets
from clab_lite.data.transforms import prepare_frame
from clab_lite.detector.box_losses import BOX_DELTA_STD
from clab_lite.detector.boxes import box_iou, encode_boxes
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.lessons.pieces import deciding, diagram, explorers, features, pooling, preparing, regions
from clab_lite.lessons.pieces.walk import STAGES, Walk, follow
from clab_lite.trained import Trained

VIDEO, FRAME = 20, 3


@pytest.fixture(scope="module")
def trained() -> Trained:
    """The shape of the shipped detector with random weights: the figures must hold for any."""
    torch.manual_seed(0)
    config = presets.lesson()
    detector = VideoDetector(config.detector)
    for parameter in (detector.rpn.objectness.weight, detector.box_head.classify.weight):
        torch.nn.init.normal_(parameter, std=0.3)
    for block in detector.backbone.get_submodule("layer4").children():  # fresh blocks begin as the identity
        torch.nn.init.ones_(block.bn2.weight)
    return Trained(detector.eval(), config, lessons.samples("val").class_names, 0)


@pytest.fixture(scope="module")
def walk(trained: Trained) -> Walk:
    return follow(trained, lessons.samples("val"), VIDEO, FRAME)


def test_the_walk_ends_where_detecting_the_video_ends(trained: Trained, walk: Walk) -> None:
    videos = lessons.samples("val")
    size = trained.config.detector.frame
    frames = [prepare_frame(videos.load_image(VIDEO, i), size)[0] for i in range(videos.videos[VIDEO].frame_count)]
    found = list(trained.detector.detect_video(frames))[FRAME]
    assert len(found["boxes"])
    for name, value in found.items():
        torch.testing.assert_close(walk.detections[name], value)


def test_the_walk_keeps_what_the_parts_pass_on(trained: Trained, walk: Walk) -> None:
    detector = trained.detector
    with torch.no_grad():
        c4, neck = detector.extract(walk.frame.pixels[None])
        objectness, deltas = detector.rpn(neck)
        own = detector.remember(walk.frame.pixels[None], [walk.frame.image_size])
        for before, layer, after in (
            ("layer1", "layer2", "layer2"),
            ("layer2", "layer3", "C4"),
            ("C4", "layer4", "C5"),
        ):
            torch.testing.assert_close(detector.backbone.get_submodule(layer)(walk.maps[before]), walk.maps[after])
    torch.testing.assert_close(walk.maps["C4"], c4)
    torch.testing.assert_close(walk.maps["neck"], neck)
    torch.testing.assert_close(walk.objectness, objectness[0])
    torch.testing.assert_close(walk.deltas, deltas[0])
    torch.testing.assert_close(walk.proposals, own.proposals[0])
    assert walk.pooled.shape == walk.aggregated.shape == (len(walk.proposals), 64, 5, 5)
    assert tuple(walk.maps) == STAGES


def test_nothing_keeps_listening(walk: Walk) -> None:
    assert not any(module._forward_hooks for module in walk.detector.modules())


def test_the_diagram_writes_the_shapes_of_the_run(walk: Walk) -> None:
    shapes = [part.shape for part in diagram.parts(walk)]
    assert shapes[0] == (3, 128, 192)
    assert shapes[2] == tuple(walk.maps["C4"].shape)
    assert shapes[-1] == tuple(walk.detections["boxes"].shape)
    figure = diagram.draw_pipeline(walk)
    written = [text.get_text() for text in figure.axes[0].texts]
    assert any("1 × 64 × 8 × 12" in text for text in written)
    assert f"{len(walk.anchors)} anchors" in figure.axes[0].get_title(loc="left")
    for part in diagram.parts(walk):
        assert (lessons_root() / part.code).is_file(), part.code


def lessons_root():
    from pathlib import Path

    import clab_lite

    return Path(clab_lite.__file__).parent


def test_dilation_leaves_gaps_that_the_neck_fills(walk: Walk) -> None:
    ordinary, dilated, filled = (
        features.reach(walk, dilated=False) > 0, features.reach(walk) > 0, features.reach(walk, neck=True) > 0
    )  # fmt: skip
    row, column = ordinary.shape[0] // 2, ordinary.shape[1] // 2
    assert ordinary[row, column + 1]
    assert not dilated[row, column + 1]
    assert dilated[row, column + 2]
    assert filled.sum() > dilated.sum()
    assert features.draw_reach(walk).get_suptitle().endswith("with gaps; the neck fills them")
    assert dilated.any(axis=0).nonzero()[0].min() < ordinary.any(axis=0).nonzero()[0].min()


def test_the_plain_channel_answers_alike_everywhere(walk: Walk) -> None:
    shape = walk.maps["C4"].shape[-2:]
    y, x = ((torch.arange(n) + 0.5) * side / n for n, side in zip(shape, walk.frame.pixels.shape[-2:], strict=True))
    inside = torch.zeros(shape)
    for x1, y1, x2, y2 in walk.true_boxes.tolist():
        inside += ((y >= y1) & (y < y2))[:, None] * ((x >= x1) & (x < x2))
    inside = inside.clamp(max=1)
    channels = [torch.zeros(shape), 2 * inside, torch.ones(shape), torch.full(shape, 0.1), -torch.ones(shape)]
    made = replace(walk, maps={"C4": torch.stack(channels)[None]})
    assert features.plain_channel(made) == 2  # silent channels are no example
    without = replace(made, truth=replace(walk.truth, boxes=walk.truth.boxes[:0]))
    assert features.plain_channel(without) == 0


def test_anchors_of_a_cell_are_named_by_their_scale_and_ratio(walk: Walk) -> None:
    config = walk.config.rpn.anchors
    draw = regions.anchors_of(walk)
    for ratio in config.ratios:
        for scale in config.scales:
            side = scale * config.stride
            _, numbers = draw(5, 4, scale, ratio)
            assert numbers.startswith(f"{side / ratio**0.5:.0f} × {side * ratio**0.5:.0f} pixels")
    shapes = regions.anchor_at(walk, 5, 4)
    centres = (shapes[:, :2] + shapes[:, 2:]) / 2
    assert (centres == torch.tensor([5.0, 4.0]) * config.stride).all()
    best = box_iou(walk.anchors, walk.true_boxes).max(dim=0).values.tolist()
    for value, label in zip(best, walk.truth.labels, strict=True):
        assert f"{value:.3f} for the {walk.class_names[int(label)]}" in draw(0, 0, config.scales[0], 1.0)[1]


def test_the_nms_slider_at_its_start_gives_the_proposals_of_the_detector(walk: Walk) -> None:
    settings = walk.config.rpn.test_proposals
    draw = regions.proposals_of(walk)
    _, numbers = draw(settings.iou_threshold, settings.before_nms)
    assert f"→ {len(walk.proposals)} boxes" in numbers
    kept = [int(draw(threshold, 100)[1].split("→ ")[1].split()[0]) for threshold in (0.2, 0.5, 0.9)]
    assert kept == sorted(kept)


def test_a_value_by_hand_is_the_value_of_roi_align(walk: Walk) -> None:
    for proposal, row, column, channel in ((0, 0, 0, 0), (3, 2, 4, 11), (7, 4, 1, 30), (20, 1, 3, 63)):
        by_hand = pooling.value_by_hand(walk, proposal, row, column, channel)
        assert by_hand == pytest.approx(float(walk.pooled[proposal, channel, row, column]), abs=1e-4)


def test_the_deltas_start_where_the_head_put_the_box(walk: Walk) -> None:
    best = deciding.best_proposal(walk)
    box = deciding.decoded(walk, best, deciding.deltas_of(walk, best))
    assert any(torch.allclose(box, found, atol=1e-3) for found in walk.detections["boxes"])
    still = deciding.decoded(walk, best, [0.0, 0.0, 0.0, 0.0])
    torch.testing.assert_close(still, walk.proposals[best])
    target = walk.true_boxes[:1]
    wanted = encode_boxes(walk.proposals[best : best + 1], target, BOX_DELTA_STD)[0].tolist()
    torch.testing.assert_close(deciding.decoded(walk, best, wanted), target[0], atol=1e-3, rtol=0)


def test_the_figures_titles_come_from_the_run(walk: Walk) -> None:
    best = deciding.best_proposal(walk)
    chances = walk.logits[best].softmax(dim=0)
    title = deciding.draw_classes(walk, best).axes[1].get_title(loc="left")
    assert title.endswith(f"{chances.max():.0%}")
    stages = [axes.get_title(loc="left") for axes in features.draw_stages(walk).axes]
    assert "layer3 = C4: 64 channels of 8 × 12, stride 16" in stages


@pytest.mark.parametrize("make", [
    explorers.sizes, explorers.channels, explorers.anchors, explorers.suppression,
    explorers.roi_align, explorers.decoding, explorers.detections,
])  # fmt: skip
def test_every_explorer_draws_itself_and_its_twin(walk: Walk, make) -> None:
    explorer = make(walk)
    assert explorer.numbers
    assert explorer.twin.startswith(b"\x89PNG")


def test_a_moved_slider_changes_the_numbers(walk: Walk) -> None:
    explorer = explorers.decoding(walk)
    before = explorer.numbers
    assert explorer.set(dx=5.0).numbers != before
    assert "resized to 192 × 128" in preparing.frames_of_any_size(walk)(192, 128, (192, 128))[1]
    assert "padded to 8 × 12 cells" in preparing.frames_of_any_size(walk)(500, 300, (192, 128))[1]
    few, many = (int(deciding.detections_of(walk)(score, 0.5)[1].split()[0]) for score in (0.95, 0.05))
    assert few <= many
