"""What VTK computes for long, in a thread, while the event loop goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_Result = TypeVar("_Result")
_PATIENCE_S = 0.002
"""The event loop of Slicer holds Python's lock: a thread advances only while somebody here waits for it."""


class Aside(Generic[_Result]):
    """One function in a thread of its own. VTK's filters let go of Python's lock while they update.

    Args:
        function: Touches neither Qt nor MRML, nor data that anybody else has.
    """

    def __init__(self, function: Callable[[], _Result]) -> None:
        self._function = function
        self._results: list[_Result] = []
        self._errors: list[Exception] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def isDone(self) -> bool:
        """Whether the result is there; waits for a moment."""
        self._thread.join(_PATIENCE_S)
        return not self._thread.is_alive()

    def result(self) -> _Result:
        """What the function gave, waiting for it.

        Raises:
            Exception: What the function raised.
        """
        self._thread.join()
        if self._errors:
            raise self._errors[0]
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._function())
        except Exception as error:  # of whoever asks for the result
            self._errors.append(error)
