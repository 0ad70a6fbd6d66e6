"""Subsets by name: what they read, what they choose, how they add up; splits never separate a source video."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clab_lite.data import VideoIndex, open_dataset
from clab_lite.data.classes import TROUBLES
from clab_lite.data.subset import Subset, split_by_source
from clab_lite.data.table import VideoRecord, assemble
from clab_lite.errors import DataError
from clab_lite.metrics.motion import motion_iou

NAMES = tuple(f"val/ILSVRC2015_val_{source:05d}{part:03d}" for source in range(4) for part in range(1 + source % 2))
"""Sources 0 and 2 with one snippet, 1 and 3 with two."""
FRAMES = 5


def index_of(names: list[str], tmp_path) -> VideoIndex:
    records = [VideoRecord(name, "still" in name) for name in names]
    for record in records:
        record.start_frame(64, 48)
        record.start_frame(64, 48)
    return VideoIndex(assemble(records, ("car",), []), tmp_path, tmp_path)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    """In each video a still cat of 20x20 and a dog of 40x40 that moves 30 px a frame; the dog is hidden at frame 0."""
    root = tmp_path_factory.mktemp("subset")
    records = []
    for name in NAMES:
        record = VideoRecord(name, False)
        for frame in range(FRAMES):
            record.start_frame(320, 240)
            record.add_box((5, 5, 25, 25), 0, 7, False, False)
            x = 30.0 * frame
            record.add_box((x, 50, x + 40, 90), 1, 8, frame == 0, False)
        records.append(record)
    troubles = {NAMES[0]: ((), ("noise",), ("noise", "defocus"), (), ()), NAMES[1]: ((),) * FRAMES}
    return VideoIndex(assemble(records, ("cat", "dog", "car"), []), root, root, troubles)


def names_of(index: VideoIndex, subset: Subset) -> list[str]:
    return [index.videos[video].name for video in subset.select(index).videos.tolist()]


def test_everything(index: VideoIndex) -> None:
    """Nothing is asked for: all rows of the table, in order, none ignored."""
    all_of_it = Subset().select(index)
    np.testing.assert_array_equal(all_of_it.rows, np.arange(len(NAMES) * FRAMES))
    np.testing.assert_array_equal(all_of_it.truth, np.arange(len(index.table.boxes)))
    np.testing.assert_array_equal(all_of_it.image, np.repeat(np.arange(len(NAMES) * FRAMES), 2))
    np.testing.assert_array_equal(all_of_it.video_of_frame, np.repeat(np.arange(len(NAMES)), FRAMES))
    assert all_of_it.asked.all()
    assert all_of_it.labels.all()
    assert not Subset()
    assert Subset().slug == "all"


@pytest.mark.parametrize(("pattern", "found"), [
    (NAMES[1], [1]), ("ILSVRC2015_val_00001001", [2]), ("ILSVRC2015_val_00001", [1, 2]),
    ("val/ILSVRC2015_val_00003*", [4, 5]), ("*001", [2, 5]), ("*001,ILSVRC2015_val_00000", [0, 2, 5]),
    ("*001&*_00003???", [5]),
])  # fmt: skip
def test_videos_by_name_source_and_pattern(index: VideoIndex, pattern: str, found: list[int]) -> None:
    assert names_of(index, Subset.parse([f"videos={pattern}"])) == [NAMES[position] for position in found]


def test_frames_of_a_selected_index_keep_their_rows(index: VideoIndex) -> None:
    """`VideoIndex.select` shares the table: frame and box rows are those of the original."""
    part = index.select([4, 1])
    chosen = Subset(every=2).select(part)
    np.testing.assert_array_equal(chosen.rows, [20, 22, 24, 5, 7, 9])
    np.testing.assert_array_equal(chosen.truth, [40, 41, 44, 45, 48, 49, 10, 11, 14, 15, 18, 19])
    np.testing.assert_array_equal(chosen.starts, [0, 3, 6])


def test_trouble_chooses_frames_somebody_has_looked_at(index: VideoIndex) -> None:
    def frames(words: str) -> list[list[int]]:
        return [numbers.tolist() for numbers in Subset(trouble=words).select(index).frames]

    assert frames("clean") == [[0, 3, 4], [0, 1, 2, 3, 4]]  # the other videos are not in the file
    assert frames("any") == [[1, 2]]
    assert frames("noise") == [[1, 2]]
    assert frames("noise&defocus") == [[2]]


def test_max_videos_draws_whole_sources(index: VideoIndex) -> None:
    for seed in range(8):
        for most in (1, 2, 3, 4, 5, 6):
            drawn = names_of(index, Subset(max_videos=most, seed=seed))
            assert len(drawn) <= most
            sources = {name[:-3] for name in drawn}
            assert drawn == [name for name in NAMES if name[:-3] in sources]
    draws = {tuple(names_of(index, Subset(max_videos=3, seed=seed))) for seed in range(8)}
    assert len(draws) > 1
    assert names_of(index, Subset(max_videos=6)) == list(NAMES)
    with pytest.raises(DataError, match="max_videos=1: the smallest source video has 2 snippets"):
        Subset(max_videos=1, videos=("ILSVRC2015_val_00001",)).select(index)


def test_objects_that_are_asked_for(index: VideoIndex) -> None:
    dogs = Subset(classes=("dog",)).select(index)
    assert dogs.labels.tolist() == [False, True, False]
    np.testing.assert_array_equal(dogs.asked, index.table.labels == 1)
    assert len(dogs.truth) == len(index.table.boxes)  # the others are still what a dog may be taken for
    assert not dogs.ignored.any()
    assert len(dogs.rows) == len(NAMES) * FRAMES  # frames without a dog can still show false dogs
    fast = Subset(motion="fast", classes=("dog", "car")).select(index)
    assert len(fast.truth) == len(index.table.boxes)
    np.testing.assert_array_equal(fast.asked, index.table.labels == 1)
    np.testing.assert_array_equal(fast.ignored, ~fast.asked)
    small = Subset(size="small").select(index)
    np.testing.assert_array_equal(small.asked, index.table.labels == 0)
    assert not small.ignored.any()  # `area` tells the protocols, which judge sizes themselves
    assert small.area == (0, 32**2)
    hidden = Subset(occluded=True).select(index)
    assert hidden.asked.sum() == len(NAMES)
    np.testing.assert_array_equal(Subset(occluded=False).select(index).asked, ~hidden.asked)


def test_motion_sees_the_frames_that_are_left_out(index: VideoIndex) -> None:
    whole, part = Subset().select(index), Subset(every=4).select(index)
    assert whole.motion is not None
    assert part.motion is not None
    np.testing.assert_array_equal(part.motion, whole.motion[np.isin(whole.truth, part.truth)])
    boxes = np.array([[30.0 * t, 50, 30.0 * t + 40, 90] for t in range(FRAMES)])
    np.testing.assert_allclose(whole.motion[1:10:2], motion_iou(range(FRAMES), [8] * FRAMES, boxes), atol=1e-12)


def test_track_0_has_motion(index: VideoIndex) -> None:
    """Ids only tell tracks apart, and 0 is one."""
    renamed = replace(index, table=replace(index.table, track_ids=index.table.track_ids - 7))
    first, second = Subset().select(renamed).motion, Subset().select(index).motion
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first, second)
    only = replace(index, table=replace(index.table, track_ids=np.zeros_like(index.table.track_ids)))
    assert Subset(classes=("cat",)).select(only).motion is not None


def test_objects_without_tracks(index: VideoIndex) -> None:
    """No track at all: no motion. A few without: unknown motion, which no range leaves out."""
    without = replace(index, table=replace(index.table, track_ids=np.full_like(index.table.track_ids, -1)))
    assert Subset().select(without).motion is None
    with pytest.raises(DataError, match="motion=fast: the objects have no track ids"):
        Subset(motion="fast").select(without)
    some = index.table.track_ids.copy()
    some[:2] = -1
    chosen = Subset(motion="slow").select(replace(index, table=replace(index.table, track_ids=some)))
    assert chosen.motion is not None
    assert np.isnan(chosen.motion[:2]).all()
    assert chosen.asked[:4].tolist() == [True, True, True, False]


@pytest.mark.parametrize(("words", "message"), [
    ("motion=medium", "motion=medium leaves no object"),
    ("size=large", "size=large leaves no object"),
    ("motion=fast classes=cat", "motion=fast leaves no object"),
    ("size=small classes=dog", "size=small leaves no object"),
    ("classes=car", "classes=car leaves no object"),
    ("videos=nowhere", "videos=nowhere fits no video. There are 6, for example val/ILSVRC2015_val_00000000"),
    ("trouble=occlusion", "trouble=occlusion leaves no frame"),
    ("occluded=yes every=3 classes=cat", "occluded=yes leaves no object"),
    ("classes=dgo", "there is no class 'dgo'. Did you mean 'dog'"),
])  # fmt: skip
def test_what_leaves_nothing_is_named(index: VideoIndex, words: str, message: str) -> None:
    with pytest.raises(DataError) as error:
        Subset.parse(words).select(index)
    assert message in str(error.value)


@pytest.mark.parametrize(("words", "message"), [
    (["moton=fast"], "Did you mean 'motion'"), (["motion=fats"], "Did you mean 'fast'"), (["fast"], "NAME=VALUE"),
    (["every=0"], "every=0: give"), (["every=two"], "'two' is not a whole number"), (["every="], "NAME=VALUE"),
    (["occluded=perhaps"], "occluded=yes or occluded=no"), (["trouble=nois"], "Did you mean 'noise'"),
    (["motion=fast", "motion=slow"], "motion=fast and motion=slow exclude each other"),
    (["classes=dog", "classes=cat"], "classes=dog,cat"), (["trouble=clean", "trouble=noise"], "exclude each other"),
    (["seed=1", "seed=2"], "exclude each other"),
])  # fmt: skip
def test_wrong_words_are_answered(words: list[str], message: str) -> None:
    with pytest.raises(DataError) as error:
        Subset.parse(words)
    assert message in str(error.value)


def test_a_text_without_end_is_refused() -> None:
    with pytest.raises(DataError, match="a subset of 1,000,007 characters is too long"):
        Subset.parse("videos=" + "a" * 1_000_000)


def optional(*values: object) -> st.SearchStrategy:
    return st.sampled_from([None, *values])


SUBSETS = st.builds(
    Subset,
    classes=st.sampled_from([(), ("dog",), ("cat", "dog")]), videos=st.sampled_from([(), ("*0",), ("val/a b", "*1")]),
    motion=optional("fast", "slow"), size=optional("small"), trouble=optional("any", "noise", "noise&defocus"),
    occluded=optional(True, False), max_videos=optional(1, 4), every=st.integers(1, 6), seed=st.sampled_from([0, 0, 3]),
)  # fmt: skip


@given(SUBSETS)
def test_words_give_the_subset_back(subset: Subset) -> None:
    assert Subset.parse(str(subset)) == subset
    assert subset & Subset() == subset == subset & subset
    assert bool(subset) == (subset != Subset())


@given(SUBSETS, SUBSETS)
def test_both_conditions_hold(index: VideoIndex, first: Subset, second: Subset) -> None:
    """Frames and objects of a & b are those in both, as far as no videos are drawn."""
    first, second = (replace(subset, max_videos=None) for subset in (first, second))
    try:
        both, a, b = ((subset).select(index) for subset in (first & second, first, second))
    except DataError:
        return
    np.testing.assert_array_equal(both.rows, np.intersect1d(a.rows, b.rows))
    asked = [set(s.truth[s.asked].tolist()) for s in (a, b)]
    assert set(both.truth[both.asked].tolist()) == asked[0] & asked[1] & set(both.truth.tolist())


def test_slugs_are_file_names_and_differ() -> None:
    words = ["motion=fast", "videos=val/a", "videos=val-a", "videos=*1", "videos=?1", f"videos={'x' * 90}"]
    words += [f"videos={'x' * 91}", *(f"trouble={trouble}" for trouble in TROUBLES)]
    slugs = {Subset.parse([word]).slug for word in words}
    assert len(slugs) == len(words)
    assert all(len(slug) < 100 and not set(slug) & set('/\\*?:"<>|& ') for slug in slugs)
    assert Subset.parse(["motion=fast", "every=2"]).slug == "motion=fast_every=2"


def test_sources_stay_together_and_nothing_is_lost(tmp_path: Path) -> None:
    names = [f"train/b/ILSVRC2015_train_{source:05d}{part:03d}" for source in range(12) for part in range(3)]
    index = index_of([*names, "still_1"], tmp_path)
    rest, held_out = split_by_source(index, 0.25, seed=4)
    assert len(held_out) == 9
    assert not {v.source for v in rest.videos} & {v.source for v in held_out.videos}
    assert [v.name for v in rest.videos] == [n for n in index.table.names if n not in held_out.table.names]
    assert len(rest) + len(held_out) == len(index)
    assert "still_1" in rest.table.names
    again = split_by_source(index, 0.25, seed=4)[1]
    assert again.table.names == held_out.table.names
    others = [split_by_source(index, 0.25, seed=seed)[1].table.names for seed in range(5)]
    assert len(set(others)) > 1


def test_neither_part_is_empty(tree):
    index = open_dataset(tree.root, "train")  # two sources, three videos
    for fraction in (0.01, 0.99):
        rest, held_out = split_by_source(index, fraction, seed=0)
        assert len(rest) > 0
        assert len(held_out) > 0
        np.testing.assert_array_equal(np.sort([len(rest.key_frames), len(held_out.key_frames)]), [5, 10])


def test_what_cannot_be_split_is_said(tree):
    index = open_dataset(tree.root, "train")
    with pytest.raises(DataError, match="fraction is 1"):
        split_by_source(index, 1, seed=0)
    with pytest.raises(DataError, match="1 source video"):
        split_by_source(index.select([0, 1]), 0.5, seed=0)
