"""Windows in which a chest CT is read."""

from __future__ import annotations

import slicer

from LNStationSlicer.views.DisplayNodes import displayNode

WINDOWS_HU: dict[str, tuple[float, float]] = {
    "mediastinum": (400.0, 40.0),
    "lung": (1500.0, -600.0),
    "bone": (1800.0, 400.0),
}
"""Width and level by name."""


def setWindow(ctNode: slicer.vtkMRMLScalarVolumeNode, name: str) -> None:
    """Show a CT in a window of the table."""
    display = displayNode(ctNode)
    modified = display.StartModify()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(*WINDOWS_HU[name])
    display.EndModify(modified)


def windowOf(ctNode: slicer.vtkMRMLScalarVolumeNode | None) -> str:
    """The name of the window that a CT is shown in; empty where it is another."""
    display = ctNode.GetDisplayNode() if ctNode is not None else None
    shown = (round(display.GetWindow()), round(display.GetLevel())) if display is not None else None
    return next((name for name, window in WINDOWS_HU.items() if window == shown), "")
