"""What the sections of the panel share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import ctk
import qt

from LNStationSlicer.Logic import Logic
from LNStationSlicer.support.Signal import Signal


class Section:
    """One section: binds its widgets to the logic.

    ``refresh`` writes what is known into the widgets; slots read the widgets and call the logic. Slots must do
    nothing while ``isRefreshing``.

    Attributes:
        ui: The widgets of the panel by name.
        message: Emitted with a text for the panel's status line.
    """

    def __init__(self, ui: Any, logic: Logic) -> None:
        self.ui = ui
        self.logic = logic
        self.message = Signal()
        self.isRefreshing = False
        self._shortcuts: list[Any] = []
        self._keySlots: list[tuple[str, Any, Callable[[], Any]]] = []
        self.setUp()

    def setUp(self) -> None:
        """Fill combo boxes, connect signals; once."""

    def connectParameters(self) -> None:
        """Bind widgets to the parameter nodes of the scene and the current case."""

    def disconnectParameters(self) -> None:
        """Undo ``connectParameters``."""

    def refresh(self) -> None:
        """Show what is."""

    def cleanup(self) -> None:
        """Let go of what outlives the widgets."""
        # The main window would keep them.
        for shortcut in self._shortcuts:
            shortcut.enabled = False
            shortcut.deleteLater()
        self._shortcuts = []

    def setShortcutsEnabled(self, enabled: bool) -> None:
        """Only while the module is in front."""
        for shortcut in self._shortcuts:
            shortcut.enabled = enabled

    def addShortcut(self, parent: Any, context: Any, keys: str, slot: Callable[[], Any]) -> None:
        """A key, on the panel: a main window need not exist, and its own keys stay untouched.

        Args:
            parent: A widget; ``window()`` of one for keys that work with the cursor in a view.
            context: Qt's, where the focus must be.
            keys: As Qt writes them.
            slot: Called without arguments.
        """
        shortcut = qt.QShortcut(qt.QKeySequence(keys), parent)
        shortcut.context = context
        shortcut.activated.connect(slot)
        self._shortcuts.append(shortcut)
        self._keySlots.append((keys, parent, slot))

    def press(self, keys: str, focus: Any) -> bool:
        """Do what a key does; False where the section does not listen for it.

        For the self test: no code that runs in Slicer can press a key.

        Args:
            keys: As Qt writes them.
            focus: The widget that has the focus.
        """
        chain = [focus]
        while chain[-1] is not None:
            chain.append(chain[-1].parentWidget())
        slot = next((slot for known, parent, slot in self._keySlots if known == keys and parent in chain), None)
        if slot is not None:
            slot()
        return slot is not None

    @contextmanager
    def refreshing(self) -> Iterator[None]:
        """While it lasts, changes of widgets are ours."""
        before, self.isRefreshing = self.isRefreshing, True
        try:
            yield
        finally:
            self.isRefreshing = before


class ParameterBinding:
    """Binds some widgets to a parameter node, by their property ``SlicerParameterName``."""

    def __init__(self, ui: Any, names: Sequence[str]) -> None:
        self._gui = SimpleNamespace(**{name: getattr(ui, name) for name in names})
        self._parameters: Any = None
        self._tag: Any = None

    def connect(self, parameters: Any | None) -> None:
        """Bind to a parameter node wrapper; None binds to none."""
        self.disconnect()
        if parameters is not None:
            self._parameters = parameters
            self._tag = parameters.connectGui(self._gui)

    def disconnect(self) -> None:
        """Bind to none."""
        if self._parameters is not None:
            self._parameters.disconnectGui(self._tag)
        self._parameters = self._tag = None


def fillCombo(combo: Any, entries: Sequence[tuple[str, str]]) -> None:
    """Put (key, title) pairs into a combo box; the mouse wheel scrolls the panel and changes nothing."""
    combo.scrollWheelEffect = ctk.ctkComboBox.NeverScroll
    # After it: CTK lets the wheel give the focus then.
    combo.focusPolicy = qt.Qt.StrongFocus
    wasBlocked = combo.blockSignals(True)
    combo.clear()
    for key, title in entries:
        combo.addItem(title, key)
    combo.blockSignals(wasBlocked)


def comboKey(combo: Any) -> str:
    """Key of the chosen entry; empty where there is none."""
    key = combo.itemData(combo.currentIndex)
    return "" if key is None else str(key)


def chooseKey(combo: Any, key: str) -> None:
    """Choose the entry of a key without a signal; an unknown key changes nothing."""
    index = combo.findData(key)
    if index >= 0 and index != combo.currentIndex:
        wasBlocked = combo.blockSignals(True)
        combo.currentIndex = index
        combo.blockSignals(wasBlocked)


def chooseNode(selector: Any, node: Any) -> None:
    """Show a node in an MRML selector without a signal."""
    if selector.currentNode() != node:
        wasBlocked = selector.blockSignals(True)
        selector.setCurrentNode(node)
        selector.blockSignals(wasBlocked)
