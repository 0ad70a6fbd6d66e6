"""Print the largest difference from each official golden. usage: PYTHONPATH=. python tests/detector/golden_table.py

Differences are relative to the largest golden value of the array, unless said. The tests hold the limits.
"""

from __future__ import annotations

import json

import numpy as np
import torch
from gathered_regions import gathered_regions
from golden_inputs import make_ref
from golden_model import CASES, GOLDENS, SEED, difference, golden, key_image, official_detector, video_frame
from test_golden_parts import feature
from test_golden_training import NAMES, WEIGHT, three_steps

from clab_lite.detector import FrameMemory
from clab_lite.detector.roi_align import roi_align
from clab_lite.detector.rpn import propose
from clab_lite.interop import to_mmtracking

SIZE = tuple(CASES["key"]["img_shape"])


def row(name: str, value: float) -> None:
    print(f"| {name} | {value:.1e} |", flush=True)


@torch.no_grad()
def parts() -> None:
    detector, arrays = official_detector(), golden("r50_features_rpn")
    c4, c5 = detector.backbone(torch.from_numpy(key_image())[None])
    neck = detector.neck(c5)
    for name, value in {"c4": c4, "c5": c5, "neck": neck}.items():
        row(name, difference(arrays, name, value))
    objectness, deltas = detector.rpn(neck)
    anchors, shape = detector.rpn.anchors(neck), neck.shape[-2:]
    row("anchors (pixels)", float(np.abs(anchors.numpy() - arrays["anchors"]).max()))
    row("rpn_cls_score", difference(arrays, "rpn_cls_score", objectness.reshape(*shape, -1).permute(2, 0, 1)))
    row("rpn_bbox_pred", difference(arrays, "rpn_bbox_pred", deltas.reshape(*shape, -1).permute(2, 0, 1)))
    rpn = detector.config.rpn
    for name, config in {"proposals_test": rpn.test_proposals, "proposals_train": rpn.train_proposals}.items():
        boxes, scores = propose(objectness[0], deltas[0], anchors, SIZE, config)
        row(f"{name} (pixels, scores)", difference(arrays, name, torch.cat([boxes, scores[:, None]], dim=1)))
    regions(detector)


def regions(detector) -> None:
    arrays, case = golden("r50_roi_selsa"), CASES["roi"]
    size = (case["n_ref_img"], 512, case["h"], case["w"])
    key, rois, temporal = feature(20, (1, *size[1:])), torch.from_numpy(arrays["rois"]), detector.temporal
    row("roi_align_key", difference(arrays, "roi_align_key", roi_align(key, rois, 7, 16, 2)))
    boxes, keys, references = rois[:, 1:], temporal.tables(key), temporal.tables(feature(21, size))
    row("most_similar", difference(arrays, "most_similar", gathered_regions(temporal, boxes, *keys, references)))
    (aggregated,) = temporal([boxes], keys, [references])
    row("temporal_roi_align (one cell ties to 1e-7)", difference(arrays, "temporal_roi_align", aggregated))
    aggregator = detector.box_head.aggregators[0]
    attended = aggregator(feature(30, (50, 1024), False), aggregator.remember(feature(31, (120, 1024), False)))
    row("aggregator0", difference(arrays, "aggregator0", attended))
    encoded = detector.box_head.encode_references(feature(33, (60, 512, 7, 7)))
    logits, _ = detector.box_head([feature(32, (20, 512, 7, 7))], [encoded])
    row("head_cls_score", difference(arrays, "head_cls_score", logits))


@torch.no_grad()
def detections() -> None:
    detector, arrays = official_detector(), golden("r50_test_adaptive")
    frames = [
        make_ref(key_image(), SEED * 2000 + i, 2 * (i - 7), 3 * (i - 7), *SIZE) for i in range(CASES["test_refs"])
    ]
    memory = detector.remember(torch.from_numpy(np.stack(frames)), [SIZE] * len(frames))
    for index in range(CASES["test_frames"]):
        frame = video_frame(index)
        own = detector.remember(frame[None], [SIZE])
        everything = FrameMemory.join([memory, own])
        logits, _ = detector.score_regions(own.features, own.proposals[0], everything)
        row(f"adaptive frame {index}: cls_score", difference(arrays, f"frame{index}_cls_score", logits))


def training() -> None:
    expected = json.loads((GOLDENS / "r50_train_N2_T2.json").read_text())
    detector, history, norms, gradients, start = three_steps()
    for step, losses in enumerate(history):
        wanted = expected["losses"][step]
        found = {o: losses[n] * (WEIGHT if n == "contrast" else 1) for o, n in NAMES.items()}
        row(f"losses, step {step} (largest of five)", max(abs(found[o] / wanted[o] - 1) for o in NAMES))
    names = [name for name in expected["grad_norms"] if not name.endswith("ref_fc_embed.bias")]

    def largest(found: dict[str, torch.Tensor], wanted: dict[str, float]) -> float:
        return max(abs(float(found[n].double().norm()) / wanted[n] - 1) for n in names if wanted[n] > 1e-7)

    row("gradient norms (largest of 173)", largest(to_mmtracking(gradients), expected["grad_norms"]))
    end = detector.state_dict()
    row("parameter norms after 3 steps", largest(to_mmtracking(end), expected["param_norms_after_steps"]))
    changes = to_mmtracking({name: end[name].float() - value.float() for name, value in start.items()})
    row("change norms after 3 steps", largest(changes, expected["param_change_norms_after_steps"]))
    first = abs(norms[0] / expected["grad_norm_before_clip"][0] - 1)
    row("gradient norm before clipping, step 0", first)


if __name__ == "__main__":
    print("| golden | largest difference |\n|---|---|")
    parts()
    detections()
    training()
