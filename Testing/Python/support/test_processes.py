"""Work over fresh processes: order, errors, and that a kill leaves nothing behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from LNStationLib.support.processes import spread, spread_or_serial

ROOT = Path(__file__).resolve().parents[3]


def half(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


def process_of(number: int) -> int:
    return os.getpid()


def test_every_item_comes_back_with_its_result() -> None:
    assert dict(spread(half, [2, 4, 6], 2)) == {2: 1, 4: 2, 6: 3}


def test_nothing_to_do_starts_nothing() -> None:
    assert list(spread(half, [], 4)) == []


def test_one_worker_works_here_and_in_order_and_more_do_not() -> None:
    assert list(spread_or_serial(process_of, [3, 1, 2], 1)) == [(n, os.getpid()) for n in (3, 1, 2)]
    assert os.getpid() not in dict(spread_or_serial(process_of, [1, 2], 2)).values()


def test_a_daemon_process_works_itself_since_it_may_start_none(monkeypatch: pytest.MonkeyPatch) -> None:
    # As Dask's workers are, in which a batch registers atlases.
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)
    assert list(spread_or_serial(process_of, [1, 2], 2)) == [(n, os.getpid()) for n in (1, 2)]


def test_an_error_in_a_process_is_raised_here() -> None:
    with pytest.raises(ValueError, match="3 is odd"):
        list(spread(half, [3], 2))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_kill_leaves_no_process_behind() -> None:
    script = (
        "import time; from LNStationLib.support.processes import spread; list(spread(time.sleep, [60.0, 61.0], 2))"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    children = wait_for_children(parent.pid, 2)
    parent.kill()
    parent.wait()
    gone, alive = psutil.wait_procs(children, timeout=10)
    for process in alive:
        process.kill()
    assert not alive
    assert len(gone) >= 2


def wait_for_children(pid: int, number: int) -> list[psutil.Process]:
    """The processes of a pool, once they have had time to begin their work."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        children = [each for each in psutil.Process(pid).children() if "spawn_main" in " ".join(each.cmdline())]
        if len(children) >= number:
            time.sleep(2.0)
            return children
        time.sleep(0.1)
    raise AssertionError("the pool did not start")
