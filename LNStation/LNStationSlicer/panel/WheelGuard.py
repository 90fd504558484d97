"""Keeps the mouse wheel, which scrolls the panel, from changing a number or a choice on its way."""

from __future__ import annotations

from typing import Any

import qt

_GUARDED = ("QAbstractSpinBox", "QSlider", "QComboBox")


class WheelGuard(qt.QObject):
    """Event filter that leaves the wheel to the panel unless a field was chosen by a click or by the keyboard.

    From Python there is no other way to the events of a widget that C++ made. PythonQt calls ``eventFilter`` of a
    class that derives from a Qt class: Slicer's script repository catches the closing of the main window so. An event
    that is both ignored and filtered goes on to the parent, which scrolls.
    """

    def eventFilter(self, field: Any, event: Any) -> bool:
        """Qt's hook; True keeps the event from the field."""
        if event.type() == qt.QEvent.Wheel and not field.focus:
            event.ignore()
            return True
        return False


def guardFields(panel: Any) -> WheelGuard:
    """Guard every spin box, slider and combo box that the panel has now.

    Returns:
        What guards them as long as it is held.
    """
    guard = WheelGuard()
    for kind in _GUARDED:
        for field in panel.findChildren(kind):
            # Else the wheel itself gives the field the focus, before the filter is asked.
            field.focusPolicy = qt.Qt.StrongFocus
            field.installEventFilter(guard)
    return guard


def guardField(guard: WheelGuard, field: Any) -> None:
    """Guard one field that was made later; only while ``guard`` is held."""
    if isinstance(field, (qt.QAbstractSpinBox, qt.QSlider, qt.QComboBox)):
        field.focusPolicy = qt.Qt.StrongFocus
        field.installEventFilter(guard)
