"""The reader's calls of several stations at once, and taking calls back."""

from __future__ import annotations

from collections.abc import Mapping

from LNStationSlicer.case.ReviewState import ReviewState
from LNStationSlicer.case.StationRows import StationRow
from LNStationSlicer.exchange.AssessmentTypes import Call

Calls = Mapping[str, Call | None]


class CallHistory:
    """Makes the calls of one case and remembers what they were before; not saved with the scene."""

    def __init__(self) -> None:
        self._before: list[dict[str, Call | None]] = []

    @property
    def canUndo(self) -> bool:
        """True where there is a call to take back."""
        return bool(self._before)

    def make(self, review: ReviewState, calls: Calls) -> bool:
        """Make calls as one step; False where they change nothing."""
        before = {name: review.call(name) for name in calls}
        changed = {name: call for name, call in calls.items() if call != before[name]}
        if not changed:
            return False
        self._before.append({name: before[name] for name in changed})
        _apply(review, changed)
        return True

    def undo(self, review: ReviewState) -> list[str]:
        """Take the last step back; the stations that it changed."""
        before = self._before.pop() if self._before else {}
        _apply(review, before)
        return list(before)


def _apply(review: ReviewState, calls: Calls) -> None:
    for name, call in calls.items():
        review.setCall(name, call)


def modelCalls(rows: list[StationRow]) -> dict[str, Call | None]:
    """The model's calls of the stations that the reader has not called; unconfirmed ones are not for taking over."""
    return {row.name: row.modelCall for row in _uncalled(rows) if row.modelCall is not None and row.isConfirmed}


def restNegative(rows: list[StationRow]) -> dict[str, Call | None]:
    """Negative calls of the shown stations that the reader has not called."""
    return {row.name: "negative" for row in _uncalled(rows)}


def _uncalled(rows: list[StationRow]) -> list[StationRow]:
    return [row for row in rows if row.isShown and row.readerCall is None]
