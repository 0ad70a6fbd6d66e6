"""The times of a video's frames, read from its packets without decoding them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PacketTimes:
    """When frames are shown, in ticks of the stream, ascending; eight bytes a frame."""

    frames: array[int]
    """Frame k is shown at frames[k]."""
    keys: array[int]
    """Those that can be decoded without earlier ones."""

    def key_before(self, time: int) -> int:
        """The last key frame at or before a time; the first one when there is none."""
        return self.keys[max(bisect_right(self.keys, time) - 1, 0)]


def packet_times(packets: Any) -> PacketTimes | None:
    """The times in a stream of PyAV packets.

    None when they cannot number the frames: packets without a time or with another's (old AVI files), damaged ones,
    no key frame. Decoding tells then.
    """
    frames, keys = array("q"), array("q")
    for packet in packets:
        if packet is None:  # cut off
            return None
        if packet.size == 0 or packet.is_discard:  # the end of the stream; not to be shown
            continue
        if packet.pts is None or packet.is_corrupt:
            return None
        frames.append(packet.pts)
        if packet.is_keyframe:
            keys.append(packet.pts)
    if not keys or len(set(frames)) < len(frames):
        return None
    return PacketTimes(array("q", sorted(frames)), array("q", sorted(keys)))
