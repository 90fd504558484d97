"""Section "Assess": the run, its progress, cancelling and errors, with a worker that only pretends to compute."""

from __future__ import annotations

import os
import signal

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from module.panel_driver import PanelDriver  # noqa: E402
from slicer_host import driver  # noqa: E402


def test_assessing_fills_scene_table_and_categories(panel: PanelDriver) -> None:
    panel.assessed()
    case = panel.logic.case
    assert case.stationsNode().GetSegmentation().GetNumberOfSegments() == 17
    assert case.nodesNode().GetSegmentation().GetNumberOfSegments() == 3
    assert panel.cell("4R", "model") == "pos"
    assert panel.state("4R") == "fresh"
    assert (panel.ui.modelCategoryLabel.text, panel.ui.modelDecidedLabel.text) == ("N2", "decided by 4R")
    assert "synthetic" in panel.ui.syntheticBanner.text.lower()
    assert not list(panel.logic.client.folder.iterdir()), "image files are left in the private folder"


def test_progress_is_shown_with_its_step_and_goes_when_done(panel: PanelDriver) -> None:
    panel.choose_ct()
    panel.worker.behave(assess={"seconds": 0.4})
    driver.click(panel.ui.assessButton)
    assert panel.ui.progressBar.isVisible()
    assert not panel.ui.assessButton.enabled
    panel.wait(lambda: panel.ui.stepLabel.text == "Pretending" and panel.ui.progressBar.value > 300, "progress")
    slicer.app.processEvents()
    assert {panel.state(name) for name in panel.table.names} == {"running"}
    panel.idle()
    assert not panel.ui.progressBar.isVisible()
    assert panel.ui.stepLabel.text == ""


def test_cancel_stops_the_run_and_changes_nothing(panel: PanelDriver) -> None:
    panel.choose_ct()
    panel.worker.behave(assess={"hang": True})
    driver.click(panel.ui.assessButton)
    panel.wait(lambda: panel.ui.stepLabel.text == "Pretending", "progress")
    driver.click(panel.ui.cancelButton)
    panel.idle()
    assert panel.logic.case.assessment() is None
    assert panel.logic.case.stationsNode() is None
    assert "Cancelled" in panel.ui.statusLabel.text
    assert panel.ui.assessButton.enabled
    assert slicer_host.take_messages() == []


def test_an_error_is_said_in_the_status_line_and_in_one_message(panel: PanelDriver) -> None:
    panel.choose_ct()
    panel.worker.behave(assess={"error": [1, "The CT ends above the lungs: load the whole chest."]})
    driver.click(panel.ui.assessButton)
    panel.idle()
    assert panel.ui.statusLabel.text == "The CT ends above the lungs: load the whole chest."
    assert [kind for kind, _text in slicer_host.take_messages()] == ["error"]
    assert panel.ui.assessButton.enabled


@pytest.mark.parametrize(
    ("behavior", "details"),
    [({"error": [1, "Too short."]}, None), ({"die": 7, "stderr": "the last line"}, "the last line")],
)
def test_an_error_has_details_only_where_there_are_any(
    panel: PanelDriver, monkeypatch: pytest.MonkeyPatch, behavior: dict[str, object], details: str | None
) -> None:
    shown: list[dict[str, object]] = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **keywords: shown.append(keywords))
    panel.choose_ct()
    panel.worker.behave(assess=behavior)
    driver.click(panel.ui.assessButton)
    panel.wait(lambda: shown, "the error")
    assert shown[0].get("detailedText", "left away") == (details or "left away")


def test_a_killed_worker_is_reported_and_the_next_request_works_on_the_same_review(panel: PanelDriver) -> None:
    panel.assessed()
    panel.call("4R", "negative")
    panel.wait(lambda: panel.logic.review.nCategory(), "the reader's N category")
    panel.idle()
    panel.worker.behave(assess={"hang": True})
    driver.click(panel.ui.assessButton)
    panel.wait(lambda: panel.ui.stepLabel.text == "Pretending", "progress")
    os.kill(panel.logic.client.pid, signal.SIGKILL)
    panel.wait(lambda: "stopped unexpectedly" in panel.ui.statusLabel.text, "the report of its death")
    assert [kind for kind, _text in slicer_host.take_messages()] == ["error"]
    panel.idle()
    assert panel.cell("4R", "model") == "pos"
    assert panel.logic.review.call("4R") == "negative"
    # An edit now: a new worker gets images and review before it is asked.
    panel.worker.behave()
    before = len(panel.worker.requests())
    panel.erase()
    panel.wait(lambda: panel.logic.review.stale() == ["4R"], "the stale mark")
    panel.wait(lambda: not panel.logic.review.stale(), "the assessment by the new worker")
    panel.idle()
    methods = [request["method"] for request in panel.worker.requests()[before:]]
    assert methods[:5] == ["hello", "methods", "load_case", "restore_case", "reassess"]
    assert len({request["pid"] for request in panel.worker.requests()}) == 2
