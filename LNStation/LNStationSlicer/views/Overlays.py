"""How a case is drawn over the images: stations, node candidates, voxel map, PET.

Only the module's own nodes and layers are touched; images, windows and other layers are the reader's
(``SliceLayers``, ``PetDisplay``). Drawing never changes the anatomical color of a segment (which leaves with DICOM
SEG): colors by probability or call are override colors of the display node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import slicer

from LNStationLib import anatomy
from LNStationSlicer.case.CaseFolder import colorsRole
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.CaseSegmentations import NEUTRAL_NODE_COLOR
from LNStationSlicer.exchange.Findings import isFitForStaging, nodesAreFit, nodeSegmentId
from LNStationSlicer.support.Translation import _
from LNStationSlicer.views.ColorMaps import caseColors
from LNStationSlicer.views.OverlayOptions import OverlayOptions, callColor, probabilityColor
from LNStationSlicer.views.PetDisplay import drawPet, restorePet
from LNStationSlicer.views.SliceLayers import SliceLayers
from LNStationSlicer.views.Surfaces import missingSurfaces
from LNStationSlicer.views.VoxelMap import VoxelMap

MEDIASTINAL_WINDOW = (400.0, 40.0)
"""Width and level in HU."""

_SHOWN_BEFORE = "ctShown"
_FILL_OPACITY = 0.35
_DIMMED_OUTLINE, _DIMMED_FILL = 0.6, 0.35
"""Shares of opacity that stations keep beside a highlighted one."""

_ORGAN_OPACITY = 0.7
"""Fainter than the stations over them."""

_NO_COLOR = (-1.0, -1.0, -1.0)


class Overlays:
    """Draws one case; a thin handle, the options are kept in the case's display state."""

    def __init__(self, case: CaseScene):
        self.case = case
        self._layers = SliceLayers(case)

    def options(self) -> OverlayOptions:
        """As last applied; the defaults where nothing was."""
        return OverlayOptions.fromDict(self.case.displayState().get("overlays", {}))

    def apply(self, options: OverlayOptions) -> None:
        """Draw the case this way."""
        self._remember(options)
        self._drawStations(options)
        self._drawNodes(options)
        self._drawOrgans(options)
        self._drawForeground(options)

    def missingSurfaces(self) -> Iterator[Callable[[], object]]:
        """Pieces of work that make what the 3D view lacks; they take a second or two in all."""
        options = self.options()
        if options.show3D and options.stationsVisible:
            yield from missingSurfaces(self.case.stationsNode())
        if options.show3D and self.nodesShown(options):
            yield from missingSurfaces(self.case.nodesNode())

    def highlight(self, station: str | None) -> None:
        """Make a station stand out, or none; only opacities change."""
        options = replace(self.options(), highlighted=station)
        self._remember(options)
        node = self.case.stationsNode()
        display = node.GetDisplayNode() if node else None
        if display is not None:
            modified = display.StartModify()
            self._emphasize(node, display, options)
            display.EndModify(modified)

    def nodesShown(self, options: OverlayOptions) -> bool:
        """Whether nodes are drawn: never in a blind first read, and unconfirmed candidates only where asked for."""
        if options.modelHidden:
            return False
        return nodesAreFit(self.case.assessment()) if options.nodesVisible is None else options.nodesVisible

    def showCt(self) -> None:
        """The CT under all slice views in a mediastinal window, whatever was there: the reader asked for it."""
        ctNode = self.case.ctNode()
        if ctNode is not None:
            _setMediastinalWindow(ctNode)
            self._layers.setBackground(ctNode)

    def bringCt(self) -> None:
        """The CT under the slice views when its case comes under review.

        The first time under all of them, in a mediastinal window unless a window was chosen (by a person, or by the
        DICOM header); later only where another case's CT, or none, is shown.
        """
        ctNode = self.case.ctNode()
        if ctNode is None:
            return
        if self.case.node.GetParameter(_SHOWN_BEFORE):
            others = [other.ctNode() for other in CaseScene.allIn(self.case.scene)]
            self._layers.setBackground(ctNode, insteadOf={other.GetID() for other in others if other is not None})
            return
        self.case.node.SetParameter(_SHOWN_BEFORE, "1")
        ctNode.CreateDefaultDisplayNodes()
        if ctNode.GetDisplayNode().GetAutoWindowLevel():
            _setMediastinalWindow(ctNode)
        self._layers.setBackground(ctNode)

    def hide(self) -> None:
        """Nothing of this case is drawn any more; the options stay as they are."""
        for node in self._drawnNodes():
            if node is not None and node.GetDisplayNode() is not None:
                node.GetDisplayNode().SetVisibility(False)
        self._layers.layOver(None, 0.0)
        restorePet(self.case)

    def _drawnNodes(self) -> tuple[slicer.vtkMRMLSegmentationNode | None, ...]:
        case = self.case
        return case.stationsNode(), case.nodesNode(), case.dismissedNode(), case.organsNode()

    def _remember(self, options: OverlayOptions) -> None:
        self.case.setDisplayState({**self.case.displayState(), "overlays": options.asDict()})

    # Stations

    def _drawStations(self, options: OverlayOptions) -> None:
        node = self.case.stationsNode()
        if node is None:
            return
        display = _displayNode(node)
        modified = display.StartModify()
        display.SetVisibility(options.stationsVisible)
        display.SetVisibility2D(options.stationsVisible)
        display.SetVisibility3D(options.show3D and options.stationsVisible)
        display.SetVisibility2DOutline(True)
        display.SetVisibility2DFill(True)
        self._colorStations(display, options)
        self._emphasize(node, display, options)
        display.EndModify(modified)

    def _colorStations(self, display: slicer.vtkMRMLSegmentationDisplayNode, options: OverlayOptions) -> None:
        byProbability = options.stationColor == "probability" and not options.modelHidden
        assessment = self.case.assessment() if byProbability else None
        probabilities = {f["station"]: f["probability"] for f in assessment["stations"]} if assessment else {}
        for row in anatomy.stations():
            color = probabilityColor(probabilities.get(row.name)) if byProbability else _NO_COLOR
            display.SetSegmentOverrideColor(row.name, *color)

    def _emphasize(
        self,
        node: slicer.vtkMRMLSegmentationNode,
        display: slicer.vtkMRMLSegmentationDisplayNode,
        options: OverlayOptions,
    ) -> None:
        known = node.GetSegmentation().GetSegmentIDs()
        # A fill would hide what lies over the CT.
        hasForeground = self._foreground(options) is not None
        for segmentId in known:
            isTarget = segmentId == options.highlighted
            isStrong = isTarget or options.highlighted not in known
            outline = options.stationStyle in ("outline", "both") or isTarget or hasForeground
            fill = (options.stationStyle in ("fill", "both") or isTarget) and not hasForeground
            # What is not visible is not computed either, which an opacity of 0 would not spare.
            display.SetSegmentVisibility2DOutline(segmentId, outline)
            display.SetSegmentVisibility2DFill(segmentId, fill)
            display.SetSegmentOpacity2DOutline(segmentId, 1.0 if isStrong else _DIMMED_OUTLINE)
            display.SetSegmentOpacity2DFill(segmentId, 1.0 if isStrong else _DIMMED_FILL)
            display.SetSegmentOpacity3D(segmentId, 1.0 if isStrong else _DIMMED_FILL)
        display.SetOpacity2DOutline(options.stationOpacity)
        display.SetOpacity2DFill(options.stationOpacity * _FILL_OPACITY)
        display.SetOpacity3D(options.stationOpacity * 0.7)

    # Nodes

    def _drawNodes(self, options: OverlayOptions) -> None:
        node = self.case.nodesNode()
        if node is None:
            return
        display = _displayNode(node)
        assessment, isShown = self.case.assessment(), self.nodesShown(options)
        modified = display.StartModify()
        display.SetVisibility(isShown)
        display.SetVisibility2D(isShown)
        display.SetVisibility3D(options.show3D and isShown)
        display.SetVisibility2DFill(self._foreground(options) is None)
        display.SetVisibility2DOutline(True)
        display.SetOpacity2DFill(_FILL_OPACITY)
        known = set(node.GetSegmentation().GetSegmentIDs())
        for finding in assessment["nodes"] if assessment else []:
            isNeutral = options.modelHidden or not isFitForStaging(finding)
            color = NEUTRAL_NODE_COLOR if isNeutral else callColor(finding["call"])
            if nodeSegmentId(finding["node_id"]) in known:
                display.SetSegmentOverrideColor(nodeSegmentId(finding["node_id"]), *color)
        display.EndModify(modified)
        self._drawDismissed(isShown)

    def _drawDismissed(self, isShown: bool) -> None:
        """Thin and gray: seen, and not taken for a node."""
        node = self.case.dismissedNode()
        if node is None:
            return
        display = _displayNode(node)
        modified = display.StartModify()
        display.SetVisibility(isShown)
        display.SetVisibility2D(isShown)
        display.SetVisibility3D(False)
        display.SetVisibility2DFill(False)
        display.SetVisibility2DOutline(True)
        display.SetOpacity2DOutline(_DIMMED_OUTLINE)
        display.EndModify(modified)

    def _drawOrgans(self, options: OverlayOptions) -> None:
        """Outlines in the colors of the anatomy; a blind first read shows them too, for they tell of no disease."""
        node = self.case.organsNode()
        if node is None:
            return
        display = _displayNode(node)
        modified = display.StartModify()
        display.SetVisibility(options.organsVisible)
        display.SetVisibility2D(options.organsVisible)
        display.SetVisibility3D(False)
        display.SetVisibility2DFill(False)
        display.SetVisibility2DOutline(True)
        display.SetOpacity2DOutline(_ORGAN_OPACITY)
        display.EndModify(modified)

    # Voxel map and PET

    def _foreground(self, options: OverlayOptions) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The volume that lies over the CT."""
        if options.foreground == "map" and not options.modelHidden:
            return self.case.mapNode()
        return self.case.petNode() if options.foreground == "pet" else None

    def _drawForeground(self, options: OverlayOptions) -> None:
        volume = self._foreground(options)
        isPet = volume is not None and options.foreground == "pet"
        voxelMap = VoxelMap.of(self.case)
        if voxelMap is not None and volume is voxelMap.node:
            voxelMap.draw(options.mapColorMap, options.mapThreshold)
        if isPet:
            colors = caseColors(self.case, colorsRole("pet"), _("PET colors"), options.petColorMap)
            drawPet(self.case, colors, options.petUpperSuv)
        else:
            restorePet(self.case)
        self._layers.layOver(volume, options.foregroundOpacity)


def _setMediastinalWindow(ctNode: slicer.vtkMRMLScalarVolumeNode) -> None:
    display = _displayNode(ctNode)
    modified = display.StartModify()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(*MEDIASTINAL_WINDOW)
    display.EndModify(modified)


def _displayNode(node: slicer.vtkMRMLDisplayableNode) -> slicer.vtkMRMLDisplayNode:
    node.CreateDefaultDisplayNodes()
    return node.GetDisplayNode()
