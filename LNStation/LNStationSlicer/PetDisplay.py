"""How the user's PET looks while it lies over the CT; it gets its own look back afterwards."""

from __future__ import annotations

import json

import slicer

from LNStationSlicer.CaseScene import CaseScene
from LNStationSlicer.Parameters import CaseParameters
from LNStationSlicer.PetExchange import petUnit

_BEFORE = "petLookBefore"


def drawPet(case: CaseScene, colorNode: slicer.vtkMRMLColorTableNode, upperSuv: float) -> None:
    """Draw the PET in these colors, from 0 to ``upperSuv``.

    A PET whose voxels are not known to be SUV (Bq/ml, counts) gets the automatic window: an SUV would mean nothing.
    """
    petNode = case.petNode()
    if petNode is None:
        return
    petNode.CreateDefaultDisplayNodes()
    display = petNode.GetDisplayNode()
    if not case.node.GetParameter(_BEFORE):
        case.node.SetParameter(_BEFORE, json.dumps(_look(display)))
    modified = display.StartModify()
    display.SetAndObserveColorNodeID(colorNode.GetID())
    if isSuv(case):
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(0.0, max(upperSuv, 0.1))
    else:
        display.SetAutoWindowLevel(True)
    display.EndModify(modified)


def isSuv(case: CaseScene) -> bool:
    """True where the PET's node says that its voxels are SUVbw, or the user does."""
    petNode = case.petNode()
    return petNode is not None and "SUVbw" in (petUnit(petNode), CaseParameters(case.node).petUnit)


def restorePet(case: CaseScene) -> None:
    """Give the PET the colors and the window back that it had before it was drawn over the CT."""
    before = case.node.GetParameter(_BEFORE)
    case.node.UnsetParameter(_BEFORE)
    petNode = case.petNode()
    display = petNode.GetDisplayNode() if petNode else None
    if not before or display is None:
        return
    look = json.loads(before)
    modified = display.StartModify()
    display.SetAndObserveColorNodeID(look["color"] or None)
    display.SetWindowLevel(look["window"], look["level"])
    display.SetAutoWindowLevel(look["auto"])
    display.EndModify(modified)


def _look(display: slicer.vtkMRMLScalarVolumeDisplayNode) -> dict[str, object]:
    return {
        "color": display.GetColorNodeID() or "",
        "auto": bool(display.GetAutoWindowLevel()),
        "window": display.GetWindow(),
        "level": display.GetLevel(),
    }
