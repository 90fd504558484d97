"""Synthetic patients for networks that segment: CT, every organ and every station on the network's own grid.

One safetensors file a patient. The folder is prepared data as soon as it is claimed: ``fit`` may train on the first
patients while the others are still drawn. A stopped command is resumed by the same command, and more patients may be
asked for later; a patient's part in a fold follows from its number alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from pydantic import ValidationError

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.engine.experiment_files import first_fault
from lnstation_training.segmentation.classes import paint_order
from lnstation_training.segmentation.folder import (
    VOLUMES_TASKS,
    VolumeGeometry,
    claim_volumes,
    numbered_splits,
)
from lnstation_training.segmentation.patients import (
    CT,
    NODE_KINDS,
    NODES,
    ORGANS,
    STATIONS,
    PatientVolume,
    patient_path,
    write_patient,
)
from lnstation_training.synthetic.node_maps import node_kinds, node_numbers
from lnstation_training.synthetic.scanned_patients import as_scanned, scanned_volume
from LNStationLib.phantom.anatomy.mask_table import MaskTable
from LNStationLib.phantom.anatomy.variation import Contrast
from LNStationLib.phantom.case import PhantomCase, render
from LNStationLib.phantom.memory import keep_freed_memory
from LNStationLib.phantom.nodes.significance import Reader
from LNStationLib.phantom.patient import PatientPlan, complete, draw_patient, patient_id, unplaced
from LNStationLib.phantom.preset import load_preset
from LNStationLib.phantom.station_truth import station_truth
from LNStationLib.support.errors import InputError
from LNStationLib.support.processes import spread_or_serial
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.types import LabelArray

_ATTEMPTS, _NUMBERS = 40, 100_000
"""Numbers tried for a patient with a positive node: of 40 all fail once in ten million. They lie so far apart that
patients of one cohort never share one."""
PRESETS = ("esophagus", "lung")
"""Of every second patient: both cancers, with their tumors and nodes."""
PHASES: tuple[Contrast, ...] = ("none", "venous", "arterial", "none")
"""Of one patient after another. Half are without contrast medium, as the CTs of PET/CT and of radiotherapy are; what
a network sees of blood is drawn anew for every patch."""


@dataclass(frozen=True)
class OrganCohort:
    """A cohort of volumes that is wanted.

    Attributes:
        folder: Where; an unfinished one of the same request is completed.
        patients: Number of patients, at least 3.
        seed: Decides every patient.
        spacing_mm: Voxel size along z, y, x: the network's.
        workers: Processes; never changes the result.
        scanned: Whether patients go through a scanner and the station rules first; see ``scanned_patients``.
        reader: With it scanned patients have PET and a CT without contrast medium, as those of PET/CT and of
            radiotherapy, and it says which of their nodes are significant; ``None`` for CT alone.
        preset: Cancer of patients with a reader, ``""`` for that of every second patient.
    """

    folder: Path
    patients: int = 400
    seed: int = 1
    spacing_mm: tuple[float, float, float] = (2.0, 2.0, 2.0)
    workers: int = 1
    scanned: bool = False
    reader: Reader | None = None
    preset: str = ""

    @property
    def title(self) -> str:
        """Of the cohort."""
        content = "finished CTs, parsed stations, nodes" if self.scanned else "organs and stations"
        if self.reader is not None:
            lenient = self.reader.lenient_within_mm
            how = f"lenient within {lenient:g} mm" if lenient > 0 else "equally strict everywhere"
            content = f"PET/CT, tumors, parsed stations, nodes; reader {how}"
        return f"Synthetic patients ({content})"


def make_organ_cohort(request: OrganCohort, progress: Progress = silent) -> int:
    """Draw the patients of a cohort that are missing.

    Args:
        request: What is wanted.
        progress: Told after each patient.

    Returns:
        How many were made; the others were there already.

    Raises:
        InputError: The request makes no sense, or the folder holds other volumes.
        OutputError: The folder cannot be written.
    """
    claim_cohort(request)
    wanted = range(1, request.patients + 1)
    missing = [n for n in wanted if not patient_path(request.folder, patient_name(request, n)).exists()]
    done = request.patients - len(missing)
    progress(f"{done} of {request.patients} patients", done / request.patients)
    for _ in spread_or_serial(partial(make_patient, request), missing, request.workers):
        done += 1
        progress(f"{done} of {request.patients} patients", done / request.patients)
    return len(missing)


def claim_cohort(request: OrganCohort) -> None:
    """Make the folder and say what will be in it, before the first patient is drawn.

    Raises:
        InputError: The request makes no sense, or the folder holds other volumes.
        OutputError: The folder cannot be written.
    """
    if request.patients < 3 or request.workers < 1:
        raise InputError(
            f"Give 3 patients or more and at least 1 process, got {request.patients} and {request.workers}."
        )
    info = CohortInfo(title=request.title, synthetic=True)
    try:
        geometry = VolumeGeometry(spacing_mm=request.spacing_mm)
    except ValidationError as error:
        raise InputError(f"{first_fault(error)}.") from error
    claim_volumes(request.folder, VOLUMES_TASKS[0], info, geometry, _decisive(request))
    names = [patient_name(request, number) for number in range(1, request.patients + 1)]
    numbered_splits(request.folder, names)


def _decisive(request: OrganCohort) -> dict[str, Any]:
    """What decides the patients; unsaid where patients are not scanned, as in cohorts of before."""
    decides: dict[str, Any] = {"seed": request.seed, **({"scanned": True} if request.scanned else {})}
    if request.reader is not None:
        decides |= {"lenient_within_mm": request.reader.lenient_within_mm, "preset": request.preset}
    return decides


def patient_name(request: OrganCohort, number: int) -> str:
    """Name of a patient's file."""
    return patient_id("nodes" if request.scanned else "organs", request.seed, number)


