"""Section "Report"."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import ctk  # noqa: E402
import qt  # noqa: E402
from module.dicom_database import Database, Indexer  # noqa: E402
from module.panel_driver import PanelDriver  # noqa: E402
from slicer_host import driver  # noqa: E402


def test_the_report_goes_into_a_new_folder_with_review_and_edit_log(
    panel: PanelDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.assessed()
    panel.open_section("reportSection")
    driver.type_text(panel.ui.readerEdit, "AB")
    panel.call("4R", "negative")
    panel.erase()
    panel.wait(lambda: panel.logic.review.edits(), "the edit")
    panel.idle()
    (tmp_path / "reports").mkdir()
    panel.ui.reportFolderEdit.currentPath = str(tmp_path / "reports")
    driver.click(panel.ui.pdfCheck)
    driver.click(panel.ui.writeReportButton)
    panel.wait(lambda: panel.ui.openReportButton.enabled, "the report")
    panel.idle()
    opened = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", opened.append)
    driver.click(panel.ui.openReportButton)
    assert opened[0].toLocalFile().endswith((".pdf", ".html", ".json"))
    (file,) = (tmp_path / "reports").glob("*/assessment.json")
    review = json.loads(file.read_text(encoding="utf-8"))["review"]
    assert (review["reader"], review["calls"]["4R"]["call"]) == ("AB", "negative")
    (edit,) = review["edits"]
    assert (edit["who"], edit["station"]) == ("AB", "4R")
    assert edit["volume_after_ml"] < edit["volume_before_ml"]
    params = panel.worker.last_params("report")
    assert params["formats"] == ["html", "json", "csv"]
    assert params["identifiers"] is False


def test_a_folder_that_is_not_there_is_said_and_nothing_written(panel: PanelDriver, tmp_path: Path) -> None:
    panel.assessed()
    panel.open_section("reportSection")
    panel.ui.reportFolderEdit.currentPath = str(tmp_path / "nowhere")
    driver.click(panel.ui.writeReportButton)
    assert "nowhere" in panel.ui.statusLabel.text
    assert "report" not in panel.worker.methods()


def test_no_format_no_report(panel: PanelDriver) -> None:
    panel.assessed()
    panel.open_section("reportSection")
    for name in ("pdf", "html", "json", "csv"):
        driver.click(getattr(panel.ui, f"{name}Check"))
    slicer.app.processEvents()
    assert not panel.ui.writeReportButton.enabled
    assert panel.ui.writeReportButton.toolTip == "Choose a format."


def signed(panel: PanelDriver) -> None:
    """Call, name oneself and sign."""
    panel.assessed()
    panel.call("4R", "positive")
    panel.wait(panel.logic.review.nCategory, "the reader's N category")
    panel.open_section("reportSection")
    panel.idle()
    driver.type_text(panel.ui.readerEdit, "AB")
    panel.idle()
    driver.click(panel.ui.signButton)


def test_a_signature_holds_until_something_is_changed(panel: PanelDriver) -> None:
    signed(panel)
    slicer.app.processEvents()
    assert panel.logic.review.signed()
    assert panel.ui.signedLabel.text.startswith("Signed by AB at ")
    assert not panel.ui.signButton.enabled
    panel.call("4L", "negative")
    slicer.app.processEvents()
    assert panel.logic.review.signed() is None
    assert panel.ui.signedLabel.text.startswith("A draft.")


@pytest.mark.parametrize("change", ["note", "edit", "reader"])
def test_a_note_a_correction_and_another_name_take_the_signature_away(panel: PanelDriver, change: str) -> None:
    signed(panel)
    if change == "note":
        panel.logic.reader.note("4R", "calcified")
    elif change == "edit":
        panel.erase()
        panel.wait(panel.logic.review.edits, "the edit")
        panel.idle()
    else:
        driver.type_text(panel.ui.readerEdit, "C")
    assert panel.logic.review.signed() is None


def test_what_is_missing_for_a_signature_is_said(panel: PanelDriver) -> None:
    panel.open_section("reportSection")
    assert "Assess the case first." in panel.ui.signedLabel.text
    panel.assessed()
    assert "Call the stations first." in panel.ui.signedLabel.text
    panel.call("4R", "positive")
    panel.wait(panel.logic.review.nCategory, "the reader's N category")
    panel.idle()
    assert "Enter your name first." in panel.ui.signedLabel.text
    assert not panel.ui.signButton.enabled


def test_one_key_signs_and_writes(panel: PanelDriver, tmp_path: Path) -> None:
    signed(panel)
    panel.call("4L", "negative")
    panel.wait(panel.logic.review.nCategory, "the reader's new N category")
    panel.idle()
    panel.ui.reportFolderEdit.currentPath = str(tmp_path)
    panel.loaded.window.setFocus()
    driver.press(panel.loaded.window, qt.Qt.Key_Return, qt.Qt.ControlModifier)
    panel.wait(lambda: "report" in panel.worker.methods(), "the report")
    panel.idle()
    review = panel.worker.last_params("report")["review"]
    assert review["signed"] == panel.logic.review.signed()
    assert review["reader"] == "AB"


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Database:
    files = {uid: tmp_path / f"{uid}.dcm" for uid in ("1.2.1", "1.2.2")}
    for file in files.values():
        file.write_bytes(b"DICM")
    made = Database(files)
    monkeypatch.setattr(slicer, "dicomDatabase", made, raising=False)
    monkeypatch.setattr(ctk, "ctkDICOMIndexer", Indexer, raising=False)
    Indexer.made.clear()
    return made


def test_the_report_is_copied_as_plain_text(panel: PanelDriver) -> None:
    assert not panel.ui.copyTextButton.enabled
    panel.assessed()
    panel.open_section("reportSection")
    panel.widget.refresh()
    panel.ui.readerEdit.text = "Reader B"
    languages = panel.ui.reportLanguageCombo
    assert [languages.itemText(number) for number in range(languages.count)] == ["English", "Deutsch"]
    languages.currentIndex = 1
    driver.click(panel.ui.copyTextButton)
    panel.wait(lambda: "clipboard" in panel.ui.statusLabel.text, "the text")
    assert qt.QApplication.clipboard().text() == "FINDINGS by Reader B"
    assert panel.worker.last_params("report_text")["language"] == "de"
    assert panel.logic.getParameterNode().reportLanguage == "de", "the scene remembers it"


def test_dicom_objects_go_into_the_database_of_the_study(
    panel: PanelDriver, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ct = panel.assessed()
    ct.SetAttribute("DICOM.instanceUIDs", "1.2.1 1.2.2")
    panel.call("4R", "positive")
    panel.open_section("reportSection")
    panel.widget.refresh()
    (tmp_path / "reports").mkdir()
    panel.ui.reportFolderEdit.currentPath = str(tmp_path / "reports")
    driver.click(panel.ui.dicomButton)
    panel.wait(lambda: "export_dicom" in panel.worker.methods(), "the export")
    panel.idle()
    params = panel.worker.last_params("export_dicom")
    assert params["ct_files"] == [str(file) for file in database.files.values()]
    assert params["review"]["calls"]["4R"]["call"] == "positive"
    assert Path(params["folder"]).parent == tmp_path / "reports"
    (indexer,) = Indexer.made
    assert indexer.backgroundImportEnabled, "the panel does not wait for it"
    assert indexer.added == [(database, params["folder"], True)]
    assert "The series lacks a slice." in panel.ui.statusLabel.text
    assert not panel.ui.showDicomButton.visible
    indexer.done(1, 0, 3, 4)
    assert panel.ui.statusLabel.text == (
        "4 DICOM objects added to the study of the CT; load them in the DICOM module."
    )
    opened: list[str] = []
    monkeypatch.setattr(slicer.util, "selectModule", opened.append)
    driver.click(panel.ui.showDicomButton)
    assert opened == ["DICOM"]


def test_a_ct_that_is_not_in_the_database_has_no_study_to_join(panel: PanelDriver, database: Database) -> None:
    ct = panel.assessed()
    panel.open_section("reportSection")
    panel.widget.refresh()
    assert not panel.ui.dicomButton.enabled
    assert "no study" in panel.ui.dicomButton.toolTip
    ct.SetAttribute("DICOM.instanceUIDs", "1.2.1 1.2.9")
    panel.widget.refresh()
    panel.ui.reportFolderEdit.currentPath = str(next(iter(database.files.values())).parent)
    driver.click(panel.ui.dicomButton)
    panel.idle()
    assert "no longer in Slicer's DICOM database" in panel.ui.statusLabel.text
    assert "export_dicom" not in panel.worker.methods()
    slicer_host.take_messages()
