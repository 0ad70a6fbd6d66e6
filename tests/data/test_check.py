"""`check_dataset` of an ILSVRC folder reads on after a bad record, and names it."""

from __future__ import annotations

import json

import pytest
from small_tree import TRAIN, VAL, annotation_xml, object_xml, write, write_jpeg

from clab_lite.cli import main
from clab_lite.data import open_dataset
from clab_lite.data.check import check_dataset


def report_of(tree):
    return check_dataset(tree.root, progress=False)


def test_a_good_dataset_passes(tree):
    report = report_of(tree)
    text = str(report)
    assert report.ok
    assert report.verdict.text == "verdict: ready"
    with_gpu, without = report.verdict.next_step.splitlines()
    assert with_gpu.startswith(f"clab-lite train {tree.root} --preset laptop --out runs/mine ")
    assert without.startswith(f"         or: clab-lite train {tree.root} --preset tiny --out runs/mine ")
    assert "[OK] train: 3 videos, 15 frames, 15 objects, 0 bad records" in text
    assert "[OK] val: 1 video, 5 frames, 5 objects, 0 bad records" in text
    assert "[OK] none of the 5 validation images is a training image too" in text
    assert "[WARN]" not in text


def test_every_bad_record_is_named_in_one_pass(tree):
    tree.xml(TRAIN[0], 1).write_text("<annotation>")
    write(tree.xml(TRAIN[0], 4), annotation_xml(object_xml(track=None)))
    tree.jpeg(TRAIN[0], 3).write_bytes(b"")
    tree.jpeg(TRAIN[1], 2).write_bytes(tree.jpeg(TRAIN[1], 2).read_bytes()[:-40])
    tree.jpeg(TRAIN[1], 4).write_bytes(b"text")
    tree.xml(TRAIN[2], 3).unlink()
    write(tree.xml(TRAIN[2], 1), annotation_xml(object_xml(box=(60, 40, 70, 60))))
    write(tree.root / "troubles.json", json.dumps({VAL: []}))
    report = report_of(tree)
    text = str(report)
    assert not report.ok
    assert "[FAIL] train: 3 videos, 12 frames, 12 objects, 6 bad records" in text
    assert "[WARN] train: 1 box leaving the frame" in text
    for part in (
        f"{TRAIN[0]}/000001.xml: the annotation is not usable XML",
        f"{TRAIN[0]}/000004.xml, object 0: it has no <trackid>",
        f"{TRAIN[0]}/000003.JPEG: the image is empty",
        f"{TRAIN[1]}/000002.JPEG: the image is truncated",
        f"{TRAIN[1]}/000004.JPEG: the image is not a JPEG or PNG picture",
        f"{TRAIN[2]}: frame 000003.xml is missing",
        f"troubles.json, {VAL}: 0 frames instead of 5",
    ):
        assert part in report.full_text()
    assert "[WARN] troubles.json: more may follow, as not everything could be checked" in text
    assert report.verdict.text == "verdict: not to be used yet, 7 to mend, and more may follow"
    assert report.verdict.next_step.startswith(f"start with {tree.xml(TRAIN[0], 1)}")
    assert report.verdict.next_step.endswith(f"then: clab-lite check {tree.root}")


def test_oddities_are_warnings(tree):
    once = object_xml(box=(1, 2, 9, 9), track="4")
    objects = object_xml("n00007846"), object_xml(box=(5, 5, 5, 9)), object_xml(box=(9, 9, 5, 5), track="1"), once, once
    write(tree.xml(VAL, 0), annotation_xml(*objects))
    write(tree.xml(VAL, 1), annotation_xml())
    report = report_of(tree)
    assert report.ok
    for part in (
        "1 object of other classes, skipped",
        "1 box without area",
        "1 inverted box",
        "1 object written twice in its frame",
        "1 object with the track id of another object of its frame",
    ):
        assert f"[WARN] val: {part}\n" in str(report)
    assert "[OK] val: 1 frame without objects\n" in str(report)
    assert report.verdict.text == "verdict: usable, with 5 remarks above"


