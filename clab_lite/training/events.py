"""TensorBoard events, written by the caller's own thread: what the disk refuses is told where it is asked.

The writer of torch.utils.tensorboard has a thread of its own, which prints a traceback when the disk is full.
"""

from __future__ import annotations

import os
import socket
import time
from itertools import count
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard import summary

_number = count()
"""Tells the files of one process apart that are made in one second."""


class Events:
    """Appends to a new file of events in a folder, which is made."""

    def __init__(self, folder: Path, purge_step: int) -> None:
        """
        Args:
            folder: where TensorBoard looks.
            purge_step: from here on, what earlier files of the folder hold is not shown any more.

        Raises:
            OSError: the file cannot be written; all methods say so too.
        """
        folder.mkdir(parents=True, exist_ok=True)
        place = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_number)}"
        self._file = (folder / f"events.out.tfevents.{place}").open("wb")
        self._records = RecordWriter(self._file)
        self._add(Event(step=purge_step, file_version="brain.Event:2"))
        self._add(Event(step=purge_step, session_log=SessionLog(status=SessionLog.START)))
        self.flush()

    def add_scalar(self, name: str, value: float, step: int) -> None:
        """A point of a curve."""
        self._add(Event(step=step, summary=summary.scalar(name, value)))

    def add_text(self, name: str, text: str, step: int) -> None:
        """A remark."""
        made: Summary = summary.text(name, text)
        self._add(Event(step=step, summary=made))

    def flush(self) -> None:
        """Hand all of it to the system."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _add(self, event: Event) -> None:
        event.wall_time = time.time()
        self._records.write(event.SerializeToString())
