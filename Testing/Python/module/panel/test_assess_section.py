"""Section "Assess": the run, its progress, cancelling and errors, with a worker that only pretends to compute."""

from __future__ import annotations

import os
import signal

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from module.panel_hand import Hand  # noqa: E402
from slicer_host import driver  # noqa: E402


def test_assessing_fills_scene_table_and_categories(hand: Hand) -> None:
    hand.assessed()
    case = hand.logic.case
    assert case.stationsNode().GetSegmentation().GetNumberOfSegments() == 17
    assert case.nodesNode().GetSegmentation().GetNumberOfSegments() == 3
    assert hand.cell("4R", "model") == "pos"
    assert hand.cell("4R", "state") == "fresh"
    assert hand.ui.modelCategoryLabel.text == "N2, decided by 4R"
    assert "synthetic" in hand.ui.syntheticBanner.text.lower()
    assert not list(hand.logic.client.folder.iterdir()), "image files are left in the private folder"


def test_progress_is_shown_with_its_step_and_goes_when_done(hand: Hand) -> None:
    hand.choose_ct()
    hand.worker.behave(assess={"seconds": 0.4})
    driver.click(hand.ui.assessButton)
    assert hand.ui.progressBar.isVisible()
    assert not hand.ui.assessButton.enabled
    hand.wait(lambda: hand.ui.stepLabel.text == "Pretending" and hand.ui.progressBar.value > 300, "progress")
    slicer.app.processEvents()
    assert {hand.cell(name, "state") for name in hand.table.names} == {"running"}
    hand.idle()
    assert not hand.ui.progressBar.isVisible()
    assert hand.ui.stepLabel.text == ""


def test_cancel_stops_the_run_and_changes_nothing(hand: Hand) -> None:
    hand.choose_ct()
    hand.worker.behave(assess={"hang": True})
    driver.click(hand.ui.assessButton)
    hand.wait(lambda: hand.ui.stepLabel.text == "Pretending", "progress")
    driver.click(hand.ui.cancelButton)
    hand.idle()
    assert hand.logic.case.assessment() is None
    assert hand.logic.case.stationsNode() is None
    assert "Cancelled" in hand.ui.statusLabel.text
    assert hand.ui.assessButton.enabled
    assert slicer_host.take_messages() == []


def test_an_error_is_said_in_the_status_line_and_in_one_message(hand: Hand) -> None:
    hand.choose_ct()
    hand.worker.behave(assess={"error": [1, "The CT ends above the lungs: load the whole chest."]})
    driver.click(hand.ui.assessButton)
    hand.idle()
    assert hand.ui.statusLabel.text == "The CT ends above the lungs: load the whole chest."
    assert [kind for kind, _text in slicer_host.take_messages()] == ["error"]
    assert hand.ui.assessButton.enabled


@pytest.mark.parametrize(
    ("behavior", "details"),
    [({"error": [1, "Too short."]}, None), ({"die": 7, "stderr": "the last line"}, "the last line")],
)
def test_an_error_has_details_only_where_there_are_any(
    hand: Hand, monkeypatch: pytest.MonkeyPatch, behavior: dict[str, object], details: str | None
) -> None:
    shown: list[dict[str, object]] = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **keywords: shown.append(keywords))
    hand.choose_ct()
    hand.worker.behave(assess=behavior)
    driver.click(hand.ui.assessButton)
    hand.wait(lambda: shown, "the error")
    assert shown[0].get("detailedText", "left away") == (details or "left away")


def test_a_killed_worker_is_reported_and_the_next_request_works_on_the_same_review(hand: Hand) -> None:
    hand.assessed()
    hand.call("4R", "negative")
    hand.wait(lambda: hand.logic.review.nCategory(), "the reader's N category")
    hand.idle()
    hand.worker.behave(assess={"hang": True})
    driver.click(hand.ui.assessButton)
    hand.wait(lambda: hand.ui.stepLabel.text == "Pretending", "progress")
    os.kill(hand.logic.client.pid, signal.SIGKILL)
    hand.wait(lambda: "stopped unexpectedly" in hand.ui.statusLabel.text, "the report of its death")
    assert [kind for kind, _text in slicer_host.take_messages()] == ["error"]
    hand.idle()
    assert hand.cell("4R", "model") == "pos"
    assert hand.logic.review.call("4R") == "negative"
    # An edit now: a new worker gets images and review before it is asked.
    hand.worker.behave()
    before = len(hand.worker.requests())
    hand.erase()
    hand.wait(lambda: hand.logic.review.stale() == ["4R"], "the stale mark")
    hand.wait(lambda: not hand.logic.review.stale(), "the assessment by the new worker")
    hand.idle()
    methods = [request["method"] for request in hand.worker.requests()[before:]]
    assert methods[:4] == ["hello", "load_case", "restore_case", "reassess"]
    assert len({request["pid"] for request in hand.worker.requests()}) == 2
