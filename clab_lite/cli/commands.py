"""The commands: one frozen dataclass each. Its fields are the options, their docstrings the help, `run()` the work.

`run()` returns the exit status. Heavy modules are imported inside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Protocol

from tyro.conf import Positional, arg

from clab_lite.config import Config

PresetName = Literal["tiny", "lesson", "laptop", "paper-r50", "paper-r101", "paper-x101"]
DEFAULT_PRESET: PresetName = "tiny"
Dataset = Annotated[Positional[Path], arg(metavar="DATASET")]
Run = Annotated[Positional[Path], arg(metavar="RUN")]
PathOrDefault = Annotated[Path | None, arg(metavar="PATH")]
IntOrDefault = Annotated[int | None, arg(metavar="INT")]
"""Left out, they are None, which nobody has to type: the help does not offer it."""


class Command(Protocol):
    """What the command line needs of a command."""

    after_interrupt: ClassVar[str]
    """What a person can do after Ctrl-C; may be empty."""

    def run(self) -> int:
        """Do the work; the exit status."""


@dataclass(frozen=True)
class Demo:
    """Train the tiny preset on the bundled videos, evaluate it, write a report (CPU, minutes)."""

    out: Path = Path("runs/demo")
    """Run folder to write; an earlier demo in it is replaced."""
    data: PathOrDefault = None
    """Dataset folder. Default: data_samples here, or beside the package's source."""
    seed: int = 0
    """Random seed of everything."""
    iterations: IntOrDefault = None
    """Training steps. Default: the tiny preset's."""
    threads: IntOrDefault = None
    """CPU threads. Default: the fastest of a few timed steps."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the computation; auto times both on a CPU. Give threads and precision to repeat a run exactly."""
    device: str = "cpu"
    """cpu, cuda, cuda:1, mps, or auto (the best one present)."""

    after_interrupt: ClassVar[str] = "Run it again: the demo starts over."

    def run(self) -> int:
        from clab_lite.cli.work import demo

        return demo(self)


@dataclass(frozen=True)
class Train:
    """Train a detector on a dataset. Every field of the configuration is an option; the preset gives the defaults."""

    dataset: Dataset
    """ILSVRC folder (with Data/VID and Annotations/VID), folder with train.json and val.json, or .json file (COCO-VID
    or COCO; docs/your_data.md). Its classes decide detector.num-classes."""
    config: Annotated[Config, arg(name="")]
    preset: PresetName = DEFAULT_PRESET
    """Configuration to start from. `clab-lite train --preset laptop --help` shows its values."""
    out: Path = Path("runs/train")
    """Run folder: config.json, log.jsonl, checkpoint.pt, TensorBoard events."""
    init: PathOrDefault = None
    """Pre-trained backbone to start from: backbone.safetensors of `clab-lite pretrain`, or its folder. Default: as the
    configuration says, ImageNet's weights or random ones."""
    resume: bool = False
    """Continue the run in the folder, bit by bit as if it had not been stopped."""
    overwrite: bool = False
    """Replace the run in the folder."""
    deterministic: bool = False
    """The same as --train.deterministic: two runs with the same number of threads give the same bits."""
    device: str = "auto"
    """cpu, cuda, cuda:1, mps, or auto (the best one present). Several GPUs: start with torchrun."""

    after_interrupt: ClassVar[str] = (
        "With --resume (instead of --overwrite) the run goes on from its last checkpoint, or starts when it has none."
    )

    def run(self) -> int:
        from clab_lite.cli.work import train

        return train(self)


@dataclass(frozen=True)
class Embed:
    """Embeddings of the frames or objects of a dataset, as a table (.csv), a matrix (.npy), a map (.png)."""

    run_folder: Run
    """Folder that `clab-lite train` wrote."""
    dataset: Dataset
    """ILSVRC folder, folder with train.json and val.json, or .json file."""
    out: PathOrDefault = None
    """Folder to write. Default: RUN/embeddings, or runs/embeddings/NAME for a checkpoint file."""
    level: Literal["object", "frame", "projector"] = "object"
    """object: C4 pooled inside each ground-truth box. frame: C4 pooled over the frame.
    projector: the auxiliary branch's embedding of the frame."""
    weights: Literal["end", "contrast-zero", "start"] = "end"
    """Weights at the end of training, when the contrast weight reached zero, or before the first step."""
    method: Literal["pca", "umap"] = "pca"
    """How to draw the map; umap needs some ten seconds to compile at its first use."""
    every: int = 2
    """Take every so many-th frame of each video; 2 as in the demo's report."""
    split: Literal["val", "train"] = "val"
    """Which videos."""
    device: str = "auto"
    """cpu, cuda, cuda:1, mps, or auto (the best one present). Several GPUs: start with torchrun."""

    after_interrupt: ClassVar[str] = "Nothing was written."

    def run(self) -> int:
        from clab_lite.cli.work import embed

        return embed(self)
