"""The command `export`: its options, and its work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from clab_lite.cli.commands import Run
from clab_lite.errors import DataError


@dataclass(frozen=True)
class Export:
    """Write a run's weights as the official code would: {"state_dict", "meta"} under mmtracking's names. The other
    commands read such a file in place of a run, and so the checkpoints that mmtracking and CLAB released.
    With the ending .safetensors: a small file for clab-lite itself, in half precision, with all settings."""

    run_folder: Run
    """Folder that `clab-lite train` wrote, or an official checkpoint file, of which the weights alone are kept."""
    file: Annotated[Positional[Path], arg(metavar="FILE")]
    """File to write, for example clab.pth or clab.safetensors."""
    weights: Literal["end", "contrast-zero", "start"] = "end"
    """Weights at the end of training, when the contrast weight reached zero, or before the first step."""
    overwrite: bool = False
    """Replace the file when it is there."""

    after_interrupt: ClassVar[str] = "Nothing was written."

    def run(self) -> int:
        return export(self)


def export(options: Export) -> int:
    """Read the run, write the file, say what is in it."""
    from clab_lite.interop import save_mmtracking
    from clab_lite.trained import load_run
    from clab_lite.training.checkpoint import CHECKPOINT, SNAPSHOT_CONTRAST_ZERO, SNAPSHOT_START
    from clab_lite.weights_file import SUFFIX, write_weights

    if options.file.is_dir():
        raise DataError.at(options.file, "", "is a folder", "Name a file in it, for example clab.pth.")
    if options.file.exists() and not options.overwrite:
        raise DataError.at(options.file, "", "is there already", "Name another file, or replace it with --overwrite.")
    files = {"end": CHECKPOINT, "contrast-zero": SNAPSHOT_CONTRAST_ZERO, "start": SNAPSHOT_START}
    trained = load_run(options.run_folder, file=files[options.weights])
    if options.file.suffix == SUFFIX:
        write_weights(options.file, trained.detector, trained.config, trained.class_names, trained.iteration)
    else:
        save_mmtracking(options.file, trained.detector, trained.class_names, trained.iteration)
    config = trained.detector.config
    parts = [config.backbone.architecture, f"{config.box_head.layers} SELSA layers"]
    parts += ["Temporal RoI Align"] * config.roi.temporal + ["auxiliary branch"] * config.contrast.enabled
    size = options.file.stat().st_size / 1e6
    print(f"{options.file}: {', '.join(parts)}; {config.num_classes} classes; {size:.1f} MB")
    print(f"Next: clab-lite detect {options.file} VIDEO")
    return 0
