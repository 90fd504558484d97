"""A planned patient with images: its case folder and, beside it, its truth."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from LNStationLib import anatomy
from LNStationLib.imaging.grid import Grid
from LNStationLib.imaging.writing import write_nifti
from LNStationLib.phantom.case import PhantomCase, render
from LNStationLib.phantom.case_folder import write_case
from LNStationLib.phantom.patient import PatientPlan, PatientTruth, complete
from LNStationLib.phantom.preset import Preset
from LNStationLib.phantom.records import CASES, PATIENT_FILE, TRUTH, write_truth
from LNStationLib.phantom.station_truth import station_truth
from LNStationLib.support.errors import OutputError

_CHEST = ("thoracic_cavity", "spine", "sternum", "clavicle_left", "clavicle_right", "esophagus", "trachea")
"""Organs whose extent holds every station."""


@dataclass(frozen=True)
class RenderedPatient:
    """A patient with images and everything that is true of it."""

    phantom: PhantomCase
    truth: PatientTruth


def render_patient(preset: Preset, plan: PatientPlan) -> RenderedPatient:
    """Make the images of a planned patient; imaging and surgery follow from the nodes as they came to lie."""
    phantom = render(plan)
    return RenderedPatient(phantom, complete(preset, plan, phantom.nodes, phantom.look_alikes))


def write_rendered(preset: Preset, plan: PatientPlan, folder: Path) -> Path:
    """Make a patient and write it: its case whole first, its truth whole last.

    Args:
        preset: The plan's preset.
        plan: The patient.
        folder: The cohort's folder; gets ``cases/ID`` and ``truth/ID``.

    Returns:
        The case folder.

    Raises:
        OutputError: The patient is there already, or the folder cannot be written.
    """
    target, truth_folder = folder / CASES / plan.patient_id, folder / TRUTH / plan.patient_id
    if (truth_folder / PATIENT_FILE).exists() and target.exists():
        raise OutputError(f"{target} is there already; choose another folder.")
    try:
        for part in (target.parent, truth_folder.parent):
            part.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error.strerror}); choose another folder.") from error
    patient = render_patient(preset, plan)
    # A case without its truth is what a kill left of an earlier try.
    shutil.rmtree(target, ignore_errors=True)
    write_case(patient.phantom, target)
    with tempfile.TemporaryDirectory(prefix=f".{plan.patient_id}-", dir=truth_folder.parent) as scratch:
        _write_label_maps(patient.phantom, Path(scratch))
        write_truth(folder, patient.truth, Path(scratch))
    return target


def _write_label_maps(phantom: PhantomCase, folder: Path) -> None:
    grid = phantom.grid
    maps: dict[str, np.ndarray] = {
        "nodes": phantom.node_labels,
        "stations": _stations(phantom),
        "organs": _organ_labels(phantom),
    }
    for name, labels in maps.items():
        write_nifti(grid.image(labels), folder / f"{name}.nii.gz")
    # As a supplied organ map has them: the tables of a cohort can then be assessed as they are.
    counts = np.bincount(maps["organs"].ravel(), minlength=256)
    names = {row.label_value: row.name for row in anatomy.organs() if counts[row.label_value]}
    (folder / "organs.json").write_text(json.dumps(names, indent=2), encoding="utf-8")


def _stations(phantom: PhantomCase) -> np.ndarray:
    """The station truth on the CT's grid, read where the chest is: half of a clinical field of view is air."""
    grid, organs = phantom.grid, phantom.organs
    boxes = [organs.crops[name][0] for name in _CHEST if name in organs]
    margin = 4
    first = max(min(box[1].start for box in boxes) - margin, 0)
    last = min(max(box[1].stop for box in boxes) + margin, grid.shape[1])
    # Mirrored patients need a grid that is symmetric about x = 0.
    side = max(min(min(box[2].start, grid.shape[2] - box[2].stop) for box in boxes) - margin, 0)
    part = (slice(0, grid.shape[0]), slice(first, last), slice(side, grid.shape[2] - side))
    origin = tuple(o + s * p.start for o, s, p in zip(grid.origin_mm, grid.spacing_mm, part, strict=True))
    shape = (grid.shape[0], last - first, grid.shape[2] - 2 * side)
    chest = replace(phantom, grid=Grid(shape, grid.spacing_mm, origin), organs=organs.cut(part))
    labels = np.zeros(grid.shape, np.uint8)
    labels[part] = station_truth(chest)
    return labels


def _organ_labels(phantom: PhantomCase) -> np.ndarray:
    """All organs in one map, values of the organ table; where they overlap the higher priority wins."""
    labels = np.zeros(phantom.grid.shape, np.uint8)
    for row in sorted(anatomy.organs(), key=lambda entry: entry.priority):
        if row.name in phantom.organs.crops:
            box, mask = phantom.organs.crops[row.name]
            labels[box][mask] = row.label_value
    return labels
