"""Detect objects in a video, a folder of frames or pictures; write what was found, to read and to look at."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count as numbers
from pathlib import Path
from typing import Literal, get_args

from tqdm import tqdm

from clab_lite.data.read_ahead import load_ahead
from clab_lite.data.references import adaptive_references
from clab_lite.detector.video import (
    PreparedFrame,
    References,
    detect_in_windows,
    detect_with_memory,
    remember_frames,
)
from clab_lite.errors import DataError, NotFinite
from clab_lite.files import followed
from clab_lite.frames import frames_at_once, prepare, reading_threads
from clab_lite.media.behind import Behind
from clab_lite.media.pictures import Pictures
from clab_lite.media.result_folder import SUMMARY, ResultFolder, require_results
from clab_lite.media.results import Drawing, Results, planned_files
from clab_lite.media.source import Frame, Source
from clab_lite.trained import Trained
from clab_lite.training.folder_lock import hold
from clab_lite.training.interrupt import interrupts_deferred

_BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]"
"""As tqdm's own, but always frames per second."""


@dataclass(frozen=True)
class Detected:
    """What one call of `detect` wrote."""

    folder: Path
    files: tuple[str, ...]
    """Names in the folder that were planned; of pictures, all of them."""
    frames: int
    drawn: int
    """Boxes that were drawn, in all frames."""
    notes: tuple[str, ...]
    """What was not as it should be in the source; empty as a rule."""


def detect(
    trained: Trained,
    source: Source,
    out: Path,
    *,
    references: References = "adaptive",
    count: int | None = None,
    draw_from: float = 0.5,
    draw: Literal["auto", "video", "pictures", "none"] = "auto",
) -> Detected:
    """Detect in every frame of one video, in order; a video of any length needs the same memory.

    Args:
        trained: the detector and its class names.
        source: the frames, see `clab_lite.media.open_source`.
        out: folder to write: new, empty, or with earlier detections, which are replaced when the work ends.
            detections.jsonl: a line {"frame", "seconds", "name", "boxes", "scores", "labels"} per frame, boxes
            (x1, y1, x2, y2) in pixels of the upright frame, best score first. contact_sheet.jpg: the whole video on
            one picture. annotated.mp4 with the times of the source, without sound, or pictures/. summary.json.
        references: see `clab_lite.detector.video.References`. "adaptive" reads its frames before it begins; "past"
            uses no later frame than the one at hand.
        count: reference frames; None is the number in the detector's configuration.
        draw_from: score from which a box is drawn, 0 to 1. detections.jsonl keeps every box.
        draw: what the boxes are drawn onto; auto: a video of a video, pictures of pictures.

    Raises:
        DataError: an option is out of range; `out` holds other files; another process is detecting into it; a frame
            cannot be read or is of another size; the disk is full. After this, and after Ctrl-C, the folder holds the
            results of the frames that were done, if any; only their lines, in detections.incomplete.jsonl, where it
            holds complete earlier results. After a killed process the next call says where they are.
        NotFinite: what the detector computes is not finite; the message names frame and layer. The folder as above.
    """
    wanted = trained.detector.config.detection.references if count is None else count
    _require_options(draw_from, references, wanted)
    place = followed(out)
    if any(place in followed(path).parents for path in source.paths):
        raise DataError.at(out, "", "is the folder of the frames themselves", "Name another folder to write to.")
    of_pictures: Drawing = "pictures" if isinstance(source, Pictures) else "video"
    drawing = of_pictures if draw == "auto" else draw
    planned = planned_files(source, drawing)
    require_results(out)
    with hold(out):
        folder = ResultFolder(out, planned)
        if folder.rescued:
            tqdm.write(f"note: {folder.rescued}")
        try:
            results = _detect_into(folder, trained, source, references, wanted, draw_from, drawing)
        except NotFinite as error:
            raise NotFinite(f"{source.paths[0]}, {error}") from error
    if not results.frames:
        raise DataError.at(source.paths[0], "", "not one frame can be read", "Record or download it again.")
    return Detected(out, tuple(planned), results.frames, results.drawn, tuple(source.notes))


def _detect_into(
    folder: ResultFolder,
    trained: Trained,
    source: Source,
    references: References,
    count: int,
    draw_from: float,
    drawing: Drawing,
) -> Results:
    """Detect in every frame; whatever happens, the folder then holds the results of the frames that were done."""
    results, complete = None, False
    try:
        with (
            interrupts_deferred() as asked,
            Results(folder, source, trained.class_names, draw_from, drawing) as results,
        ):
            done = _detect_all(trained, source, references, count, results, asked)
        complete = done
    finally:
        if results is not None and results.frames:
            kept = folder.keep({
                "inputs": [str(path) for path in source.paths], "class_names": list(trained.class_names),
                "width": source.size[0], "height": source.size[1], "frames_per_second": float(source.rate),
                "frames": results.frames, "complete": complete, "references": references, "count": count,
                "notes": source.notes,
            })  # fmt: skip
            if kept.name != SUMMARY:
                words = f"{folder.folder} keeps its earlier results, which are complete"
                tqdm.write(f"note: {words}; {kept.name} holds the lines of the {results.frames} frames done now")
        folder.discard()
    return results


def _detect_all(
    trained: Trained, source: Source, references: References, count: int, results: Results, asked: Callable[[], bool]
) -> bool:
    """Every frame, until the end or until a stop is asked for; whether the end was reached."""
    detector, size = trained.detector, trained.detector.config.frame
    device = next(detector.parameters()).device
    waiting: deque[Frame] = deque()

    def prepared(frame: Frame) -> PreparedFrame:
        return prepare(frame.pixels, size, device)

    def arriving(pairs: Iterator[tuple[Frame, PreparedFrame]]) -> Iterator[PreparedFrame]:
        for frame, pixels in pairs:
            waiting.append(frame)
            yield pixels

    with (
        tqdm(total=len(source), desc="detect", unit=" frames", bar_format=_BAR) as bar,
        Behind(results.add) as write,
        closing(_decoded(source)) as decoded,
        closing(load_ahead(prepared, decoded, reading_threads(device))) as ready,
    ):
        if references == "adaptive":
            chosen = adaptive_references(len(source), count)
            picked = ((number, prepare(pixels, size, device)) for number, pixels in source.pick(chosen))
            memory = remember_frames(detector, chosen, picked)
            found = detect_with_memory(detector, arriving(ready), memory, frames_at_once(device, size))
        else:
            found = detect_in_windows(detector, arriving(ready), references, count)
        for together in found:
            for result in together:
                write(waiting.popleft(), {key: value.cpu() for key, value in result.items()})
            bar.update(len(together))
            if asked():
                return False
    return True


def _decoded(source: Source) -> Generator[Frame, None, None]:
    """The frames, decoded by one thread ahead of the need: they come in order only."""
    frames = source.frames()
    with closing(load_ahead(lambda _: next(frames, None), numbers(), 1)) as arriving:
        for _, frame in arriving:
            if frame is None:
                return
            yield frame


def _require_options(draw_from: float, references: str, count: int) -> None:
    if not 0 <= draw_from <= 1:
        raise DataError(f"boxes cannot be drawn from score {draw_from}: scores go from 0 to 1. Choose one, say 0.5.")
    if references not in get_args(References):
        raise DataError(f"there are no references {references!r}. Choose one of: {', '.join(get_args(References))}.")
    if count < 1:
        raise DataError(f"{count} reference frames are too few. Choose 1 or more; 14 is the published number.")
