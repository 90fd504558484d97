"""Codes of stations and nodes as the terminology entries that Slicer writes into DICOM SEG."""

from __future__ import annotations

import slicer
import vtk

from LNStationLib import anatomy
from LNStationLib.anatomy import Code
from LNStationLib.support.resources import resource_path

CONTEXT = "LNStation lymph node stations"
"""Name of our terminology: ``Resources/Terminology/LNStation.term.json``, of ``Testing/Tools/terminology.py``."""

ORGAN_CONTEXT = "Segmentation category and type - DICOM master list"
"""Slicer's own; it has most organs of our table."""

REGION_CONTEXT = "Anatomic codes - DICOM master list"

STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")
LYMPH_NODE = Code("59441001", "SCT", "Lymph node")

_NONE = "^^"


def codeText(code: Code | None) -> str:
    """A code as the parts of an entry are written: scheme, value, meaning."""
    return f"{code.scheme}^{code.value}^{code.meaning}" if code else _NONE


def stationEntry(name: str) -> str:
    """Terminology entry of a station; its side is the type's modifier.

    Raises:
        KeyError: There is no such station.
    """
    row = anatomy.station(name)
    side = anatomy.side_code(row.side) if row.side else None
    parts = [CONTEXT, codeText(STRUCTURE), codeText(row.code), codeText(side), REGION_CONTEXT, _NONE, _NONE]
    return "~".join(parts)


def organEntry(name: str) -> str:
    """Terminology entry of an organ; its side is the type's modifier.

    Raises:
        KeyError: There is no such organ.
    """
    row = anatomy.organ(name)
    side = anatomy.side_code(row.side) if row.side else None
    parts = [ORGAN_CONTEXT, codeText(STRUCTURE), codeText(row.code), codeText(side), REGION_CONTEXT, _NONE, _NONE]
    return "~".join(parts)


def nodeEntry(station: str | None) -> str:
    """Terminology entry of a lymph node; the region is that of the station it lies in, if any."""
    row = anatomy.station(station) if station else None
    side = anatomy.side_code(row.side) if row and row.side else None
    region = codeText(row.code) if row else _NONE
    return "~".join([CONTEXT, codeText(STRUCTURE), codeText(LYMPH_NODE), _NONE, CONTEXT, region, codeText(side)])


def parsedEntry(entry: str) -> list[Code | None]:
    """Category, type, type modifier, region and region modifier of an entry; None for what it leaves open."""
    parts = entry.split("~")
    if len(parts) != 7:
        return [None] * 5
    return [_parsedCode(parts[place]) for place in (1, 2, 3, 5, 6)]


def registerTerminology(logic: slicer.vtkSlicerTerminologiesModuleLogic) -> bool:
    """Make our terminology known to Slicer's, so that its terminology selector shows the stations; once is enough.

    Args:
        logic: ``slicer.modules.terminologies.logic()``.

    Returns:
        False where Slicer did not take the file.
    """
    names = vtk.vtkStringArray()
    logic.GetLoadedTerminologyNames(names)
    if names.LookupValue(CONTEXT) >= 0:
        return True
    return logic.LoadTerminologyFromFile(str(resource_path("Terminology", "LNStation.term.json"))) == CONTEXT


def _parsedCode(text: str) -> Code | None:
    scheme, _, rest = text.partition("^")
    value, _, meaning = rest.partition("^")
    return Code(value, scheme, meaning) if value else None
