"""Child processes and delays: nothing of the module is called inside a signal of an object that Python owns."""

from __future__ import annotations

import ast
import os
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import qt  # noqa: E402
from LNStationSlicer.support.ChildProcess import ChildProcess  # noqa: E402
from LNStationSlicer.support.Command import Command  # noqa: E402
from LNStationSlicer.support.Turns import Delay, Turns  # noqa: E402
from slicer_host import driver, signals  # noqa: E402

MODULE = Path(__file__).resolve().parents[4] / "LNStation"


class Told:
    """A process and what it told, in order; forgets it as soon as something is told, where wanted."""

    def __init__(self, code: str, forget: bool = False, program: str = sys.executable) -> None:
        self.told: list[tuple[Any, ...]] = []
        self._forget = forget
        command = Command(program, ("-c", code), dict(os.environ))
        self.process: ChildProcess | None = ChildProcess(
            command, self._on("output"), self._on("ended"), self._on("failed"), self._on("errors")
        )

    def _on(self, name: str) -> Callable[..., None]:
        def note(*arguments: Any) -> None:
            self.told.append((name, *arguments, sum(signals._emitting.values())))
            if self._forget:
                self.process = None

        return note

    def wait(self, name: str) -> tuple[Any, ...]:
        return driver.wait_for(lambda: next((one for one in self.told if one[0] == name), None), 20, name)


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    before = set(driver.child_processes())
    yield
    assert set(driver.child_processes()) - before == set()
    assert slicer_host.take_slot_errors() == []


def test_output_errors_and_end_come_in_order_and_never_inside_a_signal() -> None:
    told = Told("import sys; print('out'); sys.stderr.write('err'); sys.exit(3)")
    assert told.wait("ended") == ("ended", 3, False, 0)
    read = {name: b"".join(one[1] for one in told.told if one[0] == name) for name in ("output", "errors")}
    assert (read["output"].strip(), read["errors"]) == (b"out", b"err")
    assert told.told[-1][0] == "ended"
    assert {one[-1] for one in told.told} == {0}


def test_a_process_may_be_dropped_in_any_callback() -> None:
    for code in ("print('out', flush=True)", "pass"):
        told = Told(code, forget=True)
        gone = weakref.ref(told.process)
        told.wait("ended")
        slicer.app.processEvents()
        assert gone() is None


def test_a_program_that_is_not_there_may_be_dropped_when_that_is_told() -> None:
    told = Told("", forget=True, program="/no/such/program")
    assert told.told == []
    assert "No such file" in told.wait("failed")[1]
    assert [one[0] for one in told.told] == ["failed"]


def test_a_process_counts_as_running_until_its_end_was_told() -> None:
    told = Told("import os; os.kill(os.getpid(), 9)")
    while told.process._process.state() != qt.QProcess.NotRunning:
        told.process._process.waitForFinished(1000)
    assert told.process.isRunning()
    told.process.write(b"nobody reads it")
    assert told.wait("ended")[1:3] == (9, True)
    assert not told.process.isRunning()


@pytest.mark.parametrize("end", ["stop", "abort"])
def test_after_stop_and_abort_nothing_is_told(end: str) -> None:
    told = Told("import time; print('up', flush=True); time.sleep(60)")
    told.wait("output")
    heard = len(told.told)
    if end == "stop":
        told.process.stop(100, 2000)
    else:
        told.process.abort()
    assert not told.process.isRunning()
    told.process = None
    driver.wait_for(lambda: driver.child_processes() == [], 5, "the end")
    assert len(told.told) == heard


def test_turns_are_taken_in_order_and_can_be_given_up() -> None:
    turns, calls = Turns(), []
    for number in range(3):
        turns.call(calls.append, number)
    assert calls == []
    driver.wait_for(lambda: len(calls) == 3, 5, "the turns")
    turns.call(calls.append, "given up")
    turns.clear()
    slicer.app.processEvents()
    assert calls == [0, 1, 2]


def test_a_delay_calls_once_after_the_last_start_and_not_after_stop() -> None:
    calls: list[int] = []
    delay = Delay(60, lambda: calls.append(1))
    delay.start()
    driver.wait_for(lambda: delay._due - 0.03 < driver.time.monotonic(), 5, "half the time")
    delay.start()
    first_due = delay._due
    driver.wait_for(lambda: calls, 5, "the call")
    assert driver.time.monotonic() >= first_due
    assert calls == [1]
    delay.start()
    delay.stop()
    end = driver.time.monotonic() + 0.1
    driver.wait_for(lambda: driver.time.monotonic() > end, 5, "the time")
    assert calls == [1]


def test_a_delay_may_be_dropped_by_what_it_calls() -> None:
    held: list[Delay] = []
    held.append(Delay(0, held.clear))
    held[0].start()
    driver.wait_for(lambda: not held, 5, "the call")


def test_the_module_owns_no_timer_and_no_process_but_through_these_two_files() -> None:
    made = {
        (path.name, ast.unparse(node.func))
        for path in MODULE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        if ast.unparse(node.func).startswith(("qt.QTimer", "qt.QProcess", "qt.QNetwork"))
    }
    assert {(name, made_by) for name, made_by in made if made_by != "qt.QTimer.singleShot"} == {
        ("ChildProcess.py", "qt.QProcess")
    }
