"""Synthetic cohorts to train on: CT, PET where wanted, slices of one thickness, a part of patients node-positive."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import SimpleITK as sitk

from LNStationLib.phantom.cohort import CohortRun, complete_cohort
from LNStationLib.phantom.memory import keep_freed_memory
from LNStationLib.phantom.patient import PatientPlan, compact, complete, draw_patient, unplaced
from LNStationLib.phantom.preset import Preset, load_preset
from LNStationLib.phantom.preset_change import PresetChange
from LNStationLib.phantom.records import CASES, CohortKey, read_cohort_file
from LNStationLib.phantom.rendering import write_rendered
from LNStationLib.phantom.tables import NODE_PATHOLOGY_TABLE, PATHOLOGY_TABLE, PATIENTS_TABLE
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, silent

_MOST_MISSES = 1000
"""Patients drawn in a row without a wanted one, after which there is none to be expected."""


@dataclass(frozen=True)
class SyntheticCohort:
    """A synthetic cohort that is wanted.

    Attributes:
        folder: Where; an unfinished one of the same request is completed.
        preset: ``"esophagus"`` or ``"lung"``.
        patients: Number of patients, at least 1.
        seed: Decides every patient, together with the preset.
        slice_mm: Slice thickness of every CT; the paper's median is 5.
        workers: Processes; never changes the result.
        positive_fraction: At least this part of the patients has ``positive_stations`` metastatic stations as drawn,
            as a case-control study would choose them; 0 takes patients as they come (a quarter has one, 6 % of
            stations are positive). The choice is of patients alone: how metastatic stations look stays as it is.
        change: What makes metastases easier or harder to read than in the audited preset.
        chest_only: CTs of the chest alone, about half the voxels of the clinical 512 x 512; the pixels stay.
        positive_stations: See ``positive_fraction``.
        pixel_mm: Pixels of every CT, of the chest alone then; ``None`` for each patient's own.
        pet: Whether patients keep the PET that the preset gives them.
    """

    folder: Path
    preset: str = "esophagus"
    patients: int = 100
    seed: int = 1
    slice_mm: float = 5.0
    workers: int = 1
    positive_fraction: float = 0.0
    change: PresetChange = field(default_factory=PresetChange)
    chest_only: bool = False
    positive_stations: int = 1
    pixel_mm: float | None = None
    pet: bool = False

    def drawn_from(self) -> Preset:
        """The preset with the change.

        Raises:
            InputError: There is none of that name.
        """
        return self.change.applied(load_preset(self.preset))


def make_synthetic_cohort(request: SyntheticCohort, progress: Progress = silent) -> int:
    """Make a cohort in the format of ``LNStationLib.phantom.cohort``, or what is missing of it.

    Args:
        request: What is wanted.
        progress: Told after each patient.

    Returns:
        How many patients were made; the others were whole already.

    Raises:
        InputError: The request makes no sense, or the folder holds another cohort.
        OutputError: The folder holds something else, or cannot be written.
    """
    return complete_cohort(cohort_run(request), progress)


def cohort_run(request: SyntheticCohort) -> CohortRun:
    """What is to be made for a request.

    Raises:
        InputError: The request makes no sense.
    """
    preset = _checked(request)
    key = CohortKey(
        preset=request.preset,
        preset_digest=preset.digest(),
        seed=request.seed,
        change=request.change,
        slice_mm=request.slice_mm,
        ct_only=not request.pet,
        chest_only=request.chest_only,
        compact_mm=request.pixel_mm,
        positive_fraction=request.positive_fraction,
        positive_stations=request.positive_stations,
    )
    numbers = chosen_numbers(request, preset)
    return CohortRun(request.folder, _title(request), key, numbers, partial(make_patient, request), request.workers)


def cohort_tables(folder: Path) -> tuple[Path, Path, Path | None]:
    """The tables of patients, of pathology by station and by node (``None`` in an old cohort) of a synthetic cohort.

    Raises:
        InputError: It is not one, was made without images, or is not complete.
    """
    cohort = read_cohort_file(folder)
    if not cohort.key.images:
        raise InputError(f"{folder} was made without images: make it again without --no-images.")
    if not cohort.patients:
        raise InputError(f"{folder} is not complete: run the command that made it again.")
    nodes = folder / NODE_PATHOLOGY_TABLE
    return folder / PATIENTS_TABLE, folder / PATHOLOGY_TABLE, nodes if nodes.exists() else None


def case_organs(folder: Path, patient: str) -> Path | None:
    """Masks of the organs that a patient's case folder has, as a user would have them; ``None`` where it has none."""
    masks = folder / CASES / patient / "organs"
    return masks if masks.is_dir() else None


