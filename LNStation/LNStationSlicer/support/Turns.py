"""Functions called by a later turn of the event loop, without a Qt object of our own.

PythonQt deletes an object that Python owns at once when its last reference goes, ``deleteLater`` or not. Where that
happens inside one of the object's own signals, Qt goes on in freed memory. ``qt.QTimer.singleShot`` leaves the timer
to PythonQt, so that whoever waits here may go at any time: the module makes no ``qt.QTimer``.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import qt

_waiting: deque[Callable[[], object]] = deque()


def soon(function: Callable[[], object], isFirst: bool = False) -> None:
    """Call a function in a round of the event loop in which no other of these runs.

    What Qt is given together it does in one round: the panel would pause for the sum of all.

    Args:
        function: Takes no longer than the panel may pause.
        isFirst: Before those that wait already.
    """
    (_waiting.appendleft if isFirst else _waiting.append)(function)
    if len(_waiting) == 1:
        qt.QTimer.singleShot(0, _nextRound)


def _nextRound() -> None:
    function = _waiting.popleft()
    if _waiting:  # asked for before the call, which may wait for a dialog
        qt.QTimer.singleShot(0, _nextRound)
    function()


class Turns:
    """Calls functions in their order, each in a turn of the event loop of its own.

    A slot of an object that Python owns does nothing but hand on here what it was told: whatever is done then, be it
    in the event loop of a dialog, none of the object's signals is under way.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call a function in the next turn that is free."""
        self._waiting.append((function, arguments))
        qt.QTimer.singleShot(0, self._next)

    def clear(self) -> None:
        """Call nothing of what still waits."""
        self._waiting.clear()

    def _next(self) -> None:
        if self._waiting:
            function, arguments = self._waiting.popleft()
            function(*arguments)


class Delay:
    """Calls a function once, some time after the last ``start``.

    Args:
        milliseconds: The time; 0 for the next turn of the event loop.
        function: What to call.
    """

    def __init__(self, milliseconds: int, function: Callable[[], object]) -> None:
        self._seconds = milliseconds / 1000
        self._function = function
        self._due: float | None = None
        self._isWaiting = False

    def start(self) -> None:
        """Begin to wait, or wait the whole time once more."""
        self._due = time.monotonic() + self._seconds
        if not self._isWaiting:
            self._wait(self._seconds)

    def stop(self) -> None:
        """Wait no more; nothing is called."""
        self._due = None

    def _wait(self, seconds: float) -> None:
        self._isWaiting = True
        if seconds > 0:
            qt.QTimer.singleShot(math.ceil(seconds * 1000), self._arrived)
        else:
            soon(self._arrived, True)

    def _arrived(self) -> None:
        self._isWaiting = False
        if self._due is None:
            return
        left = self._due - time.monotonic()
        if left > 0:  # started again meanwhile
            self._wait(left)
            return
        self._due = None
        self._function()
