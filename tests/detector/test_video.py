"""How a video is read and remembered: each frame is loaded once, memories hold the frames they should."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from clab_lite.data.references import adaptive_references, past_references, sliding_references
from clab_lite.detector.memory import FrameMemory
from clab_lite.detector.video import PreparedFrame, detect_frames, detect_in_windows, detect_video

SIZE = (37, 51)
SCALE = (0.5, 0.25)


class Recorder:
    """Frame k is filled with k + 1. Writes down what it loads and remembers; answers with what it was given."""

    def __init__(self) -> None:
        self.loaded: list[int] = []
        self.remembered: list[int] = []
        self.together: list[int] = []
        """Key frames per call of `detect_remembered`."""

    def load(self, number: int) -> PreparedFrame:
        self.loaded.append(number)
        return PreparedFrame.pad(torch.full((3, *SIZE), number + 1.0), SCALE)

    def remember(self, frames: Tensor, image_sizes: list[tuple[int, int]]) -> FrameMemory:
        assert frames.shape[1:] == (3, 48, 64) and image_sizes == [SIZE] * len(frames)
        self.remembered += numbers_of(frames).tolist()
        return FrameMemory(frames, [torch.zeros(0, 4)] * len(frames), [])

    def detect_remembered(
        self,
        own: FrameMemory,
        memory: FrameMemory,
        image_sizes: list[tuple[int, int]],
        scales: list[tuple[float, float]],
    ) -> list[dict[str, Tensor]]:
        frames, remembered = own.features, numbers_of(memory.features)
        assert image_sizes == [SIZE] * len(frames)
        assert frames[:, :, :37, :51].min() > 0 and frames[:, :, 37:].max() == 0 and frames[:, :, :, 51:].max() == 0
        self.together.append(len(frames))
        return [
            {"key": number, "memory": remembered, "scale": scale}
            for number, scale in zip(numbers_of(frames), scales, strict=True)
        ]


def numbers_of(frames: Tensor) -> Tensor:
    return frames[:, 0, 0, 0].int() - 1


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("count", [1, 2, 3, 6])
@pytest.mark.parametrize("frame_count", [1, 2, 9])
@pytest.mark.parametrize("references", ["adaptive", "sliding", "past"])
def test_each_frame_is_loaded_once(references: str, frame_count: int, count: int, threads: int) -> None:
    recorder = Recorder()
    found = list(detect_frames(recorder, recorder.load, frame_count, references, count, threads=threads))
    assert [int(result["key"]) for result in found] == list(range(frame_count))
    assert sorted(recorder.loaded) == list(range(frame_count))
    for number, result in enumerate(found):
        wanted = {
            "adaptive": adaptive_references(frame_count, count),
            "sliding": sliding_references(number, frame_count, count),
            "past": past_references(number, count),
        }
        assert result["memory"].tolist() == wanted[references]
        assert result["scale"] == SCALE
    first = sorted(set(adaptive_references(frame_count, count))) if references == "adaptive" else []
    assert recorder.remembered == [*first, *range(frame_count)]  # a window takes its key frame from what it remembers


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("keys", [None, [1, 4, 5, 6]])
@pytest.mark.parametrize("at_once", [1, 3, 20])
def test_frames_together_are_the_same_frames_in_order(at_once: int, keys: list[int] | None, threads: int) -> None:
    recorder, single = Recorder(), Recorder()
    found = list(detect_frames(recorder, recorder.load, 7, count=2, keys=keys, threads=threads, at_once=at_once))
    wanted = list(range(7)) if keys is None else keys
    assert [int(result["key"]) for result in found] == wanted
    for result, alone in zip(found, detect_frames(single, single.load, 7, count=2, keys=keys), strict=True):
        assert result["key"] == alone["key"] and result["scale"] == alone["scale"]
        assert torch.equal(result["memory"], alone["memory"])
    assert sorted(recorder.loaded) == sorted({0, 6, *wanted})
    assert recorder.remembered == [0, 6, *wanted]
    full, rest = divmod(len(wanted), at_once)
    assert recorder.together == [at_once] * full + [rest] * (rest > 0)


@pytest.mark.parametrize(("references", "needed"), [("adaptive", [0, 10, 20]), ("sliding", [0, 1, 2]), ("past", [0])])
def test_nothing_is_loaded_before_it_is_needed(references: str, needed: list[int]) -> None:
    recorder = Recorder()
    results = detect_frames(recorder, recorder.load, 21, references, 3)
    assert recorder.loaded == []
    next(results)
    assert recorder.loaded == needed
    next(results)
    assert len(recorder.loaded) == len(needed) + 1


@pytest.mark.parametrize("references", ["sliding", "past"])
def test_windows_need_no_number_of_frames_and_hold_no_more_than_their_own(references: str) -> None:
    recorder, alive, most = Recorder(), weakref.WeakSet(), 0
    remember, memories = recorder.remember, []

    def remembered(frames: Tensor, image_sizes: list[tuple[int, int]]) -> FrameMemory:
        memory = remember(frames, image_sizes)
        memories.append(weakref.ref(memory))
        return memory

    recorder.remember = remembered  # type: ignore[method-assign]

    def endless() -> Iterator[PreparedFrame]:
        number = 0
        while True:
            frame = recorder.load(number)
            alive.add(frame)
            yield frame
            del frame
            number += 1

    found = detect_in_windows(recorder, endless(), references, 4)
    for number, (result,) in zip(range(200), found, strict=False):
        assert int(result["key"]) == number
        most = max(most, len(alive))
        assert sum(memory() is not None for memory in memories) <= 5  # the window, and the key for the next one
    assert result["memory"].tolist() == ([197, 198, 200, 201] if references == "sliding" else [195, 196, 197, 198])
    assert most <= 4


def test_a_video_is_any_sequence_of_frames() -> None:
    recorder = Recorder()
    video = [torch.full((3, *SIZE), number + 1.0) for number in range(3)]
    found = list(detect_video(recorder, video, "adaptive", 2))
    assert [int(result["key"]) for result in found] == [0, 1, 2]
    assert found[0]["memory"].tolist() == [0, 2]
    assert found[0]["scale"] == (1.0, 1.0)
    assert list(detect_video(recorder, [], "adaptive", 2)) == []


@pytest.mark.parametrize("threads", [0, 2])
def test_an_unreadable_frame_is_told_and_nothing_hangs(threads: int) -> None:
    recorder = Recorder()

    def load(number: int) -> PreparedFrame:
        if number == 4:
            raise OSError("frame 4")
        return recorder.load(number)

    results = detect_frames(recorder, load, 100, "sliding", 2, threads=threads)
    assert [int(next(results)["key"]) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="frame 4"):
        next(results)
    assert len(recorder.loaded) < 12
