"""Video files as streams of frames, through PyAV."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clab_lite.errors import DataError
from clab_lite.media.announced import Announced
from clab_lite.media.orientation import display_matrix, is_sideways, upright
from clab_lite.media.packets import packet_times
from clab_lite.media.pyav import import_av, open_leniently
from clab_lite.media.source import Frame, require_size

_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,flv,asf,ogg,gif,ivf,mxf"
"""FFmpeg knows more, some of which are lists of other files and addresses to open."""
MOST_PIXELS = 100_000_000
"""Of a frame: three times 8K. A header of a few bytes may claim any size."""
_USUAL_RATE = Fraction(25)


class VideoFile:
    """The first video stream of a file as a `Source`. Of a video of any length, a few frames are in memory.

    Packets that cannot be decoded are left out, as players do, and counted in `notes`; another note tells when clearly
    fewer frames come than the file announces. One thread reads at a time: the colour converter is not for two.
    """

    def __init__(self, path: Path) -> None:
        """Read what the file holds and the times of its frames; nothing but the first frame is decoded as a rule.

        Raises:
            DataError: no PyAV, not a video that FFmpeg reads, no video in it, or not one frame that can be decoded.
        """
        self.path, self.paths = path, [path]
        self.notes: list[str] = []
        self._damaged = 0
        self._converter = import_av().video.reformatter.VideoReformatter()  # one: making it costs more than a frame
        with self._opened() as (container, stream):
            first = next(self._decode(container, stream), None)
            if first is None:
                raise self._not_a_video("not one frame of it can be decoded", "Record or download it again.")
            self._matrix = display_matrix(first)
            sideways = is_sideways(self._matrix)
            self.size: tuple[int, int] = (first.height, first.width) if sideways else (first.width, first.height)
            self.rate = Fraction(stream.average_rate or stream.guessed_rate or _USUAL_RATE)
            self.time_base = Fraction(stream.time_base or 1 / self.rate)
            aspect = Fraction(stream.sample_aspect_ratio or 1)
            self.pixel_aspect = 1 / aspect if sideways else aspect
            self._announced = Announced.by(container, stream, self.rate)
        with self._opened() as (container, stream):
            self._times = packet_times(self._packets(container, stream))
        self._count = len(self._times.frames) if self._times else self._count_by_decoding()

    def __len__(self) -> int:
        return self._count

    def name(self, number: int) -> str:
        return f"{number:06d}"

    def frames(self) -> Iterator[Frame]:
        self._damaged, self.notes = 0, []
        usual = 1.0 / float(self.rate)
        count, start, seconds, end = 0, None, -usual, 0.0
        with self._opened() as (container, stream):
            for number, frame in enumerate(self._decode(container, stream)):
                start = frame.pts if start is None else start
                timed = frame.pts is not None and start is not None
                seconds = float((frame.pts - start) * self.time_base) if timed else seconds + usual
                count, end = number + 1, seconds + max(usual, float((frame.duration or 0) * self.time_base))
                yield Frame(number, seconds, self._pixels(frame, number))
        if self._damaged:
            self.notes.append(f"{self.path.name} is damaged: {self._damaged} of its packets could not be decoded")
        missing = self._announced.missing(count, end)
        if missing:
            self.notes.append(f"{self.path.name} is cut short: {missing}")

    def pick(self, numbers: Iterable[int]) -> Iterator[tuple[int, Tensor]]:
        wanted = sorted(set(numbers))
        if self._times is None:
            yield from self._pick_by_decoding(wanted)
            return
        if not wanted:
            return
        decoded, last = self._seek(self._times.frames[wanted[0]])
        for number in wanted:
            time = self._times.frames[number]
            if last.pts is None or self._times.key_before(time) > last.pts:
                decoded.close()
                decoded, last = self._seek(time)
            while last.pts is not None and last.pts < time and (following := next(decoded, None)) is not None:
                last = following
            yield number, self._pixels(last, number)
        decoded.close()

    def _seek(self, time: int) -> tuple[Generator[Any, None, None], Any]:
        """Frames from a key frame at or before a time, without the first of them, which comes second."""
        decoded = self._from(time)
        first = next(decoded, None)
        if first is None or first.pts is None or first.pts > time:  # sought too far, as in some broadcast files
            decoded.close()
            decoded = self._from(None)
            first = next(decoded)
        return decoded, first

    def _from(self, time: int | None) -> Generator[Any, None, None]:
        """Frames of the file, opened anew, from about a time or from the start."""
        with self._opened() as (container, stream):
            if time is not None:
                with suppress(import_av().FFmpegError):  # a file without an index is decoded from its start
                    container.seek(time, stream=stream, backward=True)
            yield from self._decode(container, stream)

    def _pick_by_decoding(self, wanted: list[int]) -> Iterator[tuple[int, Tensor]]:
        with self._opened() as (container, stream):
            for number, frame in enumerate(self._decode(container, stream)):
                if number in wanted:
                    yield number, self._pixels(frame, number)

    def _count_by_decoding(self) -> int:
        with self._opened() as (container, stream):
            return sum(1 for _ in self._decode(container, stream))

    def _pixels(self, frame: Any, number: int) -> Tensor:
        rgb = self._converter.reformat(frame, format="rgb24").to_ndarray()
        pixels = torch.from_numpy(upright(rgb, self._matrix)).permute(2, 0, 1)
        width, height = self.size
        command = f"ffmpeg -i {self.path.name} -vf scale={width}:{height} one_size.mp4"
        remedy = f"Give all frames one size, for example: {command}"
        return require_size(self.path, f"frame {number}", pixels, self.size, remedy)

    def _decode(self, container: Any, stream: Any) -> Iterator[Any]:
        """Frames as they come out of the decoder; damaged packets are counted and left out."""
        av = import_av()
        for packet in self._packets(container, stream):
            try:
                frames = stream.decode(packet)
            except av.FFmpegError:
                self._damaged += 1
                continue
            yield from frames

    def _packets(self, container: Any, stream: Any) -> Iterator[Any]:
        """Packets up to the end, or to where the file is cut off: then None, which makes the decoder give the rest."""
        av = import_av()
        try:
            yield from container.demux(stream)
        except av.FFmpegError:
            self._damaged += 1
            yield None

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, Any]]:
        """The open file and its first video stream."""
        av = import_av()
        if not self.path.stat().st_size:
            raise self._not_a_video("it is empty", "Record or download it again.")
        options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
        try:
            container = open_leniently(str(self.path.resolve()), options)
        except av.FFmpegError as error:
            remedy = (
                "Convert it, for example: ffmpeg -i FILE -c:v libx264 converted.mp4; an mp4 file that was cut short "
                "has lost its index: copy or record it again."
            )
            raise self._not_a_video(error.strerror or str(error), remedy) from error
        with container:
            cover = av.stream.Disposition.attached_pic
            streams = [stream for stream in container.streams.video if not stream.disposition & cover]
            if not streams:
                found = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
                raise self._not_a_video(f"no video in it, only: {found}", "Pass a file with a video stream.")
            context = streams[0].codec_context
            if context is None:
                raise self._not_a_video("no decoder for it", "Convert it with a full build of FFmpeg.")
            if context.width * context.height > MOST_PIXELS:
                reason = f"its frames are {context.width}x{context.height}, more than {MOST_PIXELS:,} pixels"
                raise self._not_a_video(reason, "Scale it: ffmpeg -i FILE -vf scale=1280:-2 smaller.mp4")
            context.options = {"max_pixels": str(MOST_PIXELS)}  # frames may grow midway
            streams[0].thread_type = "AUTO"
            yield container, streams[0]

    def _not_a_video(self, reason: str, remedy: str) -> DataError:
        return DataError.at(self.path, "", f"cannot be read as a video ({reason})", remedy)
