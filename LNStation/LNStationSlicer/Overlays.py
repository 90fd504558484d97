"""How a case is drawn over the images: stations, node candidates, attention map, PET.

Drawing never changes the anatomical color of a segment (which leaves with DICOM SEG): colors by probability or call
are override colors of the display node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

import slicer

from LNStationLib import anatomy
from LNStationSlicer.AssessmentTypes import Call, nodeSegmentId
from LNStationSlicer.CaseScene import CaseScene
from LNStationSlicer.CaseSegmentations import NEUTRAL_NODE_COLOR
from LNStationSlicer.ColorMaps import COLOR_MAPS, Rgb, colorOf, fillColorNode
from LNStationSlicer.SegmentMasks import SURFACE
from LNStationSlicer.Translation import _

__all__ = ["COLOR_MAPS", "OverlayOptions", "Overlays", "callColor", "probabilityColor", "restorePetColors"]

StationStyle = Literal["outline", "fill", "both"]
StationColor = Literal["anatomy", "probability"]
Foreground = Literal["none", "attention", "pet"]

PROBABILITY_MAP = "viridis"
NOT_ASSESSED_COLOR: Rgb = (0.6, 0.6, 0.6)
_CALL_COLORS: dict[Call | None, Rgb] = {
    "positive": (213 / 255, 94 / 255, 0.0),
    "negative": (0.0, 114 / 255, 178 / 255),
    None: NOT_ASSESSED_COLOR,
}
"""Vermilion and blue of Okabe and Ito (2008): told apart with any color vision."""

MEDIASTINAL_WINDOW = (400.0, 40.0)
"""Width and level in HU."""

_FILL_OPACITY = 0.35
_DIMMED = 0.35
"""Share of opacity that stations keep beside a highlighted one."""

_PET_COLORS_BEFORE = "petColorsBefore"
_NO_COLOR = (-1.0, -1.0, -1.0)


@dataclass(frozen=True)
class OverlayOptions:
    """What is drawn, and how.

    Attributes:
        stationsVisible: Stations in slice views (and in 3D with ``show3D``).
        stationStyle: Outline, fill or both.
        stationColor: By anatomy or by the model's probability; not assessed is gray.
        stationOpacity: In [0, 1].
        nodesVisible: Node candidates, colored by call.
        show3D: Stations and nodes as surfaces.
        foreground: What lies over the CT.
        foregroundOpacity: In [0, 1].
        attentionThreshold: Share of the map's maximum, in [0, 1], below which nothing is drawn.
        attentionColorMap: One of ``COLOR_MAPS``.
        petColorMap: One of ``COLOR_MAPS``.
        petUpperSuv: Value drawn with the highest color.
        modelHidden: Blind first read: no attention, no probability, nodes in one neutral color.
        highlighted: Station that stands out.
    """

    stationsVisible: bool = True
    stationStyle: StationStyle = "outline"
    stationColor: StationColor = "anatomy"
    stationOpacity: float = 0.8
    nodesVisible: bool = True
    show3D: bool = False
    foreground: Foreground = "none"
    foregroundOpacity: float = 0.5
    attentionThreshold: float = 0.3
    attentionColorMap: str = "inferno"
    petColorMap: str = "inferno"
    petUpperSuv: float = 10.0
    modelHidden: bool = False
    highlighted: str | None = None

    def asDict(self) -> dict[str, Any]:
        """For ``CaseScene.setDisplayState``."""
        return asdict(self)

    @classmethod
    def fromDict(cls, state: Mapping[str, Any]) -> OverlayOptions:
        """From ``CaseScene.displayState``; what it does not say is as by default, what is unknown is ignored."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in state.items() if name in known})


def probabilityColor(probability: float | None) -> Rgb:
    """The color of a probability in [0, 1]; gray where nothing was assessed."""
    return NOT_ASSESSED_COLOR if probability is None else colorOf(PROBABILITY_MAP, probability)


