"""Patients on disk: one JSON file each, and the cohort's tables as CSV."""

from __future__ import annotations

import csv
import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from LNStationLib import __version__
from LNStationLib.phantom.nodes.look_alikes import LookAlike
from LNStationLib.phantom.nodes.node import NodeTruth
from LNStationLib.phantom.nodes.pathology import StationPathology
from LNStationLib.phantom.patient import PatientTruth, StationRow
from LNStationLib.phantom.preset import Preset
from LNStationLib.phantom.scan_traits import Extent, ScanTrait
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.errors import InputError, OutputError

COHORT_FILE, PATIENT_FILE = "cohort.json", "patient.json"
CASES, TRUTH = "cases", "truth"
TABLES = ("cohort.csv", "pathology.csv", "nodes.csv", "stations.csv", "look_alikes.csv")
_PATIENT = TypeAdapter(PatientTruth)


class CohortKey(BaseModel):
    """What decides every byte of a cohort's patients."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lnstation_version: str
    preset: str
    preset_digest: str
    seed: int
    images: bool
    compact_mm: float | None = None
    scan_traits: tuple[ScanTrait, ...] = ()
    extent: Extent = "chest"


class CohortFile(BaseModel):
    """``cohort.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    synthetic: bool = True
    key: CohortKey
    patients: int
    """Patients in the tables, numbered from 1; 0 until the first run is complete."""


def cohort_key(preset: Preset, seed: int, images: bool, compact_mm: float | None = None) -> CohortKey:
    """The key of a cohort made by this version."""
    return CohortKey(
        lnstation_version=__version__,
        preset=preset.name,
        preset_digest=preset.digest(),
        seed=seed,
        images=images,
        compact_mm=compact_mm,
    )


def read_cohort_file(folder: Path) -> CohortFile:
    """Read ``cohort.json``.

    Raises:
        InputError: There is none, or it is faulty.
    """
    path = folder / COHORT_FILE
    try:
        return CohortFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{folder} is no cohort: it has no readable {COHORT_FILE}; make one with phantom."
        ) from error
    except ValidationError as error:
        raise InputError(f"{path} is not a cohort file of this version; make the cohort again.") from error


def patient_bytes(truth: PatientTruth) -> bytes:
    """A patient as JSON."""
    return _PATIENT.dump_json(truth, indent=1) + b"\n"


def read_patient(folder: Path) -> PatientTruth:
    """Read ``patient.json`` of a truth folder.

    Raises:
        InputError: There is none, or it is faulty.
    """
    path = folder / PATIENT_FILE
    try:
        return _PATIENT.validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read; run the same phantom command again to complete it.") from error
    except ValidationError as error:
        raise InputError(
            f"{path} is not a patient of this version; make the cohort again in a new folder."
        ) from error


def read_patients(folder: Path) -> tuple[CohortFile, list[PatientTruth]]:
    """All patients of a complete cohort, by number.

    Raises:
        InputError: The folder is no cohort, or a patient is missing.
    """
    cohort = read_cohort_file(folder)
    if not cohort.patients:
        raise InputError(f"{folder} is not complete; run the same phantom command again.")
    numbers = range(1, cohort.patients + 1)
    return cohort, [read_patient(folder / TRUTH / patient_id(cohort.key, number)) for number in numbers]


def patient_id(key: CohortKey, number: int) -> str:
    """Name of a patient's folders."""
    return f"{key.preset}-{key.seed}-{number:05d}"


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that it appears whole or not at all.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        write_atomically(path, content)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}); choose another folder.") from error


def write_truth(folder: Path, truth: PatientTruth, extra: Path | None = None) -> None:
    """Write a patient's truth folder; it appears whole.

    Args:
        folder: The cohort's folder.
        truth: The patient.
        extra: Folder whose files are moved into it.
    """
    target = folder / TRUTH / truth.plan.patient_id
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        (partial / PATIENT_FILE).write_bytes(patient_bytes(truth))
        for path in sorted(extra.iterdir()) if extra else ():
            shutil.move(path, partial / path.name)
        partial.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        os.replace(partial, target)
    except OSError as error:
        raise OutputError(f"{target} could not be written completely: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_tables(folder: Path, patients: Sequence[PatientTruth], preset: Preset) -> None:
    """Write the tables of ``TABLES``."""
    write_file(folder / "cohort.csv", _csv(_cohort_row(p, preset) for p in patients))
    parts: dict[str, tuple[type, str]] = {
        "pathology.csv": (StationPathology, "pathology"),
        "nodes.csv": (NodeTruth, "nodes"),
        "stations.csv": (StationRow, "stations"),
        "look_alikes.csv": (LookAlike, "look_alikes"),
    }
    for name, (kind, attribute) in parts.items():
        rows = ({"patient_id": p.plan.patient_id, **_row(row)} for p in patients for row in getattr(p, attribute))
        write_file(folder / name, _csv(rows, ["patient_id", *_columns(kind)]))


def _cohort_row(patient: PatientTruth, preset: Preset) -> dict[str, Any]:
    plan = patient.plan
    return {
        "patient_id": plan.patient_id,
        "synthetic": True,
        "cancer": plan.tumor.cancer,
        "tumor_site": plan.tumor.site,
        "tumor_side": plan.tumor.side,
        "tumor_diameter_mm": plan.tumor.diameter_mm,
        "sex": plan.sex,
        "age_years": plan.age_years,
        "has_pet": plan.has_pet,
        "c_n": patient.c_n,
        "p_n": patient.p_n,
        "n_rules": preset.n_rules or "count",
        "n_visible_nodes": sum(node.visible for node in patient.nodes),
        "n_dissected_stations": len(patient.pathology),
        "n_taken": sum(row.n_taken for row in patient.pathology),
        "n_positive": sum(row.n_positive for row in patient.pathology),
    }


def _columns(kind: type) -> list[str]:
    names = [field.name for field in fields(kind)]
    return [part for name in names for part in (_axes(name) if name == "center_mm" else (name,))]


def _axes(name: str) -> tuple[str, str, str]:
    return f"{name}_x", f"{name}_y", f"{name}_z"


def _row(record: Any) -> dict[str, Any]:
    values = asdict(record)
    if "center_mm" in values:
        center = values.pop("center_mm") or (None, None, None)
        values |= dict(zip(_axes("center_mm"), center, strict=True))
    return values


def _csv(rows: Iterable[dict[str, Any]], columns: Sequence[str] | None = None) -> bytes:
    text = io.StringIO(newline="")
    rows = list(rows)
    writer = csv.DictWriter(text, columns or list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
