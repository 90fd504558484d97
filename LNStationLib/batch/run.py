"""A batch from its cases to its tables: what is done already is left, the rest goes to the workers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from LNStationLib.assessment.methods import check_models
from LNStationLib.batch.cluster import Workers, connected
from LNStationLib.batch.contents import unread
from LNStationLib.batch.environment import Environment, environment_for
from LNStationLib.batch.folder import RunFile, claimed, publish_failure, read_record
from LNStationLib.batch.listing import ListedCase, check_ids
from LNStationLib.batch.passing import PassingError
from LNStationLib.batch.records import UnitRecord
from LNStationLib.batch.results import write_results
from LNStationLib.batch.scheduling import Demands, Done, run_jobs
from LNStationLib.batch.work import Job, Plan, StopBatchError, assess_job, unit_key
from LNStationLib.export.output_folder import file_names
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import InputError
from LNStationLib.support.language import ENGLISH, check_language
from LNStationLib.support.progress import Progress, portion, silent

if TYPE_CHECKING:
    from distributed import Client

DEFAULT_FORMATS = ("json", "csv", "nifti", "text")
"""Without the reports' pictures, which take longer than the assessment of a small case."""
_REQUIRED_FORMAT = "json"
_LOOKING_THREADS = 8
"""For the state of files, which a file system over a network tells in milliseconds each."""
_TELL_EVERY = 100
"""Cases."""


@dataclass(frozen=True)
class BatchRequest:
    """A batch that is wanted.

    Attributes:
        cases: In the order of the tables.
        out: Output folder.
        settings: Of every assessment.
        formats: Of every case's results; with ``"json"``.
        workers: Who does it.
        retries: Tries after the first, of what may pass.
        time_limit_s: For one case; ``None`` for none.
        verify: Read every byte of input and results again, whatever the file system says of them.
        identifiers: Write identifiers of DICOM into the table of choices.
        dicom: Also write DICOM objects of each CT's study, which name its patient.
        language: Of the reports, one of ``support.language.languages()``; tables have none.
    """

    cases: Sequence[ListedCase]
    out: Path
    settings: Settings = field(default_factory=Settings)
    formats: tuple[str, ...] = DEFAULT_FORMATS
    workers: Workers = field(default_factory=Workers)
    retries: int = 2
    time_limit_s: float | None = None
    verify: bool = False
    identifiers: bool = False
    dicom: bool = False
    language: str = ENGLISH


@dataclass(frozen=True)
class BatchResult:
    """How a batch ended.

    Attributes:
        records: Of every case, in order.
        done_before: How many were done already.
        files: Tables and report.
    """

    records: tuple[UnitRecord, ...]
    done_before: int
    files: tuple[Path, ...]

    def count(self, outcome: str) -> int:
        """How many cases came out that way."""
        return sum(record.outcome == outcome for record in self.records)


def run_batch(
    request: BatchRequest, progress: Progress = silent, say: Callable[[str], None] = lambda words: None
) -> BatchResult:
    """Assess the cases of a batch that are not done yet, and write the tables and the report of all.

    Args:
        request: What is wanted.
        progress: Told after every case, with the time that is left.
        say: Told what else a user should know.

    Raises:
        InputError: Settings, output folder or workers cannot be used; finished cases stay.
    """
    file_names(request.formats, reviewed=False)
    if _REQUIRED_FORMAT not in request.formats:
        raise InputError(f"the format {_REQUIRED_FORMAT} is needed for the tables: give it too.")
    if not request.cases:
        raise InputError("there are no cases to assess.")
    check_language(request.language)
    check_ids(request.cases)
    check_models(request.settings)
    run = RunFile(
        settings=request.settings,
        formats=sorted(request.formats),
        identifiers=request.identifiers,
        dicom=request.dicom,
        language=request.language,
    )
    with claimed(request.out, run):
        return _Run(request, say).finished(progress)