def callColor(call: Call | None) -> Rgb:
    """The color of a call; gray where there is none."""
    return _CALL_COLORS[call]


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
        restorePetColors(self.case)

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
        _ensureSurfaces(node, options.show3D and options.stationsVisible)
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
        for segmentId in known:
            isTarget = segmentId == options.highlighted
            share = 1.0 if isTarget or options.highlighted not in known else _DIMMED
            outline = options.stationStyle in ("outline", "both") or isTarget
            fill = options.stationStyle in ("fill", "both") or isTarget
            # What is not visible is not computed either, which an opacity of 0 would not spare.
            display.SetSegmentVisibility2DOutline(segmentId, outline)
            display.SetSegmentVisibility2DFill(segmentId, fill)
            display.SetSegmentOpacity2DOutline(segmentId, share)
            display.SetSegmentOpacity2DFill(segmentId, share)
            display.SetSegmentOpacity3D(segmentId, share)
        display.SetOpacity2DOutline(options.stationOpacity)
        display.SetOpacity2DFill(options.stationOpacity * _FILL_OPACITY)
        display.SetOpacity3D(options.stationOpacity * 0.7)

    # Nodes

    def _drawNodes(self, options: OverlayOptions) -> None:
        node = self.case.nodesNode()
        if node is None:
            return
        display = _displayNode(node)
        _ensureSurfaces(node, options.show3D and options.nodesVisible)
        assessment = self.case.assessment()
        modified = display.StartModify()
        display.SetVisibility(options.nodesVisible)
        display.SetVisibility2D(options.nodesVisible)
        display.SetVisibility3D(options.show3D and options.nodesVisible)
        display.SetVisibility2DFill(True)
        display.SetVisibility2DOutline(True)
        display.SetOpacity2DFill(_FILL_OPACITY)
        known = set(node.GetSegmentation().GetSegmentIDs())
        for finding in assessment["nodes"] if assessment else []:
            color = NEUTRAL_NODE_COLOR if options.modelHidden else callColor(finding["call"])
            if nodeSegmentId(finding["node_id"]) in known:
                display.SetSegmentOverrideColor(nodeSegmentId(finding["node_id"]), *color)
        display.EndModify(modified)

    # Attention and PET

    def _drawForeground(self, options: OverlayOptions) -> None:
        volume, opacity = None, options.foregroundOpacity
        if options.foreground == "attention" and not options.modelHidden:
            volume = self.case.attentionNode()
            self._drawAttention(options)
        elif options.foreground == "pet":
            volume = self.case.petNode()
            self._drawPet(options)
        for composite in self._composites():
            composite.SetForegroundVolumeID(volume.GetID() if volume else None)
            composite.SetForegroundOpacity(opacity if volume else 0.0)

    def _drawAttention(self, options: OverlayOptions) -> None:
        node = self.case.attentionNode()
        if node is None or node.GetImageData() is None:
            return
        display = _displayNode(node)
        highest = float(node.GetImageData().GetScalarRange()[1])
        modified = display.StartModify()
        display.SetAndObserveColorNodeID(self._colors("attentionColors", options.attentionColorMap).GetID())
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(0.0, highest or 1.0)
        display.SetAutoThreshold(False)
        # The map's maximum always shows, whatever the threshold.
        display.SetThreshold(min(max(options.attentionThreshold, 1e-6), 1.0) * highest, max(highest, 1e-6))
        display.SetApplyThreshold(True)
        display.EndModify(modified)

    def _drawPet(self, options: OverlayOptions) -> None:
        node = self.case.petNode()
        if node is None:
            return
        display = _displayNode(node)
        anchor = self.case.node
        if not anchor.GetParameter(_PET_COLORS_BEFORE):
            anchor.SetParameter(_PET_COLORS_BEFORE, display.GetColorNodeID() or "")
        modified = display.StartModify()
        display.SetAndObserveColorNodeID(self._colors("petColors", options.petColorMap).GetID())
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(0.0, max(options.petUpperSuv, 0.1))
        display.EndModify(modified)

    def _colors(self, role: str, name: str) -> slicer.vtkMRMLColorTableNode:
        title = _("Attention colors") if role == "attentionColors" else _("PET colors")
        node = self.case.makeNode(role, "vtkMRMLColorTableNode", title)
        fillColorNode(node, name)
        return node


def restorePetColors(case: CaseScene) -> None:
    """Give the user's PET the colors back that it had before it was drawn over the CT."""
    before = case.node.GetParameter(_PET_COLORS_BEFORE)
    petNode = case.petNode()
    display = petNode.GetDisplayNode() if petNode else None
    if before and display is not None:
        display.SetAndObserveColorNodeID(before)
    case.node.UnsetParameter(_PET_COLORS_BEFORE)


def _displayNode(node: slicer.vtkMRMLDisplayableNode) -> slicer.vtkMRMLDisplayNode:
    node.CreateDefaultDisplayNodes()
    return node.GetDisplayNode()


def _ensureSurfaces(node: slicer.vtkMRMLSegmentationNode, wanted: bool) -> None:
    """Surfaces are made when they are first shown, for that takes a second or more."""
    if wanted and not node.GetSegmentation().ContainsRepresentation(SURFACE):
        node.CreateClosedSurfaceRepresentation()
