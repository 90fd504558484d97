"""Batches: from one worker to two, memory over a run, a finished run again, and Dask's scheduler by simulation.

    python Testing/Benchmarks/batch.py cohort --folder work/cohort --patients 40 --cases 1000
    python Testing/Benchmarks/batch.py scaling --cases work/cohort --out work/scaling --of-one 4
    python Testing/Benchmarks/batch.py scheduler --tasks 10000 --workers 200
    python Testing/Benchmarks/batch.py resume --cases 10000 --out work/resume

``cohort`` makes compact synthetic patients (pixels of ``--pixel`` mm) and, where more cases than patients are wanted,
further folders of the same files by hard links: every case is read and assessed anew. ``scaling`` assesses them with
two workers, and every ``--of-one``-th of them with one worker, one core each, without reports or networks, and draws
the memory of the two. On a machine that does other work too, wall times say little: beside them stand the processor
time a case, and the part of the time in which workers had a case. Tables go to docs/benchmarks.md with ``--write``,
between the marks of their names.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark_page import write_section  # noqa: E402

from LNStationLib.batch.cluster import Workers, connected, dask_settings, quiet  # noqa: E402  (path)
from LNStationLib.batch.contents import read  # noqa: E402
from LNStationLib.batch.environment import environment_for  # noqa: E402
from LNStationLib.batch.folder import RunFile, claimed, publish_failure  # noqa: E402
from LNStationLib.batch.listing import ListedCase, cases_of_folder  # noqa: E402
from LNStationLib.batch.records import UnitRecord  # noqa: E402
from LNStationLib.batch.run import BatchRequest, BatchResult, run_batch  # noqa: E402
from LNStationLib.batch.scheduling import Demands, run_jobs  # noqa: E402
from LNStationLib.batch.sources import FileSource  # noqa: E402
from LNStationLib.batch.work import Job, Plan, unit_key  # noqa: E402
from LNStationLib.case.request import CaseRequest  # noqa: E402
from LNStationLib.phantom.cohort import CohortRequest, make_cohort  # noqa: E402
from LNStationLib.state.settings import Settings  # noqa: E402

FORMATS = ("json", "csv", "nifti", "text")
MEMORY_PICTURE = ROOT / "docs" / "images" / "batch_memory.png"


def quiet_progress(step: str, fraction: float) -> None:
    """Nothing."""


# A cohort


def make(folder: Path, patients: int, cases: int, pixel_mm: float) -> None:
    """Make patients, and hard links of their case folders up to a number of cases."""
    made = make_cohort(CohortRequest(folder, "lung", patients, 1, compact_mm=pixel_mm), quiet_progress)
    names = sorted(path for path in (folder / "cases").iterdir() if "-again-" not in path.name)
    for number in range(patients, cases):
        source = names[number % patients]
        link_folder(source, source.with_name(f"{source.name}-again-{number // patients}"))
    print(f"{made} patients made; {cases} cases in {folder / 'cases'}")


def link_folder(source: Path, target: Path) -> None:
    """The same files under another name."""
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, place)


# From one worker to two


@dataclass(frozen=True)
class Timed:
    """A batch and how long it took, from when the workers were ready."""

    workers: int
    seconds: float
    result: BatchResult

    @property
    def cases_a_minute(self) -> float:
        """How fast they went."""
        return 60 * len(self.result.records) / self.seconds

    @property
    def cpu_seconds(self) -> float:
        """Processor time a case."""
        return sum(record.cpu_seconds for record in self.result.records) / len(self.result.records)

    @property
    def busy(self) -> float:
        """Part of the workers' time in which they had a case."""
        return sum(record.seconds for record in self.result.records) / (self.workers * self.seconds)


class Clock:
    """Starts when workers are ready, ends when the last case is done."""

    def __init__(self) -> None:
        self.start = self.end = 0.0

    def __call__(self, step: str, fraction: float) -> None:
        now = time.perf_counter()
        if step.startswith("0 of"):
            self.start = now
        if " cases" in step and not step.startswith("0 of"):
            self.end = now


def timed(cases: list[ListedCase], out: Path, workers: int, spacing_mm: float) -> Timed:
    """Assess cases with so many workers of one core each."""
    clock = Clock()
    settings = Settings(working_spacing_mm=spacing_mm)
    request = BatchRequest(cases, out / f"{workers}", settings, FORMATS, Workers(workers, 1))
    result = run_batch(request, clock)
    return Timed(workers, clock.end - clock.start, result)


