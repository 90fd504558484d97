"""Work of the panel spread over rounds of the event loop, and work beside it in a thread."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Generator

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer_host.start()

import qt  # noqa: E402
from LNStationSlicer.support.Aside import Aside  # noqa: E402
from LNStationSlicer.support.Steps import AGAIN, Steps, turnsOf  # noqa: E402
from LNStationSlicer.support.Turns import soon  # noqa: E402
from slicer_host import driver  # noqa: E402


def test_no_two_pieces_run_in_one_round_and_the_panel_goes_first() -> None:
    done: list[str] = []
    for name in "ab":
        soon(lambda name=name: done.append(name))
    soon(lambda: done.append("panel"), isFirst=True)
    rounds = []
    for _ in range(4):
        qt.QCoreApplication.processEvents()
        rounds.append(list(done))
    assert all(len(after) - len(before) <= 1 for before, after in itertools.pairwise(rounds))
    driver.wait_for(lambda: len(done) == 3, 5.0, "all")
    assert done == ["panel", "a", "b"]


def test_what_waits_goes_on_while_one_of_them_keeps_an_event_loop_of_its_own() -> None:
    done: list[str] = []

    def dialog() -> None:
        driver.wait_for(lambda: "next" in done, 5.0, "the next piece")
        done.append("dialog")

    soon(dialog)
    soon(lambda: done.append("next"))
    driver.wait_for(lambda: len(done) == 2, 5.0, "both")
    assert done == ["next", "dialog"]


def test_a_step_that_waits_for_a_thread_is_asked_again_and_what_it_raises_reaches_whoever_asked() -> None:
    held, results = threading.Event(), []
    aside = Aside(lambda: held.wait(5.0) and "made")
    wait = lambda: None if aside.isDone() else AGAIN  # noqa: E731
    steps = Steps([wait, lambda: results.append(aside.result())], lambda: results.append("end"), results.append)
    steps.start()
    driver.wait_for(lambda: qt.QCoreApplication.processEvents() or True, 0.1, "a few rounds")
    assert results == []
    held.set()
    driver.wait_for(lambda: len(results) == 2, 5.0, "the thread")
    assert results == ["made", "end"]
    with pytest.raises(ZeroDivisionError):
        Aside(lambda: 1 / 0).result()


def test_a_generator_gives_a_step_for_each_turn_and_its_result_in_the_last() -> None:
    taken: list[int] = []

    def work() -> Generator[None, None, int]:
        yield
        yield
        return 3

    turns = 0
    for step in turnsOf(work(), taken.append):
        assert taken == []
        step()
        turns += 1
    assert (turns, taken) == (3, [3])
