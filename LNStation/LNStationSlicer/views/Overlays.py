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
from LNStationSlicer.exchange.Findings import nodesAreFit
from LNStationSlicer.exchange.SegmentMasks import BINARY, SURFACE
from LNStationSlicer.support.Translation import _
from LNStationSlicer.views.ColorMaps import caseColors
from LNStationSlicer.views.CtWindow import setWindow
from LNStationSlicer.views.DisplayNodes import displayNode
from LNStationSlicer.views.NodeDrawing import drawNodes
from LNStationSlicer.views.OverlayOptions import OverlayOptions, probabilityColor
from LNStationSlicer.views.PetDisplay import drawPet, restorePet
from LNStationSlicer.views.SliceLayers import SliceLayers
from LNStationSlicer.views.Surfaces import endPretending, missingSurfaces, pretendWhole
from LNStationSlicer.views.VoxelMap import VoxelMap

_SHOWN_BEFORE = "ctShown"
_FILL_OPACITY = 0.35
_DIMMED_OUTLINE, _DIMMED_FILL = 0.6, 0.35
"""Shares of opacity that stations keep beside a highlighted one."""

_FAINT_3D, _STRONG_3D, _AIRWAY_3D = 0.3, 0.6, 0.5
"""Opacities of surfaces: nodes, which are opaque, are seen through the stations around them."""

_ORGAN_OPACITY = 0.7
"""Fainter than the stations over them."""

_AIRWAY = frozenset(
    row.name for row in anatomy.organs() if row.name in ("airways", "trachea") or "bronchus" in row.name
)

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
        if (options.show3D or options.smoothOutlines) and options.stationsVisible:
            yield from missingSurfaces(self.case.stationsNode())
        if options.show3D and self.nodesShown(options):
            yield from missingSurfaces(self.case.nodesNode())
        if options.show3D:
            organs = self.case.organsNode()
            yield from missingSurfaces(organs, airwaySegments(organs))
            pretendWhole(organs)

    def highlight(self, station: str | None) -> None:
        """Make a station stand out, or none, and no node of another; only opacities change."""
        before = self.options()
        options = replace(before, highlighted=station, highlightedNode=None)
        self._remember(options)
        if before.highlightedNode is not None:
            self._drawNodes(options)
        node = self.case.stationsNode()
        display = node.GetDisplayNode() if node else None
        if display is not None:
            modified = display.StartModify()
            self._emphasize(node, display, options)
            display.EndModify(modified)

    def highlightNode(self, number: int | None) -> None:
        """Make a node stand out, or none; one that is asked for shows although the others are hidden."""
        self.applyToNodes(replace(self.options(), highlightedNode=number))

    def applyToNodes(self, options: OverlayOptions) -> None:
        """Draw the nodes this way, and leave all else as it is."""
        self._remember(options)
        self._drawNodes(options)

    def nodesShown(self, options: OverlayOptions) -> bool:
        """Whether nodes are drawn: never in a blind first read, and unconfirmed candidates only where asked for."""
        if options.modelHidden:
            return False
        return nodesAreFit(self.case.assessment()) if options.nodesVisible is None else options.nodesVisible

    def showCt(self) -> None:
        """The CT under all slice views in a mediastinal window, whatever was there: the reader asked for it."""
        ctNode = self.case.ctNode()
        if ctNode is not None:
            setWindow(ctNode, "mediastinum")
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
            setWindow(ctNode, "mediastinum")
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
        display = displayNode(node)
        modified = display.StartModify()
        display.SetVisibility(options.stationsVisible)
        display.SetVisibility2D(options.stationsVisible)
        display.SetVisibility3D(options.show3D and options.stationsVisible)
        display.SetVisibility2DOutline(True)
        display.SetVisibility2DFill(True)
        display.SetPreferredDisplayRepresentationName2D(SURFACE if options.smoothOutlines else BINARY)
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
            display.SetSegmentOpacity3D(segmentId, _STRONG_3D if isTarget else _FAINT_3D)
        display.SetOpacity2DOutline(options.stationOpacity)
        display.SetOpacity2DFill(options.stationOpacity * _FILL_OPACITY)
        display.SetOpacity3D(options.stationOpacity)

    # Nodes and organs

    def _drawNodes(self, options: OverlayOptions) -> None:
        isBare = self._foreground(options) is None
        drawNodes(self.case, options, self.nodesShown(options), mayFill=isBare)

    def _drawOrgans(self, options: OverlayOptions) -> None:
        """Outlines in the colors of the anatomy; a blind first read shows them too, for they tell of no disease."""
        node = self.case.organsNode()
        if node is None:
            return
        display = displayNode(node)
        modified = display.StartModify()
        display.SetVisibility(options.organsVisible or options.show3D)
        display.SetVisibility2D(options.organsVisible)
        display.SetVisibility3D(options.show3D)
        display.SetVisibility2DFill(False)
        display.SetVisibility2DOutline(True)
        if not options.show3D:
            endPretending(node)
        airway = airwaySegments(node)
        for segmentId in node.GetSegmentation().GetSegmentIDs():
            display.SetSegmentVisibility3D(segmentId, segmentId in airway)
            display.SetSegmentOpacity3D(segmentId, _AIRWAY_3D)
        display.SetOpacity2DOutline(_ORGAN_OPACITY)
        display.EndModify(modified)

    # Voxel map and PET

    def _foreground(self, options: OverlayOptions) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The volume that lies over the CT."""
        if options.foreground == "map" and not options.modelHidden:
            return self.case.mapNode(options.mapRole)
        return self.case.petNode() if options.foreground == "pet" else None

    def _drawForeground(self, options: OverlayOptions) -> None:
        volume = self._foreground(options)
        isPet = volume is not None and options.foreground == "pet"
        voxelMap = VoxelMap.of(self.case, options.mapRole)
        if voxelMap is not None and volume is voxelMap.node:
            voxelMap.draw(options.mapColorMap, options.mapThreshold)
        if isPet:
            colors = caseColors(self.case, colorsRole("pet"), _("PET colors"), options.petColorMap)
            drawPet(self.case, colors, options.petUpperSuv, options.petLowerSuv)
        else:
            restorePet(self.case)
        self._layers.layOver(volume, options.foregroundOpacity)


def airwaySegments(node: slicer.vtkMRMLSegmentationNode | None) -> tuple[str, ...]:
    """Segments of trachea and bronchi, which the 3D view shows among nodes and stations."""
    if node is None:
        return ()
    return tuple(name for name in node.GetSegmentation().GetSegmentIDs() if name in _AIRWAY)
