"""Standard streams of the worker: the protocol gets its own, everything that prints goes to standard error."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator

_log = logging.getLogger(__name__)
_STDIN, _STDOUT, _STDERR = 0, 1, 2
_CHUNK_BYTES = 1 << 16
"""64 KiB, the usual size of a pipe."""


def protocol_streams() -> tuple[Iterator[bytes], Callable[[bytes], None]]:
    """Take standard input and output for the protocol.

    Descriptors 0 and 1 are pointed elsewhere, so that neither a stray print, in Python or C++, nor a child process
    can write into the protocol or read from it.

    Returns:
        What arrives, until the input ends, and how to send a line.
    """
    source, sink = os.dup(_STDIN), os.dup(_STDOUT)
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (source, sink):
            msvcrt.setmode(descriptor, os.O_BINARY)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, _STDIN)
    os.close(nowhere)
    os.dup2(_STDERR, _STDOUT)
    sys.stdout = sys.stderr
    return _chunks(source), _sender(sink)


def _chunks(descriptor: int) -> Iterator[bytes]:
    try:
        while chunk := os.read(descriptor, _CHUNK_BYTES):
            yield chunk
    except OSError:
        # Windows tells of a client that died by an error, not by the end of its pipe.
        _log.warning("the client is gone")


def _sender(descriptor: int) -> Callable[[bytes], None]:
    gone = False

    def send(line: bytes) -> None:
        nonlocal gone
        view = memoryview(line)
        try:
            while view and not gone:
                view = view[os.write(descriptor, view) :]
        except OSError:
            # The reader is gone; standard input ends too, and with it the worker.
            gone = True
            _log.warning("the client has stopped reading")

    return send
