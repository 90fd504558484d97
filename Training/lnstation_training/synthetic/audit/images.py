"""What the images show of the nodes, beside their true attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from lnstation_training.synthetic.audit.sheet import Figure
from lnstation_training.synthetic.audit.station_suv import Maps, StationSuv, station_suv, suv_figures
from LNStationLib.case.from_files import load_case_folder
from LNStationLib.nodes.measurement import Scene, measure_nodes
from LNStationLib.phantom.nodes.node import NodeTruth
from LNStationLib.phantom.patient import PatientTruth
from LNStationLib.phantom.preset import Preset
from LNStationLib.phantom.records import CASES, TRUTH
from LNStationLib.state.assessment import NodeFinding
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.support.progress import Progress, silent

_SECTION = "Images against attributes"


@dataclass(frozen=True)
class _Seen:
    """What was measured of one patient."""

    pairs: list[tuple[NodeTruth, NodeFinding]]
    suv: StationSuv | None
    """``None`` without PET."""


@dataclass(frozen=True)
class DrawnStations:
    """Station maps of another method.

    Attributes:
        name: Title.
        paths: By patient; those of whom the method drew none are absent.
    """

    name: str
    paths: Mapping[str, Path]


def audit_images(
    folder: Path,
    patients: Sequence[PatientTruth],
    preset: Preset,
    drawn: DrawnStations | None = None,
    progress: Progress = silent,
) -> list[Figure]:
    """Measure the nodes and stations of some patients of a cohort with images, in their true masks.

    Args:
        folder: The cohort.
        patients: Those to measure.
        preset: Gives thresholds.
        drawn: Stations of another method, in which SUVmax is measured too.
        progress: Told after each patient.
    """
    seen, limit, drawn = [], preset.imaging.suv_max, drawn or DrawnStations("", {})
    rng = np.random.default_rng(0)
    for done, patient in enumerate(patients):
        progress(f"measuring {patient.plan.patient_id}", done / len(patients))
        seen.append(_measure(folder, patient, limit, drawn, rng))
    pairs = [pair for one in seen for pair in one.pairs if pair[0].visible]
    figures = [Figure(_SECTION, "patients measured, visible nodes", f"{len(patients)}, {len(pairs)}")]
    if pairs:
        figures += _node_figures(pairs)
    suv = [one.suv for one in seen if one.suv is not None]
    return [*figures, *suv_figures(_SECTION, suv, limit, drawn.name)]


def _measure(
    folder: Path, patient: PatientTruth, limit: float, drawn: DrawnStations, rng: np.random.Generator
) -> _Seen:
    name = patient.plan.patient_id
    case = load_case_folder(folder / CASES / name)
    labels, stations, organs = (
        sitk.ReadImage(str(folder / TRUTH / name / f"{part}.nii.gz")) for part in ("nodes", "stations", "organs")
    )
    scene = Scene(case.ct, stations, case.pet, NodeSearch("truth"), lambda point: "L" if point[0] > 0 else "R")
    found = measure_nodes(labels, scene)
    by_id = {node.node_id: node for node in patient.nodes}
    pairs = [(by_id[finding.node_id], finding) for finding in found if finding.node_id in by_id]
    if case.pet is None:
        return _Seen(pairs, None)
    other = sitk.ReadImage(str(drawn.paths[name])) if name in drawn.paths else None
    sources = {"tumor": case.tumor, "node": labels}
    maps = Maps(case.pet, stations, other, {name: mask for name, mask in sources.items() if mask is not None}, organs)
    return _Seen(pairs, station_suv(patient, maps, limit, drawn.name, rng))


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
