"""Who does the work: processes of this machine, workers of a scheduler that runs already, or of a cluster's queue.

Everything that goes between the processes of Dask is pickled, by Dask's design: who can reach a scheduler's port can
run code on its workers. What is started here listens on the loopback alone.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LNStationLib.batch.cluster_file import QUEUES, ClusterFile, read_cluster_file
from LNStationLib.support.errors import InputError
from LNStationLib.support.sentences import first_line

if TYPE_CHECKING:
    from distributed import Client

_CONNECT_S = 10
"""A scheduler on the same network answers in milliseconds."""
_STARTS = 3
"""As often as a case is tried."""
_TERMINATE_FRACTION = 0.95
"""Of the memory limit, at which a worker is ended and started again (Dask's default)."""
_ASIDES = ("Creating scratch directories", "Port .* is already in use")
"""How warnings of Dask begin that no user can do anything about."""
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"
)  # fmt: skip


@dataclass(frozen=True)
class Workers:
    """Which workers are wanted.

    Attributes:
        count: Processes of this machine; ignored with a scheduler or a queue.
        threads: Cores of each, for libraries that use several.
        memory: Limit of each, such as ``"4GB"`` or ``"auto"``.
        scheduler: Address of a scheduler that runs already.
        queue: A cluster's queue by a configuration file.
        resources: Tags that a worker must have, with how much of each a case takes: ``{"GPU": 1}``.
        in_process: Threads of this process instead of processes; for tests.
    """

    count: int = 1
    threads: int = 1
    memory: str = "auto"
    scheduler: str | None = None
    queue: Path | None = None
    resources: Mapping[str, float] = field(default_factory=dict)
    in_process: bool = False


@contextmanager
def connected(workers: Workers, say: Callable[[str], None]) -> Iterator[Client]:
    """A client of the wanted workers; what was started for it is ended after the block.

    Args:
        workers: Which.
        say: Told where the live dashboard is, or why there is none.

    Raises:
        InputError: No scheduler answers there, or the queue cannot be used.
    """
    import dask

    quiet()
    with dask.config.set(_settings(workers)):
        if workers.scheduler is not None:
            yield from _client_of_scheduler(workers.scheduler, say)
            return
        with _cluster(workers) as cluster:
            yield from _client_of_cluster(cluster, say)


def thread_environment(threads: int) -> dict[str, str]:
    """Environment variables that hold numerical libraries to a number of threads."""
    return dict.fromkeys(_THREAD_VARIABLES, str(threads))


def dask_settings(threads: int) -> dict[str, Any]:
    """Dask's configuration where we start its processes.

    Cases hold nearly all of their memory outside of what Dask manages, so nothing can be spilled, and to pause a
    worker until its memory shrinks could wait forever: a worker near its limit is ended and the case tried elsewhere.
    """
    return {
        "distributed.nanny.pre-spawn-environ": {"MALLOC_TRIM_THRESHOLD_": "65536", **thread_environment(threads)},
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": _TERMINATE_FRACTION,
        # A case waits at the scheduler, not at a worker that may be lost with it.
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.admin.tick.limit": "1h",
        # It keeps the stacks of an hour, a hundred times a second: with ours two MiB a case and more.
        "distributed.worker.profile.enabled": False,
    }


def _settings(workers: Workers) -> dict[str, Any]:
    return {**dask_settings(workers.threads), "distributed.comm.timeouts.connect": f"{_CONNECT_S}s"}


def quiet() -> None:
    """Dask's loggers tell of every worker that comes and goes, with tracebacks; what a user must know we say."""
    # Its import gives its loggers their levels, and must come first.
    import distributed  # noqa: F401

    for name in ("distributed", "distributed.client", "tornado", "bokeh", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for start in _ASIDES:
        warnings.filterwarnings("ignore", message=rf"\s*{start}")


@contextmanager
def _cluster(workers: Workers) -> Iterator[Any]:
    cluster = _local(workers) if workers.queue is None else _queued(read_cluster_file(workers.queue))
    try:
        yield cluster
    finally:
        cluster.close()


def _local(workers: Workers) -> Any:
    """Workers of this machine; what ended while it was started is started anew, as it would be later."""
    for _ in range(_STARTS):
        try:
            return _started(workers)
        except ValueError as error:
            raise InputError(
                f"the workers cannot be started: {first_line(error)}; check --memory and --workers."
            ) from error
        except RuntimeError:  # a worker ended, or was killed, before it could report
            continue
    raise InputError(
        f"a worker ended while it was started, {_STARTS} times in a row: memory may be short; try fewer --workers."
    )


def _started(workers: Workers) -> Any:
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=workers.count,
        threads_per_worker=1,
        processes=not workers.in_process,
        memory_limit=workers.memory,
        resources=dict(workers.resources),
        # Without an address its pages, with those of the workers, would be open to the network.
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    )


def has_dashboard() -> bool:
    """Whether what Dask draws its dashboard with is installed."""
    return importlib.util.find_spec("bokeh") is not None


def _queued(wanted: ClusterFile) -> Any:
    queue = QUEUES[wanted.kind]
    try:
        made = getattr(importlib.import_module(queue.module), queue.name)
    except ImportError as error:
        raise InputError(
            f"the queue {wanted.kind} needs {queue.package}: run python -m pip install {queue.package}, in the "
            "environment of this command."
        ) from error
    try:
        cluster = made(**(_one_case_at_a_time(wanted.options) if queue.scaled_by == "jobs" else wanted.options))
        if wanted.maximum is None:
            cluster.scale(**{queue.scaled_by: wanted.jobs})
        else:
            cluster.adapt(minimum=wanted.minimum, maximum=wanted.maximum)
    except (TypeError, ValueError, RuntimeError, OSError) as error:
        raise InputError(
            f"the queue {wanted.kind} cannot be used: {first_line(error)}; check the options of its file."
        ) from error
    return cluster


def _one_case_at_a_time(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of dask-jobqueue with its workers at one case each, and the cores of a job left to the libraries.

    By itself it gives a worker as many cases at once as it has cores, in one process.
    """
    threads = max(1, int(options.get("cores") or 1) // int(options.get("processes") or 1))
    exports = [f"export {name}={value}" for name, value in thread_environment(threads).items()]
    extra = list(options.get("worker_extra_args") or ())
    more = [] if "--nthreads" in extra else ["--nthreads", "1"]
    prologue = [*exports, *(options.get("job_script_prologue") or ())]
    return {**options, "worker_extra_args": [*extra, *more], "job_script_prologue": prologue}


def _client_of_scheduler(address: str, say: Callable[[str], None]) -> Iterator[Client]:
    from distributed import Client

    try:
        client = Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        raise InputError(
            f"no scheduler answers at {address}: start one with batch-scheduler, or check the address."
        ) from error
    with client:
        _say_dashboard(client, say)
        yield client


def _client_of_cluster(cluster: Any, say: Callable[[str], None]) -> Iterator[Client]:
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:
        _say_dashboard(client, say)
        yield client


def _say_dashboard(client: Client, say: Callable[[str], None]) -> None:
    link = client.dashboard_link if has_dashboard() else ""
    if link:
        say(f"Live dashboard of Dask: {link}")
    else:
        say("No live dashboard: Dask draws it with bokeh, which is not installed (python -m pip install bokeh).")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
