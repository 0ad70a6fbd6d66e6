"""float32, bfloat16 and float16 against float64, part by part; one thread against two; and what is found in the end.

Writes the section `precision` of docs/robustness.md.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from clab_lite.config import FrameConfig
from clab_lite.data.vid import open_dataset
from clab_lite.detector import VideoDetector
from clab_lite.detector.boxes import box_iou
from clab_lite.detector.video import PreparedFrame, detect_frames
from clab_lite.frames import load_frame
from clab_lite.trained import load_run
from trials.page import ROOT, measured_on, write_section
from trials.parts_compared import PRECISIONS, batch_of, compare, computing_in, threads_compared

SAMPLES = "data_samples"
LESSON = ROOT / SAMPLES / "trained" / "clab.safetensors"
_CPU = torch.device("cpu")


def detections(detector: VideoDetector, frames: int, precision: torch.dtype | None, wide: bool) -> list[dict[str, Any]]:
    """Of so many frames of each held-out video of the samples."""
    index = open_dataset(ROOT / SAMPLES, "val")

    def load(video: int, number: int) -> PreparedFrame:
        frame = load_frame(index, video, number, detector.config.frame, _CPU)
        return replace(frame, pixels=frame.pixels.double()) if wide else frame

    found: list[dict[str, Any]] = []
    with torch.no_grad(), computing_in(precision):
        for video in range(len(index.videos)):
            keys = range(min(frames, index.videos[video].frame_count))
            found += detect_frames(detector.eval(), partial(load, video), len(keys), count=4)
    return found


def matched(found: list[dict[str, Any]], truth: list[dict[str, Any]], least: float) -> tuple[int, int, float]:
    """Boxes of the truth with at least that score; those found again (same class, IoU of 0.95); how far scores are."""
    wanted = again = 0
    apart = 0.0
    for one, other in zip(found, truth, strict=True):
        for box, label, score in zip(other["boxes"], other["labels"], other["scores"], strict=True):
            if score < least:
                continue
            wanted += 1
            same = one["labels"] == label
            overlap = box_iou(box[None].double(), one["boxes"][same].double())[0]
            if len(overlap) and overlap.max() >= 0.95:
                again += 1
                apart = max(apart, float((one["scores"][same][overlap.argmax()] - score).abs()))
    return wanted, again, apart


def detections_compared(detector: VideoDetector, frames: int) -> dict[str, str]:
    """Precision -> a sentence."""
    truth = detections(detector.double(), frames, None, wide=True)
    detector.float()
    table = {}
    for name, kind in PRECISIONS.items():
        try:
            found = detections(detector, frames, kind, wide=False)
        except RuntimeError as error:
            table[name] = f"cannot be computed: {str(error).splitlines()[0]}"
            continue
        texts = []
        for least in (0.05, 0.5):
            wanted, again, apart = matched(found, truth, least)
            share = f"{100 * again / wanted:.1f} %" if wanted else "none"
            texts.append(f"from score {least}: {share} of {wanted}, scores within {apart:.1e}")
        table[name] = "; ".join(texts)
    return table


def part_table(detector: VideoDetector, clips: int, size: FrameConfig) -> list[str]:
    batch = batch_of(SAMPLES, size, clips)
    rows, threads = compare(detector, *batch), threads_compared(detector, *batch)
    lines = [f"| part | {' | '.join(PRECISIONS)} | float32, two threads against one |", f"|---|{'---|' * 4}"]
    for part, row in rows.items():
        moved = f"{threads[part]:.1e}" if threads[part] else "the same bits"
        lines.append(f"| {part} | {' | '.join(str(row[name]) for name in PRECISIONS)} | {moved} |")
    return lines


def main(only_lesson: bool) -> None:
    """Measure and write the section; only_lesson: leave the ResNet-50 out."""
    torch.set_num_threads(1)
    lesson = load_run(LESSON).detector
    text = [
        "Largest difference to float64 as a share of the largest number / median relative difference. Half precision",
        "is autocast, as in training. The lesson's trained detector, two training clips:", "",
        *part_table(lesson, 2, lesson.config.frame), "",
        "What it detects, against the boxes of float64 (same class, IoU of at least 0.95):", "",
        *(f"* {name}: {words}" for name, words in detections_compared(lesson, 3).items()), "",
    ]  # fmt: skip
    if not only_lesson:
        sys.path.append(str(ROOT / "tests" / "detector"))
        from golden_model import official_detector

        size = FrameConfig(96, 64)
        large = official_detector("r50")
        text += ["The published ResNet-50 detector with random weights, two clips of 96 x 64 pixels:", ""]
        text += [*part_table(large, 2, size), ""]
    write_section("precision", "\n".join([*text, measured_on()]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", nargs="?", choices=["lesson"], help="leave the ResNet-50 out")
    main(parser.parse_args().which == "lesson")
