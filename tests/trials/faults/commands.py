"""The commands under trial: their words, what lies there before them, and what belongs to their work in progress."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from training_world import micro_config, write_dataset
from video_clips import write_clip

from clab_lite import presets
from clab_lite.config import Config
from clab_lite.data.world import WorldConfig, make_world
from clab_lite.training.saved_config import config_to_dict
from trials.faults.child import call, run

STEPS = 8


@dataclass(frozen=True)
class Command:
    """One command line."""

    name: str
    words: tuple[str, ...]
    again: tuple[str, ...] = ()
    """Words that a second try has besides."""
    prepare: Callable[[Path], None] = lambda place: None
    """Makes what lies in the place before, apart from the dataset."""
    progress: tuple[str, ...] = ()
    """Ends of the names of files that hold a part of the work before it is done, whole in themselves."""
    partial: tuple[str, ...] = ()
    """The same where the command ends by itself before its time: what was done then replaces what was there."""
    out: str = ""
    """What the command writes, relative to its place."""
    inputs: tuple[str, ...] = ()
    """Patterns: a file of each kind that it reads."""

    def into(self, other: str) -> tuple[str, ...]:
        """The words, with another place to write."""
        if self.out in self.words and self.name not in ("evaluate", "embed"):
            return tuple(other if word == self.out else word for word in self.words)
        return (*self.words, "--out", other)

    @property
    def second(self) -> tuple[str, ...]:
        """The words of the second try."""
        return (*self.words, *self.again)


def options_of(config: Config, base: Config) -> list[str]:
    """The command line's options that make `config` of `base`."""

    def differing(new: Mapping[str, Any], old: Mapping[str, Any], start: str = "--") -> list[str]:
        words = []
        for name, value in new.items():
            option = start + name.replace("_", "-")
            if isinstance(value, Mapping):
                words += differing(value, old[name], f"{option}.")
            elif value != old[name] and isinstance(value, bool):
                words.append(option if value else f"{start}no-{name.replace('_', '-')}")
            elif value != old[name]:
                words += [option, str(value)]
        return words

    return differing(config_to_dict(config), config_to_dict(base))


def micro_options(steps: int = STEPS) -> list[str]:
    """A detector of a few thousand weights; a checkpoint every third step."""
    words = options_of(micro_config(steps), presets.tiny())
    return [*words, "--train.checkpoint-every", "3", "--train.log-every", "2"]


def write_data(place: Path) -> None:
    """The dataset `data`: training and validation videos of a few frames, and the film clip.mp4."""
    data, drawn = place / "data", place / "drawn"
    write_dataset(data)
    made = WorldConfig(width=96, height=64, train_videos=1, val_videos=5, train_frames=2, val_frames=4)
    make_world(drawn, made, progress=False)
    (data / "Lists").mkdir()
    for part in ("Data/VID/val", "Annotations/VID/val", "Lists/VID_val_videos.txt"):
        (drawn / part).rename(data / part)
    shutil.rmtree(drawn)
    write_clip(place / "clip.mp4", 16)


def _run_folder(place: Path) -> None:
    _done(["train", "data", "--out", "run", *micro_options(4), "--device", "cpu"], place)


def _with_index(place: Path) -> None:
    _run_folder(place)
    shutil.rmtree(place / "data/.clab_lite")


def _earlier_detections(place: Path) -> None:
    _run_folder(place)
    _done(["detect", "run", "data/Data/VID/val/ILSVRC2015_val_00000000", "--out", "found", *_CPU], place)


def _earlier_evaluation(place: Path) -> None:
    """Of other weights in the folder: other numbers, which are replaced."""
    _done(["train", "data", "--out", "run", *micro_options(40), "--train.seed", "1", *_CPU], place)
    _done(["evaluate", "run", "data", "--resamples", "0", *_CPU], place)
    (place / "run").rename(place / "other")
    _run_folder(place)
    for name in ("metrics.json", "per_class.csv", "report.html"):
        (place / "other" / name).rename(place / "run" / name)
    shutil.rmtree(place / "other")


