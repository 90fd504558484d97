"""Section "Correct": edits, and what follows from them."""

from __future__ import annotations

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import qt  # noqa: E402
from module.mrml_cases import Editor, station_array  # noqa: E402
from module.panel_driver import ALL_4R, IN_4R, PanelDriver  # noqa: E402
from slicer_host import driver  # noqa: E402

from LNStationLib import anatomy  # noqa: E402


def test_an_edit_is_assessed_again_by_itself_and_only_what_was_edited_is_sent(panel: PanelDriver) -> None:
    panel.assessed()
    panel.call("4L", "negative")
    panel.erase()
    panel.wait(lambda: panel.logic.review.stale() == ["4R"], "the stale mark")
    panel.wait(lambda: not panel.logic.review.stale(), "the new assessment")
    panel.idle()
    sent = panel.worker.last_params("reassess")["stations"]
    assert list(sent) == ["4R"]
    left = station_array()
    left[IN_4R] = 0
    voxels = np.count_nonzero(left == anatomy.station("4R").label_value)
    row = next(row for row in panel.logic.rows() if row.name == "4R")
    assert row.volumeMl == pytest.approx(voxels * 1.5 * 1.25 * 3.0 / 1000)
    assert panel.cell("4R", "volume") == f"{row.volumeMl:.1f}"
    edits = panel.logic.review.edits()
    assert [edit["station"] for edit in edits] == ["4R"]
    assert edits[0]["volume_after_ml"] < edits[0]["volume_before_ml"]
    assert panel.logic.review.call("4L") == "negative"


def test_undo_in_the_embedded_editor_makes_the_station_fresh_again(panel: PanelDriver) -> None:
    panel.assessed()
    panel.open_section("correctSection")
    panel.ui.autoReassessCheck.checked = False
    panel.click_row("4R")
    editor = panel.ui.segmentEditor
    assert editor.undoEnabled
    editor.saveStateForUndo()
    panel.erase()
    panel.wait(lambda: panel.logic.review.stale() == ["4R"], "the stale mark")
    editor.undo()
    panel.wait(lambda: not panel.logic.review.stale(), "no stale mark")
    slicer.app.processEvents()
    assert panel.state("4R") == "fresh"


def test_neighbors_that_lose_voxels_are_assessed_again_too(panel: PanelDriver) -> None:
    panel.assessed()
    case = panel.logic.case
    Editor(case.stationsNode(), case.ctNode()).paint("4R", (slice(12, 18), slice(8, 20), slice(20, 24)))
    panel.wait(lambda: "reassess" in panel.worker.methods(), "the assessment")
    panel.idle()
    assert sorted(panel.worker.last_params("reassess")["stations"]) == ["4L", "4R"]


def test_with_the_switch_off_an_edit_waits_for_the_button(panel: PanelDriver) -> None:
    panel.assessed()
    panel.open_section("correctSection")
    driver.click(panel.ui.autoReassessCheck)
    panel.erase()
    panel.wait(lambda: panel.logic.review.stale() == ["4R"], "the stale mark")
    slicer.app.processEvents()
    assert panel.state("4R") == "stale"
    assert "edited since" in panel.ui.modelDecidedLabel.text
    assert "4R" in panel.ui.staleLabel.text
    assert "reassess" not in panel.worker.methods()
    driver.click(panel.ui.reassessButton)
    panel.idle()
    assert panel.state("4R") == "fresh"
    assert not panel.ui.reassessButton.enabled


def test_an_edit_during_its_assessment_is_assessed_once_more(panel: PanelDriver) -> None:
    panel.assessed()
    panel.worker.behave(reassess={"seconds": 1.0})
    panel.erase()
    panel.wait(lambda: "reassess" in panel.worker.methods(), "the first assessment")
    panel.worker.behave()
    panel.erase(box=ALL_4R)
    panel.wait(lambda: panel.worker.methods().count("reassess") == 2, "the second assessment")
    panel.wait(lambda: not panel.logic.review.stale(), "no stale station")
    panel.idle()
    assert 0 in panel.worker.last_params("reassess")["stations"]["4R"]["shape"]
    assert next(row for row in panel.logic.rows() if row.name == "4R").volumeMl == 0.0


def test_the_segment_editor_follows_the_selected_station_and_lets_go_when_folded(panel: PanelDriver) -> None:
    panel.assessed()
    panel.open_section("correctSection")
    editor = panel.ui.segmentEditor
    assert editor.segmentationNode() == panel.logic.case.stationsNode()
    assert editor.sourceVolumeNode() == panel.logic.case.ctNode()
    panel.click_row("7")
    assert editor.currentSegmentID() == "7"
    assert panel.ui.editingLabel.text == "Editing 7, subcarinal."
    assert not editor.findChild(qt.QWidget, "SegmentsTableResizableFrame").visible, "the table above is the list"
    panel.ui.editTargetCombo.currentIndex = panel.ui.editTargetCombo.findData("organs")
    slicer.app.processEvents()
    assert editor.findChild(qt.QWidget, "SegmentsTableResizableFrame").visible, "organs stand in no other list"
    panel.ui.correctSection.collapsed = True
    assert editor.segmentationNode() is None


def test_what_ends_while_another_module_is_in_front_does_not_take_the_views_and_keys_back(panel: PanelDriver) -> None:
    panel.assessed()
    panel.open_section("correctSection")
    editor = panel.ui.segmentEditor
    assert editor.segmentationNode() is not None
    panel.loaded.parent.widgetRepresentation().exit()
    assert editor.segmentationNode() is None
    panel.logic.updated.emit()
    slicer.app.processEvents()
    assert editor.segmentationNode() is None
    panel.loaded.parent.widgetRepresentation().enter()
    assert editor.segmentationNode() == panel.logic.case.stationsNode()


def test_views_of_another_layout_are_named_and_picked_in_as_well(panel: PanelDriver) -> None:
    panel.assessed()
    picked = lambda: {one.GetClassName() for one, _tag in panel.widget._picking._observed}  # noqa: E731
    before = len(panel.widget._picking._observed)
    assert picked()
    xml = (
        '<layout type="horizontal"><item><view class="vtkMRMLSliceNode" singletontag="Second">'
        '<property name="orientation" action="default">Axial</property></view></item></layout>'
    )
    manager = slicer.app.layoutManager()
    manager.layoutLogic().GetLayoutNode().AddLayoutDescription(9001, xml)
    usual = manager.layout
    manager.setLayout(9001)
    slicer.app.processEvents()
    assert len(panel.widget._picking._observed) == before + 1
    assert "Second" in panel.logic.drawing.names._actors
    manager.setLayout(usual)
