"""A limit of time for one case: a thread cannot be stopped, so its process is ended, and Dask starts another."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_EXIT_CODE = 3
_log = logging.getLogger(__name__)


@contextmanager
def deadline(limit_s: float | None, told: Callable[[], None]) -> Iterator[None]:
    """End this process where the block takes longer, if something starts it again.

    Args:
        limit_s: Longest time of the block; ``None`` for no limit.
        told: Called before the process is ended, in another thread.
    """
    if limit_s is None or not _is_started_again():
        yield
        return
    timer = threading.Timer(limit_s, _end, (told,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _is_started_again() -> bool:
    """Whether this is the process of a Dask worker under a nanny."""
    from distributed import get_worker

    try:
        return get_worker().nanny is not None
    except ValueError:
        return False


def _end(told: Callable[[], None]) -> None:
    try:
        told()
    except Exception as error:  # the process ends in any case
        _log.error("what took too long could not be written down: %s", type(error).__name__)
    finally:
        os._exit(_EXIT_CODE)
