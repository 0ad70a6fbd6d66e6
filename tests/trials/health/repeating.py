"""What the kernel of a notebook does all day: the same calls, again and again in one process."""

from __future__ import annotations

import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import torch

from clab_lite.cli import main
from clab_lite.data.vid import open_dataset
from clab_lite.embeddings import embed
from clab_lite.media.contact_sheet import ContactSheet
from clab_lite.media.source import Frame
from clab_lite.trained import load_run
from trials.health.meter import Meter
from trials.health.shipped import SAMPLES, WEIGHTS, SampleFrames


def evaluating(meter: Meter, folder: Path) -> None:
    """The command `evaluate` on the same eight videos, each time into a new folder, with its page of figures."""
    out = folder / "out"
    command = ["evaluate", str(WEIGHTS), str(SAMPLES), "--out", str(out), "--subset", "max_videos=8", "--device", "cpu"]
    for done in range(1, meter.length + 1):
        with redirect_stdout(StringIO()):
            status = main(command)
        if status:
            raise AssertionError(f"evaluation {done} ended with {status}")
        shutil.rmtree(out)
        meter.look(done)


def embedding(meter: Meter, _: Path) -> None:
    """Embeddings of every second frame of the held-out videos, and their map."""
    trained, index = load_run(WEIGHTS), open_dataset(SAMPLES, split="val")
    for done in range(1, meter.length + 1):
        embed(trained.detector, index, frame_step=4, progress=False).map("pca")
        meter.look(done)


def opening(meter: Meter, _: Path) -> None:
    """The sample videos are opened, and an image of theirs is read."""
    for done in range(1, meter.length + 1):
        open_dataset(SAMPLES, split="val").load_image(0, 0)
        meter.look(done)


def loading(meter: Meter, _: Path) -> None:
    """The shipped weights become a detector."""
    for done in range(1, meter.length + 1):
        load_run(WEIGHTS)
        meter.look(done)


def drawing_sheets(meter: Meter, folder: Path) -> None:
    """Contact sheets of twelve tiles."""
    frames = SampleFrames()
    result = {"boxes": torch.tensor([[20.0, 20, 90, 90]]), "scores": torch.tensor([0.9]), "labels": torch.tensor([1])}
    for done in range(1, meter.length + 1):
        sheet = ContactSheet(12, ("bird", "car"), 0.5)
        for number in range(12):
            pixels = torch.from_numpy(frames[number].copy()).permute(2, 0, 1)
            sheet.add(Frame(number, number / 25, pixels), result)
        sheet.picture().save(folder / "sheet.jpg")
        meter.look(done)
