"""One case of a batch, from its files to its folder: what a Dask worker does."""

from __future__ import annotations

import hashlib
import json
import logging
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from LNStationLib.assessment.assess import assess
from LNStationLib.batch.contents import outputs_of, read
from LNStationLib.batch.deadline import deadline
from LNStationLib.batch.dicom_objects import study_of, write_in_study
from LNStationLib.batch.environment import environment_for
from LNStationLib.batch.folder import (
    publish_failure,
    publish_unit,
    read_record,
    renew_record,
    unfinished_unit,
)
from LNStationLib.batch.memory import resident_mib
from LNStationLib.batch.passing import PassingError, passing_code
from LNStationLib.batch.records import FORMAT, InputDigest, SeriesChoice, UnitRecord
from LNStationLib.batch.sources import Inputs, Loaded, Source
from LNStationLib.export.dicom.writer import DICOM_FOLDER
from LNStationLib.export.writer import write_outputs
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.failures import redacted
from LNStationLib.support.language import ENGLISH
from LNStationLib.support.progress import silent

DEFECT_FILE = "defect.txt"
TIME_LIMIT = "time_limit"
_PAUSE_S = 2.0
"""Before another try: a network file system that is away for a moment is seldom back at once."""
_log = logging.getLogger(__name__)


class StopBatchError(Exception):
    """What would fail every case: the batch ends; its text is one sentence for the user."""


@dataclass(frozen=True)
class Plan:
    """What all cases of a batch share.

    Attributes:
        out: Output folder.
        settings: Of the assessment.
        formats: Of the results.
        environment: Digest of the program that must do it.
        run: Names this run.
        time_limit_s: For one case; a worker that takes longer is ended.
        verify: Compare every byte of input and results, whatever the file system says of them.
        dicom: Also write DICOM objects of the CT's study.
        language: Of the reports.
    """

    out: Path
    settings: Settings
    formats: tuple[str, ...]
    environment: str
    run: str
    time_limit_s: float | None = None
    verify: bool = False
    dicom: bool = False
    language: str = ENGLISH


@dataclass(frozen=True, repr=False)
class Job:
    """A case to be assessed.

    Attributes:
        number: In the batch; all that dashboards and logs of Dask say of it.
        case_id: Names its folder.
        source: Where it comes from.
        plan: Of the batch.
    """

    number: int
    case_id: str
    source: Source
    plan: Plan

    def __repr__(self) -> str:
        return f"case number {self.number}"


def unit_key(job: Job, inputs: list[InputDigest]) -> str:
    """Digest of everything that decides the outcome of a case."""
    decides: dict[str, Any] = {
        "format": FORMAT,
        "environment": job.plan.environment,
        "settings": job.plan.settings.model_dump(mode="json"),
        "formats": sorted([*job.plan.formats, *((DICOM_FOLDER,) if job.plan.dicom else ())]),
        "facts": job.source.facts(),
        "inputs": _contents(inputs),
        # Finished cases of before there were languages are English, and stay.
        **({} if job.plan.language == ENGLISH else {"language": job.plan.language}),
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True, default=str).encode()).hexdigest()


def assess_job(job: Job) -> UnitRecord:
    """Assess a case unless its inputs have the content of before, and write its folder.

    Returns:
        Its record, which is on disk; also where the input was refused or a defect was met.

    Raises:
        PassingError: What may pass, with nothing written.
        StopBatchError: This process is of another version, or the output folder takes nothing any more.
    """
    if environment_for(job.plan.settings).digest() != job.plan.environment:
        raise StopBatchError("a worker has another version of LNStation, its packages or models than this command.")
    try:
        with deadline(job.plan.time_limit_s, lambda: _too_long(job)):
            return _done(job)
    except OutputError as error:
        raise StopBatchError(str(error)) from None
    except Exception as error:
        code = passing_code(error)
        if code is None:
            raise
        time.sleep(_PAUSE_S)
        # Without its cause: Dask would log the words of that, and with them paths.
        raise PassingError(code) from None


