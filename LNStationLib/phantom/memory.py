"""Memory of the process that makes patients."""

from __future__ import annotations

import ctypes
import logging
import sys

# Parameters of mallopt(3) in glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEEP_BYTES = 1 << 30
"""Larger than any single array of a patient."""

_log = logging.getLogger(__name__)


def keep_freed_memory() -> None:
    """Let this process keep the large arrays it frees for the next ones.

    By default glibc maps every large array anew and hands it back when it is freed, so that each of the hundreds of
    whole-image arrays of a patient is faulted in page by page: a fifth of the time of a patient. Peak memory does not
    change. Does nothing where there is no glibc.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        _log.debug("no mallopt; freed memory goes back to the system")
        return
    mallopt(_MMAP_THRESHOLD, _KEEP_BYTES)
    mallopt(_TRIM_THRESHOLD, _KEEP_BYTES)
