"""Lesson 08: tables of several detectors, colours, pictures, linked maps."""

from __future__ import annotations

import base64
import math

import numpy as np
import pytest
import torch

from clab_lite import lessons, presets
from clab_lite.data.vid import VideoIndex
from clab_lite.errors import DataError
from clab_lite.lessons import maps
from clab_lite.lessons.maps.album import BAR, TILE, Album
from clab_lite.lessons.maps.colours import Colouring, few
from clab_lite.lessons.maps.drawing import bounded, tracks_of
from clab_lite.lessons.maps.linked import LinkedMaps
from clab_lite.lessons.maps.tables import FAR, NEAR, RELATIVE, Moments, pair, shuffled, whole_video
from clab_lite.show.style import GREY, PALE, PALETTE

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def index() -> VideoIndex:
    return lessons.samples("val").select(range(5))


@pytest.fixture(scope="module")
def moments(index: VideoIndex) -> Moments:
    config = presets.lesson()
    torch.manual_seed(5)
    return maps.embed_moments(index, {"before": maps.fresh(config), "after": maps.fresh(config)})


@pytest.fixture
def linked(index: VideoIndex, moments: Moments) -> LinkedMaps:
    return maps.link(index, moments, "before", "after")


def test_fresh_weights_are_those_of_the_seed() -> None:
    config = presets.lesson()
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first, second = maps.fresh(config).state_dict(), maps.fresh(config).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_rows_belong_together(moments: Moments) -> None:
    left, right = pair(moments, "before", "after", "object")
    assert left.table.equals(right.table)
    np.testing.assert_array_equal(left.matrix, right.matrix)
    with pytest.raises(DataError, match="Choose two of: before, after"):
        pair(moments, "before", "later", "object")
    other = {"before": moments["before"], "short": {"object": moments["before"]["frame"]}}
    with pytest.raises(DataError, match="different frames"):
        pair(other, "before", "short", "object")


def test_scores_of_all_moments(moments: Moments) -> None:
    table = maps.scores(moments, "object")
    assert list(table.index.unique("by")) == ["class", "video", "track"]
    assert table.loc[("class", "before"), NEAR] == moments["before"]["object"].scores().knn_purity
    assert table.loc[("class", "before"), FAR] == moments["before"]["object"].scores(gap=100).knn_purity
    assert math.isnan(table.loc[("video", "before"), FAR])
    assert 0 < table.loc[("track", "after"), RELATIVE] < 1  # frames of an object are closer than any two rows
    assert "–" in maps.readable(table).to_html()
    assert list(maps.scores(moments, "frame").index.unique("by")) == ["class", "video"]


def test_shuffled_names_stay_whole_per_track(moments: Moments) -> None:
    table = moments["before"]["object"]
    dealt = shuffled(table, 3)
    for rows in tracks_of(table):
        assert len(set(dealt.table["class_name"].iloc[rows])) == 1
    firsts = [rows[0] for rows in tracks_of(table)]
    names = table.table["class_name"].to_numpy()[firsts]
    assert sorted(dealt.table["class_name"].to_numpy()[firsts]) == sorted(names)
    assert (dealt.groups("class_name") != table.groups("class_name")).any()
    assert dealt.matrix is table.matrix


def test_colourings(moments: Moments) -> None:
    table = moments["before"]["object"]
    for by in ("class", "video", "trouble"):
        colours = maps.colouring(table, by)
        assert set(colours.names) == set(colours.palette)
        assert len(colours.colours) == len(table)
    counts = [(maps.colouring(table, "class").names == name).sum() for name in maps.colouring(table, "class").palette]
    assert counts == sorted(counts, reverse=True)
    assert list(maps.colouring(table, "trouble").palette)[-1] == "clean"
    with pytest.raises(DataError, match="Choose one of: class, video, trouble"):
        maps.colouring(table, "size")


def test_a_picture_colours_a_few_groups(moments: Moments) -> None:
    table = moments["before"]["frame"]
    by_video = Colouring(
        "video", np.array([f"video {i % 11}" for i in range(len(table))]), {f"video {i}": "#000000" for i in range(11)}
    )
    shown = few(by_video, keep=[9])
    assert shown.distinct and len(shown.palette) == 9 and "video 9" in shown.palette and "3 more" in shown.palette
    assert len(shown.colours) == len(table)
    assert few(shown) is shown


def test_a_picture_keeps_the_colours_of_the_widget_where_they_are_free() -> None:
    names = [f"video {i}" for i in range(len(PALETTE) + 3)]
    widget = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(names)} | {"clean": GREY}
    colours = Colouring("video", np.array([*names, "clean"]), widget)
    shown = few(colours, keep=[9, 11]).palette  # video 9 has the colour of video 1; row 11 is "clean"
    assert shown["video 9"] == widget["video 9"] and shown["clean"] == GREY
    assert [shown[f"video {i}"] == widget[f"video {i}"] for i in range(6)] == [True, False, True, True, True, True]
    assert len(set(shown.values())) == len(shown) == len(PALETTE) + 1 and shown["4 more"] == PALE


