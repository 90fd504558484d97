"""The patient in a report: DICOM values to words, and back out of a report that must not say them."""

from __future__ import annotations

import logging
import warnings

import pytest

from LNStationLib.state.assessment import CaseSummary
from LNStationLib.worker.identity import anonymous, identified

VALUES = {
    "PatientName": "Test^Patient^A", "PatientID": "PID-42", "PatientSex": "F", "PatientBirthDate": "19610315",
    "PatientAge": "063Y", "StudyDate": "20240521", "AccessionNumber": "ACC7781",
}  # fmt: skip


def summary(**known: object) -> CaseSummary:
    size = {"ct_size": (1, 1, 1), "ct_spacing_mm": (1.0, 1.0, 1.0), "nodes_from": "none"}
    return CaseSummary.model_validate({"case_id": "case", **size, **known})


def test_dicom_values_become_what_a_report_says() -> None:
    found = identified(summary(), VALUES)
    assert found.patient is not None
    assert (found.patient.name, found.patient.patient_id) == ("Test, Patient A", "PID-42")
    assert (found.patient.birth_date, found.patient.accession_number) == ("1961-03-15", "ACC7781")
    assert (found.sex, found.age_years, found.study_date) == ("F", 63, "2024-05-21")


def test_the_age_follows_from_the_dates_where_it_is_not_given() -> None:
    values = {key: value for key, value in VALUES.items() if key != "PatientAge"}
    assert identified(summary(), values).age_years == 63


def test_what_the_case_says_itself_stays() -> None:
    found = identified(summary(sex="M", age_years=70, study_date="2020-01-01"), VALUES)
    assert (found.sex, found.age_years, found.study_date) == ("M", 70, "2020-01-01")


@pytest.mark.parametrize(("written", "read"), [("Test", "Test"), ("Test^", "Test"), ("^Only", "Only"), ("", None)])
def test_names_are_read_however_few_components_they_have(written: str, read: str | None) -> None:
    found = identified(summary(), {"PatientName": written, "PatientID": "1"})
    assert found.patient is not None
    assert found.patient.name == read


def test_nothing_known_names_no_one() -> None:
    assert identified(summary(), {}) == summary()


def test_values_the_standard_does_not_allow_are_left_out_and_never_reach_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    odd = {"PatientSex": "female", "PatientBirthDate": "15.3.1961", "StudyDate": "secret", "PatientID": "x" * 70}
    with warnings.catch_warnings(record=True) as said, caplog.at_level(logging.DEBUG):
        warnings.simplefilter("always")
        found = identified(summary(), odd)
    assert (found.sex, found.age_years, found.study_date) == (None, None, None)
    assert found.patient is not None
    assert (found.patient.birth_date, found.patient.patient_id) == (None, "x" * 70)
    assert [str(one.message) for one in said] == []
    assert caplog.text == ""


def test_an_anonymous_summary_says_nothing_that_helps_to_find_the_patient() -> None:
    found = anonymous(identified(summary(), VALUES))
    assert found.patient is None
    assert found.study_date is None
