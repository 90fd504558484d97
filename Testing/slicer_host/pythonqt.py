"""PythonQt's manners over PySide6: the ``qt`` module that scripted modules import.

PythonQt, through which Slicer's Python reaches Qt, treats a ``QObject`` unlike PySide6: Qt properties are attributes,
calls take no keyword arguments, lists come back as tuples, new attributes are refused on C++ objects, enum members
hang on their class. ``install()`` gives PySide6's classes those manners for the whole process, by replacing attribute
access of every ``QObject`` class once. Objects that C++ makes (``QUiLoader``) have them too.
"""

from __future__ import annotations

import enum
import sys
import types
from collections.abc import Callable
from functools import cache
from typing import Any

from PySide6 import QtCore, QtGui, QtNetwork, QtUiTools, QtWidgets

from . import signals

_SOURCES = (QtCore, QtGui, QtWidgets, QtNetwork, QtUiTools)
_ABSENT = {"Signal", "Slot", "Property", "SignalInstance", "SIGNAL", "SLOT"}
"""PySide6's own ways of declaring signals: not in PythonQt, or known to crash there."""

_plain_get: dict[type, Callable[[Any, str], Any]] = {}


def install() -> types.ModuleType:
    """Give PySide6 the manners of PythonQt and return the ``qt`` module, which is put into ``sys.modules`` too."""
    if "qt" in sys.modules:
        return sys.modules["qt"]
    qt = types.ModuleType("qt", "PySide6 with the manners of PythonQt.")
    for source in _SOURCES:
        # dir, not vars: PySide6 makes its classes when they are first asked for.
        for name in dir(source):
            # The first wins: QtGui has a second, smaller namespace called Qt.
            if not name.startswith("_") and name not in _ABSENT and not hasattr(qt, name):
                setattr(qt, name, getattr(source, name))
    classes = [value for value in vars(qt).values() if isinstance(value, type)]
    for cls in classes:
        _unscope_enums(cls)
    _change_attribute_access([cls for cls in classes if issubclass(cls, (QtCore.QObject, QtCore.QDir))])
    _plain_strings_from_file_dialogs(qt)
    _single_shots_that_tell(qt)
    sys.modules["qt"] = qt
    return qt


def is_pure_qt(cls: type) -> bool:
    """True for a class of Qt itself, false for one derived from it in Python."""
    return cls in _plain_get


def property_names(cls: type) -> frozenset[str]:
    """Names of the Qt properties of a class."""
    return _property_names(cls)


@cache
def _property_names(cls: type) -> frozenset[str]:
    meta = getattr(cls, "staticMetaObject", None)
    if meta is None:
        return frozenset()
    return frozenset(meta.property(index).name() for index in range(meta.propertyCount()))


@cache
def _qt_class(cls: type) -> type:
    """The first class of Qt itself among the ancestors."""
    return next(base for base in cls.__mro__ if base in _plain_get)


@cache
def _defined_in_python(cls: type, name: str) -> bool:
    """True where a class derived in Python has its own attribute of that name, before Qt's."""
    for base in cls.__mro__:
        if base in _plain_get:
            return False
        if name in base.__dict__:
            return True
    return False


def _is_property(cls: type, name: str) -> bool:
    return name in _property_names(_qt_class(cls)) and not _defined_in_python(cls, name)


def _change_attribute_access(classes: list[type]) -> None:
    # All are kept before any is changed: a class may inherit what it has from one of the others.
    _plain_get.update({cls: cls.__getattribute__ for cls in classes})
    plain_init = {cls: cls.__init__ for cls in classes}
    for cls in classes:
        cls.__getattribute__ = _get
        cls.__setattr__ = _set
        _refuse_keywords(cls, plain_init[cls])


def _refuse_keywords(cls: type, plain: Callable[..., None]) -> None:

    def __init__(self: Any, *arguments: Any, **keywords: Any) -> None:
        if keywords:
            raise TypeError(f"{cls.__name__}: PythonQt takes no keyword arguments ({', '.join(keywords)})")
        plain(self, *arguments)
        if isinstance(self, QtCore.QObject):
            signals.note_made_in_python(self)

    cls.__init__ = __init__


