"""The rows of a cohort's tables as pydantic models."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from LNStationLib import anatomy
from LNStationLib.imaging.suv import PetUnits
from LNStationLib.support.csv_rows import ExistingPath, Pseudonym, Row

NO_STATION = "none"
"""What a cell of positive stations says where there are none; an empty cell says that nothing is known."""


def _station_list(text: object) -> object:
    """Names in a cell, parted by spaces, commas or semicolons."""
    if not isinstance(text, str):
        return text
    names = [name for name in re.split(r"[\s,;]+", text) if name]
    return () if names == [NO_STATION] else tuple(names)


def _known_station(name: str) -> str:
    known = {row.name for row in anatomy.stations()}
    if name not in known:
        raise ValueError(f"unknown station {name!r}; stations are {', '.join(sorted(known))}")
    return name


NCategory = Literal["N0", "N1", "N2", "N3"]
Station = Annotated[str, AfterValidator(_known_station)]
Stations = Annotated[tuple[Station, ...], BeforeValidator(_station_list)]


class PatientRow(Row):
    """A row of ``patients.csv``: a case and what is known of the whole patient.

    Attributes:
        patient: Identifier, unique in the table.
        ct: CT in HU.
        pet: PET image, or a DICOM series.
        pet_units: Unit of a PET that is not a DICOM series; DICOM headers give their own.
        stations: Station label map, values of the station table.
        organs: Organ label map, or a folder with a mask for each organ.
        tumor: Mask of the primary tumor.
        nodes: Node mask, or an instance map whose values the table of nodes names.
        tumor_side: Side of the primary tumor.
        n_category: N category by pathology.
        clinical_n_category: N category by imaging.
        clinical_stations: Stations that imaging shows metastatic, "4R 7", or "none"; all others are negative then.
        lesions: Mask of all that any program takes for a lesion on PET, tumor and nodes alike.
    """

    patient: Pseudonym
    ct: ExistingPath
    pet: ExistingPath | None = None
    pet_units: PetUnits | None = None
    stations: ExistingPath | None = None
    organs: ExistingPath | None = None
    tumor: ExistingPath | None = None
    nodes: ExistingPath | None = None
    tumor_side: Literal["L", "R"] | None = None
    n_category: NCategory | None = None
    clinical_n_category: NCategory | None = None
    clinical_stations: Stations | None = None
    lesions: ExistingPath | None = None


class StationRow(Row):
    """A row of ``pathology.csv``: one dissected station.

    Attributes:
        patient: As in the table of patients.
        station: IASLC station.
        nodes_taken: Nodes that were examined, at least 1.
        nodes_positive: How many of them were metastatic.
    """

    patient: str
    station: Station
    nodes_taken: int
    nodes_positive: int

    @field_validator("nodes_positive")
    @classmethod
    def _possible(cls, positive: int, info: ValidationInfo) -> int:
        taken = info.data.get("nodes_taken")
        if taken is not None and (taken < 1 or not 0 <= positive <= taken):
            raise ValueError(
                f"{positive} of {taken} nodes positive is impossible; leave out a station that was not dissected"
            )
        return positive


class NodeRow(Row):
    """A row of ``node_pathology.csv``: one node whose status or station is known.

    Attributes:
        patient: As in the table of patients.
        node: Value of the node in the patient's instance map, at least 1.
        metastatic: 1 metastatic, 0 not, if known.
        station: IASLC station that the surgeon took it from, or that a reader gave it, if known.
        station_2: Another that it may be counted to, where a reader named several.
        station_3: A third one.
        significant: 1 where a reader holds it for significant, to be treated, 0 not, if known.
    """

    patient: str
    node: Annotated[int, Field(ge=1)]
    metastatic: Annotated[int, Field(ge=0, le=1)] | None = None
    station: Station | None = None
    station_2: Station | None = None
    station_3: Station | None = None
    significant: Annotated[int, Field(ge=0, le=1)] | None = None
