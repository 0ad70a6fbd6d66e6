"""The command `detect`: its options, and its work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from clab_lite.cli.commands import IntOrDefault, Run


@dataclass(frozen=True)
class Detect:
    """Detect objects in a video, a folder of frames, or pictures.

    Writes detections.jsonl (a line per frame), the frames with their boxes (annotated.mp4 or pictures/), and
    contact_sheet.jpg (the whole video on one picture). Video files need PyAV: pip install "av>=17".
    """

    run_folder: Run
    """Folder that `clab-lite train` wrote, or an official checkpoint file."""
    inputs: Annotated[Positional[tuple[Path, ...]], arg(metavar="VIDEO|FOLDER|PICTURE...")]
    """A video file (mp4, mov, avi, mkv, ...), a folder with the frames of one video (.jpg, .jpeg, .png), or such
    pictures, in natural order of their names."""
    out: Path = Path("runs/detections")
    """Folder to write; new, empty, or one with earlier detections, which are replaced."""
    references: Literal["adaptive", "sliding", "past"] = "adaptive"
    """Frames that support each frame. adaptive: spread over the whole video (as published). sliding: those around it.
    past: those before it, none later; the first frames support themselves."""
    count: IntOrDefault = None
    """How many reference frames. Default: as in the run's configuration (14 as published)."""
    score: float = 0.5
    """Draw boxes from this score, 0 to 1. detections.jsonl keeps all of them."""
    draw: Literal["auto", "video", "pictures", "none"] = "auto"
    """Draw boxes onto a video or onto pictures; auto: as the input."""
    fps: float = 25.0
    """Frames per second of a folder or of pictures, which have no clock; a video file keeps its own times."""
    device: str = "auto"
    """cpu, cuda, cuda:1, mps, or auto (the best one present)."""

    after_interrupt: ClassVar[str] = "The frames done so far are kept in the output folder."

    def run(self) -> int:
        return detect(self)


def detect(options: Detect) -> int:
    """Detect; say what was written and what to open first."""
    from clab_lite.media.open_source import open_source

    source = open_source(options.inputs, options.fps)  # before the detector: a wrong path is told at once
    from clab_lite.detect import detect as detect_in
    from clab_lite.devices import pick_device
    from clab_lite.media.results import SHEET
    from clab_lite.trained import load_run

    trained = load_run(options.run_folder, pick_device(options.device))
    done = detect_in(
        trained, source, options.out, references=options.references, count=options.count,
        draw_from=options.score, draw=options.draw,
    )  # fmt: skip
    for note in done.notes:
        print(f"note: {note}")
    print(f"{done.frames} frames, {done.drawn} boxes from score {options.score:g}: {done.folder}")
    print(f"open {done.folder / SHEET} first")
    return 0