def _get(self: Any, name: str) -> Any:
    return _getter(type(self), name)(self)


@cache
def _getter(cls: type, name: str) -> Callable[[Any], Any]:
    """How objects of a class read an attribute: looked up once, since panels read hundreds of thousands."""
    plain = _plain_get[_qt_class(cls)]
    if name.startswith("__"):
        return lambda self: plain(self, name)
    own = None if _defined_in_python(cls, name) else _ADDED.get(name)
    if own is not None:
        return lambda self: types.MethodType(own, self)
    if name == "name" and not _defined_in_python(cls, name) and issubclass(cls, QtCore.QObject):
        name = "objectName"
    if _is_property(cls, name):
        return lambda self: as_pythonqt(_read(self, name, plain))
    return lambda self: _bound(self, name, plain(self, name))


def _bound(self: Any, name: str, value: Any) -> Any:
    if isinstance(value, QtCore.SignalInstance):
        return signals.BoundSignal(self, name, value)
    return _Method(value) if isinstance(value, types.BuiltinMethodType) else value


def _read(self: Any, name: str, plain: Callable[[Any, str], Any]) -> Any:
    try:
        getter = plain(self, name)
    except AttributeError:
        getter = None
    try:
        return getter() if callable(getter) else QtCore.QObject.property(self, name)
    except TypeError:  # another method of that name: QTimer.singleShot(milliseconds, function)
        return QtCore.QObject.property(self, name)


def _set(self: Any, name: str, value: Any) -> None:
    _setter(type(self), name)(self, value)


@cache
def _setter(cls: type, name: str) -> Callable[[Any, Any], None]:
    """How objects of a class write an attribute; looked up once, as in ``_getter``."""
    if name == "name" and not _defined_in_python(cls, name) and issubclass(cls, QtCore.QObject):
        name = "objectName"
    if _is_property(cls, name):
        return lambda self, value: _write(self, name, value)
    hold = _holder(cls, name)
    return hold if _may_hold(cls, name) else lambda self, value: _hold_signal(self, name, value, hold)


def _holder(cls: type, name: str) -> Callable[[Any, Any], None]:
    """Sets an attribute of an object whose class is derived in Python, by its descriptor where there is one."""
    for base in cls.__mro__:
        descriptor = base.__dict__.get(name)
        if hasattr(type(descriptor), "__set__"):
            return lambda self, value: descriptor.__set__(self, value)
    return lambda self, value: self.__dict__.__setitem__(name, value)


def _hold_signal(self: Any, name: str, value: Any, hold: Callable[[Any, Any], None]) -> None:
    """PySide6 itself keeps signals in the objects of Qt's own classes; nothing else may."""
    if not isinstance(value, QtCore.SignalInstance):
        raise AttributeError(
            f"Attribute {name!r} does not exist on {type(self).__name__} and creating new attributes on C++ objects "
            "is not allowed"
        )
    hold(self, value)


def _may_hold(cls: type, name: str) -> bool:
    if is_pure_qt(cls):
        return False
    if getattr(cls, "isStandIn", False):
        return name.startswith("_") or _defined_in_python(cls, name)
    return True


def _write(self: Any, name: str, value: Any) -> None:
    if value is None and _is_text(self, name):
        raise TypeError(f"PythonQt writes the word None into {name!r} of {type(self).__name__}: give a text")
    plain = _plain_get[_qt_class(type(self))]
    try:
        setter = plain(self, "set" + name[0].upper() + name[1:])
    except AttributeError:
        setter = None
    if setter is not None:
        setter(list(value) if isinstance(value, tuple) else value)
        return
    meta = self.metaObject()
    if not meta.property(meta.indexOfProperty(name)).isWritable():
        raise AttributeError(f"Property {name!r} of {type(self).__name__} is read only")
    QtCore.QObject.setProperty(self, name, value)


def _is_text(self: Any, name: str) -> bool:
    meta = self.metaObject()
    return bool(meta.property(meta.indexOfProperty(name)).typeName() == "QString")


