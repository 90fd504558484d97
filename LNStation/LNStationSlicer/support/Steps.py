"""Work of the GUI thread cut into pieces, one for each round of the event loop, so that the panel stays alive."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Final, TypeVar

import qt

from LNStationSlicer.support.Turns import soon

AGAIN: Final = object()
"""Given back by a step that waits for a thread: it is called again a moment later."""
_WAIT_MS = 5
_Result = TypeVar("_Result")


class Steps:
    """Runs functions one after another, with a round of the event loop between any two.

    Args:
        steps: May be a generator; what it does between two ``yield`` counts as part of the next piece.
        onDone: Called after the last, unless stopped.
        onError: Called with the exception of the step that failed; no further step runs.
    """

    def __init__(
        self,
        steps: Iterable[Callable[[], object]],
        onDone: Callable[[], None],
        onError: Callable[[Exception], None],
    ) -> None:
        self._steps = iter(steps)
        self._step: Callable[[], object] | None = None
        self._onDone = onDone
        self._onError = onError
        self._stopped = False

    def start(self) -> None:
        """Run the first step in the next round of the event loop that is free."""
        soon(self._next)

    def stop(self) -> None:
        """Run no further step; no callback follows."""
        self._stopped = True

    def _next(self) -> None:
        if self._stopped:
            return
        try:
            step = self._step or next(self._steps, None)
            self._step = step if step is not None and step() is AGAIN else None
        except Exception as error:  # whatever it is must reach the panel, not the event loop
            self._stopped = True
            self._onError(error)
            return
        self._goOn(isLast=step is None)

    def _goOn(self, isLast: bool) -> None:
        if self._stopped:  # by the step itself
            return
        if isLast:
            self._onDone()
        elif self._step is not None:
            qt.QTimer.singleShot(_WAIT_MS, self._next)
        else:
            self.start()


def turnsOf(
    work: Generator[None, None, _Result], take: Callable[[_Result], object]
) -> Iterator[Callable[[], object]]:
    """The turns of a generator as steps; what it returns is taken in the last."""
    isDone = False

    def turn() -> None:
        nonlocal isDone
        try:
            next(work)
        except StopIteration as end:
            isDone = True
            take(end.value)

    while not isDone:
        yield turn
