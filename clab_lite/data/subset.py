"""Split a dataset without letting near-duplicates leak from one part to the other."""

from __future__ import annotations

import random

from clab_lite.data.video_index import VideoIndex
from clab_lite.errors import DataError


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
