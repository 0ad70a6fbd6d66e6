"""One XML file: read by tag name, refused with its name and record when it cannot be used."""

from __future__ import annotations

import time

import pytest
from small_tree import annotation_xml, object_xml

from clab_lite.data.annotation_xml import MAX_BYTES, read_annotation
from clab_lite.errors import DataError


def read(tmp_path, text, tracks=True):
    path = tmp_path / "000003.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_annotation(path, tracks=tracks)


def test_reads_what_is_written(tmp_path):
    text = annotation_xml(object_xml(box=(1, 2, 3, 4), track="7", occluded=1), object_xml("x", generated=1))
    found = read(tmp_path, text)
    assert (found.width, found.height) == (64, 48)
    first, second = found.objects
    assert (first.wnid, first.box, first.track_id) == ("n02958343", (1, 2, 3, 4), 7)
    assert (first.occluded, first.generated, second.occluded, second.generated) == (True, False, False, True)


def test_still_images_number_their_objects(tmp_path):
    text = annotation_xml(object_xml(track=None), object_xml(track=None))
    assert [item.track_id for item in read(tmp_path, text, tracks=False).objects] == [0, 1]


def test_a_frame_may_hold_nothing(tmp_path):
    assert read(tmp_path, annotation_xml()).objects == ()


BOMB = (
    '<!DOCTYPE b [<!ENTITY a0 "lol">'
    + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    + "]><annotation>&a9;</annotation>"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("<annotation><size>", "not usable XML: no element found"),
        (b"\xff\xd8\xff\xe0 a picture", "not usable XML"),
        ('<?xml version="1.0" encoding="klingon"?><annotation/>', "unknown encoding"),
        (BOMB, "declares a document type"),
        (BOMB.encode("utf-16"), "declares a document type"),
        ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hosts">]><annotation>&a;</annotation>', "document type"),
        ("<annotation/>", "it has no <size/width>"),
        (annotation_xml(width=0), "size: 0 x 48 pixels"),
        (annotation_xml(object_xml(), object_xml(box=(1, 2, "x", 4))), "object 1: <bndbox/xmax> is 'x'"),
        (annotation_xml(object_xml(box=(1, 2, "nan", 4))), "object 0: <bndbox/xmax> is 'nan'"),
        (annotation_xml(object_xml(box=(1, 2, "1e99", 4))), "object 0: <bndbox/xmax> is '1e99'"),
        (annotation_xml(object_xml(track=None)), "object 0: it has no <trackid>"),
        (annotation_xml("<object><trackid>0</trackid></object>"), "object 0: it has no <name>"),
        (annotation_xml("<object><name>n1</name><trackid>0</trackid></object>"), "it has no <bndbox/xmin>"),
    ],
)
def test_unusable_files_name_the_file_and_the_record(tmp_path, text, message):
    start = time.perf_counter()
    with pytest.raises(DataError) as caught:
        read(tmp_path, text)
    assert time.perf_counter() - start < 5  # a bomb that went off would take far longer
    assert "000003.xml" in str(caught.value)
    assert message in str(caught.value)


def test_a_huge_file_is_refused_unread(tmp_path):
    with pytest.raises(DataError, match="larger than"):
        read(tmp_path, b" <annotation>" + b" " * MAX_BYTES)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"000009\.xml.*cannot be read"):
        read_annotation(tmp_path / "000009.xml", tracks=True)
