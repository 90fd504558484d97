"""Finding and measuring the nodes of a case."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import SimpleITK as sitk

from LNStationLib import __version__, anatomy
from LNStationLib.case.case import Case
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import like
from LNStationLib.nodes.ct_blobs import CtBlobs
from LNStationLib.nodes.measurement import measure_nodes
from LNStationLib.nodes.pet_threshold import PetThresholdNodes
from LNStationLib.nodes.supplied import SuppliedNodes
from LNStationLib.state.assessment import NodeFinding, Provenance
from LNStationLib.state.node_result import NOT_CALLED, Candidates, NodeFinder, NodeResult, NodeSource
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import GeometryError, InputError
from LNStationLib.support.progress import Progress, portion, silent
from LNStationLib.support.types import PointMm, Side

FINDERS: Mapping[str, NodeFinder] = {
    finder.name: finder for finder in (SuppliedNodes(), PetThresholdNodes(), CtBlobs())
}
"""Node finders by the name that ``Settings.nodes`` chooses them with."""

_MEASUREMENT_REFERENCES = (
    "Eisenhauer et al. 2009, doi:10.1016/j.ejca.2008.10.026 (RECIST 1.1: long and short axis)",
    "Wahl et al. 2009, doi:10.2967/jnumed.108.057307 (PERCIST: SUVpeak)",
)


def find_nodes(
    case: Case,
    stations: sitk.Image,
    side_of: Callable[[PointMm], Side],
    settings: Settings,
    progress: Progress = silent,
) -> NodeResult:
    """Find and measure nodes.

    ``settings.nodes`` chooses the finder; ``"auto"`` takes supplied masks, else PET, else CT blobs, and ``"none"``
    looks for none. Nodes outside all stations are kept, with station ``None``.

    Args:
        case: The case.
        stations: uint8 label map on the grid of ``case.ct``, values of the station table.
        side_of: The patient's side of an LPS point in mm.
        settings: Choice of finder and its thresholds.
        progress: Told the running step.

    Raises:
        InputError: The chosen finder needs images the case lacks, or there is no such finder.
        GeometryError: ``stations`` is not on the CT's grid.
    """
    if stations.GetSize() != case.ct.GetSize():
        raise GeometryError(f"station map of {stations.GetSize()} voxels is not on the CT's grid {case.ct.GetSize()}")
    start = time.perf_counter()
    source = choose_source(case, settings)
    if source == "none":
        return _none_looked_for(case)
    finder = FINDERS[source]
    candidates = finder.find(case, stations, settings, portion(progress, 0.0, 0.5))
    findings = measure_nodes(
        candidates.labels,
        case.ct,
        stations,
        case.pet,
        source,
        side_of,
        portion(progress, 0.5, 1.0),
    )
    labels, findings = _ordered(candidates, findings, finder.fit_for_staging)
    why = candidates.not_called
    provenance = Provenance(
        step="nodes",
        implementation=source,
        version=__version__,
        seconds=round(time.perf_counter() - start, 3),
        settings=_settings_of(source, settings) | ({} if why is None else {NOT_CALLED: why}),
        references=[*finder.references, *_MEASUREMENT_REFERENCES],
        warnings=list(candidates.warnings),
    )
    warnings = with_outside(candidates.warnings, findings)
    return NodeResult(labels, findings, source, provenance, warnings, candidates.memory)


def choose_source(case: Case, settings: Settings) -> NodeSource:
    """Finder that the settings choose for this case.

    Raises:
        InputError: There is no finder of that name.
    """
    if settings.nodes == "auto":
        if case.nodes is not None:
            return "supplied"
        return "ct_blobs" if case.pet is None else "pet_threshold"
    if settings.nodes != "none" and settings.nodes not in FINDERS:
        raise InputError(f"unknown node finder {settings.nodes!r}: use auto, none or one of {', '.join(FINDERS)}")
    return settings.nodes


def fit_for_staging(source: NodeSource) -> bool:
    """Whether an N category may follow from the nodes of a source; true of none looked for."""
    return source == "none" or FINDERS[source].fit_for_staging


def _settings_of(source: NodeSource, settings: Settings) -> dict[str, float | str | None]:
    used: dict[str, float | str | None] = {"nodes": settings.nodes}
    if source == "pet_threshold":
        used["node_suv_threshold"] = settings.node_suv_threshold
        used["node_suv_fraction_of_max"] = settings.node_suv_fraction_of_max
    return used


def _none_looked_for(case: Case) -> NodeResult:
    labels = sitk.Image(case.ct.GetSize(), sitk.sitkUInt16)
    labels.CopyInformation(case.ct)
    warning = "Nodes were not looked for."
    provenance = Provenance(
        step="nodes", implementation="none", version=__version__, settings={"nodes": "none"}, warnings=[warning]
    )
    return NodeResult(labels, [], "none", provenance, [warning])


def in_order(findings: Iterable[NodeFinding]) -> list[NodeFinding]:
    """Findings by station in table order, those outside all stations last, and from head to feet within one."""
    rank = {row.name: row.label_value for row in anatomy.stations()}
    return sorted(findings, key=lambda one: (rank.get(one.station or "", 256), -one.centroid_mm[2], one.node_id))


def _ordered(candidates: Candidates, findings: list[NodeFinding], fit: bool) -> tuple[sitk.Image, list[NodeFinding]]:
    """Number the nodes by station, then from head to feet; drop those under the finder's smallest size."""
    kept = in_order(one for one in findings if one.short_axis_mm >= candidates.smallest_short_axis_mm)
    values = array_view(candidates.labels)
    numbers = np.zeros(int(values.max(initial=0)) + 1, np.uint16)
    for number, finding in enumerate(kept, start=1):
        numbers[finding.node_id] = number
    renumbered = [
        finding.model_copy(
            update={
                "node_id": number,
                "fit_for_staging": fit,
                "warnings": [*finding.warnings, *candidates.node_warnings],
            },
        )
        for number, finding in enumerate(kept, start=1)
    ]
    return like(numbers[values], candidates.labels), renumbered


def with_outside(warnings: Sequence[str], findings: Sequence[NodeFinding]) -> list[str]:
    """The warnings of a search, and one on the nodes that lie outside all stations."""
    outside = [str(finding.node_id) for finding in findings if finding.station is None]
    if not outside:
        return list(warnings)
    if len(outside) == 1:
        return [*warnings, f"Node {outside[0]} lies outside all parsed stations and counts for none."]
    return [*warnings, f"Nodes {', '.join(outside)} lie outside all parsed stations and count for none."]
