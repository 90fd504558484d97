"""Errors of a machine that has too little of something, told apart from defects."""

from __future__ import annotations

import errno

from LNStationLib.support.failures import is_out_of_memory

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


LEAST_MEMORY_BYTES = 1 << 30
"""Below this limit on addresses libraries end the process while they are loaded; the smallest case takes 0.9 GB."""


def memory_limit_bytes() -> int | None:
    """How much this process may take (``ulimit -v``); ``None`` without a limit, and on systems that have none."""
    try:
        import resource
    except ImportError:
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def system_error(error: OSError) -> OSError | None:
    """The error of the operating system, also where a library has made one without number and name of it."""
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, OSError) and cause.errno is not None):
        cause = cause.__cause__ or cause.__context__
    return cause if isinstance(cause, OSError) else None


def is_full(error: OSError) -> bool:
    """Whether the disk, or what a user may take of it, is full."""
    return error.errno in _FULL


def is_forbidden(error: OSError) -> bool:
    """Whether permissions, or a file system that is read-only, forbid it."""
    return error.errno in _FORBIDDEN


def remedy(error: BaseException) -> str | None:
    """One sentence on what there is too little of, or on a name too long, with what to do; ``None`` otherwise."""
    if is_out_of_memory(error):
        return "There is not enough memory: close other programs, or choose a larger working spacing."
    if not isinstance(error, OSError):
        return None
    where = str(error.filename or "the results")
    if is_full(error):
        return f"No space is left for {where}: free some or choose another folder."
    if is_forbidden(error):
        return f"{where} cannot be read or written: change its permissions or choose another folder."
    if error.errno == errno.ENAMETOOLONG:
        return f"The name of a file is too long for this system ({where[:60]}...): give a shorter one."
    return None
