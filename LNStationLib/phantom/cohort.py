"""Make a cohort: one patient after another or several at once, always the same bytes, resumable after a kill.

A cohort folder holds ``cohort.json``, the tables that training reads (``tables``), ``cases/ID`` as ``assess`` reads
them, and ``truth/ID`` with what no reader has. A patient's case appears whole first and its truth last, so a patient
with a truth is whole.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from LNStationLib.phantom.anatomy.traits import AnatomyTrait, Odds, check_anatomy
from LNStationLib.phantom.memory import keep_freed_memory
from LNStationLib.phantom.patient import (
    compact,
    complete,
    draw_patient,
    patient_id,
    scanned_with,
    unplaced,
    with_anatomy,
    with_drawn_anatomy,
)
from LNStationLib.phantom.preset import Preset, load_preset
from LNStationLib.phantom.records import (
    CASES,
    COHORT_FILE,
    PATIENT_FILE,
    TRUTH,
    CohortFile,
    CohortKey,
    read_cohort_file,
    read_patient,
    write_file,
    write_truth,
)
from LNStationLib.phantom.rendering import write_rendered
from LNStationLib.phantom.scan_traits import Extent, ScanTrait, check_traits
from LNStationLib.phantom.tables import write_tables
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.processes import spread_or_serial
from LNStationLib.support.progress import Progress, silent


@dataclass(frozen=True)
class CohortRequest:
    """A cohort that is wanted.

    Attributes:
        folder: Where; an unfinished cohort of the same key there is completed.
        preset: Name of the preset.
        patients: Number of patients, at least 1.
        seed: Decides every patient, together with preset and version.
        workers: Processes, at least 1; never changes a byte.
        images: False for tables and truth alone.
        compact_mm: For tests and quick looks: CTs of the chest alone with pixels of this size, instead of the
            clinical field of view and each patient's own pixels.
        scan_traits: What real scans have and the audited cohorts do not; see ``scan_traits``.
        extent: How much of the body the CTs show.
        anatomy_traits: What patients have and the audited cohorts do not; every patient has all of them.
        anatomy_odds: Draw those traits for each patient with these odds instead.
    """

    folder: Path
    preset: str
    patients: int
    seed: int
    workers: int = 1
    images: bool = True
    compact_mm: float | None = None
    scan_traits: tuple[ScanTrait, ...] = ()
    extent: Extent = "chest"
    anatomy_traits: tuple[AnatomyTrait, ...] = ()
    anatomy_odds: Odds | None = None


@dataclass(frozen=True)
class CohortRun:
    """A cohort to be completed, whoever wants it.

    Attributes:
        folder: Where.
        title: Of the cohort, for the cards of models.
        key: What decides its patients.
        numbers: Numbers of its patients, in the order of the tables.
        make: Makes and writes the patient of a number; can be pickled.
        workers: Processes, at least 1; never changes a byte.
    """

    folder: Path
    title: str
    key: CohortKey
    numbers: Sequence[int]
    make: Callable[[int], None]
    workers: int = 1

    def name(self, number: int) -> str:
        """Name of a patient's folders."""
        return patient_id(self.key.preset, self.key.seed, number)

    def is_whole(self, number: int) -> bool:
        """True where nothing of a patient is missing."""
        name = self.name(number)
        return (self.folder / TRUTH / name / PATIENT_FILE).exists() and (
            not self.key.images or (self.folder / CASES / name / "case.json").exists()
        )


def make_cohort(request: CohortRequest, progress: Progress = silent) -> int:
    """Make a cohort, or what is missing of it.

    Args:
        request: What is wanted.
        progress: Told after each patient.

    Returns:
        How many patients were made; the others were whole already.

    Raises:
        InputError: The request makes no sense, or the folder holds another cohort.
        OutputError: The folder holds something else, or cannot be written.
        CancelledError: From ``progress``; whole patients stay.
    """
    preset = _checked(request)
    key = CohortKey(
        preset=preset.name,
        preset_digest=preset.digest(),
        seed=request.seed,
        images=request.images,
        compact_mm=request.compact_mm,
        scan_traits=check_traits(request.scan_traits),
        extent=request.extent,
        anatomy_traits=check_anatomy(request.anatomy_traits),
        anatomy_odds=request.anatomy_odds,
    )
    title = f"Synthetic patients ({preset.name})"
    numbers = range(1, request.patients + 1)
    run = CohortRun(request.folder, title, key, numbers, partial(make_patient, request), request.workers)
    return complete_cohort(run, progress)


