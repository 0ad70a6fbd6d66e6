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
    With the ending .safetensors: a small file for clab-lite itself, in half precision, with all settings.
    With --names: the backbone alone, for another library."""

    run_folder: Run
    """Folder that `clab-lite train` wrote, or an official checkpoint file, of which the weights alone are kept. With
    --names also a folder or a backbone.safetensors that `clab-lite pretrain` wrote."""
    file: Annotated[Positional[Path], arg(metavar="FILE")]
    """File to write, for example clab.pth or clab.safetensors."""
    weights: Literal["end", "contrast-zero", "start"] = "end"
    """Weights at the end of training, when the contrast weight reached zero, or before the first step."""
    names: Literal["official", "torchvision", "detectron2", "mmdetection"] = "official"
    """official: the whole detector, as described above. Else the backbone alone, under the names of that library."""
    overwrite: bool = False
    """Replace the file when it is there."""

    after_interrupt: ClassVar[str] = "Nothing was written."

    def run(self) -> int:
        return export(self)


def export(options: Export) -> int:
    """Read the run, write the file, say what is in it."""
    from clab_lite.locks import reserved

    _require_free(options)  # before anything is made beside it
    with reserved(options.file):
        return _export(options)


def _export(options: Export) -> int:
    """The same, when nobody else writes the file."""
    from clab_lite.backbone_file import is_backbone
    from clab_lite.interop import save_mmtracking
    from clab_lite.trained import load_run
    from clab_lite.training.checkpoint import CHECKPOINT, SNAPSHOT_CONTRAST_ZERO, SNAPSHOT_START
    from clab_lite.weights_file import SUFFIX, write_weights

    _require_free(options)  # another export may have written it since
    files = {"end": CHECKPOINT, "contrast-zero": SNAPSHOT_CONTRAST_ZERO, "start": SNAPSHOT_START}
    if options.names != "official":
        return _export_backbone(options, options.names, files[options.weights])
    if is_backbone(options.run_folder):
        remedy = "Name a library with --names, or train a detector from it: clab-lite train DATASET --init FILE."
        raise DataError.at(options.run_folder, "", "holds a backbone, no detector", remedy)
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


def _require_free(options: Export) -> None:
    if options.file.is_dir():
        raise DataError.at(options.file, "", "is a folder", "Name a file in it, for example clab.pth.")
    if options.file.exists() and not options.overwrite:
        raise DataError.at(options.file, "", "is there already", "Name another file, or replace it with --overwrite.")


_NEXT = {
    "torchvision": "torchvision.models.{architecture}().load_state_dict(torch.load({file!r}), strict=False)",
    "detectron2": "MODEL.WEIGHTS {file} INPUT.FORMAT RGB MODEL.PIXEL_MEAN [123.675,116.28,103.53] "
    "MODEL.PIXEL_STD [58.395,57.12,57.375] MODEL.RESNETS.STRIDE_IN_1X1 False",
    "mmdetection": "backbone=dict(init_cfg=dict(type='Pretrained', checkpoint={file!r}, prefix='backbone.'))",
}


def _export_backbone(options: Export, style: Literal["torchvision", "detectron2", "mmdetection"], file: str) -> int:
    """Write the backbone alone, of a run or of a pre-training."""
    from clab_lite.backbone_file import is_backbone, read_backbone
    from clab_lite.interop import save_style
    from clab_lite.trained import load_run
    from clab_lite.weights_file import SUFFIX

    if is_backbone(options.run_folder):
        if options.weights != "end":
            remedy = "Leave out --weights, or pass a run of `clab-lite train`."
            raise DataError.at(options.run_folder, "", f"is a backbone: it has no weights of {options.weights}", remedy)
        found = read_backbone(options.run_folder)
        state, config = found.state, found.backbone
    else:
        detector = load_run(options.run_folder, file=file).detector
        state, config = detector.backbone.state_dict(), detector.config.backbone
    save_style(options.file, state, style)
    size = options.file.stat().st_size / 1e6
    print(f"{options.file}: {config.architecture} of width {config.width}, {len(state)} tensors; {size:.1f} MB")
    if config.width != 64:
        print(
            f"width {config.width}: the names are those of {style}, the shapes are those of no model of it (width 64)"
        )
    if options.file.suffix != SUFFIX:
        print(f"Next: {_NEXT[style].format(architecture=config.architecture, file=str(options.file))}")
    return 0
