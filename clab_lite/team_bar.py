"""One progress bar for the work of all processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from clab_lite.team import Team


@contextmanager
def team_bar(us: Team, title: str, total: int, *, done: int = 0, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar over frames. The block is given a function to call after each so many frames that this process did; it
    also looks whether the other processes still work. At its end the block waits for them.

    Args:
        us: all processes; the main one shows the bar, with what the others have done.
        title: what stands before it.
        total, done: frames of all processes, and how many of them were there before.
        shown: False shows no bar.
    """
    with tqdm(total=total, initial=done, unit="frame", desc=title, disable=not (shown and us.is_main)) as bar:

        def show() -> None:
            bar.update(done + us.done + us.done_by_others() - bar.n)

        def advance(frames: int) -> None:
            us.done += frames
            us.check()
            show()

        yield advance
        us.wait_for_all(show)
        bar.update(total - bar.n)