def _checked(request: CohortRequest) -> Preset:
    for name in ("patients", "workers"):
        if getattr(request, name) < 1:
            raise InputError(f"{name} must be at least 1, got {getattr(request, name)}.")
    if request.seed < 0:
        raise InputError(f"seed must be a whole number from 0 up, got {request.seed}.")
    if request.compact_mm is not None and not 0.5 <= request.compact_mm <= 5:
        raise InputError(f"compact_mm must be from 0.5 to 5 mm, got {request.compact_mm}.")
    anatomical = bool(request.anatomy_traits or request.anatomy_odds)
    if not request.images and (request.scan_traits or request.extent != "chest" or anatomical):
        raise InputError("scan traits, anatomical traits and the extent need images; leave out --no-images.")
    if request.anatomy_traits and request.anatomy_odds:
        raise InputError("anatomical traits are either named or drawn; leave out one of both.")
    try:
        check_traits(request.scan_traits)
        check_anatomy(request.anatomy_traits)
    except ValueError as error:
        raise InputError(f"{error}.") from error
    return load_preset(request.preset)


def make_patient(request: CohortRequest, number: int) -> None:
    """Make and write one patient."""
    preset = load_preset(request.preset)
    plan = draw_patient(preset, request.seed, number)
    if request.images:
        keep_freed_memory()
        if request.compact_mm is not None:
            plan = compact(plan, request.compact_mm)
        plan = scanned_with(plan, request.scan_traits, request.extent)
        if request.anatomy_odds is not None:
            plan = with_drawn_anatomy(plan, request.anatomy_odds)
        elif request.anatomy_traits:
            plan = with_anatomy(plan, request.anatomy_traits)
        write_rendered(preset, plan, request.folder)
    else:
        write_truth(request.folder, complete(preset, plan, *unplaced(plan)))


def complete_cohort(run: CohortRun, progress: Progress = silent) -> int:
    """Make the patients that a cohort lacks, then its tables.

    Args:
        run: The cohort.
        progress: Told after each patient.

    Returns:
        How many patients were made; the others were whole already.

    Raises:
        InputError: The folder holds another cohort.
        OutputError: The folder holds something else, or cannot be written.
        CancelledError: From ``progress``; whole patients stay.
    """
    claim_folder(run)
    wanted = len(run.numbers)
    missing = [number for number in run.numbers if not run.is_whole(number)]
    done = wanted - len(missing)
    progress(f"{done} of {wanted} patients", done / wanted)
    for _ in spread_or_serial(run.make, missing, run.workers):
        done += 1
        progress(f"{done} of {wanted} patients", done / wanted)
    _finish(run)
    return len(missing)


def claim_folder(run: CohortRun) -> None:
    """Take an empty folder or a cohort of the same key, nothing else.

    Raises:
        InputError: It holds another cohort.
        OutputError: It holds something else, or cannot be written.
    """
    folder = run.folder
    if (folder / COHORT_FILE).exists():
        _refuse_another(folder, run.key)
        return
    if folder.exists() and (not folder.is_dir() or any(not _is_remnant(path) for path in folder.iterdir())):
        raise OutputError(f"{folder} is not empty and not a cohort; choose another folder.")
    try:
        for name in (CASES, TRUTH):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error.strerror}); choose another folder.") from error
    write_file(folder / COHORT_FILE, CohortFile(title=run.title, key=run.key).content())


def _refuse_another(folder: Path, key: CohortKey) -> None:
    there = read_cohort_file(folder).key
    differs = ", ".join(
        f"{name} {getattr(there, name)} instead of {getattr(key, name)}"
        for name in CohortKey.model_fields
        if getattr(there, name) != getattr(key, name)
    )
    if differs:
        raise InputError(f"{folder} holds another cohort ({differs}); choose another folder or the same settings.")


def _is_remnant(path: Path) -> bool:
    """True for what a kill before the first patient leaves."""
    return path.name.startswith(f".{COHORT_FILE}-") or (path.name in (CASES, TRUTH) and not any(path.iterdir()))


def _finish(run: CohortRun) -> None:
    """Write the tables from the patients' own files and say who they are of; sweep up after a kill."""
    folder, names = run.folder, [run.name(number) for number in run.numbers]
    write_tables(folder, [read_patient(folder / TRUTH / name) for name in names], run.key.drawn_from())
    for part in (folder, folder / CASES, folder / TRUTH):
        for remnant in part.glob(".*-*"):
            with contextlib.suppress(OSError):
                shutil.rmtree(remnant) if remnant.is_dir() else remnant.unlink()
    write_file(folder / COHORT_FILE, CohortFile(title=run.title, key=run.key, patients=tuple(names)).content())