def test_a_picture_of_another_size_is_a_bad_record(tree):
    for frame in range(5):
        write(tree.xml(VAL, frame), annotation_xml(object_xml(), width=640))
    text = "000000.JPEG: 64 x 48 pixels, its annotation says 640 x 48. Restore the file, or correct the size"
    assert text in str(report_of(tree))
    for frame in range(4):
        write(tree.xml(VAL, frame), annotation_xml(object_xml()))
    tree.xml(VAL, 1).unlink()
    text = report_of(tree).full_text()
    assert "000004.JPEG: 64 x 48 pixels" in text
    assert "[FAIL] val: 1 video, 4 frames, 4 objects, 2 bad records" in text


def test_a_giants_header_is_a_bad_record(tree):
    content = bytearray(tree.jpeg(VAL, 1).read_bytes())
    start = content.index(b"\xff\xc0") + 5  # height and width in the JPEG's frame header
    content[start : start + 4] = b"\xff\xff\xff\xff"
    tree.jpeg(VAL, 1).write_bytes(content)
    report = report_of(tree)
    assert not report.ok
    assert "000001.JPEG: the image cannot be decoded" in str(report)


def test_splits_and_frames_that_are_not_there_are_told_in_one_line(tree):
    (tree.root / "Data/VID/val").rename(tree.root / "elsewhere")
    (tree.root / "Annotations/VID/train").rename(tree.root / "other")
    report = report_of(tree)
    assert [line.text for line in report.lines if line.level == "FAIL"] == [
        "val: annotations without frames (no Data/VID/val)",
        "verdict: not to be used yet, 1 to mend",
    ]
    assert "[WARN] train: no Annotations/VID/train" in str(report)
    (tree.root / "elsewhere").rename(tree.root / "Data/VID/val")
    assert report_of(tree).verdict.next_step == f"clab-lite evaluate RUN {tree.root}"


def test_one_video_without_frames_is_a_bad_record(tree):
    (tree.root / "Data/VID" / TRAIN[1]).rename(tree.root / "elsewhere")
    assert f"{TRAIN[1]}: the frames are missing" in str(report_of(tree))


def test_duplicate_rows_and_lists_that_contradict_each_other(tree):
    path = tree.root / "Lists/VID_train_15frames.txt"
    path.write_text(path.read_text() + f"{TRAIN[0]} 1 2 5\n")
    write(tree.root / "ImageSets/VID/val.txt", "".join(f"{VAL[4:]}/{frame:06d} {frame + 1}\n" for frame in range(4)))
    rows = [f"{name[6:]} 1\n" for name in TRAIN[1:]]
    write(tree.root / "ImageSets/VID/train_7.txt", "".join(rows))
    write(tree.xml("val/ILSVRC2015_val_00000001", 0), annotation_xml())
    text = str(report_of(tree))
    for part in (
        "[WARN] train: 1 duplicate row in Lists/VID_train_15frames.txt",
        f"line 16: {TRAIN[0]} 1 2 5 is line 3 again",
        "[WARN] val: VID_val_videos.txt and ImageSets/VID contradict each other",
        f"{VAL} has 5 frames in VID_val_videos.txt, 4 in val.txt",
        f"{TRAIN[0]} is only in VID_train_15frames.txt",
        "[WARN] val: 1 video folder in no list, not used",
        "- val/ILSVRC2015_val_00000001",
    ):
        assert part in text


def test_stills_are_read_once_each(tree):
    for number in range(2):
        write(tree.root / f"Annotations/DET/train/{number}.xml", annotation_xml(object_xml(track=None)))
        write_jpeg(tree.root / f"Data/DET/train/{number}.JPEG", seed=90 + number)
    (tree.root / "Data/DET/train/1.JPEG").write_bytes(b"text")
    write(tree.root / "Lists/DET_train_30classes.txt", "train/0 1\ntrain/1 1\ntrain/2 1\ntrain/0 1\n")
    text = str(report_of(tree))
    for part in (
        "[WARN] stills: 1 duplicate row in Lists/DET_train_30classes.txt",
        "[FAIL] stills: 3 images, 2 objects, 1 bad record\n",
        "train/1.JPEG: the image is not a JPEG or PNG picture",
        "[WARN] stills: 1 still image without annotation file",
    ):
        assert part in text


def test_own_classes_are_those_that_the_reader_uses(tree):
    for frame in range(5):
        write(tree.xml(VAL, frame), annotation_xml(object_xml("forklift"), object_xml("n02958343", track="1")))
    write(tree.root / "classes.txt", "forklift\nperson\n")
    text = str(report_of(tree))
    assert "[OK] 2 classes in classes.txt: forklift, person" in text
    assert "[WARN] val: 5 objects of other classes, skipped" in text
    assert open_dataset(tree.root, "val", cache=False).class_names == ("forklift", "person")
    write(tree.root / "classes.txt", "")
    text = str(report_of(tree))  # with the classes that the files show
    assert "classes.txt: it lists no class\n       next: Write one class name per line" in text
    assert "[OK] val: 1 video, 5 frames, 5 objects, 0 bad records" in text


