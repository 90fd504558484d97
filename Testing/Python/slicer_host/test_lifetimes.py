"""The host's guard: an object that PythonQt would delete inside one of its own signals is noticed."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import slicer_host


class Owner:
    """Owns a timer, or a process that ends at once, and does something to it in its first signal."""

    def __init__(self, qt: Any, kind: str, deed: Callable[[Owner], None]) -> None:
        self.emitter, self.ended, self._deed = getattr(qt, kind)(), False, deed
        self.signal.connect(self.on_signal)
        self.alive = weakref.ref(self.emitter)
        if kind == "QTimer":
            self.emitter.start(5)
        else:
            self.emitter.start(sys.executable, ["-c", "pass"])

    @property
    def signal(self) -> Any:
        return self.emitter.timeout if hasattr(self.emitter, "timeout") else self.emitter.finished

    def on_signal(self) -> None:
        if not self.ended:
            self.ended = True
            self._deed(self)


def errors_of(qt: Any, kind: str, deed: Callable[[Owner], None]) -> list[str]:
    """What the guard noted while an object of a kind sent its first signal."""
    from slicer_host import driver

    owner = Owner(qt, kind, deed)
    driver.wait_for(lambda: owner.ended, 20, "the signal")
    if owner.emitter is not None:
        owner.signal.disconnect(owner.on_signal)
    return [str(error) for error in slicer_host.take_slot_errors()]


def drop(owner: Owner) -> None:
    owner.signal.disconnect(owner.on_signal)
    owner.emitter = None


def drop_with_delete_later(owner: Owner) -> None:
    owner.emitter.deleteLater()
    drop(owner)


@pytest.mark.parametrize("kind", ["QProcess", "QTimer"])
@pytest.mark.parametrize("deed", [drop, drop_with_delete_later])
def test_an_object_that_dies_inside_its_own_signal_is_noticed(qt: Any, kind: str, deed: Any) -> None:
    (error,) = errors_of(qt, kind, deed)
    signal = "finished(int,QProcess::ExitStatus)" if kind == "QProcess" else "timeout()"
    assert f"last reference to a {kind} was dropped inside its own signal {signal}" in error


def test_the_owner_may_be_what_dies_and_the_object_with_it(qt: Any) -> None:
    owners: list[Owner] = []

    def forget_the_owner(owner: Owner) -> None:
        owner.signal.disconnect(owner.on_signal)
        owners.clear()

    from slicer_host import driver

    owners.append(Owner(qt, "QTimer", forget_the_owner))
    driver.wait_for(lambda: not owners, 5, "the signal")
    (error,) = slicer_host.take_slot_errors()
    assert "last reference to a QTimer" in str(error)


def test_an_object_that_is_noticed_lives_until_the_event_loop_has_control(slicer: Any, qt: Any) -> None:
    held: list[Any] = []

    def drop_and_watch(owner: Owner) -> None:
        held.append(owner.alive)
        drop(owner)

    errors_of(qt, "QTimer", drop_and_watch)
    slicer.app.processEvents()
    assert held[0]() is None


@pytest.mark.parametrize("kind", ["QProcess", "QTimer"])
def test_an_object_that_is_held_until_the_event_loop_has_control_is_sound(qt: Any, kind: str) -> None:
    def hold_and_drop(owner: Owner) -> None:
        emitter = owner.emitter
        qt.QTimer.singleShot(0, lambda: emitter)
        drop(owner)

    assert errors_of(qt, kind, hold_and_drop) == []


def test_an_object_that_is_kept_or_dropped_outside_of_its_signals_is_sound(slicer: Any, qt: Any) -> None:
    assert errors_of(qt, "QProcess", lambda owner: None) == []
    slicer.app.processEvents()
    assert slicer_host.take_slot_errors() == []


def test_an_object_with_a_parent_belongs_to_the_parent(qt: Any) -> None:
    parent = qt.QObject()

    def give_away(owner: Owner) -> None:
        owner.emitter.setParent(parent)
        drop(owner)

    assert errors_of(qt, "QTimer", give_away) == []
    parent.delete()


def test_deleting_an_object_by_hand_inside_its_own_signal_is_refused(qt: Any) -> None:
    (error,) = errors_of(qt, "QTimer", lambda owner: owner.emitter.delete())
    assert "deleted inside its own signal" in error


def test_a_function_that_was_disconnected_meanwhile_is_not_called(qt: Any) -> None:
    button, calls = qt.QPushButton(), []

    def second() -> None:
        calls.append("second")

    def first() -> None:
        calls.append("first")
        button.clicked.disconnect(second)

    button.clicked.connect(first)
    button.clicked.connect(second)
    button.click()
    assert calls == ["first"]
