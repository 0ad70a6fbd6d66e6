"""The command `evaluate`: its options, and its work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from tyro.conf import UseAppendAction

from clab_lite.cli.commands import Dataset, Run

if TYPE_CHECKING:
    from clab_lite.data.subset import Subset
    from clab_lite.data.vid import VideoIndex
    from clab_lite.detection_store import Found
    from clab_lite.evaluation_report import EvaluationReport
    from clab_lite.trained import Trained

SubsetWords = Annotated[tuple[str, ...], UseAppendAction]


@dataclass(frozen=True)
class Evaluate:
    """AP of a trained run under three protocols with 95 % intervals, by motion, size, trouble and class, and where its
    errors come from. Writes a page, metrics.json and per_class.csv."""

    run_folder: Run
    """Folder that `clab-lite train` wrote, or a checkpoint of the official code (.pth)."""
    dataset: Dataset
    """ILSVRC folder, folder with train.json and val.json, or .json file."""
    split: Literal["val", "train"] = "val"
    """Which videos."""
    subset: SubsetWords = ()
    """NAME=VALUE, may be repeated: motion=fast, size=small, trouble=clean, classes=dog,car, videos=NAME,*PATTERN*,
    occluded=yes, max_videos=20, every=2, seed=1."""
    out: Path | None = None
    """Folder to write. Default: RUN; for a subset or the split train RUN/evaluation/NAME; for a checkpoint file a
    folder of its name in runs/evaluation."""
    resamples: int = 1000
    """Draws of videos behind the intervals; 0 leaves them out."""
    device: str = "auto"
    """cpu, cuda, cuda:1, mps, or auto (the best one present)."""

    after_interrupt: ClassVar[str] = "The videos that were finished are kept: the same command goes on from there."

    def run(self) -> int:
        return evaluate(self)


def evaluate(options: Evaluate) -> int:
    """Detect what is not stored yet, score it, print the table, write the page and the files beside it."""
    from clab_lite.data.subset import Subset
    from clab_lite.data.vid import open_dataset
    from clab_lite.dataset_detections import detect_selection
    from clab_lite.devices import pick_device
    from clab_lite.evaluate import require_same_classes
    from clab_lite.evaluation_report import Measured
    from clab_lite.files import try_folder
    from clab_lite.scoring import score
    from clab_lite.trained import load_run

    require_resamples(options.resamples)
    subset = Subset.parse(options.subset)
    trained = load_run(options.run_folder, pick_device(options.device))
    index = open_dataset(options.dataset, split=options.split)
    require_same_classes(trained.class_names, index.class_names)
    selection = subset.select(index)
    store, out = places(options, subset)
    try_folder(out)
    measured = Measured.of(trained, options.dataset, options.split, _weights_name(options.run_folder))
    if measured.iterations is not None and measured.iteration < measured.iterations:
        print(f"The run is not finished: weights of step {measured.iteration} of {measured.iterations}.")
    found = detect_selection(trained.detector, index, selection, store=store)
    report = score(index, selection, found, subset=str(subset), resamples=options.resamples)
    report = replace(report, measured=measured)
    print("\n".join(score_table(report)))
    page = write_results(out, report, index, found, _page_name(out, options.run_folder, trained))
    print(f"{out / 'metrics.json'}\n{out / 'per_class.csv'}\n{page}")
    print(f"Next: open the page; then `clab-lite compare {options.run_folder} OTHER_RUN {options.dataset}`")
    return 0


def places(options: Evaluate, subset: Subset) -> tuple[Path, Path]:
    """The folder of stored detections, and the folder to write.

    Only numbers on all validation videos stand in the run folder itself: others must not pass for them.
    """
    from clab_lite.training.run_folder import DETECTIONS, EVALUATIONS

    run = options.run_folder
    base = options.out if options.out is not None and run.is_file() else home_of(run)
    out = base if options.split == "val" and not subset else base / EVALUATIONS / f"{options.split}-{subset.slug}"
    return base / DETECTIONS, options.out if options.out is not None else out


def home_of(run: Path) -> Path:
    """Where the results of a run belong: its folder, or one named like the checkpoint file."""
    return Path("runs/evaluation") / run.stem if run.is_file() else run


def require_resamples(resamples: int) -> None:
    """Raise a DataError for a number of draws that cannot be."""
    from clab_lite.errors import DataError

    if resamples < 0:
        raise DataError(f"--resamples {resamples} is negative. Choose 0 (no intervals) or more.")


def _weights_name(run: Path) -> str:
    from clab_lite.training.checkpoint import CHECKPOINT

    return run.name if run.is_file() else CHECKPOINT


def _page_name(out: Path, run: Path, trained: Trained) -> str:
    """report.html, except in a demo's folder, where that is the demo's own."""
    from clab_lite.demo import NAME
    from clab_lite.training.run_folder import EVALUATION_PAGE, REPORT

    return EVALUATION_PAGE if out.resolve() == run.resolve() and trained.config.name == NAME else REPORT


def write_results(out: Path, report: EvaluationReport, index: VideoIndex, found: Found, page: str) -> Path:
    """metrics.json, per_class.csv and the page; returns the page's path."""
    from clab_lite.evaluation_page import write_evaluation_page, write_per_class_csv
    from clab_lite.files import write_text
    from clab_lite.training.run_folder import METRICS, PER_CLASS

    write_text(out / METRICS, report.to_json() + "\n")
    write_per_class_csv(out / PER_CLASS, report)
    positions = {video.name: position for position, video in enumerate(index.videos)}

    def of_frame(name: str, frame: int) -> Mapping[str, Any]:
        import numpy as np

        part = found(positions[name]).of_frames(np.array([frame]))
        return {"boxes": part.boxes, "scores": part.scores, "labels": part.labels}

    return write_evaluation_page(out / page, report, index, of_frame, index.class_names)


