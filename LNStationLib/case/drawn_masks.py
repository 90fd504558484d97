"""DICOM Segmentations and RT Structure Sets as masks of a case: which segment is which organ, which are nodes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from LNStationLib import anatomy
from LNStationLib.anatomy.coded import organ_with_code
from LNStationLib.case.unchecked import GivenMask
from LNStationLib.imaging.dicom_structures import CtReference, DrawnStructure, drawn_structures
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import InputError

_LYMPH_NODE = ("59441001", "SCT")
"""SNOMED CT "Lymph node" (DICOM CID 7600)."""


def drawn_organs(path: Path, ct: CtReference, warn: Warn) -> Iterator[GivenMask]:
    """Every segment or region of a file as an organ mask, by its label, else by its code.

    Raises:
        InputError: It cannot be read, belongs to another patient, or has open contours.
        GeometryError: It was drawn on other images.
    """
    drawn = drawn_structures(path, "organs", ct, warn)
    for structure in drawn.structures:
        name = f"{drawn.name}, '{structure.label}'"
        yield GivenMask(_organ(structure), name, f"{path.name}: {structure.label}", partial(drawn.read, [structure]))


def drawn_lesions(path: Path, what: str, ct: CtReference, warn: Warn) -> GivenMask:
    """The nodes, or the tumor, of a file as one map with a value a structure.

    Where a file holds structures that are coded as lymph nodes, the nodes are those; else all that are not stations.

    Raises:
        InputError: It cannot be read, belongs to another patient, has open contours, or holds stations only.
        GeometryError: It was drawn on other images.
    """
    drawn = drawn_structures(path, what, ct, warn)
    wanted = [one for one in drawn.structures if not _is_station(one)]
    if what == "nodes":
        wanted = [one for one in wanted if one.code == _LYMPH_NODE] or wanted
    if not wanted:
        raise InputError(
            f"{drawn.name}: it holds no {what}, only stations or nothing; give the file with the {what}."
        )
    return GivenMask(what, drawn.name, path.name, partial(drawn.read, wanted))


def _organ(structure: DrawnStructure) -> str:
    if anatomy.find_organ(structure.label) is not None:
        return structure.label
    entry = organ_with_code(*structure.code, structure.side)
    return structure.label if entry is None else entry.name


def _is_station(structure: DrawnStructure) -> bool:
    return structure.code in {(row.code.value, row.code.scheme) for row in anatomy.stations()}
