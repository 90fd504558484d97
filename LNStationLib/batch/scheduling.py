"""Jobs to workers and answers back, with what may be tried again tried again."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from LNStationLib.support.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

AnyJob = TypeVar("AnyJob")
Answer = TypeVar("Answer")
_LOOK_S = 0.2
"""Between two looks for answers; a case takes seconds."""
_SILENCE_S = 2.0
"""Between two reports where nothing ends."""


@dataclass(frozen=True)
class Done(Generic[AnyJob, Answer]):
    """A job that ended.

    Attributes:
        job: The job.
        answer: What it gave; ``None`` where it failed.
        error: What it raised at its last try, or Dask's word for a lost worker.
    """

    job: AnyJob
    answer: Answer | None
    error: BaseException | None = None


@dataclass(frozen=True)
class Demands:
    """How jobs are to be run.

    Attributes:
        retries: Tries after the first, where a job raises.
        resources: Tags that a worker must have, with how much of each a job takes.
    """

    retries: int = 2
    resources: Mapping[str, float] | None = None


def run_jobs(
    client: Client,
    work: Callable[[AnyJob], Answer],
    jobs: Sequence[AnyJob],
    demands: Demands,
    waiting: Callable[[int], None] = lambda workers: None,
) -> Iterator[Done[AnyJob, Answer]]:
    """Have jobs done by the client's workers.

    Args:
        client: Connected.
        work: Can be pickled; raises only what may pass.
        jobs: Can be pickled. Dashboards and logs of Dask show their ``repr`` and their position, nothing else.
        demands: How to run them.
        waiting: Told now and then, where nothing ends, how many workers could take a job.

    Yields:
        The jobs in the order in which they end.

    Raises:
        InputError: The scheduler is gone.
    """
    from distributed import as_completed

    token = uuid.uuid4().hex[:8]
    keys = [f"{getattr(work, '__name__', 'job')}-{token}-{number}" for number in range(len(jobs))]
    resources = dict(demands.resources or {})
    # Large jobs go as data of the graph: not one message for each.
    futures = client.map(work, jobs, key=keys, pure=False, retries=demands.retries, resources=resources)
    job_of = dict(zip(keys, jobs, strict=True))
    ended = as_completed(futures, loop=client.loop, with_results=True, raise_errors=False)
    del futures
    last = time.monotonic()
    try:
        while not ended.is_empty():
            batch = ended.next_batch(block=False)
            if batch:
                last = time.monotonic()
            elif time.monotonic() - last > _SILENCE_S:
                last = time.monotonic()
                waiting(_able_workers(client, resources))
            else:
                time.sleep(_LOOK_S)
            for future, result in batch:
                yield _done(future, result, job_of.pop(future.key))
    finally:
        client.cancel(list(ended.futures), force=True)


def _done(future: Any, result: Any, job: AnyJob) -> Done[AnyJob, Answer]:
    if future.status == "finished":
        done: Done[AnyJob, Answer] = Done(job, result)
        future.release()
        return done
    if future.status == "error":
        return Done(job, None, result[1])
    raise InputError("the scheduler was lost: start it and run the same command again; finished cases are kept.")


def _able_workers(client: Client, resources: Mapping[str, float]) -> int:
    """Workers that have what a job needs."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return sum(all(one["resources"].get(tag, 0) >= need for tag, need in resources.items()) for one in workers)
