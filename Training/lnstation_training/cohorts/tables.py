"""A cohort as tables: patients with their images and masks, and pathology by station and by node."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from lnstation_training.cohorts.contradictions import contradictions
from lnstation_training.cohorts.errors import CohortError
from lnstation_training.cohorts.rows import NodeRow, PatientRow, StationRow
from LNStationLib.case.request import CaseRequest
from LNStationLib.imaging.suv import PetUnits
from LNStationLib.support.csv_rows import Faults, read_rows

Need = Literal[
    "pet",
    "stations",
    "organs",
    "tumor",
    "nodes",
    "tumor_side",
    "n_category",
    "clinical_n_category",
    "clinical_stations",
    "pathology",
    "node_pathology",
]
"""What a task must have of every patient: a filled column of the table of patients, or one of the other tables."""
PATHOLOGY_COLUMNS = tuple(StationRow.model_fields)
_TABLES = ("pathology", "node_pathology")
_STATIONS: tuple[Need, ...] = ("stations",)
L = TypeVar("L", StationRow, NodeRow)
Label = TypeVar("Label")


@dataclass(frozen=True)
class Dissection:
    """What the pathologist found in one station.

    Attributes:
        nodes_taken: Nodes that were examined, at least 1.
        nodes_positive: How many of them were metastatic.
    """

    nodes_taken: int
    nodes_positive: int

    @property
    def positive(self) -> bool:
        """At least one metastatic node: the station is metastatic (SA-MoE, Sec. 1)."""
        return self.nodes_positive >= 1


@dataclass(frozen=True)
class CohortPatient:
    """One patient of a cohort: a case and its labels.

    Attributes:
        patient: Identifier, unique in the cohort; a pseudonym, never a name.
        ct: CT image.
        stations: Station label map on any grid, values of the station table.
        nodes: Node mask or instance map.
        tumor_side: Of the primary tumor.
        n_category: ``"N0"`` to ``"N3"``.
        dissections: By station name; a station that was not dissected is absent, and is never negative.
        pet: PET image.
        pet_units: What its values are.
        organs: Organ label map or folder of masks.
        tumor: Mask of the primary tumor.
        node_status: Whether a node is metastatic, by its value in the instance map; unknown ones are absent.
        node_stations: Station that the surgeon took a node from, likewise.
        node_further_stations: Others that a node may be counted to, likewise; absent where there are none.
        node_significance: Whether a reader holds a node for significant, likewise.
        clinical_n_category: N category by imaging.
        clinical_stations: Stations that imaging shows metastatic; the others are negative then.
        lesions: Mask of all that any program takes for a lesion on PET.

    What the table leaves empty is ``None``.
    """

    patient: str
    ct: Path
    stations: Path | None = None
    nodes: Path | None = None
    tumor_side: Literal["L", "R"] | None = None
    n_category: str | None = None
    dissections: Mapping[str, Dissection] = field(default_factory=dict)
    pet: Path | None = None
    pet_units: PetUnits | None = None
    organs: Path | None = None
    tumor: Path | None = None
    node_status: Mapping[int, bool] = field(default_factory=dict)
    node_stations: Mapping[int, str] = field(default_factory=dict)
    node_further_stations: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    node_significance: Mapping[int, bool] = field(default_factory=dict)
    clinical_n_category: str | None = None
    clinical_stations: tuple[str, ...] | None = None
    lesions: Path | None = None

    def case_request(self) -> CaseRequest:
        """What an assessment of the patient would be given, the node masks included."""
        return CaseRequest(
            self.ct,
            self.pet,
            self.pet_units,
            organs=self.organs,
            nodes=self.nodes,
            tumor=self.tumor,
            case_id=self.patient,
        )

    def label(self, station: str) -> int | None:
        """1 metastatic, 0 not, ``None`` where the station was not dissected."""
        found = self.dissections.get(station)
        return None if found is None else int(found.positive)

    def clinical_label(self, station: str) -> int | None:
        """1 metastatic by imaging, 0 not, ``None`` where the stations are not known."""
        return None if self.clinical_stations is None else int(station in self.clinical_stations)


def read_cohort(
    patients: Path,
    pathology: Path | None = None,
    node_pathology: Path | None = None,
    needs: Collection[Need] = _STATIONS,
) -> list[CohortPatient]:
    """Read and check the tables of a cohort.

    Args:
        patients: CSV with the columns of ``PatientRow``; paths are relative to the table.
        pathology: CSV with the columns of ``StationRow``, one row for each dissected station.
        node_pathology: CSV with the columns of ``NodeRow``, one row for each node of known status.
        needs: What every patient must have.

    Returns:
        The patients in table order.

    Raises:
        CohortError: A table is missing, cannot be read, lacks a column, or has faulty rows; all are listed.
    """
    given = {"pathology": pathology, "node_pathology": node_pathology}
    missing = [name for name in _TABLES if name in needs and given[name] is None]
    if missing:
        raise CohortError(f"The cohort has no table of {missing[0].replace('_', ' ')}, and this task needs it.")
    rows = _read_patients(patients, [name for name in needs if name not in _TABLES])
    dissections = _read_pathology(pathology, set(rows)) if pathology else {}
    nodes = _read_nodes(node_pathology, set(rows)) if node_pathology else {}
    _refuse_contradictions(patients, rows, dissections)
    return [_patient(row, dissections.get(name, {}), nodes.get(name, {})) for name, row in rows.items()]


def _refuse_contradictions(
    table: Path, rows: Mapping[str, PatientRow], dissections: Mapping[str, Mapping[str, Dissection]]
) -> None:
    """Name the patients whose N categories contradict their stations."""
    faults = Faults(table)
    for name, row in rows.items():
        positive = [station for station, found in dissections.get(name, {}).items() if found.positive]
        for column, text in contradictions(row, positive):
            faults.add_table(f"patient {name}, column {column}: {text}")
    faults.raise_if_any()


def _patient(row: PatientRow, dissections: Mapping[str, Dissection], nodes: Mapping[int, NodeRow]) -> CohortPatient:
    return CohortPatient(
        **row.model_dump(),
        dissections=dissections,
        node_status={node: bool(each.metastatic) for node, each in nodes.items() if each.metastatic is not None},
        node_stations={node: each.station for node, each in nodes.items() if each.station is not None},
        node_further_stations={node: more for node, each in nodes.items() if (more := _further(each))},
        node_significance={n: bool(each.significant) for n, each in nodes.items() if each.significant is not None},
    )


def _further(row: NodeRow) -> tuple[str, ...]:
    return tuple(name for name in (row.station_2, row.station_3) if name not in (None, row.station))


def _read_patients(table: Path, filled: Sequence[str]) -> dict[str, PatientRow]:
    faults, found = Faults(table), dict[str, PatientRow]()
    for line, row in read_rows(table, PatientRow, faults, filled):
        if row.patient in found:
            faults.add(line, "patient", f"{row.patient} is already in the table")
        found[row.patient] = row
    if not found and not faults.lines:
        faults.add_table("has no patients")
    faults.raise_if_any()
    return found


def _read_pathology(table: Path, patients: set[str]) -> dict[str, dict[str, Dissection]]:
    return _by_patient(
        table, StationRow, patients, "station", lambda row: Dissection(row.nodes_taken, row.nodes_positive)
    )


def _read_nodes(table: Path, patients: set[str]) -> dict[str, dict[int, NodeRow]]:
    return _by_patient(table, NodeRow, patients, "node", lambda row: row)


def _by_patient(
    table: Path, kind: type[L], patients: set[str], column: str, label: Callable[[L], Label]
) -> dict[str, dict[Any, Label]]:
    """Of every patient in a table the labels by ``column``, in which no value may stand twice."""
    faults, found = Faults(table), dict[str, dict[Any, Label]]()
    for line, row in read_rows(table, kind, faults):
        _check_patient(row.patient, patients, line, faults)
        labels, key = found.setdefault(row.patient, {}), getattr(row, column)
        if key in labels:
            faults.add(line, column, f"{key} of patient {row.patient} is already in the table")
        labels[key] = label(row)
    faults.raise_if_any()
    return found


def _check_patient(patient: str, patients: set[str], line: int, faults: Faults) -> None:
    if patient not in patients:
        faults.add(line, "patient", f"{patient!r} is not in the table of patients")
