"""How a case is drawn over the images: stations, node candidates, attention map, PET.

Drawing never changes the anatomical color of a segment (which leaves with DICOM SEG): colors by probability or call
are override colors of the display node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import slicer

from LNStationLib import anatomy
from LNStationSlicer.AssessmentTypes import nodeSegmentId
from LNStationSlicer.CaseScene import CaseScene
from LNStationSlicer.CaseSegmentations import NEUTRAL_NODE_COLOR
from LNStationSlicer.ColorMaps import fillColorNode
from LNStationSlicer.OverlayOptions import OverlayOptions, callColor, probabilityColor
from LNStationSlicer.PetDisplay import drawPet, restorePet
from LNStationSlicer.SegmentMasks import imageArray
from LNStationSlicer.Surfaces import missingSurfaces
from LNStationSlicer.Translation import _

MEDIASTINAL_WINDOW = (400.0, 40.0)
"""Width and level in HU."""

_FILL_OPACITY = 0.35
_DIMMED_OUTLINE, _DIMMED_FILL = 0.6, 0.35
"""Shares of opacity that stations keep beside a highlighted one."""

_NO_COLOR = (-1.0, -1.0, -1.0)


class Overlays:
    """Draws one case; a thin handle, the options are kept in the case's display state."""

    def __init__(self, case: CaseScene):
        self.case = case

    def options(self) -> OverlayOptions:
        """As last applied; the defaults where nothing was."""
        return OverlayOptions.fromDict(self.case.displayState().get("overlays", {}))

    def apply(self, options: OverlayOptions) -> None:
        """Draw the case this way."""
        self._remember(options)
        self._drawStations(options)
        self._drawNodes(options)
        self._drawForeground(options)

    def missingSurfaces(self) -> Iterator[Callable[[], object]]:
        """Pieces of work that make what the 3D view lacks; they take a second or two in all."""
        options = self.options()
        if options.show3D and options.stationsVisible:
            yield from missingSurfaces(self.case.stationsNode())
        if options.show3D and options.nodesVisible:
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

    def showVolumes(self) -> None:
        """The CT, in a mediastinal window, under all slice views, with the foreground of the options over it."""
        ctNode = self.case.ctNode()
        if ctNode is None:
            return
        ctNode.CreateDefaultDisplayNodes()
        display = ctNode.GetDisplayNode()
        display.SetAutoWindowLevel(False)
        display.SetWindowLevel(*MEDIASTINAL_WINDOW)
        for composite in self._composites():
            composite.SetBackgroundVolumeID(ctNode.GetID())
        self._drawForeground(self.options())

    def hide(self) -> None:
        """Nothing of this case is drawn any more; the options stay as they are."""
        for node in (self.case.stationsNode(), self.case.nodesNode()):
            if node is not None and node.GetDisplayNode() is not None:
                node.GetDisplayNode().SetVisibility(False)
        own = {node.GetID() for node in (self.case.attentionNode(), self.case.petNode()) if node is not None}
        for composite in self._composites():
            if composite.GetForegroundVolumeID() in own:
                composite.SetForegroundVolumeID(None)
        restorePet(self.case)

    def _remember(self, options: OverlayOptions) -> None:
        self.case.setDisplayState({**self.case.displayState(), "overlays": options.asDict()})

    def _composites(self) -> list[slicer.vtkMRMLSliceCompositeNode]:
        nodes = self.case.scene.GetNodesByClass("vtkMRMLSliceCompositeNode")
        return [nodes.GetItemAsObject(i) for i in range(nodes.GetNumberOfItems())]

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
        assessment = self.case.assessment()
        modified = display.StartModify()
        display.SetVisibility(options.nodesVisible)
        display.SetVisibility2D(options.nodesVisible)
        display.SetVisibility3D(options.show3D and options.nodesVisible)
        display.SetVisibility2DFill(self._foreground(options) is None)
        display.SetVisibility2DOutline(True)
        display.SetOpacity2DFill(_FILL_OPACITY)
        known = set(node.GetSegmentation().GetSegmentIDs())
        for finding in assessment["nodes"] if assessment else []:
            color = NEUTRAL_NODE_COLOR if options.modelHidden else callColor(finding["call"])
            if nodeSegmentId(finding["node_id"]) in known:
                display.SetSegmentOverrideColor(nodeSegmentId(finding["node_id"]), *color)
        display.EndModify(modified)

    # Attention and PET

    def _foreground(self, options: OverlayOptions) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The volume that lies over the CT."""
        if options.foreground == "attention" and not options.modelHidden:
            return self.case.attentionNode()
        return self.case.petNode() if options.foreground == "pet" else None

    def _drawForeground(self, options: OverlayOptions) -> None:
        volume, opacity = self._foreground(options), options.foregroundOpacity
        if volume is not None and options.foreground == "attention":
            self._drawAttention(options)
        elif volume is not None:
            drawPet(self.case, self._colors("petColors", options.petColorMap), options.petUpperSuv)
        for composite in self._composites():
            composite.SetForegroundVolumeID(volume.GetID() if volume else None)
            composite.SetForegroundOpacity(opacity if volume else 0.0)

    def _drawAttention(self, options: OverlayOptions) -> None:
        node = self.case.attentionNode()
        if node is None or node.GetImageData() is None:
            return
        display = _displayNode(node)
        # Not by GetScalarRange, which takes ten times as long.
        highest = float(imageArray(node.GetImageData()).max(initial=0.0))
        modified = display.StartModify()
        display.SetAndObserveColorNodeID(self._colors("attentionColors", options.attentionColorMap).GetID())
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(0.0, highest or 1.0)
        display.SetAutoThreshold(False)
        # The map's maximum always shows, whatever the threshold.
        display.SetThreshold(min(max(options.attentionThreshold, 1e-6), 1.0) * highest, max(highest, 1e-6))
        display.SetApplyThreshold(True)
        display.EndModify(modified)

    def _colors(self, role: str, name: str) -> slicer.vtkMRMLColorTableNode:
        title = _("Attention colors") if role == "attentionColors" else _("PET colors")
        node = self.case.makeNode(role, "vtkMRMLColorTableNode", title)
        fillColorNode(node, name)
        return node


def _displayNode(node: slicer.vtkMRMLDisplayableNode) -> slicer.vtkMRMLDisplayNode:
    node.CreateDefaultDisplayNodes()
    return node.GetDisplayNode()
