"""From words to a command: the command's name, the preset as defaults, and the closest name for a mistyped one."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from typing import Any, get_args

import tyro

from clab_lite import __version__, presets
from clab_lite.cli import commands
from clab_lite.cli.check import Check
from clab_lite.cli.compare import Compare
from clab_lite.cli.detect import Detect
from clab_lite.cli.evaluate import Evaluate
from clab_lite.cli.export import Export
from clab_lite.cli.ranked_sweep import RankedSweep
from clab_lite.cli.study import Study
from clab_lite.config import Config
from clab_lite.errors import DataError

COMMANDS = {
    "demo": "train the tiny preset on the bundled videos, evaluate, write a report (CPU, minutes)",
    "train": "train a detector on a dataset",
    "pretrain": "pre-train a backbone by ranked contrast, CrossCL or CoDo-style contrast; train --init starts from it",
    "evaluate": "AP of a trained run under three protocols, on any part of a dataset, with intervals and a page",
    "compare": "whether one run is better than another, and how sure that is",
    "detect": "find objects in a video, a folder of frames, or pictures",
    "embed": "embeddings of a dataset's frames or objects, and a map of them",
    "check": "read every record of a dataset, name what is wrong, and say what to do next",
    "export": "write a run's weights: under the official names, or as a small safetensors file",
    "study": "train the measured runs that the lessons show",
    "ranked-sweep": "train ranked contrast with several numbers of ranks and seeds: one table, the ladder, ROC curves",
    "make-samples": "draw a world of sample videos",
}
PRESETS: tuple[str, ...] = get_args(commands.PresetName)


def parse(words: Sequence[str]) -> commands.Command:
    """Build the command that the words ask for.

    Raises:
        DataError: the command or the preset has no such name (the message proposes the closest one).
        SystemExit: 0 after `--help` or `--version`; 2 after a wrong option, which tyro explains with the closest ones.
    """
    if not words:
        print(usage(), file=sys.stderr)
        raise SystemExit(2)
    name = words[0]
    if name in ("-h", "--help"):
        print(usage())
        raise SystemExit(0)
    if name == "--version":
        print(f"clab-lite {__version__}")
        raise SystemExit(0)
    if name not in COMMANDS:
        raise unknown("command", name, tuple(COMMANDS))
    options = list(words[1:])
    if name == "pretrain":
        name = f"{name} {_method(options)}"
        options = options[1:]
    kind, default = _command(name, options)
    flags = (tyro.conf.FlagCreatePairsOff, tyro.conf.HelptextFromCommentsOff)
    command: commands.Command = tyro.cli(kind, prog=f"clab-lite {name}", args=options, default=default, config=flags)
    return command


def usage() -> str:
    """What `clab-lite --help` prints."""
    rows = "\n".join(f"  {name:<13} {summary}" for name, summary in COMMANDS.items())
    return (
        "usage: clab-lite COMMAND [OPTIONS]\n\n"
        "Video object detection with a contrastive auxiliary branch.\n\n"
        f"{rows}\n\nclab-lite COMMAND --help lists the options of a command, with units and defaults."
    )


def unknown(kind: str, name: str, known: Sequence[str]) -> DataError:
    """The error for a name that does not exist: the value, the closest known one, all known ones."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    return DataError(f"there is no {kind} {name!r}.{guess} Choose one of: {', '.join(known)}.")


def _command(name: str, options: Sequence[str]) -> tuple[Any, Any]:
    """The dataclass of a command, and the instance that gives its defaults (or tyro's sign for none)."""
    if name == "make-samples":
        from clab_lite.cli.make_samples import MakeSamples  # its options are the world's settings: it imports numpy

        return MakeSamples, tyro.MISSING_NONPROP
    if name == "train":
        return commands.Train, commands.Train(tyro.MISSING, starting_config(_preset(options)))
    if name.startswith("pretrain "):
        from clab_lite.cli.pretrain import options_of  # its options are the methods' settings: they import torch

        return options_of(name.removeprefix("pretrain "), _preset(options, "lite"))
    if name == "ranked-sweep":
        return RankedSweep, tyro.MISSING_NONPROP
    plain = (commands.Demo, Evaluate, Compare, Detect, commands.Embed, Check, Export, Study)
    return next(kind for kind in plain if kind.__name__.lower() == name), tyro.MISSING_NONPROP


def _method(options: Sequence[str]) -> str:
    """The method that is pre-trained: the first word after the command.

    Raises:
        DataError: there is none of that name.
        SystemExit: there is no word, or it asks for help.
    """
    from clab_lite.cli.pretrain import METHODS, usage

    if not options or options[0] in ("-h", "--help"):
        print(usage(), file=sys.stdout if options else sys.stderr)
        raise SystemExit(0 if options else 2)
    if options[0] not in METHODS:
        raise unknown("method", options[0], tuple(METHODS))
    return options[0]


def _preset(options: Sequence[str], default: str = commands.DEFAULT_PRESET) -> str:
    """The preset that the options name: its values are the defaults of all others, and those `train --help` shows."""
    name = default
    for position, word in enumerate(options):
        if word == "--preset" and position + 1 < len(options):
            name = options[position + 1]
        elif word.startswith("--preset="):
            name = word.removeprefix("--preset=")
    return name


def starting_config(name: str) -> Config:
    """The configuration of a preset. DataError when there is none of that name."""
    if name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    return presets.named(name)
