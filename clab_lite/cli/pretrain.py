"""The command `pretrain`: its options for each of the three methods, and its work."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, TypeVar

from tyro.conf import Suppress, arg

from clab_lite.cli.commands import Dataset, PathOrDefault
from clab_lite.pretraining.settings import LoopConfig

if TYPE_CHECKING:
    from clab_lite.methods.shared.method import Method, Source

Settings = TypeVar("Settings")

METHODS = {
    "ranked": "object crops: the own class before similar ones, these before the rest, as a ranking says (RINCE-style)",
    "crosscl": "regions of two crops of a frame, inside a stage of the backbone and across stages (CrossCL)",
    "codo": "one object pasted on two backgrounds, read through the detector's parts (CoDo-style)",
}


@dataclass(frozen=True)
class Pretrain(Generic[Settings]):
    """Pre-train a backbone by a contrastive method; `clab-lite train --init` starts a detector from it. Every field of
    the method's configuration is an option; the preset gives the defaults."""

    dataset: Dataset
    """ILSVRC folder, folder with train.json and val.json, .json file, or VOC 2007; its training part is used."""
    config: Annotated[Settings, arg(name="")]
    loop: LoopConfig = field(default_factory=LoopConfig)
    preset: Literal["lite", "paper"] = "lite"
    """lite: minutes on a CPU, a backbone for `train --preset lesson`. paper: the published scale."""
    out: Path = Path("runs/pretrain")
    """Run folder: config.json, log.jsonl, checkpoint.pt, TensorBoard events, backbone.safetensors."""
    include_det: bool = False
    """Append the still images of ImageNet DET, where the dataset has them."""
    resume: bool = False
    """Continue the run in the folder, bit by bit as if it had not been stopped."""
    overwrite: bool = False
    """Replace the run in the folder."""
    downstream: PathOrDefault = None
    """codo only: dataset whose training frames are the backgrounds, that of the detector to come; it needs no boxes.
    Default: DATASET."""
    deterministic: bool = False
    """The same as --loop.deterministic: two runs with the same number of threads give the same bits."""
    device: str = "auto"
    """cpu, cuda, cuda:1, mps, or auto (the best one present)."""
    method: Annotated[str, Suppress] = ""

    after_interrupt: ClassVar[str] = (
        "With --resume (instead of --overwrite) the run goes on from its last checkpoint, or starts when it has none."
    )

    def run(self) -> int:
        return pretrain(self)


def options_of(method: str, preset: str) -> tuple[Any, Any]:
    """The command of one method: its type, and an instance with the preset's values as defaults.

    Raises:
        DataError: there is no such preset.
    """
    import tyro

    from clab_lite.pretraining.methods import preset_of

    config = preset_of(method, preset)
    kind: Any = Pretrain
    return kind[type(config)], Pretrain(tyro.MISSING, config, out=Path("runs") / method, method=method)


def usage() -> str:
    """What `clab-lite pretrain --help` prints."""
    rows = "\n".join(f"  {name:<13} {summary}" for name, summary in METHODS.items())
    return (
        "usage: clab-lite pretrain METHOD DATASET [OPTIONS]\n\n"
        f"{' '.join((Pretrain.__doc__ or '').split())}\n\n{rows}\n\n"
        "  --preset {lite,paper}   scale (default: lite)\n"
        "  --out PATH              run folder (default: runs/METHOD)\n\n"
        "clab-lite pretrain METHOD --help lists the options of a method, with units and defaults."
    )


def pretrain(options: Pretrain[Any]) -> int:
    """Pre-train; what differs from the preset is printed first (config.json keeps every setting)."""
    from clab_lite.cli.processes import speaks
    from clab_lite.data.vid import open_dataset
    from clab_lite.devices import pick_device
    from clab_lite.pretraining.loop import pretrain as pretrain_backbone
    from clab_lite.pretraining.methods import build_method, preset_of
    from clab_lite.team import team
    from clab_lite.training.dataset import describe
    from clab_lite.training.deterministic import prepare_cublas
    from clab_lite.training.run_folder import CONFIG
    from clab_lite.training.saved_config import config_to_dict, differences

    loop = replace(options.loop, deterministic=options.loop.deterministic or options.deterministic)
    if loop.deterministic:
        prepare_cublas()
    device = pick_device(options.device)
    with team(device.type) as us:  # the first reads the dataset and keeps its index for the others
        index = us.main_first(lambda: open_dataset(options.dataset, split="train", include_det=options.include_det))
        elsewhere = options.downstream
        downstream = None if elsewhere is None else us.main_first(lambda: open_dataset(elsewhere, split="train"))
    videos = describe(index) | ({} if downstream is None else {"downstream": describe(downstream)["digest"]})
    config = options.config
    if speaks():
        changed = differences(config_to_dict(preset_of(options.method, options.preset)), config_to_dict(config))
        print(f"{options.method}, preset {options.preset}{', with' if changed else ''} {'; '.join(changed)}".rstrip())
        print(f"all settings: {options.out / CONFIG}")
        print(f"{len(index)} videos, {index.frame_count} frames; {config.pretrain.steps} steps on {device}")

    def build() -> tuple[Method, Source]:
        return build_method(options.method, config, index, downstream)

    result = pretrain_backbone(
        options.method, config, build, videos, options.out,
        loop=loop, device=device, resume=options.resume, overwrite=options.overwrite,
    )  # fmt: skip
    if not speaks():
        return 0
    if result.last_row is not None:
        print(", ".join(f"{name} {value:.3f}" for name, value in result.last_row["losses"].items()))
    print(f"{result.iterations} steps in {result.seconds:.0f} s: {result.backbone_file}")
    backbone = config.backbone
    fits = "--preset lesson" if (backbone.architecture, backbone.width) == ("resnet18", 16) else (
        f"--detector.backbone.architecture {backbone.architecture} --detector.backbone.width {backbone.width}"
    )  # fmt: skip
    print(f"Next: clab-lite train {options.dataset} {fits} --init {result.backbone_file}")
    return 0
