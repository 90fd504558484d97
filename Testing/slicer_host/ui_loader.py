"""``qt.QUiLoader`` that knows the stand-ins: module panels come from Designer's ``.ui`` files."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from functools import cache
from typing import Any

import qt

from .ctk_sections import StandIn

PlainLoader = qt.QUiLoader

custom_widgets: dict[str, type] = {}
"""Classes that ``.ui`` files may name, besides Qt's own."""


class _Loader(PlainLoader):
    def createWidget(self, className: str, parent: Any = None, name: str = "") -> Any:
        cls = custom_widgets.get(className)
        if cls is None:
            if className.startswith(("q", "ctk")):
                raise LookupError(f"The host has no stand-in for {className}; add one to Testing/slicer_host")
            return super().createWidget(className, parent, name)
        widget = cls(parent) if parent is not None else cls()
        widget.objectName = name
        return widget


class UiLoader:
    """What ``qt.QUiLoader()`` makes: ``load(device)`` as in PythonQt."""

    def load(self, device: Any, parent: Any = None) -> Any:
        """Build the widgets of an open ``.ui`` file.

        Raises:
            LookupError: The file names a class that the host does not stand in for, or a signal that is not there.
        """
        cleaned, ours = _for_qt(bytes(device.readAll().data()))
        buffer = qt.QBuffer()
        buffer.setData(qt.QByteArray(cleaned))
        buffer.open(qt.QIODevice.ReadOnly)
        loader = _Loader()
        top = loader.load(buffer, parent)
        if top is None:
            raise LookupError(f"Qt cannot build the panel: {loader.errorString()}")
        _apply_properties(top)
        for sender, signal, receiver, slot in ours:
            _connect(top, sender, signal, receiver, slot)
        return top


@cache
def _for_qt(text: bytes) -> tuple[bytes, tuple[tuple[str, ...], ...]]:
    """A ``.ui`` file without what only the stand-ins know, and the connections that concern them."""
    root = ElementTree.fromstring(text)
    unknown = {w.get("class", "") for w in root.iter("widget")} - set(custom_widgets)
    unknown = {name for name in unknown if name.startswith(("ctk", "qMRML", "qSlicer"))}
    if unknown:
        raise LookupError(f"The host has no stand-in for {', '.join(sorted(unknown))}")
    ours = _take_own_connections(root)
    # Designer's list of promoted classes would make the loader fall back on their base classes.
    for promoted in root.findall("customwidgets"):
        root.remove(promoted)
    return ElementTree.tostring(root), tuple(ours)


def _take_own_connections(root: Any) -> list[tuple[str, ...]]:
    """Take connections out of the file that concern stand-ins: Qt does not know their signals and slots."""
    classes = {widget.get("name"): widget.get("class") for widget in root.iter("widget")}
    taken = []
    for group in root.findall("connections"):
        for connection in list(group):
            parts = tuple(connection.findtext(tag, "") for tag in ("sender", "signal", "receiver", "slot"))
            if classes.get(parts[0]) in custom_widgets or classes.get(parts[2]) in custom_widgets:
                taken.append(parts)
                group.remove(connection)
    return taken


def _apply_properties(top: Any) -> None:
    """Hand the stand-ins what Qt could only keep as dynamic properties."""
    for widget in (top, *top.findChildren(qt.QWidget)):
        if isinstance(widget, StandIn):
            for name in [bytes(one.data()).decode() for one in widget.dynamicPropertyNames()]:
                if isinstance(getattr(type(widget), name, None), property):
                    setattr(widget, name, widget.property(name))


def _named(top: Any, name: str) -> Any:
    found = top if top.objectName == name else top.findChild(qt.QObject, name)
    if found is None:
        raise LookupError(f"The .ui file connects {name!r}, which it does not have")
    return found


def _connect(top: Any, sender: str, signal: str, receiver: str, slot: str) -> None:
    target = getattr(_named(top, receiver), slot.split("(")[0], None)
    if not callable(target):
        raise LookupError(f"The .ui file connects to {receiver}.{slot}, which the host does not have")
    _named(top, sender).connect(signal, target)
