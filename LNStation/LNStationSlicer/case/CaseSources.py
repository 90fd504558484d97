"""Which segmentations of the scene a new case may take its organs, nodes and tumor from."""

from __future__ import annotations

from typing import Any

import slicer

from LNStationSlicer.case.CaseFolder import ROLE_ATTRIBUTE
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.exchange.OrganMatching import matchSegmentations


def candidateSegmentations(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLSegmentationNode]:
    """The segmentations of a scene that no case made."""
    nodes = scene.GetNodesByClass("vtkMRMLSegmentationNode")
    found = [nodes.GetItemAsObject(i) for i in range(nodes.GetNumberOfItems())]
    return [node for node in found if not node.GetAttribute(ROLE_ATTRIBUTE) and not node.GetHideFromEditors()]


def proposeSources(case: CaseScene) -> None:
    """Give a new case the segmentations of the scene that hold organs, nodes or a tumor."""
    found: dict[str, list[Any]] = {"organs": [], "nodesSource": [], "tumorSource": []}
    for segmentation in candidateSegmentations(case.scene):
        matches = matchSegmentations([segmentation])
        if matches.organs:
            found["organs"].append(segmentation)
        elif matches.nodes:
            found["nodesSource"].append(segmentation)
        elif matches.tumor:
            found["tumorSource"].append(segmentation)
    for role, nodes in found.items():
        if nodes:
            case.setSources(role, nodes)
