"""A map of voxels over the CT: where a network looked, or any other volume of values that a method gives."""

from __future__ import annotations

import slicer

from LNStationSlicer.case.CaseFolder import ROLE_ATTRIBUTE, colorsRole
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.VoxelMaps import mapTitle
from LNStationSlicer.exchange.SegmentMasks import imageArray
from LNStationSlicer.support.Translation import _
from LNStationSlicer.views.ColorMaps import caseColors

_LEAST_SHARE = 1e-6
"""Of the map's maximum: what is 0 is never drawn, whatever the threshold."""


class VoxelMap:
    """The map of a case, drawn from 0 to its maximum where it exceeds a share of it.

    Attributes:
        node: Its volume.
    """

    def __init__(self, case: CaseScene, node: slicer.vtkMRMLScalarVolumeNode) -> None:
        self.node = node
        self._case = case

    @classmethod
    def of(cls, case: CaseScene, role: str = "") -> VoxelMap | None:
        """The map of a role, else where a network looked; None where there is neither."""
        node = case.mapNode(role)
        return cls(case, node) if node is not None and node.GetImageData() is not None else None

    def draw(self, colorMap: str, threshold: float) -> None:
        """Set how the map looks; where it lies over the CT is for ``SliceLayers``.

        Args:
            colorMap: One of ``COLOR_MAPS``.
            threshold: Share of the map's maximum, in [0, 1], below which nothing is drawn.
        """
        # Not by GetScalarRange, which takes ten times as long.
        highest = float(imageArray(self.node.GetImageData()).max(initial=0.0))
        self.node.CreateDefaultDisplayNodes()
        display = self.node.GetDisplayNode()
        modified = display.StartModify()
        role = self.node.GetAttribute(ROLE_ATTRIBUTE)
        title = _("{map}: colors").format(map=mapTitle(role))
        colors = caseColors(self._case, colorsRole(role), title, colorMap)
        display.SetAndObserveColorNodeID(colors.GetID())
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(0.0, highest or 1.0)
        display.SetAutoThreshold(False)
        # The map's maximum always shows.
        display.SetThreshold(min(max(threshold, _LEAST_SHARE), 1.0) * highest, max(highest, _LEAST_SHARE))
        display.SetApplyThreshold(True)
        display.EndModify(modified)
