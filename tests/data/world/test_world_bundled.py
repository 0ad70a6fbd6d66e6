"""The bundled world: its size, its difficulty, and that the present code still makes it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from clab_lite.data.classes import TROUBLES, VID_CLASSES, VID_WNIDS
from clab_lite.data.world import WorldConfig, load_config, render_video
from clab_lite.data.world.backgrounds import POOL_SIZE
from clab_lite.data.world.plan import plan_video
from clab_lite.data.world.records import annotation_xml, snippet_name
from clab_lite.data.world.write import COMPANIONS

ROOT = Path(__file__).parents[3] / "data_samples"
Box = tuple[int, int, int, int]


@pytest.fixture(scope="module")
def config() -> WorldConfig:
    return load_config(ROOT)


@pytest.fixture(scope="module")
def tracks(config: WorldConfig) -> dict[str, list[tuple[str, dict[int, Box]]]]:
    """Split -> (wnid, {frame: box}) of every track, read from the XML files."""
    found: dict[str, list[tuple[str, dict[int, Box]]]] = {"train": [], "val": []}
    for split, items in found.items():
        for number in range(config.videos(split)):
            video: dict[tuple[str, str], dict[int, Box]] = defaultdict(dict)
            for path in sorted((ROOT / "Annotations/VID" / snippet_name(split, number)).iterdir()):
                for item in ElementTree.parse(path).getroot().iter("object"):
                    box = tuple(int(item.findtext(f"bndbox/{side}") or -1) for side in ("xmin", "ymin", "xmax", "ymax"))
                    key = (item.findtext("trackid") or "", item.findtext("name") or "")
                    video[key][int(path.stem)] = (box[0], box[1], box[2], box[3])
            items += [(wnid, boxes) for (_, wnid), boxes in video.items()]
    return found


def test_it_is_small_and_has_enough_validation_videos(config: WorldConfig) -> None:
    files = [path for path in ROOT.rglob("*") if path.is_file() and not path.name.endswith(".npz")]
    drawn = [path for path in files if path.relative_to(ROOT).parts[0] not in COMPANIONS]
    assert sum(path.stat().st_size for path in drawn) <= 8.5e6
    assert sum(path.stat().st_size for path in files) <= 12e6
    assert config.val_videos >= 60
    assert config == WorldConfig()


@pytest.mark.parametrize(("split", "number"), [("train", 0), ("train", 101), ("val", 6), ("val", 63)])
def test_the_present_code_still_makes_it(config: WorldConfig, split: str, number: int) -> None:
    video = render_video(config, split, number)
    name = snippet_name(split, number)
    troubles = json.loads((ROOT / "troubles.json").read_text(encoding="utf-8"))[name]
    assert troubles == [list(names) for names in video.troubles]
    for frame, objects in enumerate(video.objects):
        text = (ROOT / "Annotations/VID" / name / f"{frame:06d}.xml").read_text(encoding="utf-8")
        assert text == annotation_xml(name, frame, config, objects)
        image = np.asarray(Image.open(ROOT / "Data/VID" / name / f"{frame:06d}.JPEG"), int)
        assert np.abs(image - video.frames[frame]).mean() < 14


def test_slow_medium_and_fast_each_hold_a_fifth(tracks: dict[str, list[tuple[str, dict[int, Box]]]]) -> None:
    for split, items in tracks.items():
        counts = Counter(_range(value) for _, boxes in items for value in _motion_iou(boxes))
        assert min(counts[name] for name in ("slow", "medium", "fast")) >= 0.2 * sum(counts.values()), (
            split,
            counts,
        )


def _motion_iou(boxes: dict[int, Box]) -> list[float]:
    """Mean IoU with the same track's boxes at most ten frames away, widths counted with +1; plain loops."""
    values = []
    for frame, box in boxes.items():
        others = [_iou(box, other) for at, other in boxes.items() if at != frame and abs(at - frame) <= 10]
        values.append((sum(others) + 1e-10) / (len(others) + 1e-10))
    return values


def _iou(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0]) + 1
    height = min(a[3], b[3]) - max(a[1], b[1]) + 1
    common = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)]
    return common / (sum(areas) - common)


def _range(value: float) -> str:
    return "fast" if value < 0.7 else "medium" if value <= 0.9 else "slow"


def test_boxes_lie_in_the_frame_and_have_sensible_sizes(
    config: WorldConfig, tracks: dict[str, list[tuple[str, dict[int, Box]]]]
) -> None:
    boxes = np.array([box for items in tracks.values() for _, track in items for box in track.values()])
    assert boxes.min() >= 0
    assert boxes[:, 2].max() < config.width
    assert boxes[:, 3].max() < config.height
    lengths = (boxes[:, 2:] - boxes[:, :2] + 1).max(1)
    assert np.quantile(lengths, 0.02) >= 25
    assert np.quantile(lengths, 0.98) <= 100
    assert (lengths >= 8).all()


def test_classes_are_balanced(tracks: dict[str, list[tuple[str, dict[int, Box]]]]) -> None:
    names = dict(zip(VID_WNIDS, VID_CLASSES, strict=True))
    for items in tracks.values():
        counts = Counter(names[wnid] for wnid, _ in items)
        assert len(counts) == 8
        assert min(counts.values()) >= 0.06 * sum(counts.values()), counts


def test_half_of_the_frames_are_clean_and_every_trouble_is_well_represented() -> None:
    troubles = json.loads((ROOT / "troubles.json").read_text(encoding="utf-8"))
    for split in ("train", "val"):
        frames = [names for video, rows in troubles.items() if video.startswith(split) for names in rows]
        assert 0.4 <= sum(not names for names in frames) / len(frames) <= 0.6
        counts = Counter(name for names in frames for name in names)
        videos = Counter(
            name for video, rows in troubles.items() if video.startswith(split)
            for name in {name for names in rows for name in names}
        )  # fmt: skip
        for name in TROUBLES:
            assert counts[name] >= 0.05 * len(frames), (split, name, counts)
            assert videos[name] >= 5, (split, name, videos)


def test_a_video_cannot_be_told_by_its_background(config: WorldConfig) -> None:
    """Landscapes are shared by many videos of both splits, and the border of a frame does not betray the class."""
    plans = {split: [plan_video(config, split, n) for n in range(config.videos(split))] for split in ("train", "val")}
    used = {split: Counter(plan.camera.landscape for plan in found) for split, found in plans.items()}
    assert set(used["train"]) == set(used["val"]) == set(range(POOL_SIZE))
    assert min(used["train"].values()) >= 5
    assert len({(plan.camera.x, plan.camera.y) for plan in plans["val"]}) == config.val_videos

    numbers = [n for n, plan in enumerate(plans["train"]) if not plan.episodes]
    borders = np.array([_border_colour(n, config) for n in numbers])
    distance = np.linalg.norm(borders[:, None] - borders[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    # The nearest other video is about as close as two frames of one video whose camera pans.
    assert np.median(distance.min(1)) < 12
    classes = [plans["train"][n].actors[0].class_name for n in numbers]
    right = np.mean([classes[i] == classes[j] for i, j in enumerate(distance.argmin(1))])
    assert right < 0.35, f"the background alone names the class of {right:.0%} of the videos"


def _border_colour(number: int, config: WorldConfig) -> np.ndarray:
    """Mean colours of the top and of the bottom rows of the first frame, (6,)."""
    image = np.asarray(Image.open(ROOT / "Data/VID" / snippet_name("train", number) / "000000.JPEG"), float)
    return np.concatenate((image[:8].mean((0, 1)), image[-8:].mean((0, 1))))
