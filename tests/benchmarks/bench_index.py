"""How long opening a dataset the size of ImageNet VID takes, once its index is stored.

    python tests/benchmarks/bench_index.py

Writes a listing of 3862 videos and 1.1 million frames with their (empty) folders into a temporary folder, stores
the index that reading their XML files would have given, and opens it. Also reads some XML files, to tell how long
the first opening takes.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from clab_lite.data import cache, open_dataset, vid
from clab_lite.data.classes import VID_CLASSES
from clab_lite.data.lists import evenly_spaced, train_listing
from clab_lite.data.table import TRAINABLE, IndexTable

VIDEOS, FRAMES, BOXES_PER_FRAME = 3862, 1_122_397, 1.54
LIMIT_S = 2.0

XML = (
    "<annotation><folder>f</folder><filename>000000</filename><size><width>1280</width><height>720</height></size>"
    "<object><trackid>0</trackid><name>n02510455</name><bndbox><xmax>855</xmax><xmin>449</xmin><ymax>682</ymax>"
    "<ymin>304</ymin></bndbox><occluded>1</occluded><generated>0</generated></object></annotation>"
)


def frame_counts() -> np.ndarray:
    """Lengths of 3862 videos, about as uneven as the real ones, 1 122 397 frames in all."""
    weights = np.random.default_rng(0).lognormal(0, 0.8, VIDEOS)
    counts = np.maximum((weights / weights.sum() * FRAMES).astype(np.int64), 6)
    counts[0] += FRAMES - counts.sum()
    return counts


def write_listing(root: Path) -> np.ndarray:
    """The 15-frames list and every video's two folders. Returns the frame counts."""
    counts = frame_counts()
    rows = []
    for number, count in enumerate(counts.tolist()):
        name = f"train/ILSVRC2015_VID_train_{number // 1000:04d}/ILSVRC2015_train_{number:08d}"
        for tree in ("Annotations", "Data"):
            (root / tree / "VID" / name).mkdir(parents=True)
        rows += [f"{name} 1 {frame} {count}" for frame in evenly_spaced(count)]
    (root / "Lists").mkdir()
    (root / "Lists/VID_train_15frames.txt").write_text("\n".join(rows))
    return counts


def make_table(root: Path, counts: np.ndarray) -> IndexTable:
    """What reading all XML files would have given."""
    rng = np.random.default_rng(1)
    listing = train_listing(root, mmtracking_key_frames=False)
    per_frame = rng.poisson(BOXES_PER_FRAME - 1, FRAMES) + 1
    boxes = int(per_frame.sum())
    corner = rng.integers(0, 300, (boxes, 2))
    return IndexTable(
        class_names=VID_CLASSES,
        names=listing.names,
        is_still=np.zeros(VIDEOS, np.bool_),
        sizes=np.tile(np.array([1280, 720], np.int32), (VIDEOS, 1)),
        frame_sizes=np.tile(np.array([1280, 720], np.int32), (FRAMES, 1)),
        frame_starts=np.cumsum(counts) - counts,
        frame_counts=counts,
        box_offsets=np.concatenate(([0], np.cumsum(per_frame))),
        boxes=np.concatenate((corner, corner + rng.integers(8, 400, (boxes, 2))), 1).astype(np.float32),
        labels=rng.integers(0, 30, boxes).astype(np.int16),
        track_ids=rng.integers(0, 9, boxes),
        flags=np.full(boxes, TRAINABLE, np.uint8),
        listed_key_frames=np.array(listing.key_frames),
    )


def measure_opening(root: Path) -> float:
    """Seconds to open the full-size dataset from its stored index, key frames included (best of three)."""
    table = make_table(root, write_listing(root))
    listing = train_listing(root, mmtracking_key_frames=False)
    stamp = cache.fingerprint("train", vid.watched(root, listing, None), root)
    cache.save(root, "train", table, stamp)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        index = open_dataset(root, "train")
        assert len(index.videos) == VIDEOS
        assert index.frame_count == FRAMES
        assert len(index.key_frames) > 50_000
        times.append(time.perf_counter() - start)
    return min(times)


def measure_first_opening(root: Path, frames: int = 4000) -> float:
    """Seconds per XML file when there is no index yet."""
    folder = root / "Annotations/VID/val/ILSVRC2015_val_00000000"
    folder.mkdir(parents=True)
    for frame in range(frames):
        (folder / f"{frame:06d}.xml").write_text(XML)
    start = time.perf_counter()
    open_dataset(root, "val", cache=False)
    return (time.perf_counter() - start) / frames


def main() -> None:
    """Measure both, print them, and fail when opening is too slow."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure_opening(Path(folder) / "full")
        size = (Path(folder) / "full/.clab_lite/train.npz").stat().st_size / 1e6
        per_file = measure_first_opening(Path(folder) / "xml")
    print(f"open {VIDEOS} videos, {FRAMES:,} frames: {seconds:.2f} s (limit {LIMIT_S} s), stored index {size:.0f} MB")
    print(f"first opening: {per_file * 1e6:.0f} us per XML file, {per_file * FRAMES / 60:.1f} min for all of them")
    if seconds > LIMIT_S:
        raise SystemExit("opening is too slow")


if __name__ == "__main__":
    main()
