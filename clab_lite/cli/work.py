"""What the commands do: open the files that the options name, call the library, print what a person wants to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from clab_lite.cli.processes import speaks
from clab_lite.errors import DataError

if TYPE_CHECKING:
    from clab_lite.backbone_file import PretrainedBackbone
    from clab_lite.cli import commands
    from clab_lite.config import BackboneConfig
    from clab_lite.embeddings import EmbeddingTable
    from clab_lite.report_data import MapComparison


def demo(options: commands.Demo) -> int:
    """Run the demo; print the three numbers that matter and where to look."""
    from clab_lite.demo import demo_config, run_demo
    from clab_lite.evaluation_report import ANY_TROUBLE, CLEAN

    config = demo_config(options.seed, options.iterations, options.threads, options.precision)
    result = run_demo(options.out, data=options.data, config=config, device=options.device)
    groups = {"all": result.evaluation.overall, **result.evaluation.by_trouble}
    ap50 = {name: f"{s.ap50:.3f}" if s.ap50 is not None else "undefined" for name, s in groups.items()}
    print(f"\nAP50 on held-out videos  {ap50['all']}")
    print(f"  clean frames           {ap50.get(CLEAN, 'not known')}")
    print(f"  troubled frames        {ap50.get(ANY_TROUBLE, 'not known')}")
    print(f"training {result.training_seconds:.0f} s, {result.seconds:.0f} s in all\nreport: {result.report}")
    print(f"Next: open the report; then `clab-lite detect {options.out} VIDEO_OR_FOLDER`")
    return 0


def train(options: commands.Train) -> int:
    """Train; what differs from the preset is printed first (config.json keeps every setting)."""
    from clab_lite.backbone_file import read_backbone
    from clab_lite.cli.parsing import starting_config
    from clab_lite.data.vid import open_dataset
    from clab_lite.devices import pick_device
    from clab_lite.team import team
    from clab_lite.train import for_classes_of
    from clab_lite.train import train as train_detector
    from clab_lite.training.deterministic import prepare_cublas
    from clab_lite.training.run_folder import CONFIG
    from clab_lite.training.saved_config import config_to_dict, differences

    asked = options.config
    if options.deterministic:
        asked = replace(asked, train=replace(asked.train, deterministic=True))
    if asked.train.deterministic:
        prepare_cublas()
    device = pick_device(options.device)
    first, data = speaks(), asked.data
    with team(device.type) as us:  # the first reads the dataset and keeps its index for the others
        index = us.main_first(
            lambda: open_dataset(
                options.dataset,
                split="train",
                mmtracking_key_frames=data.mmtracking_key_frames,
                include_det=data.include_det,
            )
        )
    config = for_classes_of(index, asked)
    if first:
        changed = differences(config_to_dict(starting_config(options.preset)), config_to_dict(config))
        print(f"preset {options.preset}{', with' if changed else ''} {'; '.join(changed)}".rstrip())
        print(f"all settings: {options.out / CONFIG}")
        print(f"{len(index)} videos, {index.frame_count} frames, {len(index.key_frames)} key frames; on {device}")
        print(f"{len(index.class_names)} classes: {_shown(index.class_names)}")
    init = None if options.init is None else read_backbone(options.init)
    if init is not None and first:
        print(f"backbone from {init}: {_fit(init, config.detector.backbone)}")
        if config.detector.backbone.frozen_norm:
            remedy = "--detector.backbone.no-frozen-norm lets it adapt"
            print(f"BatchNorm keeps what it saw in the pre-training, which were no whole frames; {remedy}")
    result = train_detector(
        config, index, options.out, device=device, resume=options.resume, overwrite=options.overwrite, init=init
    )
    if first:
        print(f"{result.iterations} iterations in {result.seconds:.0f} s: {result.run_folder}")
        print(f"Next: clab-lite evaluate {options.out} {options.dataset}")
    return 0


def _fit(found: PretrainedBackbone, config: BackboneConfig) -> str:
    """How many tensors go where, without making the detector."""
    import torch

    from clab_lite.backbone_file import fit
    from clab_lite.detector.backbone import Backbone

    with torch.device("meta"):
        return str(fit(found, Backbone(replace(config, imagenet_weights=False))))


def _shown(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f", ... {names[-1]}" if len(names) > most else "")


def embed(options: commands.Embed) -> int:
    """Embed a dataset; write embeddings.csv (with the map's coordinates), embeddings.npy and map.png.

    Several processes embed together; the main one does all else.
    """
    from clab_lite.data.vid import open_dataset
    from clab_lite.devices import pick_device
    from clab_lite.embeddings import embed as embed_dataset
    from clab_lite.files import try_folder
    from clab_lite.team import team
    from clab_lite.trained import load_run
    from clab_lite.training.checkpoint import CHECKPOINT, SNAPSHOT_CONTRAST_ZERO, SNAPSHOT_START
    from clab_lite.training.folder_lock import hold
    from clab_lite.training.run_folder import require_same_run, run_stamp

    if options.every < 1:
        raise DataError(f"--every {options.every} takes no frame. Choose 1 (all frames) or more.")
    files = {"end": CHECKPOINT, "contrast-zero": SNAPSHOT_CONTRAST_ZERO, "start": SNAPSHOT_START}
    run, device = options.run_folder, pick_device(options.device)
    stamp = run_stamp(run)
    with team(device.type) as us:
        trained = load_run(run, device, files[options.weights])
        beside = run / "embeddings" if run.is_dir() else Path("runs/embeddings") / run.stem
        out = options.out if options.out is not None else beside
        if us.is_main:
            try_folder(out)
        index = us.main_first(lambda: open_dataset(options.dataset, split=options.split))
        with hold(out) as held:  # two at once would mix their files
            table = embed_dataset(trained.detector, index, options.level, frame_step=options.every)
            if us.is_main:
                maps = _mapped(options, table, trained.iteration)
                require_same_run(run, stamp)
                held.require_there()
                note = _write_embeddings(out, table, maps)
                print(f"{len(table)} embeddings of {table.matrix.shape[1]} numbers: {out}")
                print(
                    f"by {maps.by}: {note} (one frame in {options.every}; adjacent frames of a video are no neighbours)"
                )
    return 0


def _mapped(options: commands.Embed, table: EmbeddingTable, iteration: int) -> MapComparison:
    """The table's map, its one panel named by what was embedded and when."""
    from clab_lite.embeddings import Grouping
    from clab_lite.report_data import compare_maps

    # Objects are told apart by class; a whole frame may show several classes, but is of one video.
    by: Grouping = "class_name" if options.level == "object" else "video"
    moment = f"{options.level} embeddings at iteration {iteration}, {options.method.upper()}"
    return compare_maps("", "", {moment: table}, by, options.method)


def _write_embeddings(out: Path, table: EmbeddingTable, maps: MapComparison) -> str:
    """embeddings.csv, embeddings.npy and map.png; returns what the map's scores are."""
    import numpy as np

    from clab_lite.files import replaced
    from clab_lite.show.maps import embedding_map, scores_note
    from clab_lite.show.style import to_png

    (panel,) = maps.panels
    with replaced(out / "embeddings.csv") as beside:
        table.table.assign(x=panel.points[:, 0], y=panel.points[:, 1]).to_csv(beside, index=False)
    with replaced(out / "embeddings.npy") as beside, beside.open("wb") as file:
        np.save(file, table.matrix)
    note = scores_note(panel.scores.silhouette, panel.scores.knn_purity)
    shown = [(panel.title, panel.points, panel.groups)]
    picture = embedding_map(shown, notes=[note], legend=maps.by, list_groups=maps.by == "class")
    with replaced(out / "map.png") as beside:
        beside.write_bytes(to_png(picture))
    return note