def make_patient(request: OrganCohort, number: int) -> Path:
    """Draw and write one patient."""
    keep_freed_memory()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    plan, phase = patient_plan(request, number)
    name = patient_name(request, number)
    if request.scanned:
        scanned = as_scanned(plan, number, phase, with_pet=request.reader is not None)
        return write_patient(request.folder, scanned_volume(scanned, name, request.spacing_mm, request.reader))
    phantom = render(plan, organs="none", traits={"contrast": phase})
    return write_patient(request.folder, as_volume(phantom, name))


def patient_plan(request: OrganCohort, number: int) -> tuple[PatientPlan, Contrast]:
    """What the patient of a number is, and the phase of contrast."""
    preset = request.preset or PRESETS[number % len(PRESETS)]
    if request.reader is not None:
        return _with_call(request.seed, preset, number), "none"
    plan = draw_patient(load_preset(preset), request.seed, number)
    z, y, x = request.spacing_mm
    return replace(plan, spacing_mm=(x, y, z), has_pet=False, field_of_view="compact"), PHASES[number % len(PHASES)]


def _with_call(seed: int, preset: str, number: int) -> PatientPlan:
    """The first of a patient's candidates of whom imaging calls a node positive, as in a cohort of radiotherapy.

    A third of the presets' patients have such a node; each number draws from numbers of its own, so that patients may
    be added later.
    """
    table = load_preset(preset)
    for attempt in range(_ATTEMPTS):
        plan = replace(draw_patient(table, seed, number + attempt * _NUMBERS), has_pet=True)
        nodes, look_alikes = unplaced(plan)
        if any(node.call for node in complete(table, plan, nodes, look_alikes).nodes):
            return plan
    return plan


def as_volume(phantom: PhantomCase, name: str) -> PatientVolume:
    """A synthetic patient with its truth, as networks that segment learn from it."""
    arrays: dict[str, np.ndarray] = {
        CT: sitk.GetArrayFromImage(phantom.case.ct).astype(np.int16),
        ORGANS: painted(phantom.organs),
        STATIONS: np.asarray(station_truth(phantom), np.uint8),
        NODES: node_numbers(phantom),
        NODE_KINDS: node_kinds(phantom),
    }
    return PatientVolume(name, arrays, phantom.grid.spacing_mm, annotated=None, synthetic=True)


def painted(organs: MaskTable, order: Sequence[str] | None = None) -> LabelArray:
    """All organs in one map with the values of the anatomy table.

    Args:
        organs: Masks by name.
        order: Names, later over earlier; ``None`` takes the table's priorities.
    """
    labels = np.zeros(organs.shape, np.uint8)
    values = {row.name: row.label_value for row in paint_order()}
    for name in order or values:
        if name in organs.crops:
            box, mask = organs.crops[name]
            labels[box][mask] = values[name]
    return labels
