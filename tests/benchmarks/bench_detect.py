"""How long `detect` takes, from a video file to a drawn one, beside the detector's own time for the same frames.

usage: python tests/benchmarks/bench_detect.py [repeats]
"""

from __future__ import annotations

import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from PIL import Image

import clab_lite as cl
from clab_lite.data.references import adaptive_references
from clab_lite.detect import detect
from clab_lite.detector.video import detect_with_memory, remember_frames
from clab_lite.frames import prepare
from clab_lite.media.open_source import open_source
from clab_lite.media.video_writer import VideoWriter
from clab_lite.trained import Trained, load_run

SAMPLES = Path(__file__).parents[2] / "data_samples"
FRAMES, SIZE = 300, (480, 320)


def measure(repeats: int, frames: int = FRAMES) -> dict[str, Any]:
    """Wall-clock seconds of both on all cores: medians, and the ratio turn by turn."""
    threads = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    trained = load_run(SAMPLES / "trained/clab.safetensors")
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_clip(clip, frames)
        model = only_the_model(trained, clip)
        model()
        turns = [(_seconds(model), _seconds(lambda: detect(trained, open_source([clip]), Path(folder) / "out")))
                 for _ in range(repeats)]  # fmt: skip
    torch.set_num_threads(threads)
    ratios = [whole / alone for alone, whole in turns]
    return {
        "frames": frames, "threads": os.cpu_count(), "size": SIZE,
        "model_s": statistics.median(alone for alone, _ in turns),
        "end_to_end_s": statistics.median(whole for _, whole in turns),
        "ratio": statistics.median(ratios), "ratio_least": min(ratios), "ratio_most": max(ratios), "turns": repeats,
    }  # fmt: skip


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
        for result in detect_with_memory(detector, prepared, memory):
            result["scores"].cpu()

    return work


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
    print(
        f"{found['frames']} frames at {SIZE}: the detector alone {found['model_s']:.1f} s, file to file "
        f"{found['end_to_end_s']:.1f} s, {found['ratio']:.2f} times as long "
        f"({found['ratio_least']:.2f} to {found['ratio_most']:.2f}, {found['turns']} turns)"
    )


if __name__ == "__main__":
    main()
