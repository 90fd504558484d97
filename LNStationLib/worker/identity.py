"""Patient identifiers: added to a report on request, removed from any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

from LNStationLib.imaging.dicom_headers import age_years, iso_date, study_date, text
from LNStationLib.state.assessment import CaseSummary, PatientIdentity

PatientKeyword = Literal[
    "PatientName", "PatientID", "PatientSex", "PatientBirthDate", "PatientAge", "StudyDate", "AccessionNumber"
]
"""DICOM attributes, by keyword, that a request for a report may carry."""


def identified(summary: CaseSummary, values: Mapping[PatientKeyword, str]) -> CaseSummary:
    """The summary of a case with its patient named.

    Args:
        summary: What it already says of sex, age and date stays.
        values: DICOM values as strings, as their headers write them; unreadable ones are left out.
    """
    header = _header(values)
    sex = text(header, "PatientSex").upper()
    patient = PatientIdentity(
        name=_readable_name(text(header, "PatientName")),
        patient_id=text(header, "PatientID") or None,
        birth_date=iso_date(text(header, "PatientBirthDate")),
        accession_number=text(header, "AccessionNumber") or None,
    )
    return CaseSummary.model_validate(
        {
            **summary.model_dump(),
            "patient": None if patient == PatientIdentity() else patient,
            "sex": summary.sex or (sex if sex in ("F", "M", "O") else None),
            "age_years": age_years(header) if summary.age_years is None else summary.age_years,
            "study_date": summary.study_date or study_date(header),
        }
    )


def _header(values: Mapping[PatientKeyword, str]) -> Dataset:
    header = Dataset()
    # A value that the standard does not allow would be quoted in a warning, and so in the log.
    with disable_value_validation():
        for keyword, value in values.items():
            setattr(header, keyword, value)
    return header


def anonymous(summary: CaseSummary) -> CaseSummary:
    """The summary of a case without patient identifiers."""
    return summary.model_copy(update={"patient": None, "study_date": None})


def _readable_name(value: str) -> str | None:
    """``"Doe, Jane"`` from ``"Doe^Jane"``; a name without components as it is."""
    name = PersonName(value)
    parts = (name.family_name, " ".join(part for part in (name.given_name, name.middle_name) if part))
    return ", ".join(part.strip() for part in parts if part.strip()) or None
