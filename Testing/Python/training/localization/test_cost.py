"""What work costs: by the clock and of processors, with processes that were started for it."""

from __future__ import annotations

import os
import time
from timeit import timeit

import pytest

pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from lnstation_training.localization.cost import Stopwatch
from LNStationLib.support.processes import spread


def burn(cpu_seconds: float) -> None:
    start = time.process_time()
    while time.process_time() - start < cpu_seconds:
        pass


def test_waiting_costs_no_processor_time_and_computing_does() -> None:
    watch = Stopwatch()
    time.sleep(0.1)
    waited = watch.read()
    assert waited.seconds >= 0.1
    assert waited.cpu_seconds < 0.05
    burn(0.1)
    assert watch.read().cpu_seconds >= waited.cpu_seconds + 0.05


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell the time of processes that have ended")
def test_processes_that_were_started_for_it_count() -> None:
    watch = Stopwatch()
    # A function of the standard library, since the process would import this file, and Lightning with it.
    list(spread(timeit, ["sum(range(60))"], 1))
    assert watch.read().cpu_seconds >= 0.3