def score_table(report: EvaluationReport) -> list[str]:
    """The report as aligned text: protocols, then COCO AP of all frames, by trouble, size and class.

    clean*: AP50 on the clean frames over the classes that the frames of the trouble show.
    """
    lines = [f"{'AP50 by protocol':<18} {'all':>22} {'slow':>22} {'medium':>22} {'fast':>22}"]
    for protocol in report.protocols.values():
        scores = [protocol.scores.get(motion) for motion in ("all", "slow", "medium", "fast")]
        cells = ["-" if score is None else _value(score.value, score.interval) for score in scores]
        lines.append(f"{protocol.title:<18} " + " ".join(f"{cell:>22}" for cell in cells))
    rows: dict[str, Any] = {"all frames": report.overall, **report.by_trouble}
    rows |= {f"{name} objects": scores for name, scores in report.by_size.items()} | report.per_class
    head = f"{'AP50':>22} {'clean*':>7} {'AP50:95':>22} {'videos':>7} {'frames':>8} {'boxes':>8}"
    lines += ["", f"{'COCO':<18} {head}"]
    for name, scores in rows.items():
        ap50, ap = _value(scores.ap50, scores.ap50_interval), _value(scores.ap, scores.ap_interval)
        clean = "-" if scores.clean_ap50 is None else f"{scores.clean_ap50:.3f}"
        counts = f"{scores.videos:>7} {scores.frames:>8} {scores.boxes:>8}"
        lines.append(f"{name.replace('_', ' '):<18} {ap50:>22} {clean:>7} {ap:>22} {counts}")
    if report.overall.ap50_interval is not None:
        lines.append("in brackets: 95 % interval over drawn videos")
    if report.by_trouble:
        lines.append("clean*: AP50 on clean frames, over the classes that the frames of the row show")
    if report.errors:
        costs = sorted(report.errors.items(), key=lambda item: -item[1].cost)
        lines.append("AP50 lost to errors: " + ", ".join(f"{kind} {error.cost:.3f}" for kind, error in costs))
    return lines


def _value(value: float | None, span: tuple[float, float] | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" + ("" if span is None else f" [{span[0]:.3f}, {span[1]:.3f}]")
