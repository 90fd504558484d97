"""A layout for CT, PET and both, side by side, with the PET's maximum intensity projection.

The PET has one look over the CT and another beside it (black on white): beside it a second volume node shows the same
voxels with a display of its own. It is not saved; views and layout before come back when the layout is left.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.exchange.SegmentMasks import imageArray, matrixToArray
from LNStationSlicer.exchange.VolumeExchange import importVolume, matrixGeometry
from LNStationSlicer.support.Translation import _
from LNStationSlicer.views.ColorMaps import fillColorNode
from LNStationSlicer.views.OverlayOptions import OverlayOptions
from LNStationSlicer.views.OwnLayouts import OwnLayout, allViews, fill, gridXml, hidden, limitTo, outlines, remove
from LNStationSlicer.views.PetDisplay import isSuv

LAYOUT_ID = 20571
"""Above those of Slicer and of extensions that are known."""
CT, PET, FUSION, MIP = "LNStationCT", "LNStationPET", "LNStationFusion", "LNStationMIP"
OWN_VIEWS = frozenset({CT, PET, FUSION, MIP})
_GRAY = "gray inverted"


class PetViews(OwnLayout):
    """The layout, for one case at a time."""

    def __init__(self) -> None:
        super().__init__(LAYOUT_ID)
        self._gray: Any = None
        self._projection: Any = None
        self._colors: Any = None

    def show(self, case: CaseScene, options: OverlayOptions) -> None:
        """Put CT, PET, fusion and projection of a case side by side; nothing where it has no PET."""
        manager, pet, ct = slicer.app.layoutManager(), case.petNode(), case.ctNode()
        if manager is None or pet is None or ct is None:
            return
        self._enter(case, layoutXml())
        self._showGray(pet)
        backgrounds = {CT: ct, PET: self._gray, FUSION: ct, MIP: self._projection}
        for name, volume in backgrounds.items():
            fill(manager.sliceWidget(name), volume, pet if name == FUSION else None)
        manager.sliceWidget(MIP).mrmlSliceCompositeNode().SetLinkedControl(False)
        self.update(case, options)

    def update(self, case: CaseScene, options: OverlayOptions) -> None:
        """Draw the PET beside and over the CT as it is asked for, and no outlines over the projection."""
        if self.isShown and self._gray is not None:
            _window(self._gray, case, options.petUpperSuv)
            composite = slicer.app.layoutManager().sliceWidget(FUSION).mrmlSliceCompositeNode()
            composite.SetForegroundOpacity(options.foregroundOpacity)
            limitTo(outlines(case), [one.GetID() for one in allViews(case.scene) if one.GetLayoutName() != MIP])

    def hide(self) -> None:
        """The layout before."""
        self._leave()
        remove((self._projection, self._gray, self._colors))
        self._gray = self._projection = self._colors = None

    def _showGray(self, pet: slicer.vtkMRMLScalarVolumeNode) -> None:
        scene = pet.GetScene()
        if self._gray is None or self._gray.GetScene() is None:
            self._gray = hidden(scene, "vtkMRMLScalarVolumeNode", _("PET in gray"))
            self._projection = hidden(scene, "vtkMRMLScalarVolumeNode", _("PET projection"))
            self._colors = hidden(scene, "vtkMRMLColorTableNode", _("PET in gray"))
            fillColorNode(self._colors, _GRAY)
        self._gray.SetAndObserveImageData(pet.GetImageData())
        self._gray.CopyOrientation(pet)
        self._gray.SetAndObserveTransformNodeID(pet.GetTransformNodeID())
        self._gray.CreateDefaultDisplayNodes()
        self._gray.GetDisplayNode().SetSaveWithScene(False)
        self._gray.GetDisplayNode().SetAndObserveColorNodeID(self._colors.GetID())
        _project(pet, self._projection)
        self._projection.SetAndObserveDisplayNodeID(self._gray.GetDisplayNodeID())


def _window(gray: Any, case: CaseScene, upperSuv: float) -> None:
    display = gray.GetDisplayNode()
    display.SetAutoWindowLevel(not isSuv(case))
    if isSuv(case):
        display.SetWindowLevelMinMax(0.0, max(upperSuv, 0.1))


def _project(pet: Any, projection: Any) -> None:
    """The highest value along the patient's front to back, as one slice as thick as the PET.

    It is computed once; a slab of the slice view would be cut again at every scroll.
    """
    array, matrix = imageArray(pet.GetImageData()), _toRas(pet)
    along = int(np.argmax(np.abs(matrix[1, :3]) / np.linalg.norm(matrix[:3, :3], axis=0)))
    count = array.shape[2 - along]
    matrix[:3, 3] += matrix[:3, along] * (count - 1) / 2
    matrix[:3, along] *= count
    importVolume(array.max(axis=2 - along, keepdims=True), matrixGeometry(matrix), projection)
    projection.SetAndObserveTransformNodeID(pet.GetTransformNodeID())


def _toRas(volume: Any) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return matrixToArray(matrix)


def layoutXml() -> str:
    """The layout as Slicer reads it."""
    looks = {
        CT: ("Axial", _("CT"), "#F34A33"),
        PET: ("Axial", _("PET"), "#4A7DF3"),
        FUSION: ("Axial", _("Fusion"), "#EDD54C"),
        MIP: ("Coronal", _("MIP"), "#6EB04B"),
    }
    return gridXml(((CT, PET), (FUSION, MIP)), looks)
