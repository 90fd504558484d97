"""Failures that may pass: another try is worth it."""

from __future__ import annotations

import errno

from LNStationLib.support.failures import is_out_of_memory

_PASSING = {
    errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.ECONNRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH,
    errno.ENETUNREACH, errno.EBUSY, errno.ENFILE, errno.EMFILE, errno.ENOTCONN, errno.ENOMEM,
}  # fmt: skip
"""What file systems over a network say while they are away, and a machine while others use it up."""


class PassingError(Exception):
    """What may pass: the case is worth another try. Its text is a code, never a path."""


def passing_code(error: BaseException | None) -> str | None:
    """What may pass about an error or its causes; ``None`` where nothing may."""
    while error is not None:
        if isinstance(error, PassingError):
            return str(error)
        if is_out_of_memory(error):
            return "out_of_memory"
        if isinstance(error, OSError) and error.errno in _PASSING:
            return "storage"
        error = error.__cause__
    return None
