"""Section "Correct": edits, and what follows from them."""

from __future__ import annotations

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from module.mrml_cases import Editor, station_array  # noqa: E402
from module.panel_hand import ALL_4R, IN_4R, Hand  # noqa: E402
from slicer_host import driver  # noqa: E402

from LNStationLib import anatomy  # noqa: E402


def test_an_edit_is_assessed_again_by_itself_and_only_what_was_edited_is_sent(hand: Hand) -> None:
    hand.assessed()
    hand.call("4L", "negative")
    hand.erase()
    hand.wait(lambda: hand.logic.review.stale() == ["4R"], "the stale mark")
    hand.wait(lambda: not hand.logic.review.stale(), "the new assessment")
    hand.idle()
    sent = hand.worker.last_params("reassess")["stations"]
    assert list(sent) == ["4R"]
    left = station_array()
    left[IN_4R] = 0
    voxels = np.count_nonzero(left == anatomy.station("4R").label_value)
    row = next(row for row in hand.logic.rows() if row.name == "4R")
    assert row.volumeMl == pytest.approx(voxels * 1.5 * 1.25 * 3.0 / 1000)
    assert hand.cell("4R", "volume") == f"{row.volumeMl:.1f}"
    edits = hand.logic.review.edits()
    assert [edit["station"] for edit in edits] == ["4R"]
    assert edits[0]["volume_after_ml"] < edits[0]["volume_before_ml"]
    assert hand.logic.review.call("4L") == "negative"


def test_undo_in_the_embedded_editor_makes_the_station_fresh_again(hand: Hand) -> None:
    hand.assessed()
    hand.open_section("correctSection")
    hand.ui.autoReassessCheck.checked = False
    hand.click_row("4R")
    editor = hand.ui.segmentEditor
    assert editor.undoEnabled
    editor.saveStateForUndo()
    hand.erase()
    hand.wait(lambda: hand.logic.review.stale() == ["4R"], "the stale mark")
    editor.undo()
    hand.wait(lambda: not hand.logic.review.stale(), "no stale mark")
    slicer.app.processEvents()
    assert hand.cell("4R", "state") == "fresh"


def test_neighbors_that_lose_voxels_are_assessed_again_too(hand: Hand) -> None:
    hand.assessed()
    case = hand.logic.case
    Editor(case.stationsNode(), case.ctNode()).paint("4R", (slice(12, 18), slice(8, 20), slice(20, 24)))
    hand.wait(lambda: "reassess" in hand.worker.methods(), "the assessment")
    hand.idle()
    assert sorted(hand.worker.last_params("reassess")["stations"]) == ["4L", "4R"]


def test_with_the_switch_off_an_edit_waits_for_the_button(hand: Hand) -> None:
    hand.assessed()
    hand.open_section("correctSection")
    driver.click(hand.ui.autoReassessCheck)
    hand.erase()
    hand.wait(lambda: hand.logic.review.stale() == ["4R"], "the stale mark")
    slicer.app.processEvents()
    assert hand.cell("4R", "state") == "stale"
    assert "edited since" in hand.ui.modelCategoryLabel.text
    assert "4R" in hand.ui.staleLabel.text
    assert "reassess" not in hand.worker.methods()
    driver.click(hand.ui.reassessButton)
    hand.idle()
    assert hand.cell("4R", "state") == "fresh"
    assert not hand.ui.reassessButton.enabled


def test_an_edit_during_its_assessment_is_assessed_once_more(hand: Hand) -> None:
    hand.assessed()
    hand.worker.behave(reassess={"seconds": 1.0})
    hand.erase()
    hand.wait(lambda: "reassess" in hand.worker.methods(), "the first assessment")
    hand.worker.behave()
    hand.erase(box=ALL_4R)
    hand.wait(lambda: hand.worker.methods().count("reassess") == 2, "the second assessment")
    hand.wait(lambda: not hand.logic.review.stale(), "no stale station")
    hand.idle()
    assert 0 in hand.worker.last_params("reassess")["stations"]["4R"]["shape"]
    assert next(row for row in hand.logic.rows() if row.name == "4R").volumeMl == 0.0


def test_the_segment_editor_follows_the_selected_station_and_lets_go_when_folded(hand: Hand) -> None:
    hand.assessed()
    hand.open_section("correctSection")
    editor = hand.ui.segmentEditor
    assert editor.segmentationNode() == hand.logic.case.stationsNode()
    assert editor.sourceVolumeNode() == hand.logic.case.ctNode()
    hand.click_row("7")
    assert editor.currentSegmentID() == "7"
    hand.ui.correctSection.collapsed = True
    assert editor.segmentationNode() is None
