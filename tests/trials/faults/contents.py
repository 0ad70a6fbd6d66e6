"""What lies in a folder, read by the readers of the library: equal contents are equal results, and what is cut off
cannot be read.

Left out, because it rightly differs between two runs of one command: seconds of the log and of a checkpoint; wall
times, number and names of TensorBoard's files (their scalars are compared); in the report of a check, what was not read
again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from clab_lite.backbone_file import is_backbone, read_backbone
from clab_lite.data.annotation_xml import read_annotation
from clab_lite.errors import DataError
from clab_lite.evaluation_report import EvaluationReport
from clab_lite.interop import read_official
from clab_lite.media.video_file import VideoFile
from clab_lite.trained import load_run
from clab_lite.training.checkpoint import CHECKPOINT, read_checkpoint, read_pretraining
from clab_lite.training.log import read_log

NOT_READ_AGAIN = "unchanged since an earlier check and not read again"
EVENTS = "tensorboard"
"""The key of all event files of a run together."""


class NotWhole(Exception):
    """A file with a final name that its own reader refuses."""


def contents(folder: Path) -> dict[str, Any]:
    """Path below the folder -> content, of every file that a person sees (and of the index in .clab_lite).

    Raises:
        NotWhole: a file cannot be read, or is only half there.
    """
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not path.is_file() or is_hidden(name):
            continue
        if EVENTS in path.parts:
            name, path = name.rpartition("/")[0], path.parent
            if name in found:
                continue
        try:
            found[name] = _content(path)
        except Exception as error:
            raise NotWhole(f"{name}: {error!r}") from error
    return found


def is_hidden(name: str) -> bool:
    """Whether a path below a place is none of a person's business: a lock, a temporary file, what is being made."""
    return any(part.startswith(".") and part != ".clab_lite" for part in name.split("/"))


def hidden(folder: Path) -> list[str]:
    """The outermost hidden names, below the folder; without the index's .gitignore."""
    names = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")))
    outer = [name for name in names if is_hidden(name) and not is_hidden(name.rpartition("/")[0])]
    return [name for name in outer if not name.endswith("/.gitignore")]


def _content(path: Path) -> Any:
    if path.is_dir():
        return _scalars(path)
    if "data" in path.parts and ".clab_lite" not in path.parts:  # the dataset, which no command writes
        return path.read_bytes()
    if path.name in _BY_NAME:
        return _BY_NAME[path.name](path)
    if path.suffix in _BY_SUFFIX:
        return _BY_SUFFIX[path.suffix](path)
    return path.read_bytes()


def _checkpoint(path: Path) -> Any:
    """Of a training, a snapshot, or a pre-training."""
    try:
        content = read_checkpoint(path, to_continue=path.name == CHECKPOINT)
    except DataError:
        content = read_pretraining(path)
    return _digest({name: value for name, value in content.items() if name != "seconds"})


def _digest(value: Any) -> Any:
    """Tensors and arrays by their bytes."""
    if isinstance(value, Tensor):
        value = value.numpy()
    if isinstance(value, np.ndarray):
        return (str(value.dtype), value.shape, hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest())
    if isinstance(value, dict):
        return {str(name): _digest(item) for name, item in value.items()}
    return [_digest(item) for item in value] if isinstance(value, list | tuple) else value


def _log(path: Path) -> Any:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in read_log(path)]


def _lines(path: Path) -> list[Any]:
    """Of a .jsonl; every line is whole."""
    text = path.read_text(encoding="utf-8")
    assert not text or text.endswith("\n"), "the last line is cut off"
    return [json.loads(line) for line in text.splitlines()]


def _journal(path: Path) -> dict[str, Any]:
    """By part. A line that was cut off is not read, by its contract."""
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return {row["key"]: row for row in map(json.loads, whole.splitlines())}


def _arrays(path: Path) -> Any:
    with np.load(path, allow_pickle=False) as stored:
        return _digest({name: stored[name] for name in stored.files})


def _weights(path: Path) -> Any:
    if is_backbone(path):
        return _digest(read_backbone(path).state)
    return _digest(load_run(path).detector.state_dict())


def _picture(path: Path) -> Any:
    with Image.open(path) as picture:
        return _digest(np.asarray(picture))


def _video(path: Path) -> Any:
    source = VideoFile(path)
    frames = [(round(frame.seconds, 6), _digest(frame.pixels)) for frame in source.frames()]
    assert len(frames) == len(source) and not source.notes, "the video is cut short"
    return frames


def _page(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    assert text.endswith("</html>\n"), "the page is cut off"
    return text


def _check_report(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    assert "verdict: " in text, "the report is cut off"
    return [line for line in text.splitlines() if NOT_READ_AGAIN not in line]


def _metrics(path: Path) -> str:
    EvaluationReport.from_json(path)
    return path.read_text(encoding="utf-8")


def _scalars(folder: Path) -> Any:
    """What TensorBoard shows of a folder: name -> (step, value), the last of each step."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return {tag: {e.step: round(e.value, 6) for e in events.Scalars(tag)} for tag in events.Tags()["scalars"]}


_BY_NAME: dict[str, Callable[[Path], Any]] = {
    "log.jsonl": _log,
    "metrics.json": _metrics,
    "check_folder.jsonl": _journal,
    "check.txt": _check_report,
}
_BY_SUFFIX: dict[str, Callable[[Path], Any]] = {
    ".pt": _checkpoint,
    ".pth": lambda path: _digest(read_official(path).detector.state_dict()),
    ".safetensors": _weights,
    ".npz": _arrays,
    ".npy": lambda path: _digest(np.load(path, allow_pickle=False)),
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    ".jsonl": _lines,
    ".xml": lambda path: read_annotation(path, tracks=True),
    ".html": _page,
    ".mp4": _video,
    ".jpg": _picture,
    ".JPEG": _picture,
    ".png": _picture,
}
