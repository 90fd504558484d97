"""Section "Report"."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import qt  # noqa: E402
from module.panel_hand import Hand  # noqa: E402
from slicer_host import driver  # noqa: E402


def test_the_report_goes_into_a_new_folder_with_review_and_edit_log(
    hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand.assessed()
    hand.open_section("reportSection")
    driver.type_text(hand.ui.readerEdit, "AB")
    hand.call("4R", "negative")
    hand.erase()
    hand.wait(lambda: hand.logic.review.edits(), "the edit")
    hand.idle()
    (tmp_path / "reports").mkdir()
    hand.ui.reportFolderEdit.currentPath = str(tmp_path / "reports")
    driver.click(hand.ui.pdfCheck)
    driver.click(hand.ui.writeReportButton)
    hand.wait(lambda: hand.ui.openReportButton.enabled, "the report")
    hand.idle()
    opened = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", opened.append)
    driver.click(hand.ui.openReportButton)
    assert opened[0].toLocalFile().endswith((".pdf", ".html", ".json"))
    (file,) = (tmp_path / "reports").glob("*/assessment.json")
    review = json.loads(file.read_text(encoding="utf-8"))["review"]
    assert (review["reader"], review["calls"]["4R"]["call"]) == ("AB", "negative")
    (edit,) = review["edits"]
    assert (edit["who"], edit["station"]) == ("AB", "4R")
    assert edit["volume_after_ml"] < edit["volume_before_ml"]
    params = hand.worker.last_params("report")
    assert params["formats"] == ["html", "json", "csv"]
    assert params["identifiers"] is False


def test_a_folder_that_is_not_there_is_said_and_nothing_written(hand: Hand, tmp_path: Path) -> None:
    hand.assessed()
    hand.open_section("reportSection")
    hand.ui.reportFolderEdit.currentPath = str(tmp_path / "nowhere")
    driver.click(hand.ui.writeReportButton)
    assert "nowhere" in hand.ui.statusLabel.text
    assert "report" not in hand.worker.methods()


def test_no_format_no_report(hand: Hand) -> None:
    hand.assessed()
    hand.open_section("reportSection")
    for name in ("pdf", "html", "json", "csv"):
        driver.click(getattr(hand.ui, f"{name}Check"))
    slicer.app.processEvents()
    assert not hand.ui.writeReportButton.enabled
    assert hand.ui.writeReportButton.toolTip == "Choose a format."
