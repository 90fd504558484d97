"""Who the patient is: found where Slicer knows it, sent only where the user wants it, never in a name of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from LNStationSlicer.case.CaseFolder import hierarchyOf  # noqa: E402
from LNStationSlicer.case.CaseScene import CaseScene  # noqa: E402
from LNStationSlicer.case.PatientIdentity import TAGS, patientIdentity, reportName  # noqa: E402
from module.mrml_cases import make_volume  # noqa: E402
from module.panel_driver import PanelDriver  # noqa: E402
from pydicom.datadict import keyword_for_tag  # noqa: E402
from slicer_host import driver  # noqa: E402

HEADER = {
    "PatientName": "Test^Patient^A", "PatientID": "PID-0042", "PatientSex": "F", "PatientBirthDate": "19610315",
    "PatientAge": "063Y", "StudyDate": "20240521", "AccessionNumber": "ACC7781",
}  # fmt: skip
SECRETS = ("Test", "Patient", "PID-0042", "PID0042", "ACC7781", "063Y")
DATES = re.compile(r"(?<![0-9A-Za-z])(1961|2024)(?:\b|\d{4}\b)")
"""Years of the header, alone or at the start of a date; not digits of a time or of a random name."""


class Database:
    """A DICOM database with one series."""

    def instanceValue(self, uid: str, tag: str) -> str:
        keyword = keyword_for_tag(tag.replace(",", ""))
        return HEADER[keyword] if uid == "1.2.3.1" else ""


@pytest.fixture(autouse=True)
def _empty_scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    slicer_host.clear_scene()
    monkeypatch.setattr(slicer, "dicomDatabase", Database(), raising=False)
    yield
    slicer_host.clear_scene()


def from_database(name: str = "6: CT Thorax") -> Any:
    """A CT that Slicer loaded from its database."""
    ct = make_volume(name=name)
    ct.SetAttribute("DICOM.instanceUIDs", "1.2.3.1 1.2.3.2")
    return ct


def put_into_study(ct: Any) -> None:
    """Patient and study above a CT, as the DICOM module makes them."""
    hierarchy = hierarchyOf(slicer.mrmlScene)
    constants = slicer.vtkMRMLSubjectHierarchyConstants
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Test, Patient (PID-0042)")
    study = hierarchy.CreateStudyItem(patient, "Thorax (2024-05-21)")
    attributes = {
        patient: ("PatientName", "PatientID", "PatientSex", "PatientBirthDate"), study: ("StudyDate",),
    }  # fmt: skip
    for item, keywords in attributes.items():
        for keyword in keywords:
            hierarchy.SetItemAttribute(item, constants.GetDICOMAttributePrefix() + keyword, HEADER[keyword])
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(ct), study)


def sent(panel: PanelDriver) -> dict[str, Any]:
    """What the worker was told for the report."""
    return next(request["params"] for request in panel.worker.requests() if request["method"] == "report")


def write_report(panel: PanelDriver, folder: Path, identifiers: bool) -> None:
    panel.open_section("reportSection")
    panel.ui.reportFolderEdit.currentPath = str(folder)
    panel.ui.identifiersCheck.checked = identifiers
    slicer.app.processEvents()
    driver.click(panel.ui.writeReportButton)
    panel.wait(lambda: "report" in panel.worker.methods(), "the report")
    panel.idle()


def test_the_database_knows_everything() -> None:
    case = CaseScene.create(slicer.mrmlScene, from_database())
    assert patientIdentity(case, Database()) == HEADER


def test_without_a_database_the_subject_hierarchy_says_what_it_has() -> None:
    ct = make_volume()
    put_into_study(ct)
    case = CaseScene.create(slicer.mrmlScene, ct)
    known = {key: HEADER[key] for key in HEADER if key not in ("PatientAge", "AccessionNumber")}
    assert patientIdentity(case, None) == known
    assert patientIdentity(case, Database()) == known, "the CT is not from the database"


def test_nothing_is_known_of_a_ct_from_a_file() -> None:
    case = CaseScene.create(slicer.mrmlScene, make_volume())
    assert patientIdentity(case, Database()) == {}


def test_every_value_is_asked_for_by_its_tag() -> None:
    assert {keyword_for_tag(tag.replace(",", "")): tag for tag in TAGS.values()} == TAGS


def test_a_ticked_box_sends_the_patient_with_the_report_and_the_name_of_the_case(
    panel: PanelDriver, tmp_path: Path
) -> None:
    panel.ui.ctSelector.setCurrentNode(from_database())
    slicer.app.processEvents()
    panel.assess()
    write_report(panel, tmp_path, identifiers=True)
    assert (sent(panel)["identifiers"], sent(panel)["patient"]) == (True, HEADER)
    assert sent(panel)["case_name"] == "LNStation: 6: CT Thorax"


def test_without_the_tick_no_identifier_leaves_by_any_request(panel: PanelDriver, tmp_path: Path) -> None:
    ct = from_database()
    put_into_study(ct)
    panel.ui.ctSelector.setCurrentNode(ct)
    slicer.app.processEvents()
    panel.assess()
    panel.call("4R", "positive")
    write_report(panel, tmp_path, identifiers=False)
    requests = [request["params"] for request in panel.worker.requests() if request["method"] != "hello"]
    text = json.dumps(requests).replace(str(tmp_path), "")
    assert not [secret for secret in SECRETS if secret in text]
    assert not DATES.findall(text)
    assert sent(panel)["case_name"] == "LNStation: 6: CT Thorax", "what the panel calls the case, not a node's key"


@pytest.mark.parametrize(
    ("text", "year"),
    [("20240521", "2024"), ("Thorax (2024-05-21)", "2024"), ("born 1961", "1961")],
)
def test_years_of_the_header_are_recognized_in_text(text: str, year: str) -> None:
    assert DATES.findall(text) == [year]
    assert not DATES.findall("LNStation-20261126-202412 ab2024e3 120241"), "a time of day, a random name, a number"


@pytest.mark.parametrize(
    "name", ["TEST_PATIENT_CT", "pid-0042 thorax", "CT 2024-05-21", "born 1961 03 15", "acc7781", "CT of a (test)"]
)
def test_a_case_that_is_named_after_its_patient_gets_a_neutral_name_in_the_report(name: str) -> None:
    case = CaseScene.create(slicer.mrmlScene, from_database(), name=name)
    assert reportName(case, patientIdentity(case, Database())) == "Case"


def test_a_name_that_tells_nothing_stays() -> None:
    case = CaseScene.create(slicer.mrmlScene, from_database(), name="Tumor board, 3rd case")
    assert reportName(case, patientIdentity(case, Database())) == "Tumor board, 3rd case"