def _earlier_world(place: Path) -> None:
    call(partial(make_world, "world", WorldConfig(seed=5, **_WORLD), progress=False), place)
    for companion in ("trained", "study"):
        (place / "world" / companion).mkdir()
        (place / "world" / companion / "made.txt").write_text("of an earlier run\n")


def _earlier_file(name: str, place: Path) -> None:
    _run_folder(place)
    _done(["export", "run", name, "--weights", "start"], place)


def _done(words: Sequence[str], place: Path) -> None:
    ended = run(words, place)
    if ended.status:
        raise RuntimeError(f"{' '.join(words)}\n{ended.said}")


_CPU = ("--device", "cpu")
_WORLD: dict[str, Any] = {
    "width": 64, "height": 48, "train_videos": 5, "val_videos": 3, "train_frames": 5, "val_frames": 4,
}  # fmt: skip
_WORLD_WORDS = [word for name, value in _WORLD.items() for word in (f"--{name.replace('_', '-')}", str(value))]
_LOOP = ["--pretrain.steps", "6", "--pretrain.batch", "4", "--backbone.width", "8", "--loop.threads", "1"]
_LOOP += ["--loop.checkpoint-every", "3", "--loop.log-every", "2", *_CPU]
_PRETRAIN = {
    "ranked": ["--bank", "8"],
    "crosscl": ["--queue", "8", "--image-size", "64", "--neck-dim", "8"],
    "codo": ["--composite.image-size", "64", "--trunk.fpn-channels", "8"],
}
_DETECTIONS = ("detections.jsonl", "summary.json", "annotated.mp4", "contact_sheet.jpg")
_WEIGHTS = "run/checkpoint.pt"
_RUN_FILES = ("checkpoint.pt", "log.jsonl", "tensorboard", "backbone.safetensors")


def _pretrain(method: str) -> Command:
    words = ("pretrain", method, "data", "--out", "new", *_PRETRAIN[method], *_LOOP)
    inputs = ("data/Data/VID/train/*/*/000000.JPEG",)
    return Command(f"pretrain {method}", words, ("--resume",), progress=_RUN_FILES, out="new", inputs=inputs)


_EVALUATE = ("evaluate", "run", "data", "--resamples", "50", *_CPU)
_TRAIN = ("train", "data", "--out", "new", *micro_options(), *_CPU)
COMMANDS = (
    Command(
        "train", (*_TRAIN, "--data.workers", "1"), ("--resume",), progress=_RUN_FILES, out="new",
        inputs=("data/Data/VID/train/*/*/000000.JPEG", "data/Annotations/VID/train/*/*/000000.xml"),
    ),
    Command(
        "evaluate", _EVALUATE, prepare=_earlier_evaluation, out="run",
        inputs=("data/Data/VID/val/*/000000.JPEG", "data/Lists/*.txt", _WEIGHTS),
    ),
    Command(
        "detect", ("detect", "run", "clip.mp4", "--out", "found", *_CPU), prepare=_earlier_detections,
        progress=("incomplete.jsonl",), out="found", partial=_DETECTIONS, inputs=("clip.mp4", _WEIGHTS),
    ),
    Command(
        "make-samples", ("make-samples", "world", "--overwrite", *_WORLD_WORDS), prepare=_earlier_world, out="world",
        inputs=("world/world.json",),
    ),
    Command(
        "check", ("check", "data", "--out", "check.txt"), progress=("check_folder.jsonl",), out="check.txt",
        inputs=("data/Data/VID/val/*/000000.JPEG", "data/Annotations/VID/val/*/000000.xml", "data/Lists/*.txt"),
    ),
    _pretrain("codo"),
    Command("embed", ("embed", "run", "data", *_CPU), prepare=_with_index, out="run/embeddings", inputs=(_WEIGHTS,)),
    Command(
        "export", ("export", "run", "mine.safetensors", "--overwrite"), out="mine.safetensors",
        prepare=partial(_earlier_file, "mine.safetensors"), inputs=(_WEIGHTS,),
    ),
    _pretrain("ranked"),
    _pretrain("crosscl"),
    Command(
        "export .pth", ("export", "run", "mine.pth", "--overwrite"), out="mine.pth",
        prepare=partial(_earlier_file, "mine.pth"), inputs=(_WEIGHTS,),
    ),
)  # fmt: skip
