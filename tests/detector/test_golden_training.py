"""Losses, gradients and three optimiser steps against the official implementation."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from golden_inputs import make_image, make_ref
from golden_model import CASES, GOLDENS, difference, golden, official_detector

from clab_lite.detector import VideoDetector
from clab_lite.interop import to_mmtracking

NAMES = {
    "loss_rpn_cls": "rpn_objectness",
    "loss_rpn_bbox": "rpn_box",
    "loss_cls": "box_class",
    "loss_bbox": "box_regression",
    "loss_simclr": "contrast",
}
WEIGHT = 0.005
"""loss_simclr = 0.005 * contrast at step 0; constant in this golden."""

BRANCH = 5e-2
"""Which proposals are sampled in the third step hangs on rounding: the same steps in float64 end 3.2 % (class loss),
3.9 % (box loss) and 3.0 % (gradient norm) away from the recorded ones, in float32 0.1 % or 3 %, as the processor and
the number of threads have it."""


def training_batch() -> tuple[torch.Tensor, list[dict]]:
    case = CASES["train"]
    clips, targets = [], []
    for key in case["keys"]:
        image = make_image(key["seed"], case["h"], case["w"], *key["img_shape"])
        references = [
            make_ref(image, key["seed"] * 100 + j, 3 * (2 * j - 1), 5 * (2 * j - 1), *key["img_shape"])
            for j in range(case["T"])
        ]
        clips.append(np.stack([image, *references]))
        targets.append(
            {
                "boxes": torch.tensor(key["gt_bboxes"]),
                "labels": torch.tensor(key["gt_labels"]),
                "image_size": tuple(key["img_shape"]),
            }
        )
    return torch.from_numpy(np.stack(clips)), targets


def three_steps() -> tuple[VideoDetector, list[dict[str, float]], list[float], dict, dict]:
    """Three official steps: detector, losses, gradient norms before clipping, first gradients, first weights."""
    from clab_lite.detector import sampling

    original, sampling.choose_random = sampling.choose_random, lambda candidates, count: candidates[:count]
    detector = official_detector("r50").train()
    optimizer = torch.optim.SGD(
        [p for p in detector.parameters() if p.requires_grad], lr=0.01, momentum=0.9, weight_decay=1e-4
    )
    clips, targets = training_batch()
    start = {name: value.clone() for name, value in detector.state_dict().items()}
    history, norms, gradients = [], [], {}
    for step in range(3):
        losses = detector(clips, targets)
        optimizer.zero_grad()
        sum(value * (WEIGHT if name == "contrast" else 1.0) for name, value in losses.items()).backward()
        if step == 0:
            gradients = {n: p.grad.clone() for n, p in detector.named_parameters() if p.grad is not None}
        norms.append(float(torch.nn.utils.clip_grad_norm_(detector.parameters(), 35.0)))
        optimizer.step()
        history.append({name: float(value.detach()) for name, value in losses.items()})
    sampling.choose_random = original
    return detector, history, norms, gradients, start


@pytest.fixture(scope="module")
def trained() -> tuple[VideoDetector, list[dict[str, float]], list[float], dict, dict]:
    return three_steps()


@pytest.fixture(scope="module")
def expected() -> dict:
    return json.loads((GOLDENS / "r50_train_N2_T2.json").read_text())


def test_losses_of_three_steps(trained, expected) -> None:
    for step, usual in enumerate((1e-4, 1e-3, 1e-2)):
        for official, ours in NAMES.items():
            tolerance = BRANCH if step == 2 and ours.startswith("box") else usual
            value = trained[1][step][ours] * (WEIGHT if ours == "contrast" else 1.0)
            assert value == pytest.approx(expected["losses"][step][official], rel=tolerance), (step, ours)


def test_gradient_norms(trained, expected) -> None:
    found = to_mmtracking(trained[3])
    assert set(found) == set(expected["grad_norms"])
    for name, norm in expected["grad_norms"].items():
        if not name.endswith("ref_fc_embed.bias"):  # its true gradient is 0; the golden holds rounding noise
            assert float(found[name].double().norm()) == pytest.approx(norm, rel=2e-3), name
    for step, norm in enumerate(expected["grad_norm_before_clip"]):
        assert trained[2][step] == pytest.approx(norm, rel=(2e-3, 5e-3, BRANCH)[step])


def test_raw_gradients(trained) -> None:
    arrays = golden("r50_train_N2_T2")
    found = to_mmtracking(trained[3])
    names = {key.removeprefix("grad:").split("__")[0] for key in arrays if key.startswith("grad:")}
    assert len(names) >= 9
    for name in names:
        tolerance = 1e-2 if "embed_network" in name else 1e-3
        assert difference(arrays, f"grad:{name}", found[name]) < tolerance, name


def test_parameters_after_three_steps(trained, expected) -> None:
    end = trained[0].state_dict()
    norms = to_mmtracking({n: v.float() for n, v in end.items()})
    changes = to_mmtracking({n: end[n].float() - v.float() for n, v in trained[4].items()})
    assert len(expected["param_norms_after_steps"]) == 209
    for name, norm in expected["param_norms_after_steps"].items():
        assert float(norms[name].double().norm()) == pytest.approx(norm, rel=5e-4), name
    for name, norm in expected["param_change_norms_after_steps"].items():
        if not name.endswith("ref_fc_embed.bias"):
            assert float(changes[name].double().norm()) == pytest.approx(norm, rel=3e-2, abs=1e-7), name


def test_frozen_parameters_get_no_gradient(trained, expected) -> None:
    frozen = [n for n, p in trained[0].named_parameters() if n not in trained[3]]
    assert sorted(to_mmtracking(dict.fromkeys(frozen, torch.zeros(1)))) == sorted(expected["params_without_grad"])


def test_targets_of_anchors_and_rois(first_count) -> None:
    from clab_lite.detector.box_losses import sample_rois
    from clab_lite.detector.boxes import encode_boxes
    from clab_lite.detector.rpn import make_anchors, sample_anchors

    arrays, config = golden("r50_train_N2_T2"), official_detector("r50").config
    anchors = make_anchors(
        CASES["train"]["h"] // 16, CASES["train"]["w"] // 16, config.rpn.anchors, torch.device("cpu")
    )
    sampled = 0
    for i, target in enumerate(training_batch()[1]):
        samples = sample_anchors(anchors, target["boxes"], target["image_size"], config.rpn.sampler)
        positive = np.flatnonzero((arrays["rpn_labels"][i] == 0) & (arrays["rpn_label_weights"][i] > 0))
        negative = np.flatnonzero((arrays["rpn_labels"][i] == 1) & (arrays["rpn_label_weights"][i] > 0))
        np.testing.assert_array_equal(samples.positive.numpy(), positive)
        np.testing.assert_array_equal(samples.negative.numpy(), negative)
        deltas = encode_boxes(anchors[samples.positive], target["boxes"][samples.matched])
        np.testing.assert_allclose(deltas.numpy(), arrays["rpn_bbox_targets"][i][positive], atol=1e-5)
        sampled += len(positive) + len(negative)
        proposals = torch.from_numpy(arrays[f"proposals_{i}"][:, :4])
        rois = sample_rois(proposals, target["boxes"], target["labels"], 30, config.roi.sampler)
        np.testing.assert_allclose(rois.boxes.numpy(), arrays[f"roi_bboxes_{i}"], atol=1e-4)
        rows = slice(i * 256, (i + 1) * 256)
        np.testing.assert_array_equal(rois.labels.numpy(), arrays["roi_labels"][rows])
        deltas = arrays["roi_bbox_targets"][rows][: len(rois.deltas)]
        np.testing.assert_allclose(rois.deltas.numpy(), deltas, atol=1e-5)
    assert sampled == arrays["rpn_num_pos_neg"].sum()


def test_a_frame_without_positives_counts_one() -> None:
    """The official normaliser takes max(positives, 1) + max(negatives, 1) per frame: here 0 -> 1, and 4."""
    from clab_lite.detector.rpn import rpn_losses

    config = replace(official_detector("r50").config.rpn.sampler, count=4)
    anchors = torch.tensor([[0.0, 0, 10, 10]]).repeat(6, 1)
    objectness, deltas = torch.zeros(1, 6), torch.zeros(1, 6, 4)
    loss, box = rpn_losses(objectness, deltas, anchors, [torch.zeros(0, 4)], [(20, 20)], config)
    assert float(loss) == pytest.approx(4 * np.log(2) / 5)
    assert float(box) == 0


def test_contrast_rows(trained, expected) -> None:
    """The same embeddings and partners as the official head; its rows run keys first, ours clip by clip."""
    arrays = golden("r50_train_N2_T2")
    detector = official_detector("r50")
    clips, _ = training_batch()
    with torch.no_grad():
        c4, _ = detector.extract(clips.flatten(0, 1))
        embeddings = detector.auxiliary.embed(c4)
    keys_first = [0, 3, 1, 2, 4, 5]
    assert difference(arrays, "simclr_embeddings", embeddings[keys_first]) < 1e-4
    ours = torch.arange(2).repeat_interleave(3)[keys_first]
    official = torch.from_numpy(arrays["simclr_targets"])
    assert torch.equal(ours[:, None] == ours, official[:, None] == official)


def test_the_weight_scales_the_contrast_alone(trained, expected) -> None:
    total = sum(v * (WEIGHT if n == "contrast" else 1.0) for n, v in trained[1][0].items())
    assert total == pytest.approx(expected["losses"][0]["loss"], rel=1e-4)


def test_replaced_sampler_is_used(first_count) -> None:
    """If matching drew its randomness elsewhere, the goldens would not be reproducible."""
    from clab_lite.detector.sampling import NEGATIVE, sample

    config = replace(official_detector("r50").config.rpn.sampler, count=4)
    samples = sample(torch.tensor([0, NEGATIVE, 1, 0, NEGATIVE, NEGATIVE, 1]), config)
    assert samples.positive.tolist() == [0, 2] and samples.negative.tolist() == [1, 4]
