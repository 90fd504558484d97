"""Hands on the panel: clicks, keys, waiting, and counts of what must not be left behind."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from multiprocessing import resource_tracker
from typing import Any

import qt
import slicer
from PySide6 import QtTest

WHEEL_NOTCH = 120
"""Eighths of a degree that a wheel turns from one notch to the next."""


def click(widget: Any, at: tuple[int, int] | None = None, modifier: int | None = None) -> None:
    """Click with the left button, in the middle or at a point in the widget's pixels.

    Raises:
        RuntimeError: A user could not click it: it is hidden or disabled.
    """
    if not widget.isVisible() or not widget.isEnabled():
        raise RuntimeError(f"{widget.objectName or widget!r} is hidden or disabled: nobody could click it")
    point = qt.QPoint(*at) if at is not None else _middle(widget)
    keys = modifier if modifier is not None else qt.Qt.NoModifier
    QtTest.QTest.mouseClick(widget, qt.Qt.LeftButton, keys, point)
    slicer.app.processEvents()


def _middle(widget: Any) -> Any:
    # A box to be checked takes clicks on the box and its text only, and may be wider.
    if isinstance(widget, (qt.QCheckBox, qt.QRadioButton)):
        return qt.QPoint(8, widget.height // 2)
    return widget.rect.center()


def type_text(widget: Any, text: str) -> None:
    """Type into a widget that takes text."""
    widget.setFocus()
    QtTest.QTest.keyClicks(widget, text)
    slicer.app.processEvents()


def press(widget: Any, key: int, modifier: int | None = None) -> None:
    """Press and release a key: ``press(table, qt.Qt.Key_Down)``."""
    QtTest.QTest.keyClick(widget, key, modifier if modifier is not None else qt.Qt.NoModifier)
    slicer.app.processEvents()


def press_keys(widget: Any, keys: str) -> None:
    """Press keys as Qt writes them: ``press_keys(table, "Ctrl+Return")``."""
    combination = qt.QKeySequence(keys)[0]
    press(widget, combination.key(), combination.keyboardModifiers())


def turn_wheel(widget: Any, notches: int) -> None:
    """Turn the mouse wheel over the middle of a widget, away from the user where ``notches`` is positive.

    As ``QApplication`` does it for a wheel of the window system, which Python cannot turn: the first widget that
    takes the focus by the wheel gets it, then the event goes to the widget and up its parents until one accepts it.
    """
    chain = [widget]
    while not chain[-1].isWindow():
        chain.append(chain[-1].parentWidget())
    taking = next((one for one in chain if one.isEnabled() and _takes_focus_by_wheel(one)), None)
    if taking is not None:
        taking.setFocus()
    for receiver in chain:
        event = _wheel_event(receiver, notches)
        if qt.QCoreApplication.sendEvent(receiver, event) and event.isAccepted():
            break
    slicer.app.processEvents()


def _takes_focus_by_wheel(widget: Any) -> bool:
    return int(widget.focusPolicy) & int(qt.Qt.WheelFocus) == int(qt.Qt.WheelFocus)


def _wheel_event(widget: Any, notches: int) -> Any:
    middle = widget.rect.center()
    return qt.QWheelEvent(
        qt.QPointF(middle),
        qt.QPointF(widget.mapToGlobal(middle)),
        qt.QPoint(0, 0),
        qt.QPoint(0, WHEEL_NOTCH * notches),
        qt.Qt.NoButton,
        qt.Qt.NoModifier,
        qt.Qt.NoScrollPhase,
        False,
    )


def wait_for(condition: Callable[[], Any], timeout: float = 10.0, what: str = "") -> Any:
    """Run the event loop until a condition holds; return what it gave.

    Args:
        condition: Asked again and again.
        timeout: Seconds.
        what: Named in the error.

    Raises:
        TimeoutError: It did not hold in time.
    """
    end = time.monotonic() + timeout
    while True:
        slicer.app.processEvents()
        held = condition()
        if held:
            return held
        if time.monotonic() > end:
            raise TimeoutError(f"{what or 'The condition'} did not come about within {timeout} s")
        time.sleep(0.005)


def observer_count(vtk_object: Any) -> int:
    """Observers of a VTK object (``slicer.mrmlScene`` for one), of C++ and Python alike.

    Raises:
        TypeError: The object does not list its observers (MRML nodes do not; ask ``node.HasObserver(event)``).
    """
    registered = re.search(r"^  Registered Events: *\n((?:    .*\n)*)", str(vtk_object), re.MULTILINE)
    if registered is None:
        raise TypeError(f"{vtk_object.GetClassName()} does not list its observers")
    return len(re.findall(r"vtkObserver \(", registered.group(1)))


def child_processes() -> list[int]:
    """Process identifiers of this process's living children and theirs (Linux).

    Without Python's resource tracker, which lives as long as the interpreter once any test has used a pool.
    """
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                    state, parent = file.read().rsplit(")", 1)[1].split()[:2]
            except OSError:
                continue
            if state != "Z":
                parents[int(entry)] = int(parent)
    found: list[int] = []
    wanted = {os.getpid()}
    while wanted:
        children = {child for child, parent in parents.items() if parent in wanted and child not in found}
        found += children
        wanted = children
    return sorted(set(found) - {resource_tracker._resource_tracker._pid})  # type: ignore[attr-defined]
