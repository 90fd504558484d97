"""How the lymph nodes of a case are drawn: colored by call, the selected one strong, the dismissed ones in gray."""

from __future__ import annotations

import slicer

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.CaseSegmentations import NEUTRAL_NODE_COLOR
from LNStationSlicer.exchange.AssessmentTypes import NodeFinding
from LNStationSlicer.exchange.Findings import isFitForStaging, isScored, nodeSegmentId
from LNStationSlicer.views.ColorMaps import Rgb
from LNStationSlicer.views.DisplayNodes import displayNode
from LNStationSlicer.views.OverlayOptions import OverlayOptions, callColor

_FILL, _SELECTED_FILL, _FAINT_FILL = 0.35, 0.55, 0.18
"""Opacities: the selected node is seen at a glance, and the voxels of all show through."""
_FAINT_OUTLINE, _DISMISSED_OUTLINE = 0.45, 0.6


def drawNodes(case: CaseScene, options: OverlayOptions, isShown: bool, mayFill: bool) -> None:
    """Draw the nodes of a case.

    Args:
        case: The case.
        options: What is drawn, and how.
        isShown: Whether nodes are drawn; the selected one is shown all the same, unless the model is hidden.
        mayFill: False where a fill would hide what lies over the CT.
    """
    node = case.nodesNode()
    if node is None:
        return
    display, selected = displayNode(node), _selected(node, options)
    modified = display.StartModify()
    display.SetVisibility(isShown or selected is not None)
    display.SetVisibility2D(isShown or selected is not None)
    display.SetVisibility3D(options.show3D and isShown)
    display.SetVisibility2DFill(mayFill)
    display.SetVisibility2DOutline(True)
    display.SetOpacity2DFill(1.0)
    _drawEach(case, node, options, isShown)
    for segmentId in node.GetSegmentation().GetSegmentIDs():
        _emphasize(display, segmentId, selected)
    display.EndModify(modified)
    _drawDismissed(case, isShown)


def _drawEach(case: CaseScene, node: slicer.vtkMRMLSegmentationNode, options: OverlayOptions, isShown: bool) -> None:
    """Colors by call; candidates of a lower score are left out. A segment without a finding is being drawn."""
    assessment, display, selected = case.assessment(), displayNode(node), _selected(node, options)
    findings = {nodeSegmentId(one["node_id"]): one for one in (assessment["nodes"] if assessment else [])}
    for segmentId in node.GetSegmentation().GetSegmentIDs():
        finding = findings.get(segmentId)
        if finding is not None:
            display.SetSegmentOverrideColor(segmentId, *_color(finding, options.modelHidden))
        isEnough = finding is None or isScored(finding, options.leastScore)
        display.SetSegmentVisibility(segmentId, segmentId == selected or (isShown and isEnough))


def _emphasize(display: slicer.vtkMRMLSegmentationDisplayNode, segmentId: str, selected: str | None) -> None:
    """The selected node is filled, the others recede; colors stay those of the calls."""
    isTarget, isFaint = segmentId == selected, selected not in (None, segmentId)
    fill = _SELECTED_FILL if isTarget else _FAINT_FILL if isFaint else _FILL
    display.SetSegmentOpacity2DFill(segmentId, fill)
    display.SetSegmentOpacity2DOutline(segmentId, _FAINT_OUTLINE if isFaint else 1.0)
    display.SetSegmentOpacity3D(segmentId, _FAINT_OUTLINE if isFaint else 1.0)


def _selected(node: slicer.vtkMRMLSegmentationNode, options: OverlayOptions) -> str | None:
    """Segment of the node that stands out; None without one, and in a blind first read."""
    if options.modelHidden or options.highlightedNode is None:
        return None
    segmentId = nodeSegmentId(options.highlightedNode)
    return segmentId if node.GetSegmentation().GetSegment(segmentId) is not None else None


def _color(finding: NodeFinding, modelHidden: bool) -> Rgb:
    isNeutral = modelHidden or not isFitForStaging(finding)
    return NEUTRAL_NODE_COLOR if isNeutral else callColor(finding["call"])


def _drawDismissed(case: CaseScene, isShown: bool) -> None:
    """Thin and gray: seen, and not taken for a node."""
    node = case.dismissedNode()
    if node is None:
        return
    display = displayNode(node)
    modified = display.StartModify()
    display.SetVisibility(isShown)
    display.SetVisibility2D(isShown)
    display.SetVisibility3D(False)
    display.SetVisibility2DFill(False)
    display.SetVisibility2DOutline(True)
    display.SetOpacity2DOutline(_DISMISSED_OUTLINE)
    display.EndModify(modified)
