"""Detect objects in a folder of frames; write annotated pictures and the detections."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from tqdm import tqdm

from clab_lite.data.images import read_image
from clab_lite.detector.video import PreparedFrame, detect_frames
from clab_lite.errors import DataError
from clab_lite.files import replaced, try_folder, write_json
from clab_lite.frames import prepare, reading_threads
from clab_lite.trained import Trained

DETECTIONS = "detections.json"
_SUFFIXES = (".jpg", ".jpeg", ".png")
_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")  # Okabe and Ito, 2008
_READABLE = 640
"""Pixels that the longer side of a drawn picture has at least."""
_DARK = ("#009E73", "#0072B2", "#D55E00")


def detect_folder(trained: Trained, frames: Path, out: Path, *, draw_from: float = 0.5) -> Path:
    """Detect in every frame of one video.

    Args:
        trained: the detector and its class names.
        frames: folder of pictures of one size, taken in natural order of their names (2.jpg before 10.jpg).
        out: folder to write `<frame name>.jpg` and detections.json into: new, empty, or with earlier detections,
            which are replaced. Each file appears whole or not at all.
        draw_from: score from which a box is drawn, 0 to 1. detections.json keeps every box. Small frames are
            enlarged by a whole number, so that the names can be read.

    Returns:
        The path of detections.json: {"class_names", "frames": [{"file", "width", "height", "boxes", "scores",
        "labels"}]}, boxes (x1, y1, x2, y2) in pixels of the frame file, best score first. When the work is cut short,
        it lists the frames drawn so far.

    Raises:
        DataError: `draw_from` is out of range; `out` holds files that are not earlier detections.
    """
    if not 0 <= draw_from <= 1:
        raise DataError(f"boxes cannot be drawn from score {draw_from}: scores go from 0 to 1. Choose one, say 0.5.")
    paths = frame_paths(frames)
    if out.resolve() == frames.resolve():
        raise DataError.at(out, "", "is the folder of the frames themselves", "Name another folder to write to.")
    try_folder(out)
    earlier = earlier_pictures(out)
    taken = [path for path in paths if (out / _picture(path.name)).exists() and _picture(path.name) not in earlier]
    if taken:
        raise _not_ours(out / _picture(taken[0].name))
    records: list[dict] = []
    try:
        _detect_and_draw(trained, paths, out, draw_from, records)
    finally:  # also after Ctrl-C: what lies in the folder is what detections.json lists
        if records:
            for name in earlier - {_picture(record["file"]) for record in records}:
                (out / name).unlink(missing_ok=True)
            write_json(out / DETECTIONS, {"class_names": list(trained.class_names), "frames": records})
    return out / DETECTIONS


def earlier_pictures(out: Path) -> set[str]:
    """Names of the pictures that the detections.json of a folder lists; none for an empty folder.

    Raises:
        DataError: the folder holds something, but no detections.json of ours.
    """
    path = out / DETECTIONS
    if not path.exists():
        other = next(out.iterdir(), None)
        if other is not None:
            raise _not_ours(other)
        return set()
    try:
        return {_picture(record["file"]) for record in json.loads(path.read_text(encoding="utf-8"))["frames"]}
    except (ValueError, KeyError, TypeError) as error:
        raise _not_ours(path) from error


def _picture(frame: str) -> str:
    """The name of the drawn picture of a frame file; never a path."""
    return f"{Path(frame).stem}.jpg"


def _not_ours(path: Path) -> DataError:
    return DataError.at(
        path, "", "is not from earlier detections and would be mixed with new ones", "Name another --out."
    )


def _detect_and_draw(trained: Trained, paths: Sequence[Path], out: Path, draw_from: float, records: list[dict]) -> None:
    """Write the pictures; append each frame's record once its picture is there."""
    results = tqdm(detections(trained, paths), "detect", len(paths), unit="frame")
    for path, (image, result) in zip(paths, results, strict=True):
        picture = Image.fromarray(image.permute(1, 2, 0).numpy())
        record = {"file": path.name, "width": picture.width, "height": picture.height, **as_lists(result)}
        larger = -(-_READABLE // max(picture.size))
        if larger > 1:
            picture = picture.resize((picture.width * larger, picture.height * larger), Image.Resampling.BICUBIC)
            result = {**result, "boxes": result["boxes"] * larger}
        draw(picture, result, trained.class_names, draw_from)
        with replaced(out / _picture(path.name)) as beside:
            picture.save(beside, "JPEG", quality=90)
        records.append(record)


def frame_paths(folder: Path) -> list[Path]:
    """The pictures of a folder in natural order of their names.

    Raises:
        DataError: a video file, no such folder, or no picture in it; or two pictures whose results would share a name.
    """
    if folder.is_file():
        extract = f"ffmpeg -i {folder.name} frames/%06d.jpg"
        remedy = f"Folders of frames are what is read now. Extract them, for example: {extract}"
        raise DataError.at(folder, "", "is a file, not a folder of frames", remedy)
    if not folder.is_dir():
        raise DataError.at(folder, "", "no such folder", "Pass the folder that holds the frames of one video.")
    paths = [path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")]
    if not paths:
        raise DataError.at(folder, "", f"holds no picture ({', '.join(_SUFFIXES)})", "Pass a folder of frames.")
    stems = [path.stem for path in paths]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise DataError.at(folder, twice[0], "two pictures share this name", "Keep one picture per frame.")
    return sorted(paths, key=lambda path: natural_key(path.stem))


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that reads digits as numbers: "frame2" before "frame10"."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part.lower()) for part in parts)


def detections(trained: Trained, paths: Sequence[Path]) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """Each frame, uint8 (3, H, W), and its detections; boxes in pixels of the file.

    References are spread evenly over the video and remembered once (official). Of a long video, only the references
    and the frame at hand are in memory.
    """
    detector, config = trained.detector, trained.detector.config
    device = next(detector.parameters()).device
    size = read_image(paths[0]).shape
    images: dict[int, Tensor] = {}

    def load(number: int) -> PreparedFrame:
        images[number] = image = read_image(paths[number])
        if image.shape != size:
            found = f"{image.shape[2]}x{image.shape[1]} pixels, the first frame {size[2]}x{size[1]}"
            raise DataError.at(paths[number], "", f"is {found}", "Pass the frames of one video, all of one size.")
        return prepare(image, config.frame, device)

    results = detect_frames(
        detector, load, len(paths), count=config.detection.references, threads=reading_threads(device)
    )
    for number, result in enumerate(results):
        yield images.pop(number), {key: value.cpu() for key, value in result.items()}


def as_lists(result: dict[str, Tensor]) -> dict[str, list]:
    """Plain numbers for JSON, rounded to what they mean."""
    boxes = [[round(value, 2) for value in box] for box in result["boxes"].tolist()]
    scores = [round(value, 5) for value in result["scores"].tolist()]
    return {"boxes": boxes, "scores": scores, "labels": result["labels"].tolist()}


def draw(picture: Image.Image, result: dict[str, Tensor], class_names: Sequence[str], draw_from: float) -> None:
    """Draw boxes with class and score onto the picture, the best last; line and letters grow with it."""
    pen = ImageDraw.Draw(picture)
    side = min(picture.size)
    font, line = ImageFont.load_default(size=max(10, side // 28)), max(1, side // 200)
    best_last = reversed(list(zip(result["boxes"], result["scores"], result["labels"], strict=True)))
    for box, score, label in best_last:
        if score < draw_from:
            continue
        colour = _COLOURS[int(label) % len(_COLOURS)]
        x1, y1, x2, y2 = box.tolist()
        pen.rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=colour, width=line)
        text = f" {class_names[int(label)] if class_names else int(label)} {score:.2f} "
        left, top, right, bottom = pen.textbbox((x1, 0), text, font=font)
        above = max(0.0, y1 - bottom)
        pen.rectangle((left, above + top, right, above + bottom), fill=colour)
        pen.text((x1, above), text, fill="white" if colour in _DARK else "black", font=font)
