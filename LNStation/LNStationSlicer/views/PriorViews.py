"""An earlier study beside the one under review, registered: both scroll together through the same anatomy.

The earlier CT stays where it is: a second volume node shows its voxels under the registration. It is not saved.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.exchange.SegmentExport import worldMatrix
from LNStationSlicer.exchange.SegmentMasks import arrayToMatrix
from LNStationSlicer.support.Translation import _
from LNStationSlicer.views.OwnLayouts import OwnLayout, allViews, fill, gridXml, hidden, limitTo, outlines, remove

LAYOUT_ID = 20572
NOW, THEN, NOW_CORONAL, THEN_CORONAL = "LNStationNow", "LNStationThen", "LNStationNowCoronal", "LNStationThenCoronal"
OWN_VIEWS = frozenset({NOW, THEN, NOW_CORONAL, THEN_CORONAL})


class PriorViews(OwnLayout):
    """The layout, for one case at a time."""

    def __init__(self) -> None:
        super().__init__(LAYOUT_ID)
        self._volume: Any = None
        self._transform: Any = None

    def show(self, case: CaseScene) -> None:
        """Put the earlier study beside the case; nothing where it has none."""
        manager, prior, toCase = slicer.app.layoutManager(), case.prior(), case.priorToCase()
        earlier = prior.ctNode() if prior is not None else None
        if manager is None or earlier is None or toCase is None or case.ctNode() is None:
            return
        self._enter(case, layoutXml())
        self._lay(earlier, toCase)
        for name in (NOW, NOW_CORONAL):
            fill(manager.sliceWidget(name), case.ctNode())
        for name in (THEN, THEN_CORONAL):
            fill(manager.sliceWidget(name), self._volume)
            self._follow(manager, name)
        # The stations of now are not those of then.
        drawn = [one.GetID() for one in allViews(case.scene) if one.GetLayoutName() not in (THEN, THEN_CORONAL)]
        limitTo(outlines(case), drawn)

    def hide(self) -> None:
        """The layout before."""
        self._leave()
        remove((self._volume, self._transform))
        self._volume = self._transform = None

    def _lay(self, earlier: Any, toCase: np.ndarray) -> None:
        scene = earlier.GetScene()
        if self._volume is None or self._volume.GetScene() is None:
            self._volume = hidden(scene, "vtkMRMLScalarVolumeNode", _("Earlier CT, registered"))
            self._transform = hidden(scene, "vtkMRMLLinearTransformNode", _("Earlier CT to this one"))
        self._volume.SetAndObserveImageData(earlier.GetImageData())
        self._volume.CopyOrientation(earlier)
        self._transform.SetMatrixTransformToParent(arrayToMatrix(toCase @ worldMatrix(earlier)))
        self._volume.SetAndObserveTransformNodeID(self._transform.GetID())
        # Its window is that of the earlier CT.
        self._volume.SetAndObserveDisplayNodeID(earlier.GetDisplayNodeID())

    @staticmethod
    def _follow(manager: Any, name: str) -> None:
        """The same part of the body as in the view of now, though the earlier CT may cover another."""
        now = manager.sliceWidget(NOW if name == THEN else NOW_CORONAL).mrmlSliceNode()
        then = manager.sliceWidget(name).mrmlSliceNode()
        then.SetFieldOfView(*now.GetFieldOfView())
        then.SetXYZOrigin(*now.GetXYZOrigin())
        then.GetSliceToRAS().DeepCopy(now.GetSliceToRAS())
        then.UpdateMatrices()


def layoutXml() -> str:
    """The layout as Slicer reads it."""
    looks = {
        NOW: ("Axial", _("Now"), "#F34A33"),
        THEN: ("Axial", _("Earlier"), "#888888"),
        NOW_CORONAL: ("Coronal", _("Now"), "#6EB04B"),
        THEN_CORONAL: ("Coronal", _("Earlier"), "#888888"),
    }
    return gridXml(((NOW, THEN), (NOW_CORONAL, THEN_CORONAL)), looks)