def scaling(folder: Path, out: Path, spacing_mm: float, of_one: int) -> str:
    """Both runs, the second one again, and the picture of memory."""
    cases = cases_of_folder(folder)
    both = [timed(some, out, workers, spacing_mm) for workers, some in ((1, cases[::of_one]), (2, cases))]
    start = time.perf_counter()
    settings = Settings(working_spacing_mm=spacing_mm)
    again = run_batch(BatchRequest(cases, out / "2", settings, FORMATS, Workers(2, 1)))
    resumed = time.perf_counter() - start
    draw_memory(both[1], MEMORY_PICTURE)
    return "\n".join(
        [sentence(both, resumed, again.done_before, spacing_mm), "", HEAD, "| --- " * 7 + "|", *map(row, both)]
    )


HEAD = (
    "| workers | cases | wall time, s | cases a minute | processor time a case, s | workers busy | "
    "memory, MiB (first, last tenth) |"
)


def sentence(both: list[Timed], resumed: float, done: int, spacing_mm: float) -> str:
    """What the table comes to."""
    one, two = both
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    wall = two.cases_a_minute / (2 * one.cases_a_minute)
    without_others = one.cpu_seconds / two.cpu_seconds * two.busy / one.busy
    return (
        f"{len(two.result.records)} cases, working grid {spacing_mm} mm, {os.cpu_count()} cores; load at the end "
        f"{load} (1, 5, 15 min). From one worker to two: {wall:.2f} of linear by wall time, {without_others:.2f} by "
        f"processor time a case and time without a case. The finished batch again: {resumed:.1f} s, {done} cases "
        "done before."
    )


def row(run: Timed) -> str:
    """A row of the table."""
    count = len(run.result.records)
    first, last = tenths([record.memory_mib or 0.0 for record in run.result.records])
    return (
        f"| {run.workers} | {count} | {run.seconds:.0f} | {run.cases_a_minute:.1f} | {run.cpu_seconds:.1f} | "
        f"{100 * run.busy:.0f}% | {first:.0f}, {last:.0f} |"
    )


