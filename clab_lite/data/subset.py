"""Parts of a dataset by name (`Subset`), and a split that lets no near-duplicates leak from one part to the other."""

from __future__ import annotations

import difflib
import hashlib
import math
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from clab_lite.data.classes import TROUBLES
from clab_lite.data.selection import Selection, select
from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError

_WORDS = {
    "motion": ("slow", "medium", "fast"),
    "size": ("small", "medium", "large"),
    "trouble": ("clean", "any", *TROUBLES),
}
MAX_NUMBER = 10**18
_MOST_CHARACTERS = 1_000_000
_TRUTH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True)
class Subset:
    """What part of a dataset to evaluate. Conditions add up; what is left out does not restrict.

    Some choose frames (`videos`, `trouble`, `max_videos`, `every`): the others are not evaluated. `classes` chooses
    what is reported: those classes as they score among all. The rest choose objects (`motion`, `size`,
    `occluded`): the others are ignored, which means that finding them is neither right nor wrong.

        Subset(classes=("dog", "car"), motion="fast", every=2)
        Subset.parse(["classes=dog,car", "motion=fast", "every=2"])
    """

    classes: tuple[str, ...] = ()
    """Class names."""
    videos: tuple[str, ...] = ()
    """Any of these: a video's name, its last part, its source video (`Video.source`), or a pattern with * and ?.
    Several joined by & must all fit."""
    motion: str | None = None
    """slow, medium or fast: objects by motion IoU (`clab_lite.metrics.motion`)."""
    size: str | None = None
    """small, medium or large: objects by COCO's areas."""
    trouble: str | None = None
    """Frames by what `troubles.json` says: a word of it, "any", or "clean". Several joined by & must all be true."""
    occluded: bool | None = None
    """Objects that are, or are not, marked as occluded."""
    max_videos: int | None = None
    """At most so many videos, drawn at random by whole source videos."""
    every: int = 1
    """Frames 0, n, 2n ... of each video."""
    seed: int = 0
    """Of the draw."""

    def __post_init__(self) -> None:
        for name in ("classes", "videos"):
            value = getattr(self, name)
            words = value.split(",") if isinstance(value, str) else value
            object.__setattr__(self, name, tuple(dict.fromkeys(words)))
        for name in _WORDS:
            if getattr(self, name) is not None:
                for word in str(getattr(self, name)).split("&"):
                    _require_known(name, word, _WORDS[name])
        for name in ("every", "max_videos"):
            number = getattr(self, name)
            if number is not None and not 1 <= number <= MAX_NUMBER:
                raise DataError(f"{name}={number}: give a whole number of at least 1, and below 10¹⁸.")

    @classmethod
    def parse(cls, words: str | Iterable[str]) -> Subset:
        """From "name=value" words, as the command line takes them, or from what `str` gives. Words add up.

        Raises:
            DataError: an unknown name or value (with the closest known one), words that exclude each other, or a text
                of more than a million characters, ten times the names of all videos of ImageNet VID.
        """
        if isinstance(words, str):
            if len(words) > _MOST_CHARACTERS:
                raise DataError(f"a subset of {len(words):,} characters is too long. Name fewer videos, or a pattern.")
            names = "|".join(field.name for field in fields(cls))
            words = re.split(rf"\s+(?=(?:{names})=)", words.strip()) if words.strip() else []
        result = cls()
        for word in words:
            result = result & cls(**_read_word(word))
        return result

    def __str__(self) -> str:
        return " ".join(f"{name}={_written(value)}" for name, value in self._conditions().items())

    def __bool__(self) -> bool:
        """Whether it restricts anything."""
        return bool(self._conditions())

    def __and__(self, other: Subset) -> Subset:
        """Both conditions. DataError when no dataset can fulfil them together."""
        most = [subset.max_videos for subset in (self, other) if subset.max_videos is not None]
        return Subset(
            classes=_common_classes(self, other),
            videos=_both_patterns(self.videos, other.videos),
            motion=_one("motion", self.motion, other.motion),
            size=_one("size", self.size, other.size),
            trouble=_both_troubles(self.trouble, other.trouble),
            occluded=_one("occluded", self.occluded, other.occluded),
            max_videos=min(most, default=None),
            every=math.lcm(self.every, other.every),
            seed=_one("seed", self.seed or None, other.seed or None) or 0,
        )

    @property
    def slug(self) -> str:
        """A file name that tells this subset from all others, also where A is a; "all" for everything."""
        text = str(self).replace(" ", "_") or "all"
        plain = re.sub(r"[^a-z0-9=,._-]", "-", text.lower())[:80].rstrip(".")  # Windows drops a last dot
        return (
            plain
            if plain == text
            else f"{plain}_{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
        )

    def select(self, index: VideoIndex) -> Selection:
        """The frames and objects of an index that fulfil it.

        Raises:
            DataError: a class or video that the index does not have, or nothing fulfils it; says which condition left
                nothing.
        """
        for name in self.classes:
            _require_known("class", name, index.class_names)
        return select(index, self)

    def _conditions(self) -> dict[str, Any]:
        """Fields that differ from their default, in order."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}


def _read_word(word: str) -> dict[str, Any]:
    name, equals, text = word.partition("=")
    known = [field.name for field in fields(Subset)]
    if name not in known or not equals or not text:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        guess = f" Did you mean {close[0]!r}?" if close and close[0] != name else ""
        raise DataError(
            f"the subset {word!r} is not NAME=VALUE.{guess} Names: {', '.join(known)}; for example motion=fast."
        )
    if name in ("max_videos", "every", "seed"):
        if not re.fullmatch(r"\d{1,18}", text):
            raise DataError(f"{word}: {text!r} is not a whole number. Write {name}=2, for example.")
        return {name: int(text)}
    if name == "occluded":
        if text.lower() not in _TRUTH:
            raise DataError(f"{word}: use occluded=yes or occluded=no.")
        return {name: _TRUTH[text.lower()]}
    return {name: text}


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _require_known(kind: str, name: str, known: Sequence[str]) -> None:
    if name in known:
        return
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    raise DataError(f"there is no {kind} {name!r}.{guess} Choose among: {', '.join(known)}.")


def _one(name: str, first: Any, second: Any) -> Any:
    """The one that is given; both only when they are the same."""
    if first is None or second is None or first == second:
        return second if first is None else first
    a, b = _written(first), _written(second)
    raise DataError(f"{name}={a} and {name}={b} exclude each other. Keep one of them.")


def _common_classes(first: Subset, second: Subset) -> tuple[str, ...]:
    if not first.classes or not second.classes:
        return first.classes or second.classes
    common = tuple(name for name in first.classes if name in second.classes)
    if not common:
        a, b = ",".join(first.classes), ",".join(second.classes)
        raise DataError(f"classes={a} and classes={b} have no class in common. For all of them: classes={a},{b}.")
    return common


def _both_patterns(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    if not first or not second or first == second:
        return first or second
    return tuple(a if a == b else f"{a}&{b}" for a in first for b in second)


def _both_troubles(first: str | None, second: str | None) -> str | None:
    if first is None or second is None or first == second:
        return second if first is None else first
    words = list(dict.fromkeys([*first.split("&"), *second.split("&")]))
    if "clean" in words and len(words) > 1:
        raise DataError(f"trouble={first} and trouble={second} exclude each other. Keep one of them.")
    return "&".join([word for word in words if word != "any"] or words)


def split_by_source(index: VideoIndex, fraction: float, seed: int) -> tuple[VideoIndex, VideoIndex]:
    """(rest, held-out) parts of an index; snippets of one source video (`Video.source`) stay together.

    Sources are drawn at random from the seed until the held-out part has at least `fraction` of the videos.
    Still images always stay in the first part. Both parts keep the index's order and neither is empty.

    Args:
        index: what to split.
        fraction: share of the videos to hold out, between 0 and 1.
        seed: the same seed gives the same split.
    """
    if not 0 < fraction < 1:
        raise DataError(f"fraction is {fraction}. Use a number between 0 and 1, for example 0.1.")
    by_source: dict[str, list[int]] = {}
    for position, video in enumerate(index.videos):
        if not video.is_still:
            by_source.setdefault(video.source, []).append(position)
    if len(by_source) < 2:
        raise DataError(f"{len(by_source)} source video: it cannot be split. Use a dataset with at least two.")
    sources = sorted(by_source)
    random.Random(seed).shuffle(sources)
    wanted = fraction * sum(len(positions) for positions in by_source.values())
    held_out: list[int] = []
    for source in sources[:-1]:  # one source always stays behind
        if len(held_out) >= wanted:
            break
        held_out += by_source[source]
    chosen = set(held_out)
    rest = [position for position in range(len(index)) if position not in chosen]
    return index.select(rest), index.select(sorted(chosen))