class _Run:
    """One run over an output folder that is held."""

    def __init__(self, request: BatchRequest, say: Callable[[str], None]) -> None:
        self.request = request
        self.say = say
        self.environment: Environment = environment_for(request.settings)
        self.plan = Plan(
            request.out.resolve(),
            request.settings,
            request.formats,
            self.environment.digest(),
            uuid.uuid4().hex,
            request.time_limit_s,
            request.verify,
            request.dicom,
            request.language,
        )
        self.records: dict[str, UnitRecord] = {}

    def finished(self, progress: Progress) -> BatchResult:
        jobs = self._jobs_to_do(portion(progress, 0.0, 0.05))
        before = len(self.request.cases) - len(jobs)
        if before:
            self.say(f"{before} of {len(self.request.cases)} cases are done already.")
        if jobs:
            self._do(jobs, portion(progress, 0.05, 0.95))
        records = tuple(self.records[case.case_id] for case in self.request.cases)
        progress("writing tables and report", 0.95)
        files = write_results(
            self.plan.out, records, self.environment, self.request.identifiers, self.request.language
        )
        progress("done", 1.0)
        return BatchResult(records, before, tuple(files))

    def _jobs_to_do(self, progress: Progress) -> list[Job]:
        for case in self.request.cases:
            if case.source is None:
                self._refuse(case)
        jobs = [
            Job(number, case.case_id, case.source, self.plan)
            for number, case in enumerate(self.request.cases, 1)
            if case.source is not None
        ]
        left = []
        with ThreadPoolExecutor(_LOOKING_THREADS) as pool:
            looked = pool.map(lambda job: None if self.plan.verify else done_before(job), jobs)
            for number, (job, record) in enumerate(zip(jobs, looked, strict=True)):
                if number % _TELL_EVERY == 0:
                    progress("looking for finished cases", number / len(jobs))
                if record is None:
                    left.append(job)
                else:
                    self.records[job.case_id] = record
        return left

    def _refuse(self, case: ListedCase) -> None:
        record = UnitRecord(
            case_id=case.case_id, key="", outcome="refused", code="input", sentence=case.problem, run=self.plan.run
        )
        before = read_record(self.plan.out, case.case_id)
        if before is None or before.model_copy(update={"run": self.plan.run}) != record:
            publish_failure(self.plan.out, record)
        self.records[case.case_id] = record

    def _do(self, jobs: Sequence[Job], progress: Progress) -> None:
        told = _ToldProgress(progress, len(jobs))
        demands = Demands(self.request.retries, self.request.workers.resources)
        with connected(self.request.workers, self.say) as client:
            check_workers(client, self.request.settings, self.environment)
            told.started()
            for done in run_jobs(client, assess_job, jobs, demands, told.waiting):
                record = self._record_of(done)
                self.records[record.case_id] = record
                told.ended(record)

    def _record_of(self, done: Done[Job, UnitRecord]) -> UnitRecord:
        if done.answer is not None:
            return done.answer
        if isinstance(done.error, StopBatchError):
            raise InputError(f"{str(done.error).rstrip('.')}; finished cases are kept.")
        code = str(done.error) if isinstance(done.error, PassingError) else _code_of(done.error)
        record = UnitRecord(case_id=done.job.case_id, key="", outcome="failed", code=code, run=self.plan.run)
        publish_failure(self.plan.out, record)
        return record


def _code_of(error: BaseException | None) -> str:
    name = type(error).__name__
    return "worker_lost" if name == "KilledWorker" else f"defect: {name}"


def done_before(job: Job) -> UnitRecord | None:
    """The record of a case whose outcome would be the same again, as far as can be said without reading its files."""
    record = read_record(job.plan.out, job.case_id)
    if record is None or record.outcome == "failed":
        return None
    known = {one.role: one for one in record.inputs}
    try:
        inputs = [unread(role, files, known.get(role)) for role, files in job.source.inputs().items()]
    except OSError:
        return None
    settled = [one for one in inputs if one is not None]
    if len(settled) < len(inputs) or unit_key(job, settled) != record.key:
        return None
    return record


def check_workers(client: Client, settings: Settings, environment: Environment) -> None:
    """Make sure that all workers there are would give the answers of this process; one that is lost meanwhile may be.

    Raises:
        InputError: One has another version, or lacks LNStation or a model package.
    """
    found = client.run(environment_for, settings, on_error="return")
    for address, its in found.items():
        if isinstance(its, OSError):
            continue
        if isinstance(its, Exception):
            raise InputError(
                f"the worker at {address} cannot run this batch ({type(its).__name__}: {its}): install the same "
                "LNStation on every worker, and put model packages where all can read them."
            )
        difference = environment.difference(its)
        if difference:
            raise InputError(f"the worker at {address} has {difference}: install the same on every worker.")


class _ToldProgress:
    """Progress over cases, with the time that is left by those that ended."""

    def __init__(self, progress: Progress, count: int) -> None:
        self._progress, self._count = progress, count
        self._done = self._without_result = 0
        self._start = time.monotonic()

    def started(self) -> None:
        self._start = time.monotonic()
        self._tell("")

    def waiting(self, workers: int) -> None:
        if not workers:
            self._tell(", waiting for workers that can take a case")

    def ended(self, record: UnitRecord) -> None:
        self._done += 1
        self._without_result += record.outcome != "assessed"
        self._tell("")

    def _tell(self, more: str) -> None:
        failed = f", {self._without_result} without a result" if self._without_result else ""
        left = f", {self._left()} left" if self._done else ""
        self._progress(f"{self._done} of {self._count} cases{failed}{left}{more}", self._done / self._count)

    def _left(self) -> str:
        seconds = (time.monotonic() - self._start) / self._done * (self._count - self._done)
        if seconds < 90:
            return f"about {seconds:.0f} s"
        return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
