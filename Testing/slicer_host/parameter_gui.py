"""Which widget may show which type of parameter, and how: as strict about exact widget types as Slicer is."""

from __future__ import annotations

import enum
import pathlib
import typing
from collections.abc import Callable
from typing import Any

import ctk
import qt
import slicer

from .parameter_values import Choice, Decimals, Maximum, Minimum, SingleStep, WithinRange, split_annotations


class Connector:
    """Reads and writes one widget and tells when the user changes it."""

    def __init__(self, widget: Any, read: Callable[[], Any], write: Callable[[Any], None], signal: Any) -> None:
        self.widget, self.read, self.write, self._signal = widget, read, write, signal
        self._callback: Callable[[], None] | None = None

    def listen(self, callback: Callable[[], None] | None) -> None:
        """Call back at each change from now on, or never again with ``None``."""
        if self._callback is not None:
            self._signal.disconnect(self._changed)
        self._callback = callback
        if callback is not None:
            self._signal.connect(self._changed)

    def _changed(self) -> None:
        if self._callback is not None:
            self._callback()


def connector_for(widget: Any, hint: Any) -> Connector:
    """The connector of a widget for a type.

    Raises:
        RuntimeError: Slicer has none for that pair either.
    """
    bare, annotations = split_annotations(hint)
    maker = _MAKERS.get(type(widget))
    made = maker(widget, bare, annotations) if maker else None
    if made is None:
        raise RuntimeError(f"Unable to create GUI connector from datatype '{hint}' to widget type '{type(widget)}'")
    return made


def _first(annotations: list[Any], wanted: type) -> Any:
    return next((one for one in annotations if isinstance(one, wanted)), None)


def _property_connector(
    widget: Any, name: str, signal: Any, convert: Callable[[Any], Any] = lambda v: v
) -> Connector:
    return Connector(
        widget, lambda: getattr(widget, name), lambda value: setattr(widget, name, convert(value)), signal
    )


def _button(widget: Any, bare: Any, annotations: list[Any]) -> Connector | None:
    if bare is not bool:
        return None
    if type(widget) is qt.QPushButton:
        widget.checkable = True
    return _property_connector(widget, "checked", widget.toggled)


def _number(widget: Any, bare: Any, annotations: list[Any], wanted: type, must_be_bounded: bool) -> Connector | None:
    if bare is not wanted:
        return None
    within, low, high = (_first(annotations, kind) for kind in (WithinRange, Minimum, Maximum))
    lowest = within.minimum if within else low.minimum if low else None
    highest = within.maximum if within else high.maximum if high else None
    if must_be_bounded and (lowest is None or highest is None):
        raise RuntimeError(f"Cannot have a connection to {type(widget).__name__} where the type is unbounded.")
    decimals, step = _first(annotations, Decimals), _first(annotations, SingleStep)
    if decimals:
        widget.decimals = decimals.value
    if step:
        widget.singleStep = step.value
    widget.minimum = lowest if lowest is not None else -(2**31)
    widget.maximum = highest if highest is not None else 2**31 - 1
    return _property_connector(widget, "value", widget.valueChanged)


def _combo_box(widget: Any, bare: Any, annotations: list[Any]) -> Connector | None:
    if isinstance(bare, type) and issubclass(bare, enum.Enum):
        choices: list[Any] = list(bare)
        labels = [member.label() if hasattr(member, "label") else member.name for member in choices]
    elif bare in (int, float, str, bool):
        choice = _first(annotations, Choice)
        if choice is None:
            raise RuntimeError("ComboBoxToStringableConnector requires the Choice annotation to be used.")
        choices, labels = list(choice.choices), [str(one) for one in choice.choices]
    else:
        return None
    widget.clear()
    for label in labels:
        widget.addItem(label)
    return Connector(
        widget,
        lambda: choices[widget.currentIndex],
        lambda value: setattr(widget, "currentIndex", choices.index(value)),
        widget.currentIndexChanged,
    )


def _line_edit(widget: Any, bare: Any, annotations: list[Any]) -> Connector | None:
    return _property_connector(widget, "text", widget.textChanged) if bare is str else None


def _text_edit(widget: Any, bare: Any, annotations: list[Any]) -> Connector | None:
    return _property_connector(widget, "plainText", widget.textChanged) if bare is str else None


def _path(widget: Any, bare: Any, name: str, signal: Any) -> Connector | None:
    if not (isinstance(bare, type) and issubclass(bare, pathlib.PurePath)):
        return None
    return Connector(
        widget, lambda: bare(getattr(widget, name)), lambda value: setattr(widget, name, str(value)), signal
    )


def _node_types(bare: Any) -> list[str] | None:
    kinds = [kind for kind in (typing.get_args(bare) or (bare,)) if kind is not type(None)]
    if all(isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode) for kind in kinds):
        return [kind.__name__ for kind in kinds]
    return None


def _node_combo_box(widget: Any, bare: Any, annotations: list[Any]) -> Connector | None:
    kinds = _node_types(bare)
    if kinds is None:
        return None
    widget.nodeTypes = kinds
    return Connector(widget, widget.currentNode, widget.setCurrentNode, widget.currentNodeChanged)


_MAKERS: dict[type, Callable[[Any, Any, list[Any]], Connector | None]] = {
    qt.QCheckBox: _button,
    qt.QPushButton: _button,
    qt.QSlider: lambda widget, bare, extra: _number(widget, bare, extra, int, True),
    qt.QSpinBox: lambda widget, bare, extra: _number(widget, bare, extra, int, False),
    qt.QDoubleSpinBox: lambda widget, bare, extra: _number(widget, bare, extra, float, False),
    ctk.ctkSliderWidget: lambda widget, bare, extra: _number(widget, bare, extra, float, True),
    qt.QComboBox: _combo_box,
    qt.QLineEdit: _line_edit,
    qt.QTextEdit: _text_edit,
    ctk.ctkPathLineEdit: lambda widget, bare, extra: _path(widget, bare, "currentPath", widget.currentPathChanged),
    ctk.ctkDirectoryButton: lambda widget, bare, extra: _path(widget, bare, "directory", widget.directoryChanged),
    slicer.qMRMLNodeComboBox: _node_combo_box,
}
