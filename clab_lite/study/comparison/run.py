"""Makes one run of the comparison: pre-trains, trains a detector, measures AP on held-out videos."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

from clab_lite.backbone_file import PretrainedBackbone, read_backbone
from clab_lite.data.subset import Subset
from clab_lite.data.vid import VideoIndex
from clab_lite.evaluate import evaluate
from clab_lite.files import write_json
from clab_lite.pretraining.loop import MethodSettings, pretrain
from clab_lite.pretraining.methods import build_method
from clab_lite.pretraining.settings import LoopConfig
from clab_lite.study.comparison.arms import Arm
from clab_lite.study.comparison.record import RECORD, ArmRecord
from clab_lite.study.run import EVERY, REFERENCES, Videos, alone, average_precisions
from clab_lite.train import for_classes_of, train
from clab_lite.trained import load_run
from clab_lite.training.dataset import describe
from clab_lite.training.folder_lock import HeldFolder
from clab_lite.training.log import read_log
from clab_lite.training.run_folder import LOG
from clab_lite.training.saved_config import config_to_dict


def make_arm(arm: Arm, videos: Videos, held: HeldFolder) -> ArmRecord:
    """Pre-train where the arm says so, train the detector from it, evaluate, write arm.json (last).

    What was there is replaced. One thread throughout; the caller's number of threads and random state stay.

    Raises:
        DataError: bad data.
        TrainingDiverged: a loss or the gradient is not finite.
    """
    with alone():
        labelled = videos.learn.select(range(min(arm.labelled, len(videos.learn))))
        (held.path / RECORD).unlink(missing_ok=True)
        began = time.process_time()
        init, terms = _pretrained(arm, labelled, videos.learn, held.path / "pretraining")
        between = time.process_time()
        config = for_classes_of(labelled, arm.detector_config())
        folder = held.path / "detector"
        train(config, labelled, folder, device="cpu", overwrite=True, progress=False, init=init)
        seconds = (between - began if init else 0.0, time.process_time() - between)
        report = evaluate(
            load_run(folder).detector, videos.judged, subset=Subset(every=EVERY), resamples=0, references=REFERENCES,
            progress=False,
        )  # fmt: skip
    digest = init.digest if init else ""
    record = ArmRecord(arm, average_precisions(report), *seconds, terms, digest, videos.name, origin(arm, videos))
    write_json(held.path / RECORD, record.to_dict())
    return record


def origin(arm: Arm, videos: Videos) -> dict[str, str]:
    """Digests of the data and of the method's configuration (without steps and seed, which the arm has); versions."""
    config = arm.method_config()
    found = videos.origin()
    if config is not None:
        found["method"] = _digest(config)
    return found


def _pretrained(
    arm: Arm, labelled: VideoIndex, frames: VideoIndex, folder: Path
) -> tuple[PretrainedBackbone | None, dict[str, tuple[float, float]]]:
    """The backbone of an arm and its terms at the first step and at the last steps."""
    config = arm.method_config()
    if config is None:
        return None, {}
    index = frames if arm.name == "crosscl" else labelled
    downstream = frames if arm.name == "codo" else None
    result = pretrain(
        arm.name, config, lambda: build_method(arm.name, config, index, downstream), describe(index), folder,
        loop=LoopConfig(threads=1), device="cpu", overwrite=True, progress=False,
    )  # fmt: skip
    rows = read_log(folder / LOG)
    first, last = rows[0]["losses"], rows[-1]["losses"]
    return read_backbone(result.backbone_file), {name: (first[name], last[name]) for name in last}


def _digest(config: MethodSettings) -> str:
    values = config_to_dict(config)  # type: ignore[arg-type]
    for name in ("steps", "seed"):
        values["pretrain"].pop(name)
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
