"""Work spread over fresh processes."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def fresh_processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of freshly started processes; tasks not begun when the block is left are dropped.

    Fresh, because forking after threads of other libraries have started can hang. A kill of this process ends them.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    """Watch over the process that started this one: without it a worker would wait forever."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            multiprocessing.connection.wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent watch").start()


def spread(work: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[tuple[Item, Result]]:
    """Do some work for every item, in up to ``workers`` fresh processes.

    Args:
        work: Can be pickled, as its items and results can.
        items: What it is done for; none is allowed.
        workers: At least 1.

    Yields:
        Item and result, in the order in which they are done. Whatever ``work`` raises is raised here, and what has
        not begun is dropped.
    """
    if not items:
        return
    with fresh_processes(min(workers, len(items))) as pool:
        futures = {pool.submit(work, item): item for item in items}
        for future in as_completed(futures):
            yield futures[future], future.result()


def spread_or_serial(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> Iterator[tuple[Item, Result]]:
    """As :func:`spread`, but in this process and in order where a pool is pointless or not allowed.

    Pointless with one worker or one item; not allowed in a daemon process, such as a worker of a batch, which shares
    its machine with others like it.
    """
    if workers == 1 or len(items) < 2 or multiprocessing.current_process().daemon:
        for item in items:
            yield item, work(item)
        return
    yield from spread(work, items, workers)
