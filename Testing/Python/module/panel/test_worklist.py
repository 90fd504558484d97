"""The worklist over a stand-in DICOM database: what is to be read, the next case, readers, cases for the night."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from LNStationSlicer.case.DicomStudies import ctStudies  # noqa: E402
from LNStationSlicer.case.Readers import readersOf, switchReader  # noqa: E402
from module.mrml_cases import make_volume  # noqa: E402
from module.panel_driver import PanelDriver  # noqa: E402
from slicer_host import driver  # noqa: E402

Series = dict[str, tuple[str, str, int]]
STUDIES: dict[str, tuple[str, str, Series]] = {
    "1.1": (
        "p1",
        "20260105",
        {"1.1.1": ("CT", "chest", 80), "1.1.2": ("CT", "scout", 2), "1.1.3": ("PT", "", 80)},
    ),
    "1.2": ("p2", "20260207", {"1.2.1": ("CT", "chest", 60)}),
    "1.3": ("p1", "20251001", {"1.3.1": ("CT", "chest", 60), "1.3.2": ("SR", "LNStation measurements", 1)}),
    "1.4": ("p2", "20260301", {"1.4.1": ("MR", "knee", 30)}),
}
"""Patient, date and series of each; of a series modality, description and number of images."""
NAMES = {"p1": "Alpha^Test", "p2": ""}


class Database:
    """As much of a ctkDICOMDatabase as is asked for."""

    isOpen = True

    def patients(self) -> list[str]:
        return list(NAMES)

    def studiesForPatient(self, patient: str) -> list[str]:
        return [uid for uid, study in STUDIES.items() if study[0] == patient]

    def seriesForStudy(self, study: str) -> tuple[str, ...]:
        return tuple(STUDIES[study][2])

    def instancesForSeries(self, series: str) -> tuple[str, ...]:
        return tuple(f"{series}.{n}" for n in range(_series(series)[2]))

    def fieldForPatient(self, field: str, patient: str) -> str:
        return {"PatientsName": NAMES[patient], "PatientID": patient.upper()}[field]

    def fieldForStudy(self, field: str, study: str) -> str:
        return {"StudyDate": STUDIES[study][1]}[field]

    def fieldForSeries(self, field: str, series: str) -> str:
        modality, description, _count = _series(series)
        return {"Modality": modality, "SeriesDescription": description}[field]

    def fileForInstance(self, uid: str) -> str:
        return ""

    def instanceValue(self, uid: str, tag: str) -> str:
        parts = uid.split(".")
        found = {"0020,000D": ".".join(parts[:2]), "0008,0060": _series(".".join(parts[:3]))[0]}
        return found.get(tag, "")


def _series(uid: str) -> tuple[str, str, int]:
    return STUDIES[".".join(uid.split(".")[:2])][2][uid]


def load(uids: Sequence[str]) -> list[str]:
    """What the DICOM module does: a volume for each series."""
    ids = []
    for uid in uids:
        node = make_volume(name=uid)
        node.SetAttribute("DICOM.instanceUIDs", f"{uid}.0 {uid}.1")
        ids.append(node.GetID())
    return ids


@pytest.fixture
def listed(panel: PanelDriver, monkeypatch: pytest.MonkeyPatch) -> PanelDriver:
    monkeypatch.setattr(slicer, "dicomDatabase", Database(), raising=False)
    panel.logic.worklist.load = load
    panel.open_section("worklistSection")
    return panel


def shown(panel: PanelDriver) -> list[tuple[str, ...]]:
    table = panel.ui.worklistTable
    return [tuple(table.item(row, column).text() for column in range(3)) for row in range(table.rowCount)]


def read_as(panel: PanelDriver, name: str) -> None:
    switchReader(panel.logic.case, name)
    panel.logic.reader.changed()
    slicer.app.processEvents()


def test_only_studies_with_a_ct_are_listed_the_latest_first(listed: PanelDriver) -> None:
    assert shown(listed) == [
        ("P2", "2026-02-07", "not opened"),
        ("Alpha Test", "2026-01-05", "not opened"),
        ("Alpha Test", "2025-10-01", "exported"),
    ]
    found = {study.uid: (study.ct, study.pet) for study in ctStudies(Database())}
    assert found["1.1"] == ("1.1.1", "1.1.3"), "the scout has fewer images"


def test_an_enhanced_file_counts_by_its_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    series: Series = {"1.1.1": ("CT", "scout", 2), "1.1.2": ("CT", "chest", 1), "1.1.3": ("CT", "reformation", 60)}
    monkeypatch.setitem(STUDIES, "1.1", ("p1", "20260105", series))
    said = Database.instanceValue

    def framed(self: Database, uid: str, tag: str) -> str:
        return ("300" if uid == "1.1.2.0" else "") if tag == "0028,0008" else said(self, uid, tag)

    monkeypatch.setattr(Database, "instanceValue", framed)
    assert next(study.ct for study in ctStudies(Database()) if study.uid == "1.1") == "1.1.2"


def test_ct_and_pet_are_loaded_once_and_the_state_follows_the_reading(listed: PanelDriver) -> None:
    panel = listed
    panel.logic.worklist.open("1.1")
    slicer.app.processEvents()
    case = panel.logic.case
    assert (case.ctNode().GetName(), case.petNode().GetName()) == ("1.1.1", "1.1.3")
    assert shown(panel)[1][2] == "not assessed"
    panel.assess()
    assert shown(panel)[1][2] == "assessed"
    panel.call("4R", "positive")
    slicer.app.processEvents()
    assert shown(panel)[1][2] == "1 of 3 called"
    loaded = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    panel.logic.worklist.open("1.1")
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == loaded, "it is there already"


def test_the_next_case_is_one_that_is_not_done(listed: PanelDriver) -> None:
    panel = listed
    seen = []
    for _turn in range(3):
        driver.click(panel.ui.nextCaseButton)
        slicer.app.processEvents()
        seen.append(panel.logic.case.ctNode().GetName())
        if panel.logic.case.assessment() is None:
            panel.assess()
    assert seen == ["1.2.1", "1.1.1", "1.2.1"], "the exported one is passed by"


def test_one_case_that_fails_keeps_no_other_waiting(listed: PanelDriver) -> None:
    panel = listed
    panel.logic.worklist.load = lambda uids: [] if "1.2.1" in uids else load(uids)
    driver.click(panel.ui.unattendedButton)
    slicer.app.processEvents()
    panel.wait(lambda: not panel.logic.worklist.isUnattended, "the night")
    panel.idle()
    assert [row[2] for row in shown(panel)] == ["failed", "assessed", "exported"]
    assert "could not be loaded" in panel.ui.worklistTable.item(0, 2).toolTip()
    assert panel.worker.methods().count("assess") == 1
    assert panel.ui.unattendedButton.text == "Assess all unattended"


def test_the_button_stops_the_night_after_the_running_case(listed: PanelDriver) -> None:
    panel = listed
    panel.worker.behave(assess={"seconds": 0.5})
    driver.click(panel.ui.unattendedButton)
    panel.wait(lambda: panel.logic.queue.active is not None, "the first case")
    slicer.app.processEvents()
    assert panel.ui.unattendedButton.text == "Stop after this case"
    assert not panel.ui.openStudyButton.enabled
    driver.click(panel.ui.unattendedButton)
    panel.wait(lambda: not panel.logic.worklist.isUnattended, "the end of the case")
    panel.idle()
    assert [row[2] for row in shown(panel)] == ["assessed", "not opened", "exported"]


def test_an_error_of_the_worker_at_night_opens_no_window(listed: PanelDriver) -> None:
    panel = listed
    panel.worker.behave(assess={"error": [1, "the CT shows no chest."]})
    slicer_host.take_messages()
    panel.logic.worklist.assessUnattended(["1.1", "1.2"])
    panel.wait(lambda: not panel.logic.worklist.isUnattended, "the night")
    panel.idle()
    assert [row.problem for row in panel.logic.worklist.rows()[:2]] == ["the CT shows no chest."] * 2
    assert slicer_host.take_messages() == []


def test_each_reader_has_a_review_of_their_own(listed: PanelDriver) -> None:
    panel = listed
    panel.assessed()
    read_as(panel, "Reader A")
    panel.call("4R", "positive")
    panel.logic.reader.note("7", "mine")
    read_as(panel, "Reader B")
    review = panel.logic.review
    assert (review.reader, review.calls(), review.note("7")) == ("Reader B", {}, "")
    panel.call("4R", "negative")
    slicer.app.processEvents()
    assert readersOf(panel.logic.case) == ["Reader B", "Reader A"]
    combo = panel.ui.readerCombo
    assert [combo.itemText(i) for i in range(combo.count)] == ["Reader B", "Reader A"]
    combo.currentIndex = 1
    slicer.app.processEvents()
    assert panel.logic.review.calls() == {"4R": "positive"}
    assert panel.called("4R") == "positive"
    assert not panel.ui.undoCallButton.enabled, "calls of another are not taken back"


def test_a_blind_read_is_one_readers_own(listed: PanelDriver) -> None:
    panel = listed
    panel.assessed()
    read_as(panel, "Reader A")
    read_as(panel, "Reader B")
    panel.logic.reader.setBlind(True)
    assert panel.logic.modelHidden()
    read_as(panel, "Reader A")
    assert not panel.logic.modelHidden()


def test_what_is_corrected_holds_for_every_reader(listed: PanelDriver) -> None:
    panel = listed
    panel.assessed()
    read_as(panel, "Reader A")
    panel.erase()
    panel.wait(lambda: panel.logic.review.edits(), "the edit")
    panel.idle()
    read_as(panel, "Reader B")
    (edit,) = panel.logic.review.edits()
    assert edit["who"] == "Reader A"


def test_without_a_database_the_cases_of_the_scene_are_listed(panel: PanelDriver) -> None:
    panel.open_section("worklistSection")
    assert shown(panel) == []
    panel.assessed()
    (row,) = shown(panel)
    assert row[1:] == ("", "assessed")