def test_notes_name_the_harder_purity_first(linked: LinkedMaps, index: VideoIndex, moments: Moments) -> None:
    assert linked._panels[0].note.startswith("kNN purity, own video out ")
    assert maps.link(index, moments, "before", "after", "frame")._panels[0].note.startswith("kNN purity 0.")


def test_tracks_are_in_the_order_of_frames(moments: Moments) -> None:
    for level in ("object", "frame"):
        table = moments["before"][level]
        paths = tracks_of(table)
        assert sorted(np.concatenate(paths)) == list(range(len(table)))
        for rows in paths:
            assert (np.diff(table.table["frame"].to_numpy()[rows]) > 0).all()
            assert table.table["video"].iloc[rows].nunique() == 1


def test_bounded_keeps_shapes() -> None:
    flat = bounded(np.array([[0, 0], [4, 2], [2, 1]], np.float32))
    np.testing.assert_allclose(flat, [[-1, -0.5], [1, 0.5], [0, 0]])
    assert bounded(np.zeros((0, 2), np.float32)).shape == (0, 2)
    np.testing.assert_array_equal(bounded(np.ones((2, 2), np.float32)), 0)


def test_album(index: VideoIndex, moments: Moments) -> None:
    table = moments["before"]["object"]
    album = Album(index, table)
    assert album.picture(0).startswith(PNG)
    assert album.caption(0).startswith(table.table["class_name"].iloc[0])
    sheet, shown = album.sheet(range(len(table)), columns=4, lines=2)
    assert sheet.shape == (2 * (TILE + BAR), 4 * (TILE + BAR), 3)
    assert len(shown) == 8
    assert shown[0] == album.ordered(range(len(table)))[0]
    assert shown[-1] == album.ordered(range(len(table)))[-1]
    assert album.sheet([3, 1], columns=4)[0].shape[0] == TILE + BAR
    assert Album(index, moments["before"]["frame"]).picture(3).startswith(PNG)
    with pytest.raises(DataError, match="beyond the 1 of the index"):
        Album(index.select([0]), table)


def test_a_selection_is_in_both_maps(linked: LinkedMaps) -> None:
    left, right = (scatter.widget for scatter in linked.scatters)
    right.selection = np.array([4, 2, 7], np.uint32)  # as a lasso does
    assert linked.selection == [2, 4, 7]
    np.testing.assert_array_equal(left.selection, [2, 4, 7])
    assert linked.summary.startswith("3 selected in both maps")
    assert bytes(linked.sheet.value).startswith(PNG)
    left.selection = np.array([], np.uint32)
    assert linked.selection == []
    assert len(right.selection) == 0
    assert linked.sheet.layout.display == "none"
    with pytest.raises(DataError, match="outside the table"):
        linked.select([100_000])


def test_pointing_shows_the_picture_in_both(linked: LinkedMaps) -> None:
    left, right = (scatter.widget for scatter in linked.scatters)
    left.hovering = 6
    assert right.hovering == 6
    assert linked.point.value == 6
    assert linked.album.caption(6) in linked.line.value
    assert bytes(linked.picture.value) == linked.album.picture(6)
    right.hovering = -1
    assert linked.hovering is None
    assert linked.picture.layout.display == "none"


def test_the_keyboard_does_the_same(linked: LinkedMaps) -> None:
    linked.video.value = 2
    rows = np.flatnonzero(linked.table.table["video"] == 2)
    for scatter in linked.scatters:
        np.testing.assert_array_equal(scatter.widget.selection, rows)
    linked.point.value = 3
    assert [scatter.widget.hovering for scatter in linked.scatters] == [3, 3]
    linked.scatters[0].widget.selection = np.array([0], np.uint32)
    assert linked.video.value == "none"  # what is selected is no longer that video
    assert linked.selection == [0]
    linked.video.value = 1
    linked.video.value = "none"
    assert linked.selection == []


def test_recolouring(linked: LinkedMaps) -> None:
    for by in ("trouble", "video", "class"):
        linked.colour.value = by
        assert linked.by == by
        assert linked.scatters[0].widget.color_title == by
        assert len(linked.scatters[1].widget.color) == len(linked.colours.palette)
    assert "bicycle" in linked.key.value


def test_static_twin_has_an_example(index: VideoIndex, moments: Moments) -> None:
    linked = maps.link(index, moments, "before", "after", "frame", example=1)
    assert linked.selection == []  # the browser could not draw it
    assert linked.figure().axes[2].get_title("left").startswith("the 10 selected")
    assert linked.by == "video"


def test_static_twin(linked: LinkedMaps) -> None:
    linked.select_video(1)
    shown = linked._repr_mimebundle_()
    assert base64.b64decode(shown["image/png"]).startswith(PNG)
    assert "Neighbours from other videos share the class" in shown["text/plain"]
    assert linked.figure().get_suptitle() == linked.finding
    with pytest.raises(DataError, match="two maps of the same"):
        LinkedMaps(lessons.samples("val"), linked.table, [])


def test_whole_video(moments: Moments) -> None:
    assert whole_video(moments["before"]["frame"]) == 9