def _done(job: Job) -> UnitRecord:
    started = (time.perf_counter(), time.process_time())
    before = read_record(job.plan.out, job.case_id, read_bytes=job.plan.verify)
    if before is not None and before.code == TIME_LIMIT and before.run == job.plan.run:
        return before
    try:
        inputs = _read_inputs(job.source.inputs(), None if job.plan.verify else before)
    except OSError as error:
        if passing_code(error) is not None:
            raise
        sentence = f"A file of the case cannot be read ({error.strerror}): check that it is there and may be read."
        unread = UnitRecord(case_id=job.case_id, key="", outcome="refused")
        return _failure(job, unread, "refused", "input", sentence)
    key = unit_key(job, inputs)
    if before is not None and before.key == key and before.outcome != "failed":
        record = before.model_copy(update={"inputs": inputs})
        if record != before:
            renew_record(job.plan.out, record)
        return record
    made = _assessed(job, UnitRecord(case_id=job.case_id, key=key, outcome="failed", inputs=inputs), started)
    if _contents(_read_inputs(job.source.inputs(), made)) != _contents(inputs):
        raise PassingError("input_changed")
    return made


def _read_inputs(files: Inputs, before: UnitRecord | None) -> list[InputDigest]:
    known = {} if before is None else {one.role: one for one in before.inputs}
    return [read(role, of_role, known.get(role)) for role, of_role in files.items()]


def _contents(inputs: list[InputDigest]) -> dict[str, str]:
    """What was read; states differ where files were written a moment ago, and have settled since."""
    return {one.role: one.content for one in inputs}


def _assessed(job: Job, record: UnitRecord, started: tuple[float, float]) -> UnitRecord:
    try:
        return _written(job, record, started)
    except OutputError:
        raise
    except InputError as error:
        if passing_code(error) is not None:
            raise
        sentence = without_folders(str(error), job.source)
        return _failure(job, record, "refused", "input", sentence, getattr(error, "choices", ()))
    except Exception as error:
        if passing_code(error) is not None:
            raise
        return _defect(job, record, error)


def _written(job: Job, record: UnitRecord, started: tuple[float, float]) -> UnitRecord:
    plan = job.plan
    with unfinished_unit(plan.out, job.case_id) as folder:
        loaded: Loaded = job.source.load(silent)
        series = study_of(loaded) if plan.dicom else None
        result = assess(loaded.case, plan.settings)
        written = write_outputs(result, folder, overwrite=True, formats=plan.formats, language=plan.language)
        if series is not None:
            written += write_in_study(result, series, folder)
        names = [path.relative_to(folder).as_posix() for path in written]
        done = record.model_copy(
            update={
                "outcome": "assessed",
                "outputs": outputs_of(folder, names),
                "choices": list(loaded.choices),
                "seconds": round(time.perf_counter() - started[0], 3),
                "cpu_seconds": round(time.process_time() - started[1], 3),
                "memory_mib": resident_mib(),
            }
        )
        publish_unit(plan.out, folder, done)
    return done


def _failure(
    job: Job, record: UnitRecord, outcome: str, code: str, sentence: str, choices: tuple[SeriesChoice, ...] = ()
) -> UnitRecord:
    failed = record.model_copy(
        update={"outcome": outcome, "code": code, "sentence": sentence, "choices": list(choices), "run": job.plan.run}
    )
    publish_failure(job.plan.out, failed)
    return failed


def _too_long(job: Job) -> None:
    """Write that a case took too long, from another thread, before its worker is ended."""
    _failure(job, UnitRecord(case_id=job.case_id, key="", outcome="failed"), "failed", TIME_LIMIT, "")


def _defect(job: Job, record: UnitRecord, error: Exception) -> UnitRecord:
    """A case that a defect of the program ended: its traceback goes beside the record, without paths of the case."""
    _log.error("a defect (%s) ended case number %d", type(error).__name__, job.number)
    paths = [str(path) for files in job.source.inputs().values() for path in files.values()]
    failed = record.model_copy(update={"code": f"defect: {type(error).__name__}", "run": job.plan.run})
    with unfinished_unit(job.plan.out, job.case_id) as folder:
        text = redacted("".join(traceback.format_exception(error)), [*paths, job.case_id])
        (folder / DEFECT_FILE).write_text(text, encoding="utf-8")
        publish_unit(job.plan.out, folder, failed)
    return failed


def without_folders(text: str, source: Source) -> str:
    """A sentence with names of files in place of whole paths: folders are often named after patients."""
    paths = {*source.paths(), *(path for files in source.inputs().values() for path in files.values())}
    for path in sorted(paths, key=lambda one: len(str(one)), reverse=True):
        text = text.replace(str(path), path.name)
    for folder in sorted({str(parent) for path in paths for parent in path.parents}, key=len, reverse=True):
        if len(folder) > 1:
            text = text.replace(folder, "...")
    return text
