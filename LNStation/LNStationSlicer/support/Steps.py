"""Work of the GUI thread cut into pieces, one for each turn of the event loop, so that the panel stays alive."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import qt


class Steps:
    """Runs functions one after another, with a turn of the event loop between any two.

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
        self._onDone = onDone
        self._onError = onError
        self._stopped = False

    def start(self) -> None:
        """Run the first step in the next turn of the event loop."""
        qt.QTimer.singleShot(0, self._next)

    def stop(self) -> None:
        """Run no further step; no callback follows."""
        self._stopped = True

    def _next(self) -> None:
        if self._stopped:
            return
        try:
            step = next(self._steps, None)
            if step is not None:
                step()
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
        else:
            self.start()
