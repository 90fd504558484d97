"""A scheduler and a worker of Dask, each as a process of its own until it is interrupted."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from LNStationLib.batch.cluster import dask_settings, quiet, thread_environment
from LNStationLib.support.errors import InputError

_CONNECT_S = 30


@dataclass(frozen=True)
class WorkerRequest:
    """A worker that is wanted.

    Attributes:
        scheduler: Address.
        threads: Cores for libraries that use several; it takes one case at a time.
        memory: Limit, such as ``"4GB"`` or ``"auto"``.
        resources: Tags that it has.
    """

    scheduler: str
    threads: int
    memory: str
    resources: Mapping[str, float]


def run_scheduler(host: str, port: int, say: Callable[[str], None]) -> None:
    """Run a scheduler until it is interrupted.

    Raises:
        InputError: The port is taken, or there is no such interface.
    """
    from distributed import Scheduler

    async def run() -> None:
        async with Scheduler(host=host, port=port, dashboard_address=f"{host}:0") as it:
            say(f"Scheduler at {it.address}; interrupt it to end it.")
            await it.finished()

    _run(run(), f"no scheduler can listen on {host}, port {port}: choose others with --host and --port.", 1)


def run_worker(wanted: WorkerRequest, say: Callable[[str], None]) -> None:
    """Run a worker, and another in its place whenever it is lost, until it is interrupted or the scheduler ends.

    Raises:
        InputError: No scheduler answers there.
    """
    from distributed import Nanny

    os.environ.update(thread_environment(wanted.threads))

    async def run() -> None:
        nanny = Nanny(
            wanted.scheduler, nthreads=1, memory_limit=wanted.memory, resources=dict(wanted.resources),
            death_timeout=_CONNECT_S, silence_logs=logging.CRITICAL,
        )  # fmt: skip
        async with nanny as it:
            say(f"Worker of {wanted.scheduler}; interrupt it to end it.")
            await it.finished()

    _run(run(), f"no scheduler answers at {wanted.scheduler}: start one, or check the address.", wanted.threads)


def _run(service: Coroutine[Any, Any, None], complaint: str, threads: int) -> None:
    import dask

    quiet()
    with dask.config.set({**dask_settings(threads), "distributed.comm.timeouts.connect": f"{_CONNECT_S}s"}):
        try:
            asyncio.run(service)
        except (OSError, TimeoutError, ValueError, RuntimeError) as error:
            raise InputError(complaint) from error
