"""A synthetic cohort in the tables of a research group: CT alone, slices as thick as wanted, pathology by station."""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import SimpleITK as sitk

from lnstation_training.cohorts.tables import PATHOLOGY_COLUMNS
from LNStationLib.phantom.patient import PatientPlan, PatientTruth, compact, complete, draw_patient, unplaced
from LNStationLib.phantom.preset import Preset, load_preset
from LNStationLib.phantom.preset_change import PresetChange
from LNStationLib.phantom.records import patient_bytes, read_patient
from LNStationLib.phantom.rendering import render_patient
from LNStationLib.phantom.station_truth import station_truth
from LNStationLib.support.atomic_files import atomic_file
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.processes import spread_or_serial
from LNStationLib.support.progress import Progress, silent

COHORT_FILE, PATIENTS_TABLE, PATHOLOGY_TABLE = "cohort.json", "patients.csv", "pathology.csv"
_MOST_MISSES = 1000
"""Patients drawn in a row without a wanted one, after which there is none to be expected."""
_COLUMNS = ("patient", "ct", "stations", "nodes", "tumor_side", "n_category")


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

    def drawn_from(self) -> Preset:
        """The preset with the change.

        Raises:
            InputError: There is none of that name.
        """
        return self.change.applied(load_preset(self.preset))


def make_synthetic_cohort(request: SyntheticCohort, progress: Progress = silent) -> int:
    """Make ``patients.csv``, ``pathology.csv``, ``images/ID`` and, apart from them, ``truth/ID``.

    Args:
        request: What is wanted.
        progress: Told after each patient.

    Returns:
        How many patients were made; the others were whole already.

    Raises:
        InputError: The request makes no sense, or the folder holds another cohort.
        OutputError: The folder cannot be written.
    """
    preset = _checked(request)
    try:
        _claim(request, preset)
        numbers = chosen_numbers(request, preset)
        missing = [number for number in numbers if not _is_whole(request, number)]
        made = spread_or_serial(partial(make_patient, request), missing, request.workers)
        for done, _ in enumerate(made, start=request.patients - len(missing) + 1):
            progress(f"{done} of {request.patients} patients", done / request.patients)
        _write_tables(request, numbers)
    except OSError as error:
        raise OutputError(f"{request.folder} could not be written: {error}; free space and run it again.") from error
    return len(missing)


def _checked(request: SyntheticCohort) -> Preset:
    for name in ("patients", "workers", "positive_stations"):
        if getattr(request, name) < 1:
            raise InputError(f"{name} must be at least 1, got {getattr(request, name)}.")
    if not 0.5 <= request.slice_mm <= 10:
        raise InputError(f"slice_mm must be from 0.5 to 10 mm, got {request.slice_mm}.")
    if not 0 <= request.positive_fraction <= 1:
        raise InputError(f"positive_fraction must be from 0 to 1, got {request.positive_fraction}.")
    return request.drawn_from()


def _claim(request: SyntheticCohort, preset: Preset) -> None:
    """Say what the cohort is, or hold the request against what is there."""
    request.folder.mkdir(parents=True, exist_ok=True)
    wanted = {
        "synthetic": True,
        "title": _title(request),
        "preset": request.preset,
        "preset_digest": preset.digest(),
        "seed": request.seed,
        "slice_mm": request.slice_mm,
        "positive_fraction": request.positive_fraction,
        "positive_stations": request.positive_stations,
        "change": request.change.model_dump(),
        "chest_only": request.chest_only,
    }
    path = request.folder / COHORT_FILE
    if path.exists():
        if json.loads(path.read_text(encoding="utf-8")) != wanted:
            raise InputError(f"{request.folder} holds another cohort: choose another folder or the same settings.")
        return
    if any(request.folder.iterdir()):
        raise InputError(f"{request.folder} is not empty and no synthetic cohort: choose another folder.")
    path.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")


def _title(request: SyntheticCohort) -> str:
    words = [request.preset, request.change.in_words()]
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


def _name(request: SyntheticCohort, number: int) -> str:
    return f"{request.preset}-{request.seed}-{number:05d}"


def _is_whole(request: SyntheticCohort, number: int) -> bool:
    return (request.folder / "truth" / _name(request, number)).exists()


def ct_plan(preset: Preset, seed: int, number: int, slice_mm: float, chest_only: bool = False) -> PatientPlan:
    """The plan of a patient without PET and with slices of the given thickness."""
    plan = draw_patient(preset, seed, number)
    pixel = plan.spacing_mm[0]
    ct = replace(plan, has_pet=False, spacing_mm=(pixel, pixel, slice_mm))
    return compact(ct, pixel) if chest_only else ct


def _plan(preset: Preset, request: SyntheticCohort, number: int) -> PatientPlan:
    return ct_plan(preset, request.seed, number, request.slice_mm, request.chest_only)


def make_patient(request: SyntheticCohort, number: int) -> None:
    """Make and write one patient: images whole first, truth last."""
    preset, name = request.drawn_from(), _name(request, number)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    patient = render_patient(preset, _plan(preset, request, number))
    phantom = patient.phantom
    images = {"ct": phantom.case.ct, "stations": phantom.grid.image(station_truth(phantom))}
    if phantom.case.nodes is not None:
        images["nodes"] = phantom.case.nodes
    for part in ("images", "truth"):
        (request.folder / part).mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=request.folder) as scratch:
        folder = Path(scratch)
        for kind in ("images", "truth"):
            (folder / kind).mkdir()
        for kind, image in images.items():
            sitk.WriteImage(image, str(folder / "images" / f"{kind}.nii.gz"), True)
        (folder / "truth" / "patient.json").write_bytes(patient_bytes(patient.truth))
        for kind in ("images", "truth"):
            target = request.folder / kind / name
            shutil.rmtree(target, ignore_errors=True)
            os.replace(folder / kind, target)


def read_truth(folder: Path) -> list[PatientTruth]:
    """What nobody but the generator knows of the patients of a cohort made here, in order."""
    return [read_patient(path) for path in sorted((folder / "truth").iterdir())]


def _write_tables(request: SyntheticCohort, numbers: Sequence[int]) -> None:
    patients, pathology = [], []
    for number in numbers:
        name = _name(request, number)
        truth, images = read_patient(request.folder / "truth" / name), request.folder / "images" / name
        paths = {
            kind: f"images/{name}/{kind}.nii.gz" if (images / f"{kind}.nii.gz").exists() else ""
            for kind in ("ct", "stations", "nodes")
        }
        side = truth.plan.tumor.side or ""
        patients.append({"patient": name, **paths, "tumor_side": side, "n_category": truth.p_n or ""})
        pathology += [(name, row.station, row.n_taken, row.n_positive) for row in truth.pathology]
    _write_csv(request.folder / PATIENTS_TABLE, _COLUMNS, [tuple(row.values()) for row in patients])
    _write_csv(request.folder / PATHOLOGY_TABLE, PATHOLOGY_COLUMNS, pathology)


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with atomic_file(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
