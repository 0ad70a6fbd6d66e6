"""Load in the background what is needed next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Key = TypeVar("Key")
Loaded = TypeVar("Loaded")


def load_ahead(
    load: Callable[[Key], Loaded], keys: Iterable[Key], threads: int
) -> Generator[tuple[Key, Loaded], None, None]:
    """(key, load(key)) in order, each loaded once.

    Args:
        load: with threads, called in several at a time.
        keys: what to load.
        threads: how many load ahead, two keys each; 0 loads when asked, in the caller's thread.
    """
    if threads == 0:
        for key in keys:
            yield key, load(key)
        return
    with ThreadPoolExecutor(threads) as pool:
        futures: deque[tuple[Key, Future[Loaded]]] = deque()
        try:
            for key in keys:
                futures.append((key, pool.submit(load, key)))
                if len(futures) > 2 * threads:
                    first, future = futures.popleft()
                    yield first, future.result()
            while futures:
                first, future = futures.popleft()
                yield first, future.result()
        finally:
            for _, future in futures:  # the caller has stopped, or a load has failed
                future.cancel()
