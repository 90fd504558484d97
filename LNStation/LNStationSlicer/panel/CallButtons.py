"""The reader's call of one station as two small buttons: one click sets a call, a second takes it back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import qt

from LNStationLib.support.palette import letter_color
from LNStationSlicer.exchange.AssessmentTypes import Call
from LNStationSlicer.support.Translation import _

_SIZE = (25, 20)
"""Pixels of a button; two fit into a column of 56."""
_CALLS: tuple[Call, ...] = ("positive", "negative")


class CallButtons:
    """Two buttons of which at most one is down.

    Args:
        onCall: Called with what the user chose; None where a call was taken back.

    Attributes:
        widget: Holds the buttons.
        buttons: By call.
    """

    def __init__(self, onCall: Callable[[Call | None], None]) -> None:
        self._onCall = onCall
        self._call: Call | None = None
        self.widget = qt.QWidget()
        self.buttons = {call: self._newButton(call) for call in _CALLS}
        layout = qt.QHBoxLayout(self.widget)
        layout.setContentsMargins(2, 0, 2, 0)
        layout.spacing = 2
        for button in self.buttons.values():
            layout.addWidget(button)

    def show(self, call: Call | None, enabled: bool) -> None:
        """Show a call, and whether it can be changed; reports nothing."""
        self._call = call
        for name, button in self.buttons.items():
            button.checked = name == call
            button.enabled = enabled

    def _newButton(self, call: Call) -> Any:
        button = qt.QToolButton()
        button.text = {"positive": _("P"), "negative": _("N")}[call]
        button.toolTip = {"positive": _("Positive (key P)"), "negative": _("Negative (key N)")}[call]
        button.checkable = True
        # The keys stay with the table.
        button.focusPolicy = qt.Qt.NoFocus
        button.setFixedSize(*_SIZE)
        button.styleSheet = _style(call)
        # partial, because it keeps every argument: PythonQt trims those of plain functions.
        button.connect("clicked(bool)", partial(self._clicked, call))
        return button

    def _clicked(self, call: Call, _checked: bool) -> None:
        # What is shown follows from the review, whatever the button did by itself.
        self._onCall(None if call == self._call else call)


def _style(call: Call) -> str:
    color = letter_color(call, on_dark=False)  # as a ground under white letters
    rules = {
        "QToolButton": "border: 1px solid palette(mid); border-radius: 3px; background: palette(base);",
        "QToolButton:checked": f"background: {color}; color: white; font-weight: bold;",
        "QToolButton:hover:!checked": f"border-color: {color};",
        "QToolButton:disabled": "background: transparent; border-color: palette(midlight);",
    }
    return " ".join(f"{selector} {{{rule}}}" for selector, rule in rules.items())