def _checked(request: SyntheticCohort) -> Preset:
    for name in ("patients", "workers", "positive_stations"):
        if getattr(request, name) < 1:
            raise InputError(f"{name} must be at least 1, got {getattr(request, name)}.")
    if not 0.5 <= request.slice_mm <= 10:
        raise InputError(f"slice_mm must be from 0.5 to 10 mm, got {request.slice_mm}.")
    if request.pixel_mm is not None and not 0.5 <= request.pixel_mm <= request.slice_mm:
        raise InputError(f"pixel_mm must be from 0.5 mm to the slice thickness, got {request.pixel_mm}.")
    if not 0 <= request.positive_fraction <= 1:
        raise InputError(f"positive_fraction must be from 0 to 1, got {request.positive_fraction}.")
    return request.drawn_from()


def _title(request: SyntheticCohort) -> str:
    words = [request.preset, request.change.summary()]
    if request.positive_fraction:
        least = f" in {request.positive_stations} or more stations" if request.positive_stations > 1 else ""
        words.append(f"{100 * request.positive_fraction:.0f} % of them node-positive{least}")
    return f"Synthetic patients ({', '.join(filter(None, words))})"


def chosen_numbers(request: SyntheticCohort, preset: Preset) -> list[int]:
    """Numbers of the patients that are made; those of a smaller cohort of the same request come first.

    Patients are drawn in order; where more node-positive ones are due, those without are passed over.

    Raises:
        InputError: There are none with so many metastatic stations.
    """
    # By usual surgery, so that a whole dissection tells more of the same patients.
    usual = request.change.model_copy(update={"whole_dissection": False})
    preset = usual.applied(load_preset(request.preset))
    chosen: list[int] = []
    passed: list[int] = []
    number = positive = misses = 0
    while len(chosen) < request.patients:
        due = positive < request.positive_fraction * (len(chosen) + 1)
        if not due and passed:
            chosen.append(passed.pop(0))
            continue
        number += 1
        if request.positive_fraction and _is_case(preset, request, number):
            positive, misses = positive + 1, 0
        elif due:
            passed.append(number)
            misses += 1
            if misses == _MOST_MISSES:
                raise InputError(
                    f"None of {_MOST_MISSES} patients drawn in a row has {request.positive_stations} metastatic "
                    "stations: choose fewer."
                )
            continue
        chosen.append(number)
    return chosen


def _is_case(preset: Preset, request: SyntheticCohort, number: int) -> bool:
    """As planned; images may lack a node that found no place, so that surgery finds a little less."""
    plan = _plan(preset, request, number)
    rows = complete(preset, plan, *unplaced(plan)).pathology
    return sum(row.n_positive > 0 for row in rows) >= request.positive_stations


def ct_plan(
    preset: Preset,
    seed: int,
    number: int,
    slice_mm: float,
    chest_only: bool = False,
    pixel_mm: float | None = None,
    pet: bool = False,
) -> PatientPlan:
    """The plan of a patient with slices of the given thickness, and without PET unless it is wanted."""
    plan = draw_patient(preset, seed, number)
    pixel = plan.spacing_mm[0]
    ct = replace(plan, has_pet=pet and plan.has_pet, spacing_mm=(pixel, pixel, slice_mm))
    return compact(ct, pixel_mm or pixel) if chest_only or pixel_mm else ct


def _plan(preset: Preset, request: SyntheticCohort, number: int) -> PatientPlan:
    return ct_plan(preset, request.seed, number, request.slice_mm, request.chest_only, request.pixel_mm, request.pet)


def make_patient(request: SyntheticCohort, number: int) -> None:
    """Make and write one patient."""
    keep_freed_memory()
    preset = request.drawn_from()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    write_rendered(preset, _plan(preset, request, number), request.folder)
