"""The published counts of ImageNet VID, and whether a folder has them (dataset specification, section 6)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from clab_lite.data.check.report import CheckLine, plural

PUBLISHED: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "train": {"snippets": 3862, "frames": 1_122_397, "key frames": 57_834},
        "val": {"snippets": 555, "frames": 176_126, "boxes": 273_505},
        "stills": {"rows": 53_639, "distinct images": 53_237},
    }
)
"""Of each split; the stills are those of DET_train_30classes.txt."""

_SNIPPET = re.compile(r"ILSVRC2015_(?:train|val)_\d{8}")
_NEAR = 0.95
"""From this share of the published videos on, a folder is taken for the whole dataset, and compared with it."""


def compare_with_published(split: str, names: Sequence[str], found: Mapping[str, int]) -> list[CheckLine]:
    """One line about the size of a split; none where its names are not ImageNet VID's.

    Args:
        split: "train", "val" or "stills".
        names: of the videos or images.
        found: the counts that are known, by the names of `PUBLISHED`; the first one tells how much there is.
    """
    expected = PUBLISHED[split]
    first = next(iter(expected))
    if split != "stills" and not all(_SNIPPET.fullmatch(name.rpartition("/")[2]) for name in names):
        return []
    if found[first] < _NEAR * expected[first]:
        text = f"{plural(found[first], first[:-1])} where ImageNet VID has {expected[first]:,}"
        return [CheckLine("OK", f"{split}: {text}: a subset of it, or another dataset in its layout")]
    differ = [name for name in found if found[name] != expected[name]]
    if not differ:
        text = ", ".join(f"{count:,} {name}" for name, count in found.items())
        return [CheckLine("OK", f"{split}: {text}, as published for ImageNet VID")]
    text = ", ".join(f"{found[name]:,} {name} (published: {expected[name]:,})" for name in differ)
    step = "Unpack the archive again, or restore the lists, if this is to be the whole of ImageNet VID."
    return [CheckLine("WARN", f"{split}: {text}", step)]
