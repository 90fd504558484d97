"""Connections as PythonQt makes them, for Qt's own signals and for those of the stand-ins."""

from __future__ import annotations

import logging
import sys
import types
import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import shiboken6
from PySide6 import QtCore

CO_VARARGS = 0x04

errors: list[BaseException] = []
"""What connected functions raised, oldest first: Qt swallows it, as it does in Slicer, so tests look here."""

_plain_connect = QtCore.QObject.connect
_plain_disconnect = QtCore.QObject.disconnect


def trimmed(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments that PythonQt passes: surplus ones are dropped for plain functions and methods only."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None or not isinstance(function, (types.FunctionType, types.MethodType)) or code.co_flags & CO_VARARGS:
        return arguments
    wanted = code.co_argcount - (1 if isinstance(function, types.MethodType) else 0)
    return arguments[:wanted] if len(arguments) > wanted else arguments


def call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Call a connected function as PythonQt does; what it raises is logged and kept in ``errors``."""
    try:
        function(*trimmed(function, arguments))
    except Exception as error:
        errors.append(error)
        logging.getLogger(__name__).exception("A connected function raised")


@dataclass
class _Connection:
    """``function`` is None once disconnected: a relay that still runs must not keep alive what it belongs to."""

    signature: str
    function: Callable[..., Any] | None
    relay: Callable[..., None] = field(init=False)


_connections: dict[int, list[_Connection]] = {}
"""Connections of Qt's own signals, by address of the sender."""

_emitting: Counter[int] = Counter()
"""How many signals of a sender are being delivered to Python now, by its address."""

_MADE_IN_PYTHON = "_madeInPython"
_OWN_REFERENCES = 2
"""References to an object that ``sys.getrefcount`` finds where one local variable alone holds it."""


def note_made_in_python(made: QtCore.QObject) -> None:
    """Python made this object, so that PythonQt deletes it when Python lets go of it, unless it has a parent."""
    made.__dict__[_MADE_IN_PYTHON] = True


def is_emitting(sender: QtCore.QObject) -> bool:
    """True while a signal of this object is being delivered to Python."""
    return _emitting[_address(sender)] > 0


def _relay(connection: _Connection, sender: weakref.ref[QtCore.QObject]) -> Callable[..., None]:
    """The function that Qt calls for a connection.

    PythonQt deletes an object that Python owns at once when its last reference goes, ``deleteLater`` or not, and Qt
    goes on in the deleted object where that happens inside one of its own signals. PySide6 hides it. So the object is
    held here meanwhile, what would have happened is noted in ``errors``, and it is let go from the event loop.
    """

    def relay(*arguments: Any) -> None:
        emitter, signature, function = sender(), connection.signature, connection.function
        if function is None:
            return
        address = _address(emitter) if emitter is not None and shiboken6.isValid(emitter) else 0
        _emitting[address] += 1
        try:
            call(function, arguments)
        finally:
            _emitting[address] -= 1
        # Now only those references to the emitter are left that outlive the connected function.
        del function, arguments
        if emitter is not None and sys.getrefcount(emitter) <= _OWN_REFERENCES + _kept_by_pyside(emitter):
            _note_death(emitter, signature)

    return relay


def _kept_by_pyside(emitter: QtCore.QObject) -> int:
    """One where ``deleteLater`` was called: PySide6 then hands the object over to Qt and keeps a reference."""
    return 0 if shiboken6.ownedByPython(emitter) else 1


def _note_death(emitter: QtCore.QObject, signature: str) -> None:
    """Note that PythonQt would have deleted an object inside its own signal; hold it until the event loop runs."""
    if _MADE_IN_PYTHON not in emitter.__dict__ or signature.startswith("destroyed("):
        return
    if not shiboken6.isValid(emitter) or QtCore.QObject.parent(emitter) is not None:
        return
    error = RuntimeError(
        f"The last reference to a {type(emitter).__name__} was dropped inside its own signal {signature}: PythonQt "
        "deletes it there and then, and Qt goes on in freed memory"
    )
    errors.append(error)
    logging.getLogger(__name__).error("%s", error)
    QtCore.QTimer.singleShot(0, lambda held=emitter: None)


def signatures(sender: QtCore.QObject, name: str) -> list[str]:
    """Signatures of a sender's signals of that name, as declared, the fullest of a group with defaults first."""
    return _signatures(type(sender)).get(name, [])


@cache
def _signatures(cls: type[QtCore.QObject]) -> dict[str, list[str]]:
    """Signatures of a class's signals by their name. Slots may come at run time, signals do not."""
    meta = cls.staticMetaObject
    found: dict[str, list[str]] = {}
    for method in (meta.method(index) for index in range(meta.methodCount())):
        if method.methodType() == QtCore.QMetaMethod.Signal:
            signature = bytes(method.methodSignature().data()).decode()
            found.setdefault(bytes(method.name().data()).decode(), []).append(signature)
    return found


def _resolve(sender: QtCore.QObject, signal: str) -> str:
    """The declared signature of ``name`` or ``name(types)``.

    Raises:
        ValueError: The sender has no such signal.
    """
    name = signal.split("(")[0].strip()
    declared = signatures(sender, name)
    if "(" not in signal:
        wanted = declared[0] if declared else ""
    else:
        wanted = bytes(QtCore.QMetaObject.normalizedSignature(signal).data()).decode()
    if wanted not in declared:
        raise ValueError(f"{type(sender).__name__} has no signal {signal!r}; of that name: {declared or 'none'}")
    return wanted


def _target(arguments: tuple[Any, ...]) -> Callable[..., Any]:
    """The function of ``connect(signal, function)`` or ``connect(signal, receiver, "slot(types)")``."""
    if len(arguments) == 2:
        receiver, slot = arguments
        return getattr(receiver, slot.split("(")[0])
    (function,) = arguments
    if not callable(function):
        raise TypeError(f"{function!r} cannot be connected: it is not callable")
    return function


def connect(self: QtCore.QObject, signal: str, *target: Any) -> bool:
    """``sender.connect("clicked(bool)", function)``; true where connected.

    Raises:
        ValueError: The sender has no such signal. (PythonQt only returns false; here a test should fail.)
    """
    if isinstance(signal, QtCore.QObject):
        # PySide6 itself calls so, from QTimer.singleShot: connect(sender, signal, function).
        return bool(_plain_connect(signal, *target))
    own = _own_signal(self, signal)
    if own is not None:
        return own.connect(_target(target))
    connection = _Connection(_resolve(self, signal), _target(target))
    connection.relay = _relay(connection, weakref.ref(self))
    address = _address(self)
    if address not in _connections:
        _connections[address] = []
        # Without its argument: PySide6 would wrap the dying object anew, and can crash over it.
        _plain_connect(self, QtCore.SIGNAL("destroyed()"), lambda: _connections.pop(address, None))
    _connections[address].append(connection)
    return bool(_plain_connect(self, QtCore.SIGNAL(connection.signature), connection.relay))


def disconnect(self: QtCore.QObject, signal: str, *target: Any) -> bool:
    """``sender.disconnect("clicked(bool)", function)``; without a function all of that signal; true where any was."""
    own = _own_signal(self, signal)
    if own is not None:
        return own.disconnect(*([_target(target)] if target else []))
    signature = _resolve(self, signal)
    function = _target(target) if target else None
    held = _connections.get(_address(self), [])
    gone = [one for one in held if one.signature == signature and function in (None, one.function)]
    for one in gone:
        held.remove(one)
        _plain_disconnect(self, QtCore.SIGNAL(signature), one.relay)
        one.function = None
    return bool(gone)


def _address(sender: QtCore.QObject) -> int:
    return int(shiboken6.getCppPointer(sender)[0])


def _own_signal(sender: QtCore.QObject, signal: str) -> HostSignal | None:
    """The stand-in's own signal, where ``signal`` names one.

    Raises:
        ValueError: The stand-in has a signal of that name, but with other arguments.
    """
    found = getattr(type(sender), signal.split("(")[0].strip(), None)
    return found.of(sender, signal) if isinstance(found, OwnSignal) else None


class BoundSignal:
    """A signal of Qt's own, as ``button.clicked``."""

    def __init__(self, sender: QtCore.QObject, name: str, plain: QtCore.SignalInstance) -> None:
        self._sender = sender
        self._name = name
        self._plain = plain

    def connect(self, *target: Any) -> bool:
        return connect(self._sender, self._name, *target)

    def disconnect(self, *target: Any) -> bool:
        return disconnect(self._sender, self._name, *target)

    def emit(self, *arguments: Any) -> None:
        """Send the signal; as in PythonQt it may be called too: ``button.clicked()``."""
        self._plain.emit(*arguments)

    __call__ = emit


@dataclass
class HostSignal:
    """A stand-in's signal bound to its sender: PythonQt's ways without Qt's machinery."""

    functions: list[Callable[..., Any]] = field(default_factory=list)
    sender: Any = None

    def connect(self, function: Callable[..., Any]) -> bool:
        self.functions.append(_target((function,)))
        return True

    def disconnect(self, *function: Callable[..., Any]) -> bool:
        gone = [one for one in self.functions if not function or one == function[0]]
        for one in gone:
            self.functions.remove(one)
        return bool(gone)

    def emit(self, *arguments: Any) -> None:
        if self.sender is not None and (not shiboken6.isValid(self.sender) or self.sender.signalsBlocked()):
            return
        for function in list(self.functions):
            call(function, arguments)

    __call__ = emit


class OwnSignal:
    """Declares a signal of a stand-in: ``currentNodeChanged = OwnSignal("currentNodeChanged(vtkMRMLNode*)")``.

    Of several signatures the first is the one that ``sender.currentNodeChanged`` means.
    """

    def __init__(self, *declared: str) -> None:
        self.signatures = declared

    def __get__(self, sender: Any, owner: type | None = None) -> Any:
        return self if sender is None else self.of(sender, self.signatures[0])

    def of(self, sender: Any, signal: str) -> HostSignal:
        """The bound signal of one signature.

        Raises:
            ValueError: Not a declared signature.
        """
        signature = signal.replace(" ", "") if "(" in signal else self.signatures[0]
        if signature not in self.signatures:
            raise ValueError(f"{type(sender).__name__} has no signal {signal!r}; of that name: {self.signatures}")
        held = sender.__dict__.setdefault("_own_signals", {})
        if signature not in held:
            held[signature] = HostSignal(sender=sender if isinstance(sender, QtCore.QObject) else None)
        return held[signature]
