"""The command `evaluate`: its options, and its work."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from tyro.conf import UseAppendAction

from clab_lite.cli.commands import Dataset, PathOrDefault, Run

if TYPE_CHECKING:
    import torch

    from clab_lite.data.selection import Selection
    from clab_lite.data.subset import Subset
    from clab_lite.data.vid import VideoIndex
    from clab_lite.detection_store import Found
    from clab_lite.evaluation_report import EvaluationReport, Measured
    from clab_lite.team import Team
    from clab_lite.trained import Trained

_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)

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
    out: PathOrDefault = None
    """Folder to write. Default: RUN; for a subset or the split train RUN/evaluation/NAME; for a checkpoint file a
    folder of its name in runs/evaluation. The evaluation of anything else in it is not replaced."""
    resamples: int = 1000
    """Draws of videos behind the intervals; 0 leaves them out."""
    device: str = "auto"
    """cpu, cuda, cuda:1, mps, or auto (the best one present). Several GPUs: start with torchrun."""

    after_interrupt: ClassVar[str] = "The videos that were finished are kept: the same command goes on from there."

    def run(self) -> int:
        return evaluate(self)


def evaluate(options: Evaluate) -> int:
    """Detect what is not stored yet, score it, print the table, write the page and the files beside it.

    Several processes detect together; the main one does all else.
    """
    from clab_lite.data.subset import Subset
    from clab_lite.devices import pick_device
    from clab_lite.team import team

    require_resamples(options.resamples)
    subset, device = Subset.parse(options.subset), pick_device(options.device)
    with team(device.type) as us:
        _evaluate(options, subset, device, us)
    return 0


def _evaluate(options: Evaluate, subset: Subset, device: torch.device, us: Team) -> None:
    from clab_lite.data.vid import open_dataset
    from clab_lite.evaluate import require_same_classes
    from clab_lite.evaluation_report import Measured
    from clab_lite.trained import load_run
    from clab_lite.training.folder_lock import hold
    from clab_lite.training.run_folder import EVALUATED, EVALUATING, require_same_run, run_stamp

    stamp = run_stamp(options.run_folder)
    trained = load_run(options.run_folder, device)
    index = us.main_first(lambda: open_dataset(options.dataset, split=options.split))
    require_same_classes(trained.class_names, index.class_names)
    selection = subset.select(index)
    store, out = places(options, subset)
    measured = Measured.of(trained, options.dataset, options.split, weights_name(options.run_folder, out))
    if us.is_main:
        _require_writable(out)
    with hold(out, EVALUATING, EVALUATED) as held:  # two at once would mix their files
        if us.is_main:
            require_replaceable(out, measured, str(subset))
            if measured.iterations is not None and measured.iteration < measured.iterations:
                print(f"The run is not finished: weights of step {measured.iteration} of {measured.iterations}.")
        instead = out / store.name if options.out is not None else None
        found = detect_where_possible(trained.detector, index, selection, store, instead, us)
        if us.is_main:
            report = _scored(index, selection, found, options, measured)
            held.require_there()
            require_same_run(options.run_folder, stamp)
            page = write_results(out, report, index, found, _page_name(out, options.run_folder, trained))
            print(f"{out / 'metrics.json'}\n{out / 'per_class.csv'}\n{page}")
            print(f"Next: open the page; then `clab-lite compare {options.run_folder} OTHER_RUN {options.dataset}`")


def _scored(
    index: VideoIndex, selection: Selection, found: Found, options: Evaluate, measured: Measured
) -> EvaluationReport:
    """The numbers, which are printed."""
    from clab_lite.cli.score_table import score_table
    from clab_lite.data.subset import Subset
    from clab_lite.scoring import score

    subset = str(Subset.parse(options.subset))
    report = score(index, selection, found, subset=subset, resamples=options.resamples)
    report = replace(report, measured=measured)
    print("\n".join(score_table(report)))
    if not report.overall.boxes:
        print("there is no ground truth: AP is undefined")
    return report


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


def weights_name(run: Path, out: Path) -> str:
    """What a report in `out` calls the weights: the file in the run folder; anywhere else its path."""
    from clab_lite.files import followed
    from clab_lite.training.checkpoint import CHECKPOINT

    if run.is_file():
        return str(run)
    place = followed(out)
    return CHECKPOINT if followed(run) in (place, *place.parents) else str(run / CHECKPOINT)


def require_replaceable(out: Path, measured: Measured, subset: str) -> None:
    """Raise a DataError when the folder holds an evaluation of other weights, another dataset, split or subset.

    That of the same is replaced, also when the run was trained further since.
    """
    from clab_lite.data.source_file import read_json
    from clab_lite.errors import DataError
    from clab_lite.files import followed
    from clab_lite.training.run_folder import METRICS

    try:
        earlier: Any = read_json(out / METRICS, "")
        of, words = earlier["measured"], earlier.get("subset", "")
        known = (followed(of["weights"]), followed(of["dataset"]), of["split"], words)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # none, or one that does not say
        return
    if known != (followed(measured.weights), followed(measured.dataset), measured.split, subset):
        what = f"{of['weights']} on {of['dataset']}, split {of['split']}{words and f', {words}'}"
        raise DataError.at(out, "", f"holds the evaluation of {what}", "Name another folder with --out.")


def detect_where_possible(
    detector: Any, index: VideoIndex, selection: Selection, store: Path, instead: Path | None, us: Team
) -> Found:
    """`detect_selection`. A store that one of the processes may not write is replaced by another; by none, when that is
    None.
    """
    from clab_lite.dataset_detections import detect_selection
    from clab_lite.errors import OtherProcessFailed

    try:
        return detect_selection(detector, index, selection, store=store)
    except (OSError, OtherProcessFailed) as error:
        if error.errno not in _NOT_ALLOWED:
            raise
        reason = os.strerror(error.errno)
    kept = "the detections are not kept" if instead is None else f"the detections go to {instead}"
    if us.is_main:
        print(f"{store} cannot be written ({reason}): {kept}")
    return detect_selection(detector, index, selection, store=instead)


def _require_writable(out: Path) -> None:
    from clab_lite.errors import DataError
    from clab_lite.files import try_folder

    try:
        try_folder(out)
    except OSError as error:
        problem = f"cannot be written ({error.strerror or error})"
        raise DataError.at(out, "", problem, "Name another folder with --out.") from error


def _page_name(out: Path, run: Path, trained: Trained) -> str:
    """report.html, except in a demo's folder, where that is the demo's own."""
    from clab_lite.demo import NAME
    from clab_lite.files import followed
    from clab_lite.training.run_folder import EVALUATION_PAGE, REPORT

    return EVALUATION_PAGE if followed(out) == followed(run) and trained.config.name == NAME else REPORT


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
