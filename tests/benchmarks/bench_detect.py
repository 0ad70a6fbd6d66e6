"""How long `detect` takes, from a video file to a drawn one, beside the detector's own time for the same frames.

usage: python tests/benchmarks/bench_detect.py [shipped | laptop | paper-r50] [repeats] [frames]

"shipped" is the trained detector of the lessons (192x128), the others are presets with random weights.
"""

from __future__ import annotations

import itertools
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from speed.paired import seconds

import clab_lite as cl
from clab_lite import presets
from clab_lite.data.references import adaptive_references
from clab_lite.detect import detect
from clab_lite.detector import VideoDetector
from clab_lite.detector.video import detect_with_memory, remember_frames
from clab_lite.frames import frames_at_once, prepare
from clab_lite.media.open_source import open_source
from clab_lite.media.video_writer import VideoWriter
from clab_lite.trained import Trained, load_run

SAMPLES = Path(__file__).parents[2] / "data_samples"
FRAMES, SIZE = 300, (480, 320)


def measure(trained: Trained, repeats: int, frames: int = FRAMES) -> dict[str, Any]:
    """Seconds of both on all cores, by the clock and of CPU: medians, and the ratios turn by turn."""
    threads = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_clip(clip, frames)
        model = only_the_model(trained, clip)
        model()
        turns = [(seconds(model), seconds(lambda: detect(trained, open_source([clip]), Path(folder) / "out")))
                 for _ in range(repeats)]  # fmt: skip
    torch.set_num_threads(threads)
    found = {"frames": frames, "threads": os.cpu_count(), "size": SIZE, "turns": repeats}
    for place, clock in enumerate(("cpu", "wall")):
        alone, whole = ([turn[way][place] for turn in turns] for way in (0, 1))
        ratios = [long / short for short, long in zip(alone, whole, strict=True)]
        found[clock] = {
            "model_s": statistics.median(alone), "end_to_end_s": statistics.median(whole),
            "ratio": statistics.median(ratios), "ratio_least": min(ratios), "ratio_most": max(ratios),
        }  # fmt: skip
    return found


def detector_of(name: str) -> Trained:
    """The shipped detector, or a preset with random weights."""
    shipped = load_run(SAMPLES / "trained/clab.safetensors")
    if name == "shipped":
        return shipped
    config = presets.named(name)
    backbone = replace(config.detector.backbone, imagenet_weights=False)
    config = replace(config, detector=replace(config.detector, num_classes=len(shipped.class_names), backbone=backbone))
    return replace(shipped, detector=VideoDetector(config.detector).eval(), config=config)


def write_clip(path: Path, frames: int) -> None:
    """The bundled held-out videos, one after the other, enlarged."""
    index = cl.data.open_dataset(SAMPLES, split="val")
    places = ((video, frame) for video in range(len(index.videos)) for frame in range(index.videos[video].frame_count))
    writer = VideoWriter(path, Fraction(25), Fraction(1, 25))
    for number, place in enumerate(itertools.islice(itertools.cycle(places), frames)):
        picture = Image.fromarray(index.load_image(*place).permute(1, 2, 0).numpy())
        writer.write(picture.resize(SIZE, Image.Resampling.BICUBIC), number / 25)
    writer.close()


def only_the_model(trained: Trained, clip: Path) -> Callable[[], None]:
    """A call that remembers the references and detects in every frame; the frames are decoded and prepared before."""
    detector = trained.detector
    device = next(detector.parameters()).device
    prepared = [prepare(frame.pixels, detector.config.frame, device) for frame in open_source([clip]).frames()]
    chosen = adaptive_references(len(prepared), detector.config.detection.references)

    def work() -> None:
        memory = remember_frames(detector, chosen, ((number, prepared[number]) for number in dict.fromkeys(chosen)))
        at_once = frames_at_once(device, detector.config.frame)
        for together in detect_with_memory(detector, prepared, memory, at_once):
            for result in together:
                result["scores"].cpu()

    return work


def main() -> None:
    """Measure and print."""
    name = sys.argv[1] if len(sys.argv) > 1 else "shipped"
    repeats, frames = (int(word) for word in (*sys.argv[2:4], *("3", str(FRAMES))[len(sys.argv[2:4]) :]))
    found = measure(detector_of(name), repeats, frames)
    print(f"{name}, {found['frames']} frames of {SIZE}, {found['turns']} turns, {found['threads']} cores")
    for clock in ("cpu", "wall"):
        of = found[clock]
        print(
            f"{clock}: the detector alone {of['model_s']:.1f} s, file to file {of['end_to_end_s']:.1f} s, "
            f"{of['ratio']:.2f} times as long ({of['ratio_least']:.2f} to {of['ratio_most']:.2f})"
        )


if __name__ == "__main__":
    main()
