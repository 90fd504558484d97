"""How the user's PET looks while it lies over the CT; it gets its own look back afterwards.

Colors and window are set when the PET is laid over the CT and when the panel asks for others; what the reader changes
in between stays, and comes back with the next time.
"""

from __future__ import annotations

from typing import Any

import slicer

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.Parameters import CaseParameters
from LNStationSlicer.case.SceneTexts import PET_LOOKS
from LNStationSlicer.exchange.PetExchange import petUnit

_NO_SUV_IS_HIGHER = 1e4


def drawPet(case: CaseScene, colorNode: slicer.vtkMRMLColorTableNode, upperSuv: float, lowerSuv: float = 0.0) -> None:
    """Draw the PET in these colors, from 0 to ``upperSuv``, where that was not asked for before.

    Below ``lowerSuv`` it is transparent.

    A PET whose voxels are not known to be SUV (Bq/ml, counts) gets the automatic window: an SUV would mean nothing.
    """
    petNode = case.petNode()
    if petNode is None:
        return
    looks = _looks(case)
    if "own" in looks and looks["pet"] != petNode.GetID():
        restorePet(case)
        looks = {}
    asked = {"color": colorNode.GetID(), "upper": upperSuv, "lower": lowerSuv, "suv": isSuv(case)}
    isLaid, isSame = "own" in looks, looks.get("asked") == asked and looks.get("pet") == petNode.GetID()
    if isLaid and isSame:
        return
    petNode.CreateDefaultDisplayNodes()
    display = petNode.GetDisplayNode()
    own = looks["own"] if isLaid else _look(display)
    if isSame and "readers" in looks:
        _setLook(display, looks["readers"])
    else:
        _askFor(display, asked)
    _keep(case, {"pet": petNode.GetID(), "asked": asked, "own": own})


def isSuv(case: CaseScene) -> bool:
    """True where the PET's node says that its voxels are SUVbw, or the user does."""
    petNode = case.petNode()
    return petNode is not None and "SUVbw" in (petUnit(petNode), CaseParameters(case.node).petUnit)


def restorePet(case: CaseScene) -> None:
    """Give the PET the colors and the window back that it had before it was drawn over the CT."""
    looks = _looks(case)
    if "own" not in looks:
        return
    petNode = case.scene.GetNodeByID(looks["pet"])
    display = petNode.GetDisplayNode() if petNode else None
    if display is None:
        _keep(case, {})
        return
    _keep(case, {"pet": looks["pet"], "asked": looks["asked"], "readers": _look(display)})
    _setLook(display, looks["own"])


def _askFor(display: slicer.vtkMRMLScalarVolumeDisplayNode, asked: dict[str, Any]) -> None:
    modified = display.StartModify()
    display.SetAndObserveColorNodeID(asked["color"])
    display.SetAutoWindowLevel(not asked["suv"])
    if asked["suv"]:
        display.SetWindowLevelMinMax(0.0, max(asked["upper"], 0.1))
    display.SetAutoThreshold(False)
    display.SetApplyThreshold(asked["suv"] and asked["lower"] > 0.0)
    if asked["suv"] and asked["lower"] > 0.0:
        display.SetThreshold(asked["lower"], _NO_SUV_IS_HIGHER)
    display.EndModify(modified)


def _look(display: slicer.vtkMRMLScalarVolumeDisplayNode) -> dict[str, Any]:
    return {
        "color": display.GetColorNodeID() or "",
        "auto": bool(display.GetAutoWindowLevel()),
        "window": display.GetWindow(),
        "level": display.GetLevel(),
        "threshold": [display.GetLowerThreshold(), display.GetUpperThreshold()],
        "applies": bool(display.GetApplyThreshold()),
    }


def _setLook(display: slicer.vtkMRMLScalarVolumeDisplayNode, look: dict[str, Any]) -> None:
    modified = display.StartModify()
    display.SetAndObserveColorNodeID(look["color"] or None)
    display.SetWindowLevel(look["window"], look["level"])
    display.SetAutoWindowLevel(look["auto"])
    # Looks of scenes of before 0.3 have neither.
    if "threshold" in look:
        display.SetThreshold(*look["threshold"])
    if "applies" in look:
        display.SetApplyThreshold(look["applies"])
    display.EndModify(modified)


def _looks(case: CaseScene) -> dict[str, Any]:
    return PET_LOOKS.read(case.node) or {}


def _keep(case: CaseScene, looks: dict[str, Any]) -> None:
    PET_LOOKS.write(case.node, looks)
