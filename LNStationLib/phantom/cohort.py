"""Make a cohort: one patient after another or several at once, always the same bytes, resumable after a kill.

A cohort folder holds ``cohort.json`` and the tables, ``cases/ID`` as ``assess`` reads them, and ``truth/ID`` with
what no reader has. A patient's case appears whole first and its truth last, so a patient with a truth is whole.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
from dataclasses import dataclass
from pathlib import Path

from LNStationLib.phantom.memory import keep_freed_memory
from LNStationLib.phantom.patient import compact, complete, draw_patient, scanned_with, unplaced
from LNStationLib.phantom.preset import Preset, load_preset
from LNStationLib.phantom.records import (
    CASES,
    COHORT_FILE,
    PATIENT_FILE,
    TRUTH,
    CohortFile,
    CohortKey,
    cohort_key,
    patient_id,
    read_cohort_file,
    read_patient,
    write_file,
    write_tables,
    write_truth,
)
from LNStationLib.phantom.rendering import write_rendered
from LNStationLib.phantom.scan_traits import Extent, ScanTrait, check_traits
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


def make_cohort(request: CohortRequest, progress: Progress = silent) -> int:
    """Make a cohort, or what is missing of it.

    Args:
        request: What is wanted.
        progress: Told after each patient.

    Returns:
        How many patients were made; the others were whole already.

    Raises:
        InputError: The request makes no sense, or the folder holds something else or another cohort.
        OutputError: The folder cannot be written.
        CancelledError: From ``progress``; whole patients stay.
    """
    preset = _checked(request)
    key = cohort_key(preset, request.seed, request.images, request.compact_mm).model_copy(
        update={"scan_traits": check_traits(request.scan_traits), "extent": request.extent}
    )
    _prepare(request.folder, key)
    missing = [n for n in range(1, request.patients + 1) if not is_whole(request.folder, key, n)]
    done = request.patients - len(missing)
    progress(f"{done} of {request.patients} patients", done / request.patients)
    for _ in spread_or_serial(functools.partial(make_patient, request), missing, request.workers):
        done += 1
        progress(f"{done} of {request.patients} patients", done / request.patients)
    finish(request.folder, key, preset, request.patients)
    return len(missing)


def _checked(request: CohortRequest) -> Preset:
    for name in ("patients", "workers"):
        if getattr(request, name) < 1:
            raise InputError(f"{name} must be at least 1, got {getattr(request, name)}.")
    if request.seed < 0:
        raise InputError(f"seed must be a whole number from 0 up, got {request.seed}.")
    if request.compact_mm is not None and not 0.5 <= request.compact_mm <= 5:
        raise InputError(f"compact_mm must be from 0.5 to 5 mm, got {request.compact_mm}.")
    if not request.images and (request.scan_traits or request.extent != "chest"):
        raise InputError("scan traits and the extent need images; leave out --no-images.")
    try:
        check_traits(request.scan_traits)
    except ValueError as error:
        raise InputError(f"{error}.") from error
    return load_preset(request.preset)


def _prepare(folder: Path, key: CohortKey) -> None:
    """Take an empty folder or a cohort of the same key, nothing else."""
    if (folder / COHORT_FILE).exists():
        there = read_cohort_file(folder).key
        if there != key:
            differs = ", ".join(
                f"{name} {getattr(there, name)} instead of {getattr(key, name)}"
                for name in CohortKey.model_fields
                if getattr(there, name) != getattr(key, name)
            )
            raise InputError(
                f"{folder} holds another cohort ({differs}); choose another folder or the same settings."
            )
        return
    if folder.exists() and (not folder.is_dir() or any(not _is_remnant(path) for path in folder.iterdir())):
        raise OutputError(f"{folder} is not empty and no cohort; choose another folder.")
    try:
        for name in (CASES, TRUTH):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error.strerror}); choose another folder.") from error
    write_file(folder / COHORT_FILE, _file_bytes(CohortFile(key=key, patients=0)))


def _is_remnant(path: Path) -> bool:
    """True for what a kill before the first patient leaves."""
    return path.name.startswith(f".{COHORT_FILE}-") or (path.name in (CASES, TRUTH) and not any(path.iterdir()))


def _file_bytes(cohort: CohortFile) -> bytes:
    return (cohort.model_dump_json(indent=1) + "\n").encode()


def is_whole(folder: Path, key: CohortKey, number: int) -> bool:
    """True where nothing of a patient is missing."""
    name = patient_id(key, number)
    return (folder / TRUTH / name / PATIENT_FILE).exists() and (
        not key.images or (folder / CASES / name / "case.json").exists()
    )


def make_patient(request: CohortRequest, number: int) -> None:
    """Make and write one patient."""
    preset = load_preset(request.preset)
    plan = draw_patient(preset, request.seed, number)
    if request.images:
        keep_freed_memory()
        if request.compact_mm is not None:
            plan = compact(plan, request.compact_mm)
        write_rendered(preset, scanned_with(plan, request.scan_traits, request.extent), request.folder)
    else:
        write_truth(request.folder, complete(preset, plan, *unplaced(plan)))


def finish(folder: Path, key: CohortKey, preset: Preset, patients: int) -> None:
    """Write the tables from the patients' own files and say how many there are; sweep up after a kill."""
    rows = [read_patient(folder / TRUTH / patient_id(key, number)) for number in range(1, patients + 1)]
    write_tables(folder, rows, preset)
    for part in (folder, folder / CASES, folder / TRUTH):
        for remnant in part.glob(".*-*"):
            with contextlib.suppress(OSError):
                shutil.rmtree(remnant) if remnant.is_dir() else remnant.unlink()
    write_file(folder / COHORT_FILE, _file_bytes(CohortFile(key=key, patients=patients)))
