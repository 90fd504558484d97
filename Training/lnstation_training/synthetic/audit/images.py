"""What the images show of the nodes, beside their true attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import edt
import numpy as np
import SimpleITK as sitk

from lnstation_training.synthetic.audit.sheet import Figure
from lnstation_training.synthetic.audit.statistics import wilson
from LNStationLib import anatomy
from LNStationLib.case.from_files import load_case_folder
from LNStationLib.imaging.arrays import array_view
from LNStationLib.metastasis.station_uptake import station_uptakes
from LNStationLib.nodes.measurement import Scene, measure_nodes
from LNStationLib.phantom.nodes.node import NodeTruth
from LNStationLib.phantom.patient import PatientTruth
from LNStationLib.phantom.preset import Preset
from LNStationLib.phantom.records import CASES, TRUTH
from LNStationLib.state.assessment import NodeFinding
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.support.progress import Progress, silent

_SECTION = "Images against attributes"
ATLAS_ERROR_MM = 7.0
"""How far atlas-registered stations are taken to be off (6.9 mm and more are reported: Guo et al. 2021, Sec. 1)."""


@dataclass(frozen=True)
class _Seen:
    """What was measured of one patient."""

    pairs: list[tuple[NodeTruth, NodeFinding]]
    stations: list[tuple[bool, float]]
    """For every station with PET: the reader's call, and the measured SUVmax with the tumor left in."""
    grown: list[tuple[bool, float]]
    """The same in stations that are grown by ``ATLAS_ERROR_MM``, as where an atlas was registered."""


def audit_images(
    folder: Path, patients: Sequence[PatientTruth], preset: Preset, progress: Progress = silent
) -> list[Figure]:
    """Measure the nodes and stations of some patients of a cohort with images, in their true masks.

    Args:
        folder: The cohort.
        patients: Those to measure.
        preset: Gives thresholds.
        progress: Told after each patient.
    """
    seen = []
    for done, patient in enumerate(patients):
        progress(f"measuring {patient.plan.patient_id}", done / len(patients))
        seen.append(_measure(folder, patient))
    pairs = [pair for one in seen for pair in one.pairs if pair[0].visible]
    figures = [Figure(_SECTION, "patients measured, visible nodes", f"{len(patients)}, {len(pairs)}")]
    if pairs:
        figures += _node_figures(pairs)
    limit = preset.imaging.suv_max
    figures += _station_figures([row for one in seen for row in one.stations], limit, "true stations")
    name = f"stations grown by {ATLAS_ERROR_MM:g} mm, as an atlas errs"
    return figures + _station_figures([row for one in seen for row in one.grown], limit, name)


def _measure(folder: Path, patient: PatientTruth) -> _Seen:
    name = patient.plan.patient_id
    case = load_case_folder(folder / CASES / name)
    labels, stations = (
        sitk.ReadImage(str(folder / TRUTH / name / f"{part}.nii.gz")) for part in ("nodes", "stations")
    )
    scene = Scene(case.ct, stations, case.pet, NodeSearch("truth"), lambda point: "L" if point[0] > 0 else "R")
    found = measure_nodes(labels, scene)
    by_id = {node.node_id: node for node in patient.nodes}
    pairs = [(by_id[finding.node_id], finding) for finding in found if finding.node_id in by_id]
    uptakes = station_uptakes(case.pet, stations, None).by_station
    rows = [(row.call, uptakes[row.station].suv_max) for row in patient.stations if row.station in uptakes]
    grown = {} if case.pet is None else _grown_suv_max(case.pet, stations)
    return _Seen(pairs, rows, [(row.call, grown[row.station]) for row in patient.stations if row.station in grown])


def _grown_suv_max(pet: sitk.Image, stations: sitk.Image) -> dict[str, float]:
    """SUVmax of every station grown on the PET's own grid, neighbors taken in."""
    on_pet = sitk.GetArrayFromImage(sitk.Resample(stations, pet, sitk.Transform(), sitk.sitkNearestNeighbor, 0))
    suv, spacing = array_view(pet), tuple(reversed(pet.GetSpacing()))
    result = {}
    for row in anatomy.stations():
        mask = on_pet == row.label_value
        if mask.any():
            near = edt.edt(~mask, anisotropy=spacing) <= ATLAS_ERROR_MM
            result[row.name] = float(suv[near].max())
    return result


def _node_figures(pairs: Sequence[tuple[NodeTruth, NodeFinding]]) -> list[Figure]:
    short = np.array([seen.short_axis_mm - true.short_axis_mm for true, seen in pairs])
    volume = np.array([seen.volume_mm3 / true.volume_mm3 for true, seen in pairs])
    hu = np.array([seen.mean_hu - true.hu for true, seen in pairs])
    inside = np.mean([seen.station == true.station for true, seen in pairs])
    figures = [
        Figure(
            _SECTION, "short axis, measured minus true (mm)", f"median {np.median(short):+.1f}, SD {short.std():.1f}"
        ),
        Figure(_SECTION, "volume, measured over true", f"median {np.median(volume):.2f}"),
        Figure(_SECTION, "attenuation, measured minus true (HU)", f"median {np.median(hu):+.0f}, SD {hu.std():.0f}"),
        Figure(_SECTION, "nodes whose largest part lies in their own station", f"{100 * inside:.1f} %"),
    ]
    uptake = [(true.suv_max, seen.suv_max) for true, seen in pairs if true.suv_max is not None and seen.suv_max]
    if uptake:
        expected, measured = np.array(uptake).T
        words = (
            f"median {np.median(measured / expected):.2f}, correlation {np.corrcoef(expected, measured)[0, 1]:.2f}"
        )
        figures.append(Figure(_SECTION, f"SUVmax, measured over expected ({len(uptake)} nodes)", words))
    return figures


def _station_figures(rows: Sequence[tuple[bool, float]], threshold: float, where: str) -> list[Figure]:
    figures = []
    for name, chosen in (
        ("sensitivity", [value > threshold for call, value in rows if call]),
        ("specificity", [value <= threshold for call, value in rows if not call]),
    ):
        if chosen:
            part, whole = sum(chosen), len(chosen)
            low, high = wilson(part, whole)
            words = f"{part} of {whole} ({100 * part / whole:.1f} %; 95 % CI {100 * low:.1f} to {100 * high:.1f})"
            title = f"{name} of measured SUVmax above {threshold:g} against imaging diagnosis, {where}"
            figures.append(Figure(_SECTION, title, words))
    return figures
