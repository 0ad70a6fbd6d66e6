"""Changes of an XML file by its tags: other text, missing, repeated and nested elements, entities, declarations."""

from __future__ import annotations

import re
from random import Random
from xml.sax.saxutils import escape

from trials.fuzz.hostile import NAMES, NUMBERS

_LEAF = re.compile(rb"<(\w+)>([^<]*)</\1>")
_TAG = re.compile(rb"</?\w+>")
_BOMB = b"<!DOCTYPE a [<!ENTITY x0 'ha'>%s]>" % b"".join(
    b"<!ENTITY x%d '%s'>" % (depth, b"&x%d;" % (depth - 1) * 10) for depth in range(1, 11)
)
_HEADS = (
    _BOMB,
    b"<!DOCTYPE a [<!ENTITY x10 '%s'>]>" % (b"ha" * 20_000),
    b"<!DOCTYPE a [<!ENTITY x10 SYSTEM 'file:///etc/passwd'>]>",
    b"<!DOCTYPE a SYSTEM 'http://127.0.0.1:9/a.dtd'>",
    b"<!DOCTYPE a [<!ENTITY %% p SYSTEM 'file:///etc/passwd'> %%p;]>",
    b"<?xml version='1.0' encoding='utf-16'?>",
    b"<?xml version='1.0' encoding='no-such'?>",
    b"<?xml version='1.0' encoding='utf-7'?>",
    b"<?xml version='1.1'?>",
    b"<?xml-stylesheet href='file:///etc/passwd'?>",
    b"<!-- -- -->",
)


def change_text(rng: Random, content: bytes) -> bytes:
    """An element says something else."""
    found = list(_LEAF.finditer(content))
    if not found:
        return content
    leaf = rng.choice(found)
    text = rng.choice((*NUMBERS, *(escape(name) for name in NAMES), "&x10;", "&x10;" * 50, "&#27;[2J", "<b/>"))
    return content[: leaf.start(2)] + text.encode("utf-8", "surrogatepass") + content[leaf.end(2) :]


def drop_tag(rng: Random, content: bytes) -> bytes:
    """A tag, or a whole element, is missing."""
    found = list((_LEAF if rng.random() < 0.5 else _TAG).finditer(content))
    if not found:
        return content
    start, end = rng.choice(found).span()
    return content[:start] + content[end:]


def repeat_element(rng: Random, content: bytes) -> bytes:
    """Elements stand there again, some very often."""
    found = list(_LEAF.finditer(content)) + list(re.finditer(rb"<object>.*?</object>", content, re.DOTALL))
    if not found:
        return content
    chosen = rng.choice(found)
    times = rng.choice((1, 2, 30)) if len(content) < 50_000 else 1
    return content[: chosen.end()] + chosen.group() * times + content[chosen.end() :]


def nest(rng: Random, content: bytes) -> bytes:
    """A tag is opened very often, closed or not."""
    found = list(_TAG.finditer(content))
    position = rng.choice(found).start() if found else 0
    times = rng.choice((1, 10, 100, 1_000)) if rng.random() < 0.99 else 100_000
    inside = b"<a>" * times + (b"</a>" * times if rng.random() < 0.7 else b"")
    return content[:position] + inside + content[position:]


def declare(rng: Random, content: bytes) -> bytes:
    """It begins with a declaration, and may use what that declares."""
    if rng.random() < 0.7:
        content = content.replace(b"</", b"&x10;</", 1)
    return rng.choice(_HEADS) + content


XML = (change_text, change_text, change_text, drop_tag, drop_tag, repeat_element, nest, declare)
