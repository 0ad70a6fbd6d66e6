"""Changes that know nothing of what is in a file."""

from __future__ import annotations

import gzip
from random import Random

from trials.fuzz.hostile import BLOCKS

_MOST = 200_000
"""Bytes that a mutator lets a file grow to."""


def flip(rng: Random, content: bytes) -> bytes:
    """Some bytes are others: any, or one bit away."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 8)) if content else 0):
        position = rng.randrange(len(changed))
        changed[position] = rng.randrange(256) if rng.random() < 0.5 else changed[position] ^ 1 << rng.randrange(8)
    return bytes(changed)


def cut(rng: Random, content: bytes) -> bytes:
    """The end is missing, or a piece."""
    start = rng.randint(0, len(content))
    end = len(content) if rng.random() < 0.5 else min(start + rng.randint(1, 64), len(content))
    return content[:start] + content[end:]


def repeat(rng: Random, content: bytes) -> bytes:
    """A piece stands there several times."""
    start = rng.randint(0, len(content))
    block = content[start : start + rng.choice((1, 8, 64, 512))]
    times = min(rng.choice((1, 2, 10, 1_000)), _MOST // (len(block) or 1))
    return (content[:start] + block * times + content[start:])[: max(_MOST, len(content))]


def swap(rng: Random, content: bytes) -> bytes:
    """Two pieces have changed places."""
    a, b, c = sorted(rng.randint(0, len(content)) for _ in range(3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def splice(rng: Random, content: bytes) -> bytes:
    """Something foreign stands in it, or in place of as many bytes."""
    block, start = rng.choice(BLOCKS), rng.randint(0, len(content))
    return content[:start] + block + content[start + (len(block) if rng.random() < 0.5 else 0) :]


def replace_all(rng: Random, content: bytes) -> bytes:
    """It is another kind of file."""
    others = (
        lambda: b"",
        lambda: b"\n",
        lambda: b"\xef\xbb\xbf" + content,
        lambda: content.decode("latin-1").encode("utf-16"),
        lambda: content.decode("latin-1").encode("utf-32"),
        lambda: gzip.compress(content, mtime=0),
        lambda: bytes(rng.randrange(4_096)),
        lambda: rng.randbytes(rng.randrange(4_096)),
        lambda: content * rng.randint(2, 4),
        lambda: content[::-1],
    )
    return rng.choice(others)()


BYTES = (flip, flip, cut, repeat, swap, splice, replace_all)
