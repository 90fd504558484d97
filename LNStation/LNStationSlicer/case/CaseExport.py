"""The stations and nodes of a case as volumes for the worker."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import slicer

from LNStationLib import anatomy
from LNStationLib.support.errors import InputError
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.exchange.Findings import nodeIdOf
from LNStationSlicer.exchange.OrganMatching import organSegments
from LNStationSlicer.exchange.VolumeExchange import (
    exportBox,
    exportEmpty,
    exportLabelBox,
    exportLabels,
    exportUnion,
    exportValues,
)
from LNStationSlicer.support.Translation import _


def exportStations(case: CaseScene, stationNames: Iterable[str], folder: Path) -> dict[str, dict[str, Any]]:
    """Write stations one by one for a new assessment; one that was emptied has the shape (0, 0, 0)."""
    stationsNode, ctNode = _stationsAndCt(case)
    return {name: exportBox(stationsNode, name, ctNode, folder, f"station_{name}") for name in stationNames}


def exportStationMap(case: CaseScene, folder: Path, name: str) -> dict[str, Any]:
    """Write all stations as one uint8 label map on the CT's grid; where they overlap the later in the table wins."""
    stationsNode, ctNode = _stationsAndCt(case)
    labels = {row.name: row.label_value for row in anatomy.stations()}
    return exportLabels(stationsNode, labels, ctNode, "uint8", folder, name)


def exportOrgans(case: CaseScene, names: Iterable[str], folder: Path) -> dict[str, dict[str, Any]]:
    """Write organs one by one for a new assessment; one that was emptied or removed has the shape (0, 0, 0)."""
    organsNode, ctNode = _organsAndCt(case)
    segments = organSegments(organsNode.GetSegmentation())
    references = {}
    for name in names:
        union = [(organsNode, segmentId) for segmentId in segments.get(name, ())]
        found = exportUnion(union, ctNode, folder, f"organ_{name}") if union else None
        references[name] = found or exportEmpty(ctNode, folder, f"organ_{name}")
    return references


def exportOrganMap(case: CaseScene, name: str, folder: Path) -> dict[str, Any] | None:
    """Write one organ as a label map with its value of the table, a box of the CT's grid; None where it is empty."""
    organsNode, ctNode = _organsAndCt(case)
    union = [(organsNode, one) for one in organSegments(organsNode.GetSegmentation()).get(name, ())]
    return exportLabelBox(union, anatomy.organ(name).label_value, ctNode, folder, f"restore_organ_{name}")


def _organsAndCt(case: CaseScene) -> tuple[slicer.vtkMRMLSegmentationNode, slicer.vtkMRMLScalarVolumeNode]:
    organsNode, ctNode = case.organsNode(), case.ctNode()
    if ctNode is None:
        raise InputError(_("The CT of this case is no longer in the scene; load it again and choose it."))
    if organsNode is None:
        raise InputError(_("The organs of this case are no longer in the scene; assess it again."))
    return organsNode, ctNode


def exportNode(case: CaseScene, segmentId: str, folder: Path) -> dict[str, Any]:
    """Write one node as a reader drew it; an emptied or removed one has the shape (0, 0, 0)."""
    nodesNode, ctNode = _nodesAndCt(case)
    if nodesNode.GetSegmentation().GetSegment(segmentId) is None:
        return exportEmpty(ctNode, folder, segmentId)
    return exportBox(nodesNode, segmentId, ctNode, folder, segmentId)


def exportDismissedMap(case: CaseScene, folder: Path, name: str) -> dict[str, Any] | None:
    """Write the nodes that the reader dismissed as one uint16 label map, a box of the CT's grid; None without any."""
    node, ctNode = case.dismissedNode(), case.ctNode()
    if node is None or ctNode is None:
        return None
    ids = node.GetSegmentation().GetSegmentIDs()
    labels = {segmentId: nodeIdOf(segmentId) for segmentId in ids if nodeIdOf(segmentId)}
    return exportValues(node, labels, ctNode, folder, name)


def exportNodeMap(case: CaseScene, folder: Path, name: str) -> dict[str, Any]:
    """Write all node candidates as one uint16 label map on the CT's grid, values as in the assessment."""
    nodesNode, ctNode = _nodesAndCt(case)
    ids = nodesNode.GetSegmentation().GetSegmentIDs()
    labels = {segmentId: nodeIdOf(segmentId) for segmentId in ids if nodeIdOf(segmentId)}
    return exportLabels(nodesNode, labels, ctNode, "uint16", folder, name)


def _nodesAndCt(case: CaseScene) -> tuple[slicer.vtkMRMLSegmentationNode, slicer.vtkMRMLScalarVolumeNode]:
    nodesNode, ctNode = case.nodesNode(), case.ctNode()
    if ctNode is None:
        raise InputError(_("The CT of this case is no longer in the scene; load it again and choose it."))
    if nodesNode is None:
        raise InputError(_("This case has no node candidates yet; assess it first."))
    return nodesNode, ctNode


def _stationsAndCt(case: CaseScene) -> tuple[slicer.vtkMRMLSegmentationNode, slicer.vtkMRMLScalarVolumeNode]:
    stationsNode, ctNode = case.stationsNode(), case.ctNode()
    if ctNode is None:
        raise InputError(_("The CT of this case is no longer in the scene; load it again and choose it."))
    if stationsNode is None:
        raise InputError(_("This case has no stations yet; assess it first."))
    return stationsNode, ctNode
