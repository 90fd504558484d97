"""The stations as an MRML table: for Slicer's table views, for saving and for copying into other programs.

All columns are text: a number that was not assessed is an empty cell, which no numeric column could tell from 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import slicer
import vtk

from LNStationSlicer.case.ReviewState import ReviewState
from LNStationSlicer.case.StationRows import DEFINITIONS, MODEL_COLUMNS
from LNStationSlicer.exchange.AssessmentTypes import Assessment, StationFinding
from LNStationSlicer.exchange.ColumnDefinitions import (
    ColumnDefinition,
    cellValue,
    columnDefinition,
    formatted,
    heading,
)
from LNStationSlicer.exchange.Findings import isFitForStaging

_Cell = Callable[[StationFinding, ReviewState], str]
HIDDEN = "hidden"


def _found(column: ColumnDefinition, finding: StationFinding, review: ReviewState) -> str:
    return formatted(column, cellValue(column, finding))


def _call(finding: StationFinding, review: ReviewState) -> str:
    """The model's call; a question mark where it rests on unconfirmed candidates."""
    return (finding["call"] or "") + ("" if isFitForStaging(finding) else "?")


_FOUND = (
    DEFINITIONS["station"],
    columnDefinition("stations", "title"),
    *(DEFINITIONS[name] for name in ("volume", "nodes", "short_axis", "suv_max", "probability", "set")),
)
COLUMNS: dict[str, _Cell] = {
    **{heading(column): partial(_found, column) for column in _FOUND},
    heading(DEFINITIONS["model"]): _call,
    heading(DEFINITIONS["reader"]): lambda finding, review: review.call(finding["station"]) or "",
    heading(DEFINITIONS["note"]): lambda finding, review: review.note(finding["station"]),
    "State": lambda finding, review: "stale" if review.isStale(finding["station"]) else "fresh",
}
"""Column name to how its cells are written; the names are data and not translated."""

_MODEL_COLUMNS = frozenset(heading(DEFINITIONS[name]) for name in MODEL_COLUMNS if name in DEFINITIONS)
"""What a blind first read hides, as in the panel."""


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
