"""What the commands do: open the files that the options name, call the library, print what a person wants to know."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clab_lite.cli import commands


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
    return 0


def train(options: commands.Train) -> int:
    """Train; the whole configuration is printed first (and kept in config.json)."""
    from clab_lite.data.vid import open_dataset
    from clab_lite.devices import pick_device
    from clab_lite.train import train as train_detector
    from clab_lite.training.saved_config import config_to_dict, flat

    config, device = options.config, pick_device(options.device)
    first = os.environ.get("RANK", "0") == "0"  # one of torchrun's processes speaks
    index = open_dataset(
        options.dataset,
        split="train",
        mmtracking_key_frames=config.data.mmtracking_key_frames,
        include_det=config.data.include_det,
    )
    if first:
        print("\n".join(f"{name} = {value!r}" for name, value in flat(config_to_dict(config)).items()))
        print(f"{len(index)} videos, {index.frame_count} frames, {len(index.key_frames)} key frames; on {device}")
    result = train_detector(
        config, index, options.out, device=device, resume=options.resume, overwrite=options.overwrite
    )
    if first:
        print(f"{result.iterations} iterations in {result.seconds:.0f} s: {result.run_folder}")
        print(f"Next: clab-lite evaluate {options.out} {options.dataset}")
    return 0


def evaluate(options: commands.Evaluate) -> int:
    """Score a run, print the table, write metrics.json."""
    from clab_lite.data.vid import open_dataset
    from clab_lite.devices import pick_device
    from clab_lite.evaluate import evaluate as score
    from clab_lite.files import write_text
    from clab_lite.trained import load_run

    trained = load_run(options.run_folder, pick_device(options.device))
    index = open_dataset(options.dataset, split=options.split)
    report = score(trained.detector, index)
    print("\n".join(score_table(report)))
    path = options.run_folder / "metrics.json"
    write_text(path, report.to_json() + "\n")
    print(path)
    return 0


def score_table(report: Any) -> list[str]:
    """The report as aligned text: one row for all frames, one per trouble, one per class."""
    rows = {"all frames": report.overall, **report.by_trouble, **report.per_class}
    lines = [f"{'':<16} {'AP50':>7} {'AP50:95':>8} {'videos':>7} {'frames':>8} {'boxes':>8}"]
    for name, scores in rows.items():
        ap50, ap = (f"{value:.3f}" if value is not None else "-" for value in (scores.ap50, scores.ap))
        lines.append(f"{name:<16} {ap50:>7} {ap:>8} {scores.videos:>7} {scores.frames:>8} {scores.boxes:>8}")
    return lines


def detect(options: commands.Detect) -> int:
    """Detect in a folder of frames."""
    from clab_lite.detect_folder import detect_folder, frame_paths
    from clab_lite.devices import pick_device
    from clab_lite.trained import load_run

    frame_paths(options.frames)  # before the detector is loaded: a wrong folder is told at once
    trained = load_run(options.run_folder, pick_device(options.device))
    path = detect_folder(trained, options.frames, options.out, draw_from=options.score)
    print(f"{path}\n{path.parent}/*.jpg")
    return 0


def check(options: commands.Check) -> int:
    """Check a dataset."""
    from clab_lite.data.check import check_dataset

    report = check_dataset(options.dataset)
    print(report)
    return 0 if report.ok else 1


def embed(options: commands.Embed) -> int:
    """Embed a dataset; write embeddings.csv (with the map's coordinates), embeddings.npy and map.png."""
    import numpy as np

    from clab_lite.data.vid import open_dataset
    from clab_lite.devices import pick_device
    from clab_lite.embeddings import embed as embed_dataset
    from clab_lite.files import replaced
    from clab_lite.show.plots import embedding_map, to_png
    from clab_lite.trained import load_run
    from clab_lite.training.checkpoint import CHECKPOINT, SNAPSHOT_CONTRAST_ZERO, SNAPSHOT_START

    files = {"end": CHECKPOINT, "contrast-zero": SNAPSHOT_CONTRAST_ZERO, "start": SNAPSHOT_START}
    trained = load_run(options.run_folder, pick_device(options.device), files[options.weights])
    index = open_dataset(options.dataset, split=options.split)
    table = embed_dataset(trained.detector, index, options.level)
    points = table.map(options.method)
    out = options.out if options.out is not None else options.run_folder / "embeddings"
    with replaced(out / "embeddings.csv") as beside:
        table.table.assign(x=points[:, 0], y=points[:, 1]).to_csv(beside, index=False)
    with replaced(out / "embeddings.npy") as beside, beside.open("wb") as file:
        np.save(file, table.matrix)
    scores = table.scores("class_name")
    title = f"{options.level} embeddings, {options.method.upper()}"
    picture = embedding_map([(title, points, table.table["class_name"])], legend="class")
    with replaced(out / "map.png") as beside:
        beside.write_bytes(to_png(picture))
    print(f"{len(table)} embeddings of {table.matrix.shape[1]} numbers: {out}")
    print(f"by class: silhouette {scores.silhouette:.3f}, purity of 5 neighbours {scores.knn_purity:.3f}")
    return 0
