"""What the reader says of the case under review: calls, notes, the blind first read, the signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from LNStationSlicer.case.CallHistory import CallHistory, modelCalls, restNegative
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.StationRows import StationRow
from LNStationSlicer.exchange.AssessmentTypes import Call
from LNStationSlicer.support.Signal import Signal


class CaseUnderReview(Protocol):
    """What is asked of the logic."""

    updated: Signal

    def requireCase(self) -> CaseScene: ...  # noqa: D102
    def rows(self) -> list[StationRow]: ...  # noqa: D102
    def modelHidden(self) -> bool: ...  # noqa: D102
    def showOverlays(self) -> None: ...  # noqa: D102
    def stageLater(self) -> None: ...  # noqa: D102


class Reader:
    """The reader's side of a case; what follows from it is for ``logic`` to do.

    Attributes:
        called: Emitted after calls changed.
    """

    def __init__(self, logic: CaseUnderReview) -> None:
        self.called = Signal()
        self._logic = logic
        self._history = CallHistory()

    def forget(self) -> None:
        """Another case comes under review: calls of the former one are not taken back any more."""
        self._history = CallHistory()

    @property
    def canUndo(self) -> bool:
        """True where there is a call to take back."""
        return self._history.canUndo

    def call(self, station: str, call: Call | None) -> None:
        """The call of a station, or none; the N category follows a moment later."""
        self.callAll({station: call})

    def callAll(self, calls: Mapping[str, Call | None]) -> None:
        """Calls of several stations, taken back as one."""
        review = self._logic.requireCase().review()
        self._change(lambda: self._history.make(review, calls))

    def acceptModel(self) -> None:
        """Take over the model's calls where there is none of the reader's; nothing while they are hidden."""
        if not self._logic.modelHidden():
            self.callAll(modelCalls(self._logic.rows()))

    def callRestNegative(self) -> None:
        """Call every shown station negative that is not called yet."""
        self.callAll(restNegative(self._logic.rows()))

    def undo(self) -> None:
        """Take the last call, or the last calls that were made at once, back."""
        review = self._logic.requireCase().review()
        self._change(lambda: bool(self._history.undo(review)))

    def note(self, station: str, text: str) -> None:
        """A note on a station."""
        case = self._logic.requireCase()
        case.review().setNote(station, text)
        case.updateTable()
        self._logic.updated.emit()

    def setBlind(self, blind: bool) -> None:
        """Begin a blind first read, or end it by force."""
        case = self._logic.requireCase()
        if blind:
            case.review().blind = True
        else:
            case.review().reveal()
        case.updateTable()
        self._logic.showOverlays()
        self._logic.updated.emit()

    def sign(self) -> None:
        """Sign calls, notes and corrections as they stand."""
        self._logic.requireCase().review().sign()
        self._logic.updated.emit()

    def changed(self) -> None:
        """Another reader goes on: what may be seen of the model is for that one's review to say."""
        self.forget()
        logic = self._logic
        logic.stageLater()
        logic.showOverlays()
        self.called.emit()
        logic.updated.emit()

    def _change(self, change: Callable[[], bool]) -> None:
        logic, case = self._logic, self._logic.requireCase()
        wasHidden = logic.modelHidden()
        if not change():
            return
        case.updateTable()
        logic.stageLater()
        if wasHidden and not logic.modelHidden():
            logic.showOverlays()
        self.called.emit()
        logic.updated.emit()
