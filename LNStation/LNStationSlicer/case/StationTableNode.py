"""The stations as an MRML table: for Slicer's table views, for saving and for copying into other programs.

All columns are text: a number that was not assessed is an empty cell, which no numeric column could tell from 0.
"""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk

from LNStationSlicer.case.ReviewState import ReviewState
from LNStationSlicer.exchange.AssessmentTypes import Assessment, StationFinding
from LNStationSlicer.exchange.Findings import isFitForStaging

_Cell = Callable[[StationFinding, ReviewState], str]
HIDDEN = "hidden"


def _number(value: float | int | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _call(finding: StationFinding) -> str:
    """The model's call; a question mark where it rests on unconfirmed candidates."""
    return (finding["call"] or "") + ("" if isFitForStaging(finding) else "?")


COLUMNS: dict[str, _Cell] = {
    "Station": lambda finding, review: finding["station"],
    "Title": lambda finding, review: finding["title"],
    "Volume (mL)": lambda finding, review: _number(finding["volume_ml"], 2),
    "Nodes": lambda finding, review: _number(finding["n_nodes"], 0),
    "Largest short axis (mm)": lambda finding, review: _number(finding["largest_short_axis_mm"], 1),
    "SUVmax": lambda finding, review: _number(finding["suv_max"], 2),
    "Model probability": lambda finding, review: _number(finding["probability"], 3),
    "Model call": lambda finding, review: _call(finding),
    "Reader's call": lambda finding, review: review.call(finding["station"]) or "",
    "Note": lambda finding, review: review.note(finding["station"]),
    "State": lambda finding, review: "stale" if review.isStale(finding["station"]) else "fresh",
}
"""Column name to how its cells are written; the names are data and not translated."""

_MODEL_COLUMNS = frozenset({"Nodes", "Largest short axis (mm)", "SUVmax", "Model probability", "Model call"})
"""What a blind first read hides, as ``StationRows.MODEL_COLUMNS`` does in the panel."""


def fillTable(
    tableNode: slicer.vtkMRMLTableNode, assessment: Assessment, review: ReviewState, modelHidden: bool = False
) -> None:
    """Write all stations into a table node, in the order of the assessment; a hidden model's answer is left out."""
    table = vtk.vtkTable()
    for name, cell in COLUMNS.items():
        column = vtk.vtkStringArray()
        column.SetName(name)
        for finding in assessment["stations"]:
            isHidden = modelHidden and name in _MODEL_COLUMNS
            column.InsertNextValue(HIDDEN if isHidden else cell(finding, review))
        table.AddColumn(column)
    tableNode.SetUseColumnTitleAsColumnHeader(True)
    tableNode.SetAndObserveTable(table)
    tableNode.SetLocked(True)
