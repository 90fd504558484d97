"""Cohorts that are prepared beside a downloaded folder, and what is in them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from lnstation_training.cohorts.tables import CohortPatient, read_cohort
from lnstation_training.public_data.preparing import Outcome, PrepareRequest, prepare
from lnstation_training.public_data.records import Acceptance

TERMS = Acceptance(license="any", url="https://example.org", accepted_on="2026-11-27")


def prepared(name: str, folder: Path, **options: Any) -> Outcome:
    return prepare(PrepareRequest(name, folder, folder.with_name("cohort"), TERMS, **options))


def cohort(folder: Path) -> list[CohortPatient]:
    """The cohort beside a folder, as the project's own reader reads it."""
    out = folder.with_name("cohort")
    return read_cohort(out / "patients.csv", None, out / "node_pathology.csv", ())


def cells(folder: Path, table: str = "patients") -> list[dict[str, str]]:
    with (folder.with_name("cohort") / f"{table}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def image(path: Path | None) -> sitk.Image:
    assert path is not None
    return sitk.ReadImage(str(path))


def file_of(folder: Path, column: str, row: int = 0) -> sitk.Image:
    return image(folder.with_name("cohort") / cells(folder)[row][column])