def tenths(values: list[float]) -> tuple[float, float]:
    """Means of the first and the last tenth."""
    part = max(1, len(values) // 10)
    return sum(values[:part]) / part, sum(values[-part:]) / part


def draw_memory(run: Timed, path: Path) -> None:
    """Memory of the workers after each case, in the order of the table."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.subplots()
    values = [record.memory_mib or 0.0 for record in run.result.records]
    axes.plot(range(1, len(values) + 1), values, ".", color="#1f4e79", markersize=3)
    axes.set(xlabel="case", ylabel="memory of its worker, MiB", ylim=(0, 1.2 * max(values)))
    axes.grid(color="0.9")
    figure.savefig(path, dpi=110)


# Dask's scheduler by simulation


def sleep(seconds: float) -> float:
    """A case that takes a time and no processor."""
    time.sleep(seconds)
    return seconds


def host_workers(address: str, count: int) -> None:
    """Be so many workers of a scheduler, each with a thread of its own, until this process is ended."""
    import dask
    from distributed import Worker

    async def run() -> None:
        hosted = [Worker(address, nthreads=1, dashboard=False, silence_logs=50) for _ in range(count)]
        await asyncio.gather(*hosted)
        await asyncio.gather(*(one.finished() for one in hosted))

    quiet()
    with dask.config.set(dask_settings(1)):
        asyncio.run(run())


@dataclass(frozen=True)
class Simulated:
    """A simulation: wall time, and the processor time of scheduler, workers and client, in seconds."""

    wall: float
    scheduler: float
    workers: float
    client: float


def simulated(tasks: int, workers: int, seconds: float) -> Simulated:
    """Tasks of some seconds on a scheduler, on workers and from a client in three processes."""
    import psutil

    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    here = [sys.executable, str(Path(__file__)), "workers", "--address", address, "--workers", str(workers)]
    there = [sys.executable, "-m", "LNStationLib", "batch-scheduler", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [psutil.Popen(command, env=environment, stderr=subprocess.DEVNULL) for command in (there, here)]
    try:
        with connected(Workers(scheduler=wait_for(port, address)), lambda words: None) as client:
            client.wait_for_workers(workers)
            own = psutil.Process()
            before, start = [used(one) for one in (*running, own)], time.perf_counter()
            for _ in run_jobs(client, sleep, [seconds] * tasks, Demands(0)):
                pass
            wall = time.perf_counter() - start
            after = [used(one) for one in (*running, own)]
        return Simulated(wall, *(late - early for late, early in zip(after, before, strict=True)))
    finally:
        for one in running:
            one.kill()
            one.wait()


def used(process: Any) -> float:
    """Processor time of a process, s."""
    times = process.cpu_times()
    return float(times.user + times.system)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(port: int, address: str) -> str:
    """The address, once somebody listens there."""
    for _ in range(600):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return address
        time.sleep(0.1)
    raise TimeoutError(address)


def scheduler(tasks: int, most_workers: int) -> str:
    """Tasks that take no time tell the limits; those that take time, whether workers wait."""
    lines = [
        "| workers | task, s | tasks | ideal, s | wall, s | busy | ms a task: scheduler | workers | client |",
        "| --- " * 9 + "|",
    ]
    for workers, seconds, count in ((20, 0.0, 2000), (most_workers, 0.0, tasks), (most_workers, 1.0, tasks)):
        found = simulated(count, workers, seconds)
        ideal = seconds * count / workers
        busy = f"{100 * ideal / found.wall:.0f}%" if seconds else "-"
        each = [f"{1000 * spent / count:.2f}" for spent in (found.scheduler, found.workers, found.client)]
        cells = (workers, f"{seconds:g}", count, f"{ideal:.0f}", f"{found.wall:.1f}", busy, *each)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
        print(lines[-1], flush=True)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return "\n".join([f"Load of the machine at the end: {load} (1, 5, 15 min).", "", *lines])


# A finished batch again


def resume(count: int, out: Path) -> str:
    """Records of cases that were refused, then the batch again: nothing is to be done but to look."""
    inputs = out / "in"
    inputs.mkdir(parents=True, exist_ok=True)
    cases = []
    for number in range(count):
        path = inputs / f"{number:05d}.nii.gz"
        if not path.exists():
            path.write_bytes(b"no image")
        name = f"case-{number:05d}"
        cases.append(ListedCase(name, FileSource(CaseRequest(ct=path, case_id=name))))
    time.sleep(4)  # so that times of files can be trusted
    request = BatchRequest(cases, out / "out", Settings(), FORMATS)
    prepare(request)
    start = time.perf_counter()
    first = run_batch(request)
    middle = time.perf_counter()
    run_batch(request)
    end = time.perf_counter()
    return (
        f"{count} finished cases: {middle - start:.1f} s to find all {first.done_before} done and write the tables, "
        f"{end - middle:.1f} s where the tables stand already."
    )


def prepare(request: BatchRequest) -> None:
    """Write the record of every case."""
    plan = Plan(request.out.resolve(), request.settings, FORMATS, environment_for(request.settings).digest(), "")
    with claimed(request.out, RunFile(settings=request.settings, formats=sorted(FORMATS))):
        for number, case in enumerate(request.cases):
            assert case.source is not None
            job = Job(number, case.case_id, case.source, plan)
            found = [read(role, files) for role, files in case.source.inputs().items()]
            record = UnitRecord(case_id=case.case_id, key="", outcome="refused", sentence="No image.", inputs=found)
            publish_failure(plan.out, record.model_copy(update={"key": unit_key(job, found)}))


def main() -> None:
    """One of the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    cohort = commands.add_parser("cohort")
    cohort.add_argument("--folder", type=Path, required=True)
    cohort.add_argument("--patients", type=int, default=24)
    cohort.add_argument("--cases", type=int, default=96)
    cohort.add_argument("--pixel", type=float, default=3.0)
    scale = commands.add_parser("scaling")
    scale.add_argument("--cases", type=Path, required=True)
    scale.add_argument("--out", type=Path, required=True)
    scale.add_argument("--of-one", type=int, default=1, help="one worker takes every so many-th case")
    scale.add_argument("--working-spacing", type=float, default=3.0)
    simulate = commands.add_parser("scheduler")
    simulate.add_argument("--tasks", type=int, default=10_000)
    simulate.add_argument("--workers", type=int, default=200)
    hosted = commands.add_parser("workers", help="a part of scheduler")
    hosted.add_argument("--address", required=True)
    hosted.add_argument("--workers", type=int, required=True)
    again = commands.add_parser("resume")
    again.add_argument("--cases", type=int, default=10_000)
    again.add_argument("--out", type=Path, required=True)
    for command in (scale, simulate, again):
        command.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    given = parser.parse_args()
    runs: dict[str, Callable[[], str]] = {
        "scaling": lambda: scaling(given.cases, given.out, given.working_spacing, given.of_one),
        "scheduler": lambda: scheduler(given.tasks, given.workers),
        "resume": lambda: resume(given.cases, given.out),
    }
    if given.command == "cohort":
        make(given.folder, given.patients, given.cases, given.pixel)
        return
    if given.command == "workers":
        host_workers(given.address, given.workers)
        return
    text = runs[given.command]()
    print(text)
    if given.write:
        write_section(f"batch {given.command}", text)


if __name__ == "__main__":
    # Rules alone: what is measured is the batch, not a network.
    os.environ.setdefault("LNSTATION_NO_ORGAN_NETWORK", "1")
    os.environ.setdefault("LNSTATION_NO_NODE_NETWORK", "1")
    main()
