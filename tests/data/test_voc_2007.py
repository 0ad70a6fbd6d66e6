"""VOC 2007 from a made folder of two images; a download that cannot be."""

from __future__ import annotations

from pathlib import Path
from urllib.error import URLError

import pytest
from voc_folder import CAT, write_voc

from clab_lite.data.vid import open_dataset
from clab_lite.data.voc import VOC_CLASSES, VOC_FOLDER, holds_voc, open_voc
from clab_lite.errors import DataError

HARD = CAT.replace("<difficult>0", "<difficult>1")
SOFA = CAT.replace("cat", "sofa").replace("<ymax>12", "<ymax>20")


def test_boxes_classes_and_key_frames(tmp_path: Path) -> None:
    index = open_voc(write_voc(tmp_path, {"000005": CAT + HARD + SOFA, "000007": ""}))
    assert index.class_names == VOC_CLASSES and len(index) == 2 and index.frame_count == 2
    found = index.annotation(0, 0)
    assert found.boxes.tolist() == [[0, 1, 10, 12], [0, 1, 10, 20]]  # counted from 0, end exclusive
    assert [VOC_CLASSES[label] for label in found.labels] == ["cat", "sofa"]
    assert found.track_ids.tolist() == [0, 2]
    assert index.key_frames.tolist() == [[0, 0]]  # the second image has nothing to train on
    assert index.load_image(1, 0).shape == (3, 36, 40)
    assert index.counts["objects marked difficult, left out"] == 1


def test_open_dataset_knows_the_folder(tmp_path: Path) -> None:
    write_voc(tmp_path, {"000005": CAT})
    write_voc(tmp_path, {"000001": SOFA, "000002": CAT}, "test")
    assert holds_voc(tmp_path) and not holds_voc(tmp_path / "VOCdevkit")
    assert len(open_dataset(tmp_path, "train")) == 1
    held_out = open_dataset(tmp_path, "val")
    assert len(held_out) == 2 and len(held_out.key_frames) == 0


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"trainval part of VOC 2007 is not there.*download=True"):
        open_voc(tmp_path)
    write_voc(tmp_path, {"000005": CAT})
    with pytest.raises(DataError, match=r"the test part of VOC 2007 is not there.*VOCtest_06-Nov-2007.tar"):
        open_voc(tmp_path, "val")
    write_voc(tmp_path, {}, "test")
    with pytest.raises(DataError, match=r"test.txt: it lists no image"):
        open_voc(tmp_path, "val")


def test_a_download_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise URLError("no route")

    monkeypatch.setattr("torchvision.datasets.voc.download_and_extract_archive", offline)
    with pytest.raises(DataError, match=r"cannot be downloaded \(<urlopen error no route>\). On another machine"):
        open_voc(tmp_path, download=True)
    write_voc(tmp_path, {"000005": CAT})
    assert len(open_voc(tmp_path, download=True)) == 1  # what is there is not fetched again


def test_a_download_is_unpacked_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(url: str, root: Path, filename: str, md5: str) -> None:
        assert url.endswith("VOCtest_06-Nov-2007.tar") and len(md5) == 32
        write_voc(Path(root), {"000001": SOFA}, "test")

    monkeypatch.setattr("torchvision.datasets.voc.download_and_extract_archive", fetch)
    assert len(open_voc(tmp_path, "val", download=True)) == 1


@pytest.mark.parametrize(("text", "message"), [
    (CAT.replace("cat", "unicorn"), "'unicorn' is no class of VOC"),
    ("<object><name>cat</name></object>", "object 0: it has no <bndbox/xmin>"),
    ("<object>", "the annotation is not usable XML"),
    (CAT.replace("<xmin>1", "<xmin>one"), "<bndbox/xmin> is 'one'"),
    (CAT.replace("<xmin>1", "<xmin>NaN"), "<bndbox/xmin> is 'NaN'"),
])  # fmt: skip
def test_bad_annotations(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"000005.xml.*{message}"):
        open_voc(write_voc(tmp_path, {"000005": text}))


def test_a_missing_annotation(tmp_path: Path) -> None:
    write_voc(tmp_path, {"000005": CAT})
    (tmp_path / VOC_FOLDER / "Annotations/000005.xml").unlink()
    with pytest.raises(DataError, match=r"000005.xml: the annotation cannot be read"):
        open_voc(tmp_path)
