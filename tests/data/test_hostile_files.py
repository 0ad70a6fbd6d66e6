"""One file of a dataset, made to break its reader: bombs, impossible claims, names that lead elsewhere."""

from __future__ import annotations

import gzip
import io
import json
import time
import zlib
from pathlib import Path

import pytest
from own_data import documented_json
from PIL import Image, PngImagePlugin
from small_tree import annotation_xml, object_xml

from clab_lite.data.annotation_xml import MAX_TAGS, read_annotation
from clab_lite.data.class_list import MAX_CLASSES, read_classes
from clab_lite.data.images import read_image, read_image_size
from clab_lite.data.subset import Subset
from clab_lite.data.troubles import read_troubles
from clab_lite.data.vid import open_dataset
from clab_lite.data.world import load_config
from clab_lite.errors import DataError

BOMB = "<!DOCTYPE a [<!ENTITY x0 'ha'>{}]>".format(
    "".join(f"<!ENTITY x{depth} '{f'&x{depth - 1};' * 10}'>" for depth in range(1, 11))
)


def refused(path: Path, content: bytes | str, *, tracks: bool = True) -> str:
    """The message that an annotation file with this content is refused with."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=r"a\.xml") as caught:
        read_annotation(path, tracks=tracks)
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "latin-1"])
def test_entities_are_not_expanded(tmp_path, encoding):
    body = f"{BOMB}{annotation_xml(object_xml()).replace('n02958343', '&x10;')}"
    start = time.process_time()
    assert "document type" in refused(tmp_path / "a.xml", body.encode(encoding))
    assert time.process_time() - start < 2


@pytest.mark.parametrize("target", ["file://{}", "http://127.0.0.1:9/dtd"])
def test_outside_entities_are_not_fetched(tmp_path, target, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("it asked the network"))
    (tmp_path / "secret.txt").write_text("n02958343")
    uri = target.format(tmp_path / "secret.txt")
    body = annotation_xml(object_xml()).replace("n02958343", "&x;")
    for head in (f"<!DOCTYPE a [<!ENTITY x SYSTEM '{uri}'>]>", f"<!DOCTYPE a SYSTEM '{uri}'>"):
        assert "document type" in refused(tmp_path / "a.xml", head + body)


def test_deep_and_endless_elements(tmp_path):
    assert "no <size/width>" in refused(tmp_path / "a.xml", "<a>" * 10_000 + "</a>" * 10_000)
    assert f"more than {MAX_TAGS:,} tags" in refused(tmp_path / "a.xml", "<a>" * 1_000_000)
    assert "larger than" in refused(tmp_path / "a.xml", b" " * 5_000_000)


@pytest.mark.parametrize("value", ["NaN", "inf", "-inf", "1e999", "1e7", "-1e7", "9" * 5_000, "ten", "", "0x10", "1,5"])
def test_numbers_that_no_box_has(tmp_path, value):
    for changed in (
        annotation_xml(object_xml(box=(value, 1, 2, 3))), annotation_xml(object_xml(track=value)),
        annotation_xml(object_xml(), width=value),
    ):  # fmt: skip
        message = refused(tmp_path / "a.xml", changed)
        assert "Write a number as <" in message and len(message) < 2_000


def test_a_name_that_a_terminal_would_obey(tmp_path):
    message = refused(tmp_path / "a.xml", annotation_xml(object_xml(wnid="car\u009b2J")))
    assert "<name> is 'car\\x9b2J'" in message
    assert r"\x1b[2J" in str(DataError.at(tmp_path / "a\x1b[2J", "line\n1", "it is bad", "Mend it."))
    assert str(DataError("a\ud800b\nc")) == "a\\ud800b\nc"


def test_long_messages_keep_both_ends():
    message = str(DataError.at("a.txt", "line 1", "x" * 10_000, "Mend it."))
    assert message.startswith("a.txt, line 1: xxx") and message.endswith("xxx. Mend it.") and len(message) < 2_000


def test_class_lists(tmp_path):
    path = tmp_path / "classes.txt"
    path.write_text("car\nd\x1b[2Jog\n")
    with pytest.raises(DataError, match=r"classes\.txt, line 2: 'd\\x1b\[2Jog' is no name of a class"):
        read_classes(tmp_path)
    path.write_text("".join(f"class {number}\n" for number in range(MAX_CLASSES + 1)))
    with pytest.raises(DataError, match=r"classes\.txt: it has 32,768 classes\. Use at most 32,767"):
        read_classes(tmp_path)


DEEP = "[" * 1_000_000
NOT_JSON = {
    "nested": (DEEP.encode(), "nested too deeply"),
    "nested and closed": (b'{"images": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    "5,000 digits": (b'{"images": ' + b"9" * 5_000 + b"}", "it is not JSON: Exceeds the limit"),
    "UTF-16": (json.dumps(documented_json()).encode("utf-16"), "it is not JSON: 'utf-8' codec"),
    "packed": (gzip.compress(json.dumps(documented_json()).encode()), "it is not JSON: 'utf-8' codec"),
    "empty": (b"", "it is not JSON: Expecting value"),
    "a list": (b"[]", "it is not a COCO-VID object"),
    "NaN": (b"NaN", "it is not a COCO-VID object"),
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_json_that_is_none(tmp_path, name):
    content, problem = NOT_JSON[name]
    path = tmp_path / "train.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=problem) as caught:
        open_dataset(path, cache=False, progress=False)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("content", [DEEP, "[1]", '{"val/a": 3}', '{"val/a": [[NaN]]}', '{"val/a": [["\\ud800"]]}'])
def test_troubles(tmp_path, content):
    path = tmp_path / "troubles.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"troubles\.json"):
        read_troubles(path, {"val/a": 1})


@pytest.mark.parametrize("content", [DEEP, "[1]", '{"seed": ' + "9" * 4_000 + "}", '{"width": NaN}', '{"\\ud800": 1}'])
def test_settings_of_a_world(tmp_path, content):
    (tmp_path / "world.json").write_text(content)
    with pytest.raises(DataError, match=r"world\.json.*Give the folder of a sample world\."):
        load_config(tmp_path)


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def png(width: int, height: int, *more: bytes) -> bytes:
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
    rows = zlib.compress(bytes(1_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(more) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, "JPEG")
    content = bytearray(stream.getvalue())
    place = content.index(b"\xff\xc0") + 5
    content[place : place + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(content)


@pytest.mark.parametrize("content", [
    jpeg(65_535, 65_535), png(2**31 - 1, 2**31 - 1), png(100_000, 100_000), png(8_001, 8_000),
], ids=["jpeg", "png", "large png", "little too large"])  # fmt: skip
def test_pictures_that_claim_too_many_pixels(tmp_path, content):
    path = tmp_path / "0.JPEG"
    path.write_bytes(content)
    for read in (read_image, read_image_size):
        with pytest.raises(DataError, match=r"0\.JPEG: .*pixels"):
            read(path)


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_text_that_unpacks_to_too_much(tmp_path, kind):
    """Pillow holds the limit; its reader must not leave it."""
    packed = zlib.compress(bytes(PngImagePlugin.MAX_TEXT_CHUNK * 64))
    head = {b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0", b"iCCP": b"a\0\0"}[kind]
    path = tmp_path / "0.png"
    path.write_bytes(png(8, 8, chunk(kind, head + packed)))
    with pytest.raises(DataError, match=r"0\.png: the image cannot be decoded \(Decompressed data too large"):
        read_image(path)


@pytest.mark.parametrize(("mode", "kind"), [("I;16", "PNG"), ("RGB", "GIF"), ("RGB", "TIFF"), ("RGB", "EPS")])
def test_pictures_that_are_not_read(tmp_path, mode, kind):
    path = tmp_path / "0.JPEG"
    Image.new(mode, (8, 8)).save(path, kind)
    with pytest.raises(DataError, match=r"0\.JPEG: the image (has mode I;16|is not a JPEG or PNG picture)"):
        read_image(path)


@pytest.mark.parametrize("words", [
    "every=" + "9" * 5_000, "every=0", "seed=-1", "every=1e3", "max_videos=" + "9" * 19, "x" * 100_000,
    "trouble=" + "noise&" * 10_000, "motion=\x1b[2J", "\0=1",
])  # fmt: skip
def test_words_of_a_subset(words):
    with pytest.raises(DataError) as caught:
        Subset.parse(words)
    assert len(str(caught.value)) < 2_000 and str(caught.value).replace("\n", "").isprintable()
