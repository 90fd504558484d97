"""From a cohort to samples on disk and folds of patients, for any task."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from lnstation_training.cohorts.errors import CohortError, listed
from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.splits import SPLITS_FILE, make_splits, write_splits
from lnstation_training.cohorts.tables import CohortPatient
from LNStationLib.support.errors import InputError
from LNStationLib.support.processes import fresh_processes
from LNStationLib.support.progress import Progress, silent

if TYPE_CHECKING:
    # Every process that prepares patients would otherwise import torch and lightning: seconds, and half a gigabyte.
    from lnstation_training.engine.task import Task
    from lnstation_training.engine.values import Sample

T = TypeVar("T")


@runtime_checkable
class StratifiedSample(Protocol):
    """A sample that says by what its patient is stratified."""

    @property
    def patient(self) -> str:
        """Identifier of the patient."""

    @property
    def label(self) -> int | None:
        """As of every sample."""

    @property
    def stratum(self) -> tuple[int, ...]:
        """Patients with like ones are spread evenly over the folds."""


@dataclass(frozen=True)
class PrepareRequest:
    """Prepared data that are wanted.

    Attributes:
        folder: Where; an unfinished one is completed.
        info: What the cohort is.
        geometry: Of a sample.
        folds: Parts of the cross-validation, 3 or more.
        seed: Of the draw of folds.
        workers: Processes; never changes the result.
    """

    folder: Path
    info: CohortInfo
    geometry: BaseModel
    folds: int = 5
    seed: int = 0
    workers: int = 1


def prepare(
    task: Task, cohort: Sequence[CohortPatient], request: PrepareRequest, progress: Progress = silent
) -> Sequence[Sample]:
    """Make the samples of a cohort and draw its folds.

    Args:
        task: What they are for.
        cohort: Its patients.
        request: What is wanted.
        progress: Told after each patient.

    Returns:
        All samples, unlabeled ones too.

    Raises:
        CohortError: Images of patients cannot be used; all are listed.
        InputError: The folder holds other data, or the cohort cannot fill the folds.
        OutputError: The folder cannot be written, or holds other folds.
    """
    samples = task.prepare(
        cohort, request.folder, request.info, request.geometry, progress=progress, workers=request.workers
    )
    splits = make_splits(positives(samples), request.folds, request.seed, _strata(samples))
    write_splits(request.folder / SPLITS_FILE, splits)
    return samples


def _strata(samples: Iterable[Sample]) -> dict[str, tuple[int, ...]] | None:
    """Of patients with a labeled sample, where the task's samples say more of them than their labels do."""
    found = {
        sample.patient: sample.stratum
        for sample in samples
        if isinstance(sample, StratifiedSample) and sample.label is not None
    }
    return found or None


def positives(samples: Iterable[Sample]) -> dict[str, int]:
    """Number of positive samples of every patient with a labeled one."""
    counts: dict[str, int] = {}
    for sample in samples:
        if sample.label is not None:
            counts[sample.patient] = counts.get(sample.patient, 0) + sample.label
    return counts


def each_patient(
    cohort: Sequence[CohortPatient],
    make: Callable[[CohortPatient], T | InputError],
    workers: int,
    progress: Progress,
) -> list[T]:
    """What ``make`` returns for every patient, in order; faulty patients are collected and reported together.

    Args:
        cohort: The patients.
        make: Returns its fault instead of raising it, so that it passes between processes.
        workers: Processes; with more than one ``make`` must be picklable.
        progress: Told after each patient.

    Raises:
        CohortError: Patients could not be used; the others are done.
    """
    found: list[T] = []
    faults: list[str] = []
    with contextlib.ExitStack() as stack:
        answers: Iterator[T | InputError] = map(make, cohort)
        if workers > 1:
            answers = stack.enter_context(fresh_processes(workers)).map(make, cohort)
        for number, (patient, answer) in enumerate(zip(cohort, answers, strict=True), start=1):
            if isinstance(answer, InputError):
                faults.append(f"patient {patient.patient}: {answer}")
            else:
                found.append(answer)
            progress(f"{number} of {len(cohort)} patients", number / len(cohort))
    if faults:
        raise CohortError(listed(faults))
    return found
