"""Station maps that a batch drew, as the column ``stations`` of a cohort's table of patients."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lnstation_training.cohorts.rows import PatientRow
from LNStationLib.batch.folder import RUN_FILE, read_record, unit_folder
from LNStationLib.batch.words import failure_words
from LNStationLib.export.json_files import read_model
from LNStationLib.state.assessment import Assessment
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.csv_rows import Faults, columns_of, read_rows
from LNStationLib.support.errors import InputError, OutputError

COLUMN = "stations"
_MAP, _ANSWER = "stations.nii.gz", "assessment.json"


@dataclass(frozen=True)
class BatchStations:
    """What a batch has of one patient.

    Attributes:
        patient: Identifier, which is the name of the case.
        path: The station map; ``None`` where there is none.
        method: That drew it, by its name.
        remarks: What the method warned of, in words by code.
        missing: Why there is no map, in a sentence; empty where there is one.
    """

    patient: str
    path: Path | None
    method: str = ""
    remarks: tuple[tuple[str, str], ...] = ()
    missing: str = ""


def batch_stations(batch: Path, patients: Sequence[str]) -> list[BatchStations]:
    """The station maps of a batch for some patients, in their order.

    Args:
        batch: Output folder of ``run.py batch``, finished or not.
        patients: Identifiers; the batch's cases have the same names.

    Raises:
        InputError: It is no such folder, or has a map of none of the patients.
    """
    if not (batch / RUN_FILE).exists():
        raise InputError(f"{batch} holds no batch ({RUN_FILE} is missing): give the --out of run.py batch.")
    found = [_of_patient(batch, patient) for patient in patients]
    if all(each.path is None for each in found):
        raise InputError(
            f"{batch} has stations of none of the {len(patients)} patients: {found[0].patient}: {found[0].missing}"
        )
    return found


def _of_patient(batch: Path, patient: str) -> BatchStations:
    record = read_record(batch, patient)
    if record is None:
        return BatchStations(patient, None, missing="the batch has no whole result of a case of this name.")
    if record.outcome != "assessed":
        return BatchStations(patient, None, missing=failure_words(record))
    folder = unit_folder(batch, patient)
    if not (folder / _MAP).exists():
        return BatchStations(
            patient, None, missing="the batch wrote no label maps: run it with nifti among --formats."
        )
    assessment = read_model(folder / _ANSWER, Assessment, f"case {patient}")
    if not assessment.stations:
        return BatchStations(patient, None, missing="no station could be drawn.")
    step = next(row for row in assessment.provenance if row.step == "stations")
    remarks = tuple((one.code, text) for one, text in zip(step.warning_codes, step.warnings, strict=True))
    return BatchStations(patient, folder / _MAP, step.implementation, remarks)


def patients_of(table: Path) -> list[str]:
    """Identifiers in the order of a table of patients.

    Raises:
        TableError: The table cannot be used; all faults are listed.
    """
    faults = Faults(table)
    found = [row.patient for _, row in read_rows(table, PatientRow, faults)]
    faults.raise_if_any()
    return found


def write_with_stations(table: Path, out: Path, drawn: Sequence[BatchStations]) -> None:
    """Write a table of patients anew with the maps of a batch as its stations; all else stays as it is.

    Args:
        table: The table of patients.
        out: The new one, in the same folder, so that relative paths and ``cohort.json`` hold for it too.
        drawn: Of all patients of the table; the cell of those without a map is empty.

    Raises:
        InputError: ``out`` is the table itself, or lies in another folder.
        OutputError: It cannot be written.
    """
    if out.resolve() == table.resolve() or out.resolve().parent != table.resolve().parent:
        raise InputError(f"{out} must be another file beside {table.name}, so that paths in it stay true.")
    columns = columns_of(table)
    columns = columns if COLUMN in columns else [*columns, COLUMN]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_rows(table, out, drawn))
    try:
        write_atomically(out, text.getvalue())
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror}; choose another --out.") from error


def _rows(table: Path, out: Path, drawn: Sequence[BatchStations]) -> Iterator[dict[str, str]]:
    paths = {each.patient: each.path for each in drawn}
    with table.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            if (row["patient"] or "").strip():
                path = paths[row["patient"].strip()]
                yield {**row, COLUMN: "" if path is None else _relative(path, out.parent)}


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive of Windows
        return path.resolve().as_posix()