def test_a_bad_file_does_not_hide_own_classes(tree):
    for video in [*TRAIN, VAL]:
        for frame in range(5):
            write(tree.xml(video, frame), annotation_xml(object_xml("forklift")))
    tree.xml(TRAIN[0], 0).write_text("<annotation>")
    text = str(report_of(tree))
    assert "[OK] 1 class found in the annotations (no classes.txt): forklift" in text
    assert "other classes" not in text


def test_a_list_that_cannot_be_read_leaves_more_to_find(tree):
    (tree.root / "Lists/VID_val_videos.txt").write_text("val/x 1\n")
    report = report_of(tree)
    assert "[WARN] val: more may follow" in str(report)
    assert report.verdict.text == "verdict: not to be used yet, 1 to mend, and more may follow"
    assert report.verdict.next_step.startswith("Restore the list, or delete it to use the folders.\n")


def test_what_is_no_dataset_is_told_what_to_give(tree, tmp_path):
    write(tmp_path / "mine/boxes.json", "{}")
    write(tmp_path / "README.md", "text")
    for path, problem, step in (
        (
            "mine",
            "it holds boxes.json, but neither train.json nor val.json",
            f"Give {tmp_path / 'mine/boxes.json'}, or",
        ),
        ("README.md", "it is not a .json file", "Give the folder that holds"),
        ("nothing", "it does not exist", "Give the folder that holds"),
    ):
        report = check_dataset(tmp_path / path, progress=False)
        assert report.lines[0].text == f"{tmp_path / path}: {problem}"
        assert report.verdict.next_step.startswith(step)
        assert report.verdict.next_step.endswith(f"then: clab-lite check {tmp_path / path}")


@pytest.mark.parametrize("spoil", ["list", "root", "det list", "nowhere"])
def test_what_cannot_be_opened_fails_in_words(tree, spoil):
    path = tree.root
    if spoil == "list":
        (tree.root / "Lists/VID_val_videos.txt").write_text("val/x 1\n")
    elif spoil == "det list":
        write(tree.root / "Annotations/DET/a.xml", annotation_xml())
        write(tree.root / "Lists/DET_train_30classes.txt", "one-column\n")
    else:
        path = tree.root / ("Lists" if spoil == "root" else "nowhere")
    report = check_dataset(path, progress=False)
    assert not report.ok
    assert report.verdict.level == "FAIL"
    assert "Traceback" not in str(report)


def test_the_command_prints_the_first_and_writes_all_bad_records(tree, tmp_path, capsys):
    for frame in range(5):
        tree.jpeg(TRAIN[0], frame).write_bytes(b"text")
        tree.jpeg(TRAIN[1], frame).write_bytes(b"")
        tree.jpeg(TRAIN[2], frame).unlink()
    out = tmp_path / "reports/mine.txt"
    assert main(["check", str(tree.root), "--out", str(out)]) == 1
    printed = capsys.readouterr().out
    assert "- and 1 more; --out FILE names all" in printed
    assert f"the whole report: {out}" in printed
    text = out.read_text(encoding="utf-8")
    assert "more" not in text
    assert all(str(tree.jpeg(name, frame)) in text for name in TRAIN[:2] for frame in range(5))
    assert text.splitlines()[-1] == printed.splitlines()[-2] == f"       then: clab-lite check {tree.root}"


def test_the_command_needs_a_worker(tree, capsys):
    assert main(["check", str(tree.root), "--workers", "0"]) == 2
    assert "--workers 0 reads nothing" in capsys.readouterr().err


def test_a_split_without_one_object_is_not_ready(tree):
    for frame in range(5):
        write(tree.xml(VAL, frame), annotation_xml())
    report = report_of(tree)
    assert report.ok and "[WARN] val: not one object, so AP is undefined" in str(report)
    for name in TRAIN:
        for frame in range(5):
            write(tree.xml(name, frame), annotation_xml())
    report = report_of(tree)
    assert not report.ok and "[FAIL] train: not one object to learn from" in str(report)
