"""A signal of our own: ``qt.Signal`` in Python classes is not safe in PythonQt."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any


class Signal:
    """Calls every connected function; methods are held weakly, so a signal keeps no widget alive."""

    def __init__(self) -> None:
        self._slots: list[Callable[[], Callable[..., Any] | None]] = []

    def connect(self, slot: Callable[..., Any]) -> None:
        """Call ``slot`` on each ``emit``; connecting it twice is the same as once."""
        if not any(held() == slot for held in self._slots):
            self._slots.append(_reference(slot))

    def disconnect(self, slot: Callable[..., Any]) -> None:
        """Call ``slot`` no more; unknown slots are ignored."""
        self._slots = [held for held in self._slots if held() not in (slot, None)]

    def emit(self, *arguments: Any) -> None:
        """Call all slots in the order in which they were connected."""
        for held in list(self._slots):
            slot = held()
            if slot is not None:
                slot(*arguments)

    def __len__(self) -> int:
        return sum(held() is not None for held in self._slots)


def _reference(slot: Callable[..., Any]) -> Callable[[], Callable[..., Any] | None]:
    if hasattr(slot, "__self__") and hasattr(slot, "__func__"):
        return weakref.WeakMethod(slot)
    return lambda: slot
