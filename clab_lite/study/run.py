"""Makes one run of a study: trains with the shipped loop, watches, measures AP on held-out videos."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from clab_lite.data.subset import Subset
from clab_lite.data.vid import VideoIndex
from clab_lite.detector.video_detector import VideoDetector
from clab_lite.evaluate import evaluate
from clab_lite.evaluation_report import EvaluationReport
from clab_lite.files import replaced, write_json
from clab_lite.schedule import contrast_schedule
from clab_lite.study.observe import Observer
from clab_lite.study.origin import made_of
from clab_lite.study.record import CLOUD, RECORD, Numbers, Record
from clab_lite.study.setting import Setting
from clab_lite.train import for_classes_of, train
from clab_lite.trained import load_run
from clab_lite.training.folder_lock import HeldFolder
from clab_lite.training.log import read_log
from clab_lite.training.losses import DETECTION_LOSSES
from clab_lite.training.run_folder import LOG

REFERENCES = 5
"""Reference frames of the evaluation, the same for every run. Fewer than the preset's 14, for time."""
EVERY = 5
"""One frame in so many is judged: neighbours are nearly the same picture, more videos tell more than more frames."""
POINTS = "points_{level}.csv"


@dataclass(frozen=True)
class Videos:
    """The data of a study. Embeddings and AP come from videos that are not trained on."""

    learn: VideoIndex
    embedded: VideoIndex
    judged: VideoIndex
    name: str
    """What `judged` is, for people."""

    def origin(self) -> dict[str, str]:
        """What every run on these videos is made of: see `clab_lite.study.origin`."""
        return made_of(self.learn, self.embedded, self.judged)


def make_run(setting: Setting, videos: Videos, held: HeldFolder) -> Record:
    """Train one setting in a folder, evaluate it, write record.json, cloud.npz and the table of the cloud's points.

    What was there is replaced: a run that was cut short begins anew. record.json comes last: with it the run is whole.
    The caller's number of threads and torch's random state stay.

    Raises:
        DataError: bad data.
        TrainingDiverged: a loss or the gradient is not finite.
    """
    with alone():
        return _make(setting, videos, held)


@contextmanager
def alone() -> Iterator[None]:
    """One thread from the first moment on, as in the training: the first run of a process is like all others."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)


def _make(setting: Setting, videos: Videos, held: HeldFolder) -> Record:
    folder = held.path
    index = videos.learn.select(range(min(setting.train_videos, len(videos.learn))))
    config = for_classes_of(index, setting.config())
    observer = Observer(
        videos.embedded, contrast_schedule(config.train.contrast, setting.iterations), setting.iterations
    )
    torch.manual_seed(setting.seed)
    observer.start(VideoDetector(config.detector))  # what `train` begins with, made from the same seed
    (folder / RECORD).unlink(missing_ok=True)
    result = train(config, index, held, device="cpu", overwrite=True, progress=False, on_step=observer)
    detector = load_run(folder).detector
    report = evaluate(
        detector, videos.judged, subset=Subset(every=EVERY), resamples=0, references=REFERENCES, progress=False
    )
    moments, ap = tuple(observer.moments), average_precisions(report)
    log = _log(folder / LOG)
    record = Record(setting, log, observer.balances(), moments, ap, videos.name, result.seconds, videos.origin())
    for level, points in observer.points.items():
        with replaced(folder / POINTS.format(level=level)) as beside:
            points.to_csv(beside, index=False)
    with replaced(folder / CLOUD) as beside, beside.open("wb") as file:
        np.savez_compressed(file, **record.clouds())  # type: ignore[arg-type]
    write_json(folder / RECORD, record.to_dict())
    return record


def average_precisions(report: EvaluationReport) -> dict[str, float]:
    """AP50 by name: all, clean, troubled, each trouble (COCO); slow, medium, fast (MEGA). NaN where it is undefined."""
    names = {"clean": "clean", "any_trouble": "troubled"}
    found = {"all": report.overall.ap50}
    found |= {names.get(name, name): scores.ap50 for name, scores in report.by_trouble.items()}
    motions = report.protocols["mega"].scores
    found |= {name: motions[name].value for name in ("slow", "medium", "fast") if name in motions}
    return {name: float("nan") if value is None else float(value) for name, value in found.items()}


def _log(path: Path) -> Numbers:
    rows = read_log(path)
    return {
        "iteration": np.array([row["iteration"] for row in rows], np.float64),
        "detection": np.array([sum(row["losses"][name] for name in DETECTION_LOSSES) for row in rows]),
        "contrast": np.array([row["losses"]["contrast"] for row in rows], np.float64),
        "weight": np.array([row["contrast_weight"] for row in rows], np.float64),
        "chance": np.array([row["contrast_chance"] or np.nan for row in rows], np.float64),
    }
