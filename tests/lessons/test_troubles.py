"""Lesson 01: the layout on disk, the troubles, overlap and speed, drawn from the data."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from clab_lite import lessons
from clab_lite.data.annotation_xml import read_annotation
from clab_lite.data.classes import TROUBLES
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError
from clab_lite.lessons.troubles import camera, disk, gallery, overlap, speed
from clab_lite.lessons.troubles.desk import Desk, desk
from clab_lite.metrics.motion import motion_iou
from clab_lite.show.style import to_png


@pytest.fixture(scope="module")
def videos() -> VideoIndex:
    return lessons.samples("val")


def title(figure: Figure) -> str:
    texts = [axes.get_title(loc="left") for axes in figure.axes]
    return " | ".join([figure.get_suptitle(), *texts])


def test_the_tree_names_each_kind_of_file_and_counts_it(videos: VideoIndex) -> None:
    text = disk.tree(disk.dataset_root(videos))
    for name in ("Annotations/VID", "Data/VID", "000000.xml", "000000.JPEG", "VID_val_videos.txt", "troubles.json"):
        assert name in text
    assert f"{len(videos)} videos, {videos.frame_count} files" in text


def test_every_field_of_an_annotation_is_shown_with_its_meaning(videos: VideoIndex) -> None:
    path = disk.annotation_path(videos, 20, 3)
    fields, read = disk.read_fields(path), read_annotation(path, tracks=True)
    assert (fields["meaning"] != "").all()
    values = dict(zip(fields["tag"], fields["value"], strict=True))
    for number, item in enumerate(read.objects):
        sides = tuple(float(values[f"object {number}/bndbox/{side}"]) for side in ("xmin", "ymin", "xmax", "ymax"))
        assert sides == item.box
        assert values[f"object {number}/name"] == item.wnid
    assert len(read.objects) > 1


def test_a_broken_annotation_is_refused(tmp_path) -> None:
    path = tmp_path / "000000.xml"
    path.write_text("<annotation><size><width>4</width></size></annotation>")
    with pytest.raises(DataError, match="height"):
        disk.read_fields(path)


def test_class_and_list_tables_agree_with_the_index(videos: VideoIndex) -> None:
    classes = disk.class_table(videos)
    assert classes["boxes"].sum() == len(videos.table.boxes)
    assert [videos.class_names[k] for k in classes["label"]] == classes["name"].tolist()
    lists = disk.list_table(disk.dataset_root(videos))
    assert set(lists["file"]) == {"VID_train_15frames.txt", "train_1.txt", "VID_val_videos.txt", "val.txt"}
    assert disk.table(lists).to_html() == disk.table(lists).to_html()


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_pair_shows_one_object_with_and_without_the_trouble(videos: VideoIndex, trouble: str) -> None:
    pair = gallery.find_pair(videos, trouble)
    assert videos.troubles(pair.video, pair.troubled) == (trouble,)
    assert videos.troubles(pair.video, pair.clean) == ()
    tracks = [videos.annotation(pair.video, frame).track_ids[0] for frame in (pair.clean, pair.troubled)]
    assert tracks[0] == tracks[1]


def test_light_and_detail_measure_what_they_say() -> None:
    box = np.array([0, 0, 9, 9], np.float32)
    flat = np.full((10, 10, 3), 100, np.uint8)
    stripes = flat.copy()
    stripes[:, ::2] = 140
    assert gallery.light(flat, box) == 100
    assert gallery.sharpness(flat, box) == 0
    assert gallery.sharpness(stripes, box) == pytest.approx(40 / 2 / 120)


def test_unknown_troubles_are_named(videos: VideoIndex) -> None:
    with pytest.raises(DataError, match="rain"):
        gallery.find_pair(videos, "rain")
    with pytest.raises(DataError, match="occlusion"):
        camera.spoil(np.zeros((4, 4, 3), np.uint8), "occlusion", 1.0)


def test_troubles_made_to_order_grow_with_their_strength(videos: VideoIndex) -> None:
    pixels, box = gallery.picture(videos, 10, 0), videos.annotation(10, 0).boxes[0]
    for name in camera.CAMERA_TROUBLES:
        assert (camera.spoil(pixels, name, 0.0) == pixels).all()
    detail = [gallery.sharpness(camera.spoil(pixels, "defocus", r), box) for r in (0, 2, 5)]
    assert detail[0] > detail[1] > detail[2]
    light = [gallery.light(camera.spoil(pixels, "low_light", s), box) for s in (0, 1, 3)]
    assert light[0] > light[1] > light[2]
    assert gallery.sharpness(camera.spoil(pixels, "noise", 2.0), box) > detail[0]
    assert "light ×1.00, detail ×1.00" in camera.camera(videos, 10, 0)("noise", 0.0)[1]


def test_titles_are_computed_from_the_data(videos: VideoIndex) -> None:
    frames = [videos.troubles(v, f) for v in range(len(videos)) for f in range(videos.videos[v].frame_count)]
    hard = sum(bool(words) for words in frames)
    shares = gallery.shares(videos).set_index("trouble")
    assert shares.loc["none: clean", "frames"] == len(frames) - hard
    assert shares.loc["noise", "frames"] == sum("noise" in words for words in frames)
    said = title(gallery.draw_pairs(videos)).lower()
    assert "noise adds most detail" in said
    assert "low light takes the most light" in said
    words = ", ".join(map(gallery.word, videos.troubles(4, 4)))
    assert words in title(gallery.draw_frame(videos, 4, 4))


def test_overlap_by_edges_and_inclusive() -> None:
    by_edges = overlap.overlap((0, 0, 10, 10), (5, 0, 15, 10))
    assert (by_edges.intersection, by_edges.union, by_edges.iou) == (50, 150, pytest.approx(1 / 3))
    inclusive = overlap.overlap((0, 0, 9, 9), (5, 0, 14, 9), inclusive=True)
    assert (inclusive.intersection, inclusive.union) == (50, 150)
    apart = overlap.overlap((0, 0, 10, 10), (20, 20, 30, 30))
    assert (apart.intersection, apart.iou) == (0, 0)
    with pytest.raises(DataError, match="x1 <= x2"):
        overlap.overlap((10, 0, 0, 10), (0, 0, 1, 1))


def test_the_counting_gap_shrinks_with_the_side() -> None:
    gaps = [inclusive - edges for _, edges, inclusive in overlap.counting_gap()]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] > 0


def test_neighbours_explain_the_motion_iou_at_every_frame(videos: VideoIndex) -> None:
    for place in ((22, 0), (22, 1), (9, 0)):
        track = speed.read_track(videos, *place)
        for window in (1, 3, 10):
            means = [speed.neighbours(track, int(frame), window)[1].mean() for frame in track.frames]
            np.testing.assert_allclose(track.motion(window), means, rtol=0, atol=1e-9)


def test_tracks_are_those_of_the_evaluator(videos: VideoIndex) -> None:
    tracks = speed.all_tracks(videos)
    assert sum(len(track.frames) for track in tracks) == len(videos.table.boxes)
    rows = [(f, t, b) for f in range(10) for found in [videos.annotation(22, f)]
            for t, b in zip(found.track_ids, found.boxes, strict=True)]  # fmt: skip
    frame, track, boxes = (np.array(column) for column in zip(*rows, strict=True))
    expected = motion_iou(frame, track, boxes)
    for one in (t for t in tracks if t.video == 22):
        np.testing.assert_allclose(one.motion(), expected[track == one.track_id])


def test_absent_frames_and_tracks_are_named(videos: VideoIndex) -> None:
    with pytest.raises(DataError, match="no track 99"):
        speed.read_track(videos, 4, 99)
    with pytest.raises(DataError, match="Use one of 0 to 9"):
        speed.read_track(videos, 4, 0).box(99)


@pytest.mark.parametrize(
    ("value", "name"), [(1.0, "slow"), (0.9, "slow"), (0.8, "medium"), (0.7, "medium"), (0.1, "fast")]
)
def test_speed_names(value: float, name: str) -> None:
    assert speed.speed_name(value) == name


def test_motion_figures_say_what_they_show(videos: VideoIndex) -> None:
    track = speed.read_track(videos, 22, 0)
    figure, numbers = speed.motion_of(videos, track)(0, 10)
    assert f"motion IoU {track.motion()[0]:.2f}" in title(figure)
    assert "mean of 9 IoUs" in numbers
    assert "11 of the 20 places" in numbers
    answers = speed.describe([track]).iloc[0]
    assert answers["object"] == "A: turtle"
    assert answers["speed"] == speed.speed_name(float(track.motion().mean()))
    assert "% are slow" in title(speed.draw_speeds(speed.all_tracks(videos)))
    assert to_png(speed.draw_strips(videos, [track, track]))[:4] == b"\x89PNG"


@pytest.fixture
def quick(monkeypatch) -> None:
    """Drawing takes most of the time of a drag; the numbers are what counts here."""
    small = Figure(figsize=(0.2, 0.2))
    monkeypatch.setattr(
        "clab_lite.lessons.troubles.desk.draw_overlap", lambda _, a, b: (small, f"{overlap.overlap(a, b).iou:.3f}")
    )


@pytest.fixture
def table() -> Desk:
    return Desk(np.zeros((100, 160, 3), np.uint8), (20, 20, 60, 60), (30, 20, 70, 60))


@pytest.mark.usefixtures("quick")
def test_a_corner_follows_the_mouse(table: Desk) -> None:
    table.press(69, 61)
    table.drag(80, 90)
    assert table.boxes["amber"] == (30, 20, 80, 90)
    table.release()
    table.drag(0, 0)
    assert table.boxes["amber"] == (30, 20, 80, 90)


@pytest.mark.usefixtures("quick")
def test_a_box_follows_as_a_whole_and_stays_in_the_frame(table: Desk) -> None:
    table.press(65, 40)
    table.drag(75, 45)
    assert table.boxes["amber"] == (40, 25, 80, 65)
    table.drag(900, 45)
    assert table.boxes["amber"][2] == 160


@pytest.mark.usefixtures("quick")
def test_the_other_box_moves_too_and_both_keep_their_places(table: Desk) -> None:
    table.press(21, 21)
    table.drag(10, 12)
    assert table.boxes == {"blue": (10, 12, 60, 60), "amber": (30, 20, 70, 60)}
    table.set(box="amber")
    assert table.boxes == {"blue": (10, 12, 60, 60), "amber": (30, 20, 70, 60)}
    table.set(x1=10, y1=12, x2=60, y2=60)
    assert table.numbers.endswith("1.000")


def test_a_press_beside_everything_holds_nothing(table: Desk) -> None:
    before = dict(table.boxes)
    table.press(140, 90)
    table.drag(100, 50)
    assert table.boxes == before


def test_events_of_the_page_reach_the_boxes(table: Desk) -> None:
    figure = table.explorer.figure
    assert figure is not None
    to_png(figure)

    def event(kind: str, x: float, y: float) -> dict[str, object]:
        across, down = figure.transFigure.inverted().transform(figure.axes[0].transData.transform((x, y)))
        size = {"boundingRectWidth": 1000, "boundingRectHeight": 400}
        return {"type": kind, "relativeX": across * 1000, "relativeY": (1 - down) * 400, "buttons": 1, **size}

    table._handle(event("mousedown", 70, 60))
    table._handle(event("mousemove", 90, 80))
    table._handle({"type": "mouseup"})
    assert table.boxes["amber"] == (30, 20, 90, 80)


def test_the_desk_starts_a_quarter_beside_the_object(videos: VideoIndex) -> None:
    start = desk(videos, 36, 0)
    blue, amber = start.boxes["blue"], start.boxes["amber"]
    assert amber[0] - blue[0] == round((blue[2] - blue[0]) / 4)
    assert "image/png" in start._repr_mimebundle_()
