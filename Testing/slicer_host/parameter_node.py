"""Stand-in for ``slicer.parameterNodeWrapper``: the class decorator with typed fields bound to a parameter node."""

from __future__ import annotations

import copy
import typing
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer
import vtk

from .parameter_gui import Connector, connector_for
from .parameter_values import (
    Choice,
    Decimals,
    Default,
    Exclude,
    Kind,
    Maximum,
    Minimum,
    SingleStep,
    Validator,
    WithinRange,
    kind_of,
    split_annotations,
)

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "Maximum",
    "Minimum",
    "SingleStep",
    "SlicerParameterNamePropertyName",
    "Validator",
    "WithinRange",
    "isParameterNodeWrapper",
    "parameterNodeWrapper",
]

SlicerParameterNamePropertyName = "SlicerParameterName"


@dataclass(frozen=True)
class _Field:
    name: str
    hint: Any
    kind: Kind
    validators: tuple[Validator, ...]
    default: Any

    def write(self, node: Any, value: Any) -> None:
        if value is not None:
            for validator in self.validators:
                validator.validate(value)
        self.kind.write(node, self.name, value)

    def read(self, node: Any) -> Any:
        if not self.kind.held(node, self.name):
            self.write(node, copy.copy(self.default))
        return self.kind.read(node, self.name)


def _make_field(owner: type, name: str, hint: Any) -> _Field:
    bare, annotations = split_annotations(hint)
    kind = kind_of(bare)
    validators = tuple(one for one in annotations if isinstance(one, Validator))
    defaults = [one.value for one in annotations if isinstance(one, Default)]
    default = getattr(owner, name) if hasattr(owner, name) else defaults[0] if defaults else kind.default
    return _Field(name, hint, kind, validators, default)


class _Wrapper:
    """What the decorator adds to a class; names as in Slicer."""

    allParameters: dict[str, _Field]

    def __init__(self, parameterNode: Any) -> None:
        self.parameterNode = parameterNode
        self._connected: dict[int, dict[str, Connector]] = {}
        self._observers: dict[int, int] = {}
        self._next_tag = 0
        self._updating = False
        self._values: dict[str, Any] = {}
        self._read_all()
        # Weak, so that the wrapper can go while its node stays.
        this = weakref.ref(self)
        self._cache_observer = parameterNode.AddObserver(
            vtk.vtkCommand.ModifiedEvent, lambda *_: (held := this()) and held._read_all()
        )

    def __del__(self) -> None:
        if "_cache_observer" in self.__dict__:
            self.parameterNode.RemoveObserver(self._cache_observer)

    def _read_all(self) -> None:
        """Values are kept from one change of the node to the next, as in Slicer, with what that brings.

        While a scene is read, a node is told of its change before the nodes that it refers to are there; so a field
        of a node type stays ``None`` until the module sets off ``Modified()`` after the import.
        """
        with slicer.util.NodeModify(self.parameterNode):
            self._values = {name: field.read(self.parameterNode) for name, field in self.allParameters.items()}

    def getValue(self, name: str) -> Any:
        self._field(name)
        return self._values[name]

    def setValue(self, name: str, value: Any) -> None:
        with slicer.util.NodeModify(self.parameterNode):
            field = self._field(name)
            field.write(self.parameterNode, value)
            self._values[name] = field.read(self.parameterNode)

    def default(self, name: str) -> Default:
        return Default(self._field(name).default)

    @classmethod
    def dataType(cls, name: str) -> Any:
        return cls._field(name).hint

    @classmethod
    def _field(cls, name: str) -> _Field:
        if name not in cls.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {name}; found {list(cls.allParameters)}")
        return cls.allParameters[name]

    def connectGui(self, gui: Any) -> int:
        """Bind every widget with a dynamic property ``SlicerParameterName``; returns a tag for ``disconnectGui``."""
        import qt

        widgets = gui.findChildren(qt.QWidget) if isinstance(gui, qt.QObject) else gui.__dict__.values()
        named = ((widget, widget.property(SlicerParameterNamePropertyName)) for widget in widgets)
        return self.connectParametersToGui({name: widget for widget, name in named if name})

    def connectParametersToGui(self, mapping: dict[str, Any]) -> int:
        connectors = {name: connector_for(widget, self.dataType(name)) for name, widget in mapping.items()}
        tag, self._next_tag = self._next_tag, self._next_tag + 1
        self._connected[tag] = connectors
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.listen(self._writer(name, connector))
        self._observers[tag] = self.parameterNode.AddObserver(
            vtk.vtkCommand.ModifiedEvent, lambda *_: self._update_gui()
        )
        return tag

    def disconnectGui(self, tag: int) -> None:
        for connector in self._connected.pop(tag, {}).values():
            connector.listen(None)
        if tag in self._observers:
            self.parameterNode.RemoveObserver(self._observers.pop(tag))

    def _writer(self, name: str, connector: Connector) -> Callable[[], None]:
        def write() -> None:
            if not self._updating:
                with slicer.util.NodeModify(self.parameterNode):
                    self.setValue(name, connector.read())

        return write

    def _update_gui(self) -> None:
        if self._updating:
            return
        self._updating = True
        try:
            for connectors in list(self._connected.values()):
                for name, connector in connectors.items():
                    connector.write(self.getValue(name))
        finally:
            self._updating = False

    def StartModify(self) -> int:
        return int(self.parameterNode.StartModify())

    def EndModify(self, wasModified: int) -> None:
        self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event: Any, callback: Any, priority: float = 0.0) -> int:
        return int(self.parameterNode.AddObserver(event, callback, priority))

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()


def _property(name: str) -> property:
    return property(lambda self: self.getValue(name), lambda self, value: self.setValue(name, value))


def _process(cls: type) -> type:
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = {name: _make_field(cls, name, hint) for name, hint in hints.items()}
    for name, member in vars(_Wrapper).items():
        if name in ("__init__", "__del__") or not name.startswith("__"):
            if name in fields:
                raise ValueError(f"Cannot use reserved name {name!r} in a parameterNodeWrapper")
            setattr(cls, name, member)
    cls.allParameters = fields
    cls._is_parameter_node_wrapper = True
    for name in fields:
        setattr(cls, name, _property(name))
    return cls


def parameterNodeWrapper(classtype: type | None = None) -> Any:
    """Class decorator, with or without parentheses."""
    return _process if classtype is None else _process(classtype)


def isParameterNodeWrapper(classOrObj: Any) -> bool:
    return getattr(classOrObj, "_is_parameter_node_wrapper", False)
