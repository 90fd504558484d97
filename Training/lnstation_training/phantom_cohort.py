"""Synthetic cohorts (``python3 run.py phantom``) as cohorts to train on."""

from __future__ import annotations

import csv
from pathlib import Path

from lnstation_training.cohorts.errors import CohortError
from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.tables import CohortPatient, Dissection
from LNStationLib.phantom.records import CASES, TRUTH, read_cohort_file
from LNStationLib.support.errors import InputError


def read_phantom_cohort(folder: Path) -> list[CohortPatient]:
    """Read a cohort of synthetic patients: pathology as surgeons give it, stations of the truth, visible nodes.

    No node's status is read: a training set has what a real one would have.

    Args:
        folder: Written by ``phantom`` with images.

    Raises:
        InputError: It is no cohort, was made without images, or is incomplete.
    """
    cohort = read_cohort_file(folder)
    if not cohort.key.images:
        raise InputError(f"{folder} was made without images: make it again without --no-images.")
    dissections: dict[str, dict[str, Dissection]] = {}
    for row in _table(folder / "pathology.csv"):
        found = Dissection(int(row["n_taken"]), int(row["n_positive"]))
        dissections.setdefault(row["patient_id"], {})[row["station"]] = found
    return [_patient(folder, row, dissections) for row in _table(folder / "cohort.csv")]


def phantom_info(folder: Path, title: str | None = None, description: str = "") -> CohortInfo:
    """What a cohort of synthetic patients is.

    Args:
        folder: Written by ``phantom``.
        title: Its name; ``None`` for one made of the preset.
        description: More about it.
    """
    preset = read_cohort_file(folder).key.preset
    return CohortInfo(title=title or f"Synthetic patients ({preset})", synthetic=True, description=description)


def _table(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise CohortError(f"{path} cannot be read ({error.strerror}): run phantom again to complete it.") from error


def _patient(folder: Path, row: dict[str, str], dissections: dict[str, dict[str, Dissection]]) -> CohortPatient:
    name = row["patient_id"]
    nodes = folder / CASES / name / "nodes.nii.gz"
    ct, stations = folder / CASES / name / "ct.nii.gz", folder / TRUTH / name / "stations.nii.gz"
    patient = CohortPatient(
        patient=name,
        ct=ct,
        stations=stations,
        nodes=nodes if nodes.exists() else None,
        tumor_side="L" if row["tumor_side"] == "L" else "R" if row["tumor_side"] == "R" else None,
        n_category=row["p_n"] or None,
        dissections=dissections.get(name, {}),
    )
    for path in (ct, stations):
        if not path.exists():
            raise InputError(f"{path} does not exist: run phantom again to complete the cohort.")
    return patient
