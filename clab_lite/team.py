"""Processes that share one piece of work: who is done, who failed, and bytes from one to another.

On a dataset one process may need an hour longer than another, and the main one scores while the others wait. A
collective would give up after its timeout, 10 to 30 minutes, and would wait as long for a process that has failed. So
nothing here is a collective: the processes meet in the key-value store of their group, ask it a few times a second, and
end together when one of them fails or falls silent. Waiting has no other limit. The bytes need neither a GPU nor a
particular backend, and no process has to trust what another one pickled.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import torch.distributed as dist

from clab_lite import distributed
from clab_lite.errors import DataError, OtherProcessFailed
from clab_lite.team_mail import Mail
from clab_lite.team_pulse import Pulse, Watch

Value = TypeVar("Value")

_LOOK_EVERY = 0.5
"""Seconds between two looks at the others."""
_FAREWELL = 30.0
"""Seconds for the others to leave before the process that may hold the store does."""

_open: list[Team] = []
"""Of this process, the outermost first."""
_numbers = itertools.count()


class Team:
    """The processes of the group in one piece of work. One process alone is a team whose every method is instant."""

    def __init__(self, name: str, store: Any) -> None:
        """name: the same in all its processes, and no other team's. store: None when alone."""
        self.rank, self.size, self.name = distributed.rank(), distributed.world_size(), name
        self.done = 0
        """Units of work that this process has done; the caller counts."""
        self.numbers = itertools.count()
        """Of the teams inside this one."""
        self._store, self._waits = store, itertools.count()
        self._mail = Mail(name, self.rank, self._ask, self._wait)
        self._watch = Watch(name, self.rank, self.size, self._ask)
        self._looked = 0.0

    @property
    def is_main(self) -> bool:
        """True in the one process that writes files and speaks."""
        return self.rank == 0

    def check(self) -> None:
        """Raise OtherProcessFailed, or DataError, when another process has failed, or is gone. Cheap: it looks twice a
        second, however often it is called.
        """
        now = time.monotonic()
        if self._store is None or now - self._looked < _LOOK_EVERY:
            return
        self._looked = now
        self._end_with_others()
        _open[0]._watch.look()

    def wait_for_all(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait until every process is here, however long it takes. `meanwhile` is called a few times a second."""
        if self._store is None:
            return
        key = f"{self.name}/here {next(self._waits)}"
        self._ask("add", key, 1)
        self._wait(lambda: self._ask("add", key, 0) >= self.size, meanwhile)
        self._end_with_others()  # one of them may have been here, and have failed while it waited

    def done_by_others(self) -> int:
        """What the other processes say in `done`, two seconds late."""
        return 0 if self._store is None else _open[0]._watch.done(self.name)

    def from_main(self, make: Callable[[], bytes]) -> bytes:
        """What `make` gives in the main process, in all of them."""
        if not self.is_main:
            return self._mail.receive(0)
        content = make()
        for other in range(1, self.size):
            self._mail.send(other, content)
        return content

    def to_main(self, owner: int, content: bytes) -> bytes:
        """The owner's bytes in the main process; in others what they gave. Called by all of them."""
        if owner and self.rank == owner:
            self._mail.send(0, content)
        return self._mail.receive(owner) if owner and self.is_main else content

    def to_all(self, owner: int, content: bytes) -> bytes:
        """The owner's bytes, in all processes."""
        content = self.to_main(owner, content)
        return self.from_main(lambda: content)

    def main_first(self, make: Callable[[], Value]) -> Value:
        """`make` in every process: in the main one first, whose cache then helps the others."""
        if self.is_main:
            value = make()
            self.from_main(bytes)
            return value
        self.from_main(bytes)
        return make()

    def require_same(self, what: str, value: str) -> None:
        """DataError unless the value is the main process's in all of them."""
        if self.from_main(value.encode) != value.encode():
            remedy = "Give all of them the same: load one checkpoint and one dataset in every process."
            raise DataError(f"process {self.rank} has another {what} than the main process. {remedy}")

    def _wait(self, ready: Callable[[], bool], meanwhile: Callable[[], object] = lambda: None) -> None:
        pause = 0.001
        while not ready():
            self.check()
            meanwhile()
            time.sleep(pause)
            pause = min(2 * pause, 0.25)

    def _ask(self, method: str, *arguments: Any) -> Any:
        """Call the store."""
        try:
            return getattr(self._store, method)(*arguments)
        except dist.DistError as error:
            problem = "the process that the others meet at cannot be reached any more"
            raise DataError(
                f"{problem}: if it named no reason itself, it was killed. Start all of them again."
            ) from error

    def _end_with_others(self) -> None:
        for each in _open:
            failure = each._failure()
            if failure is not None:
                raise failure

    def _failure(self) -> OtherProcessFailed | None:
        key = f"{self.name}/failure"
        if not self._ask("check", [key]):
            return None
        return OtherProcessFailed(*json.loads(self._ask("get", key)))

    def tell(self, error: BaseException) -> None:
        """Let the others end with this error.

        Raises:
            OtherProcessFailed: another process has told its own before: one error is enough for a person to read.
        """
        if self._store is None or isinstance(error, OtherProcessFailed):
            return
        with suppress(dist.DistError):  # nobody is left to be told
            if self._store.add(f"{self.name}/failures", 1) == 1:
                number = error.errno if isinstance(error, OSError) else None
                words = [self.rank, str(error) or type(error).__name__, number]
                self._store.set(f"{self.name}/failure", json.dumps(words))
                return
            for _ in range(100):  # between the two lines above
                earlier = self._failure()
                if earlier is not None and isinstance(error, Exception):
                    raise earlier from error
                time.sleep(0.02)

    def leave(self) -> None:
        """The last of a team without failure. The process that may hold the store itself goes last."""
        self._ask("add", f"{self.name}/left", 1)
        until = time.monotonic() + _FAREWELL
        while self.is_main and self._ask("add", f"{self.name}/left", 0) < self.size and time.monotonic() < until:
            time.sleep(0.02)


@contextmanager
def team(device_type: str = "cpu") -> Iterator[Team]:
    """All processes of the group in one piece of work: they enter the block, and leave it together.

    The first such block joins the group that torchrun describes in the environment, when there is none yet, and leaves
    it at the end. Blocks may lie inside each other. Without torchrun: one process alone.

    Args:
        device_type: where the work is computed, as in `distributed.start_from_environment`.

    Raises:
        OtherProcessFailed: another process left the block by an error, which it raises itself.
        DataError: another process was killed.
    """
    joined = not _open and distributed.start_from_environment(device_type)
    try:
        if distributed.world_size() == 1:
            yield Team("alone", None)
        else:
            with _together() as each:
                yield each
    finally:
        if joined:
            distributed.stop()


def _work() -> tuple[str, int]:
    """What this process is working in, and how much it has done there."""
    innermost = _open[-1]  # once: the main thread may leave it meanwhile
    return innermost.name, innermost.done


@contextmanager
def _together() -> Iterator[Team]:
    outer = _open[-1] if _open else None
    name = f"team {next(_numbers)}" if outer is None else f"{outer.name}.{next(outer.numbers)}"
    store = distributed.meeting_place()
    each = Team(name, store)
    _open.append(each)
    pulse = Pulse(each.name, each.rank, store, _work) if outer is None else None
    if pulse is not None:
        pulse.start()
    try:
        yield each
        each.wait_for_all()
        if pulse is not None:
            pulse.stop()
            each.leave()
    except BaseException as error:
        each.tell(error)
        raise
    finally:
        if pulse is not None:
            pulse.stop()
        _open.remove(each)
