"""The tables of a synthetic cohort, as CSV: those of a research group, and apart from them those of the truth."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from LNStationLib.phantom.nodes.look_alikes import LookAlike
from LNStationLib.phantom.nodes.node import NodeTruth
from LNStationLib.phantom.nodes.pathology import StationPathology
from LNStationLib.phantom.patient import PatientTruth, StationRow
from LNStationLib.phantom.preset import Preset
from LNStationLib.phantom.records import CASES, TRUTH, write_file

PATIENTS_TABLE, PATHOLOGY_TABLE = "patients.csv", "pathology.csv"
NODE_PATHOLOGY_TABLE = f"{TRUTH}/node_pathology.csv"
TABLES = (
    PATIENTS_TABLE,
    PATHOLOGY_TABLE,
    NODE_PATHOLOGY_TABLE,
    *(f"{TRUTH}/{name}.csv" for name in ("nodes", "stations", "look_alikes")),
)
_FILES = {
    "ct": f"{CASES}/{{}}/ct.nii.gz",
    "pet": f"{CASES}/{{}}/pet.nii.gz",
    "stations": f"{TRUTH}/{{}}/stations.nii.gz",
    "organs": f"{TRUTH}/{{}}/organs.nii.gz",
    "nodes": f"{CASES}/{{}}/nodes.nii.gz",
    "tumor": f"{CASES}/{{}}/tumor.nii.gz",
}
"""Column of ``patients.csv`` to where a patient's image lies; its cell is empty where there is none."""
# Columns that research groups know by another name than the records.
_PATHOLOGY_NAMES = {"n_taken": "nodes_taken", "n_positive": "nodes_positive"}


def write_tables(folder: Path, patients: Sequence[PatientTruth], preset: Preset) -> None:
    """Write the tables of ``TABLES``: which node is metastatic stands in those of the truth alone.

    Raises:
        OutputError: One cannot be written.
    """
    write_file(folder / PATIENTS_TABLE, _csv([_patient_row(folder, p, preset) for p in patients]))
    pathology = [{_PATHOLOGY_NAMES.get(k, k): v for k, v in row.items()} for row in _rows(patients, "pathology")]
    # Of nodes that readers see, hence those of the instance map that `patients.csv` names.
    status = [
        {"patient": p.plan.patient_id, "node": n.node_id, "metastatic": int(n.malignant), "station": n.station}
        for p in patients
        for n in p.nodes
        if n.visible
    ]
    write_file(folder / NODE_PATHOLOGY_TABLE, _csv(status, ("patient", "node", "metastatic", "station")))
    columns = [_PATHOLOGY_NAMES.get(name, name) for name in _columns(StationPathology)]
    write_file(folder / PATHOLOGY_TABLE, _csv(pathology, columns))
    kinds: dict[str, type] = {"nodes": NodeTruth, "stations": StationRow, "look_alikes": LookAlike}
    for name, kind in kinds.items():
        write_file(folder / TRUTH / f"{name}.csv", _csv(_rows(patients, name), _columns(kind)))


def _patient_row(folder: Path, patient: PatientTruth, preset: Preset) -> dict[str, Any]:
    plan = patient.plan
    files = {column: where.format(plan.patient_id) for column, where in _FILES.items()}
    return {
        "patient": plan.patient_id,
        **{column: where if (folder / where).exists() else None for column, where in files.items()},
        "pet_units": "suvbw" if plan.has_pet else None,
        "tumor_side": plan.tumor.side,
        "n_category": patient.p_n,
        "synthetic": True,
        "cancer": plan.tumor.cancer,
        "tumor_site": plan.tumor.site,
        "tumor_diameter_mm": plan.tumor.diameter_mm,
        "sex": plan.sex,
        "age_years": plan.age_years,
        "has_pet": plan.has_pet,
        "clinical_n_category": patient.c_n,
        "clinical_stations": " ".join(row.station for row in patient.stations if row.call) or "none",
        "n_rules": preset.n_rules or "count",
        "visible_nodes": sum(node.visible for node in patient.nodes),
        "dissected_stations": len(patient.pathology),
        "nodes_taken": sum(row.n_taken for row in patient.pathology),
        "nodes_positive": sum(row.n_positive for row in patient.pathology),
    }


def _rows(patients: Sequence[PatientTruth], part: str) -> list[dict[str, Any]]:
    return [{"patient": p.plan.patient_id, **_row(record)} for p in patients for record in getattr(p, part)]


def _columns(kind: type) -> list[str]:
    names = [field.name for field in fields(kind)]
    return ["patient", *(part for name in names for part in (_axes(name) if name == "center_mm" else (name,)))]


def _axes(name: str) -> tuple[str, str, str]:
    return f"{name}_x", f"{name}_y", f"{name}_z"


def _row(record: Any) -> dict[str, Any]:
    values = asdict(record)
    if "center_mm" in values:
        center = values.pop("center_mm") or (None, None, None)
        values |= dict(zip(_axes("center_mm"), center, strict=True))
    return values


def _csv(rows: Sequence[dict[str, Any]], columns: Iterable[str] | None = None) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(columns or rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