class _Method:
    """A C++ method: no keyword arguments, tuples for lists."""

    __slots__ = ("_plain",)

    def __init__(self, plain: Callable[..., Any]) -> None:
        self._plain = plain

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        if keywords:
            raise TypeError(f"{self._plain.__name__}(): PythonQt takes no keyword arguments ({', '.join(keywords)})")
        return as_pythonqt(self._plain(*(plain_qt(argument) for argument in arguments)))

    @property
    def __name__(self) -> str:
        return str(self._plain.__name__)


def as_pythonqt(value: Any) -> Any:
    """A value as PythonQt hands it to Python: tuples for lists."""
    return tuple(value) if isinstance(value, list) else value


def plain_qt(value: Any) -> Any:
    """An argument as PySide6 wants it: the bare method where PythonQt's is wrapped."""
    return value._plain if isinstance(value, _Method) else value


def _class_name(self: Any) -> str:
    return str(self.metaObject().className())


def _delete(self: Any) -> None:
    import shiboken6

    if signals.is_emitting(self):
        raise RuntimeError(f"A {type(self).__name__} is deleted inside its own signal: Qt goes on in freed memory")
    shiboken6.delete(self)


def _matches(child: Any, wanted: Any) -> bool:
    if isinstance(wanted, str):
        return not wanted or any(base.__name__ == wanted for base in type(child).__mro__)
    return isinstance(child, wanted)


def _find_children(self: Any, wanted: Any = QtCore.QObject, name: str = "") -> tuple[Any, ...]:
    plain = _plain_get[_qt_class(type(self))]
    # An empty name would be looked for, too.
    found = plain(self, "findChildren")(QtCore.QObject, *([name] if name else []))
    return tuple(child for child in found if _matches(child, wanted))


def _find_child(self: Any, wanted: Any = QtCore.QObject, name: str = "") -> Any:
    return next(iter(_find_children(self, wanted, name)), None)


_ADDED: dict[str, Callable[..., Any]] = {
    "connect": signals.connect,
    "disconnect": signals.disconnect,
    "className": _class_name,
    "delete": _delete,
    "findChild": _find_child,
    "findChildren": _find_children,
}
"""Methods that PythonQt has and PySide6 lacks or has otherwise."""


class _EnumType:
    """What stands where PySide6 has an enum class: callable with a number, without members."""

    def __init__(self, plain: type[enum.Enum]) -> None:
        self._plain = plain

    def __call__(self, value: Any = 0) -> Any:
        return self._plain(value)

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, self._plain)

    def __getattr__(self, name: str) -> Any:
        if name in self._plain.__members__:
            raise AttributeError(
                f"PythonQt has no scoped enums: write the member {name!r} of {self._plain.__qualname__} without the "
                "name of the enum"
            )
        raise AttributeError(name)


def _unscope_enums(cls: type) -> None:
    enums = {
        name: value for name, value in vars(cls).items() if isinstance(value, type) and issubclass(value, enum.Enum)
    }
    for value in enums.values():
        for member in value.__members__:
            if member.isidentifier() and member not in vars(cls):
                setattr(cls, member, value.__members__[member])
    for name, value in enums.items():
        setattr(cls, name, _EnumType(value))


def _single_shots_that_tell(qt: types.ModuleType) -> None:
    plain = qt.QTimer.singleShot

    def singleShot(milliseconds: int, function: Callable[[], Any]) -> None:
        plain(milliseconds, lambda: signals.call(function, ()))

    qt.QTimer.singleShot = staticmethod(singleShot)


def _plain_strings_from_file_dialogs(qt: types.ModuleType) -> None:
    dialog = qt.QFileDialog
    for name in ("getOpenFileName", "getSaveFileName", "getOpenFileNames"):
        plain = getattr(dialog, name)

        def only_names(*arguments: Any, _plain: Callable[..., Any] = plain) -> Any:
            return as_pythonqt(_plain(*arguments)[0])

        setattr(dialog, name, staticmethod(only_names))
