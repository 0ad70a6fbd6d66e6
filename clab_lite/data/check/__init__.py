"""Go through a whole dataset and say, line by line, what is right, what is odd, and what to do next.

`open_dataset` stops at the first bad file; this reads on, in parallel, and names every bad record. An interrupted
check goes on where it stopped; a repeated one reads only what has changed.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from clab_lite.data.check.folder import Options, check_folder
from clab_lite.data.check.json_files import check_json_files, is_for_evaluation
from clab_lite.data.check.report import MORE, CheckLine, CheckReport, failure, worst
from clab_lite.data.vid import find_json, require_ilsvrc
from clab_lite.errors import DataError

__all__ = ["CheckLine", "CheckReport", "check_dataset"]


def check_dataset(
    path: str | Path, progress: bool = True, *, workers: int | None = None, fresh: bool = False
) -> CheckReport:
    """Check an ILSVRC folder, or json files of videos or still images.

    Structure, lists, every annotation file, every image's header and end, duplicate rows, the published counts, and
    what training and validation share. The last line is the verdict, with the next step.

    Args:
        path: as for `open_dataset`.
        progress: show a bar with the time left.
        workers: threads (processes from 50,000 frames on); None: by the number of cores.
        fresh: forget what earlier checks found, and read everything again.

    Never raises for a bad dataset: what `open_dataset` would refuse becomes a [FAIL] line.
    """
    path = Path(path)
    try:
        lines = _check(path, Options(workers, progress, fresh))
    except DataError as error:
        lines = [failure(error)]
    return CheckReport((*lines, _verdict(path, lines)))


def _check(path: Path, options: Options) -> list[CheckLine]:
    if path.suffix == ".json":
        if not path.is_file():
            remedy = "Give a json file, the folder of train.json and val.json, or an ILSVRC folder."
            raise DataError.at(path, "", "there is no such file", remedy)
        return check_json_files([path], options)
    if find_json(path, "train") is not None:
        return check_json_files([path / "train.json", path / "val.json"], options)
    require_ilsvrc(path)
    return check_folder(path, options)


def _verdict(path: Path, lines: Sequence[CheckLine]) -> CheckLine:
    """The worst of all findings, and the next step: the first thing to mend, or the command to go on with."""
    level = worst(lines)
    place = shlex.quote(str(path))
    if level == "FAIL":
        failed = [line for line in lines if line.level == "FAIL"]
        bad = sum(max(len(line.records), 1) for line in failed)
        more = f", and {MORE}" if any(MORE in line.text for line in lines) else ""
        again = f"\n       then: clab-lite check {place}"
        text = f"verdict: not to be used yet, {bad:,} to mend{more}"
        return CheckLine("FAIL", text, _first_to_mend(failed[0]) + again)
    warned = sum(line.level == "WARN" for line in lines)
    remark = f"usable, with {warned} {'remark' if warned == 1 else 'remarks'} above" if warned else "ready"
    return CheckLine(level, f"verdict: {remark}", _next_command(path, place, lines))


def _first_to_mend(line: CheckLine) -> str:
    return f"start with {line.records[0]}" if line.records else line.next_step or line.text


def _next_command(path: Path, place: str, lines: Sequence[CheckLine]) -> str:
    texts = [line.text for line in lines]
    only_val = any(text.startswith(("train: no Annotations", "train.json: not there")) for text in texts)
    if only_val or (path.suffix == ".json" and is_for_evaluation(path)):
        return f"clab-lite evaluate RUN {place}"
    whole = any(text.startswith("train: ") and text.endswith("as published for ImageNet VID") for text in texts)
    if whole:
        return f"clab-lite train {place} --preset paper-r50 --out runs/mine"
    with_gpu = f"clab-lite train {place} --preset laptop --out runs/mine    # with a GPU: frames of 480x320"
    without = f"clab-lite train {place} --preset tiny --out runs/mine      # without: frames of 192x128"
    return f"{with_gpu}\n         or: {without}"
