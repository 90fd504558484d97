"""Organs in the panel: shown on demand, listed, corrected, and re-assessed from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from LNStationSlicer.case.CaseExport import exportOrgans, exportStationMap  # noqa: E402
from module.mrml_cases import station_array  # noqa: E402
from module.panel_driver import PanelDriver  # noqa: E402
from slicer_host import driver  # noqa: E402

from LNStationLib.worker.volume_files import read_volume  # noqa: E402


def organ_volume(panel: PanelDriver, name: str, folder: Path) -> np.ndarray:
    reference = exportOrgans(panel.logic.case, [name], folder)[name]
    return read_volume(folder, reference)[1].origin_mm, read_volume(folder, reference)[0]


def station_map(panel: PanelDriver, folder: Path) -> np.ndarray:
    return np.array(read_volume(folder, exportStationMap(panel.logic.case, folder, "map"))[0])


def settle(panel: PanelDriver) -> None:
    panel.wait(lambda: not panel.logic.review.organs.stale(), "the new assessment")
    panel.idle()


def test_organs_are_hidden_until_they_are_asked_for_and_listed_with_their_sources(panel: PanelDriver) -> None:
    panel.assessed()
    panel.open_section("displaySection")
    display = panel.logic.case.organsNode().GetDisplayNode()
    assert not display.GetVisibility()
    assert not panel.ui.organTable.visible
    driver.click(panel.ui.showOrgansCheck)
    assert display.GetVisibility2D()
    assert display.GetVisibility2DOutline()
    assert not display.GetVisibility2DFill()
    assert panel.ui.organTable.visible
    rows = [[panel.ui.organTable.item(row, column).text() for column in (0, 1)] for row in range(3)]
    assert rows[:2] == [["trachea", "found in the CT"], ["aorta", "network 0.93"]]
    section = next(one for one in panel.widget.sections if type(one).__name__ == "DisplaySection")
    section.organs.setRows([replace(row, title=12 * row.title) for row in section.organs._rows])
    panel.loaded.show(480, 1500)
    slicer.app.processEvents()
    table = panel.ui.organTable
    assert table.horizontalHeader().length() <= table.viewport().width, "nothing scrolls sideways in the usual dock"
    driver.click(panel.ui.showOrgansCheck)
    assert not display.GetVisibility()


def test_a_click_on_an_organ_goes_there(panel: PanelDriver) -> None:
    panel.assessed()
    panel.open_section("displaySection")
    driver.click(panel.ui.showOrgansCheck)
    heights = []
    for name in ("trachea", "aorta"):
        panel.logic.selectOrgan(name)
        node = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
        heights.append(node.GetSliceToRAS().GetElement(2, 3))
    table = panel.ui.organTable
    center = table.visualItemRect(table.item(0, 0)).center()
    driver.click(table.viewport(), (center.x(), center.y()))
    node = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
    assert node.GetSliceToRAS().GetElement(2, 3) == pytest.approx(heights[0])
    assert heights[0] > heights[1] + 10


def test_an_edited_organ_alone_is_sent_and_what_follows_from_it_is_shown(panel: PanelDriver, tmp_path: Path) -> None:
    panel.assessed()
    arch, _ = organ_volume(panel, "aortic_arch", tmp_path)
    panel.erase_organ()
    panel.wait(lambda: panel.logic.review.organs.stale() == ["aorta"], "the stale mark")
    settle(panel)
    sent = panel.worker.last_params("reassess")
    assert list(sent["organs"]) == ["aorta"]
    assert sent["stations"] == {}
    assert sent["organs"]["aorta"]["shape"] == [14, 6, 8]
    moved, _ = organ_volume(panel, "aortic_arch", tmp_path)
    assert moved != arch
    assert np.array_equal(station_map(panel, tmp_path), np.roll(station_array(), 1, axis=2))
    assert panel.logic.review.stale() == []
    assert panel.logic.review.edits()[0]["organ"] == "aorta"
    # What follows is no edit of the reader: nothing is sent again.
    panel.logic.flushEdits()
    assert panel.worker.methods().count("reassess") == 1


def test_undo_after_the_new_assessment_brings_the_first_organs_and_stations_back(
    panel: PanelDriver, tmp_path: Path
) -> None:
    panel.assessed()
    first = organ_volume(panel, "aortic_arch", tmp_path)
    editor = panel.erase_organ()
    panel.wait(lambda: "reassess" in panel.worker.methods(), "the assessment")
    settle(panel)
    editor.undo()
    panel.wait(lambda: panel.worker.methods().count("reassess") == 2, "the second assessment")
    settle(panel)
    assert list(panel.worker.last_params("reassess")["organs"]) == ["aorta"]
    assert panel.logic.case.editedOrgans() == []
    assert organ_volume(panel, "aortic_arch", tmp_path)[0] == first[0]
    assert np.array_equal(station_map(panel, tmp_path), station_array())


def test_with_the_switch_off_organs_and_stations_wait_for_the_button_and_go_together(panel: PanelDriver) -> None:
    panel.assessed()
    panel.open_section("correctSection")
    driver.click(panel.ui.autoReassessCheck)
    panel.erase_organ()
    panel.erase()
    panel.wait(lambda: panel.logic.review.organs.stale() and panel.logic.review.stale(), "the stale marks")
    slicer.app.processEvents()
    assert panel.ui.staleLabel.text == "Edited, not yet re-assessed: 4R, aorta"
    driver.click(panel.ui.reassessButton)
    settle(panel)
    sent = panel.worker.last_params("reassess")
    assert (list(sent["organs"]), list(sent["stations"])) == (["aorta"], ["4R"])
    assert panel.logic.review.stale() == []


def test_a_station_that_is_edited_while_an_organ_is_assessed_keeps_its_stroke(
    panel: PanelDriver, tmp_path: Path
) -> None:
    panel.assessed()
    panel.worker.behave(reassess={"seconds": 1.0})
    panel.erase_organ()
    panel.wait(lambda: "reassess" in panel.worker.methods(), "the first assessment")
    panel.worker.behave()
    panel.erase()
    panel.wait(lambda: panel.worker.methods().count("reassess") == 2, "the second assessment")
    settle(panel)
    assert list(panel.worker.last_params("reassess")["stations"]) == ["4R"]
    values = station_map(panel, tmp_path)
    assert (values[12:15, 8:20, 8:20] == 7).sum() == 0
    assert (values[15:18, 8:20, 8:20] == 7).sum() == 3 * 12 * 12


def test_the_segment_editor_edits_organs_that_may_overlap_and_goes_back_to_stations(panel: PanelDriver) -> None:
    panel.assessed()
    panel.open_section("correctSection")
    case, editor = panel.logic.case, panel.ui.segmentEditor
    parameters = editor.mrmlSegmentEditorNode()
    panel.ui.editTargetCombo.currentIndex = 1
    slicer.app.processEvents()
    assert editor.segmentationNode() == case.organsNode()
    assert parameters.GetOverwriteMode() == parameters.OverwriteNone
    assert editor.addRemoveSegmentButtonsVisible
    assert case.organsNode().GetDisplayNode().GetVisibility2D()
    panel.logic.selectOrgan("trachea")
    assert editor.currentSegmentID() == "trachea"
    panel.logic.selectStation("7")
    assert editor.currentSegmentID() == "trachea"
    panel.ui.editTargetCombo.currentIndex = 0
    slicer.app.processEvents()
    assert editor.segmentationNode() == case.stationsNode()
    assert parameters.GetOverwriteMode() == parameters.OverwriteAllSegments
    assert editor.currentSegmentID() == "7"


def test_a_blind_read_shows_organs_and_goes_on_through_their_edits(panel: PanelDriver) -> None:
    panel.assessed()
    driver.click(panel.ui.blindCheck)
    panel.open_section("displaySection")
    driver.click(panel.ui.showOrgansCheck)
    panel.erase_organ()
    panel.wait(lambda: "reassess" in panel.worker.methods(), "the assessment")
    settle(panel)
    assert panel.logic.modelHidden()
    assert panel.logic.case.organsNode().GetDisplayNode().GetVisibility2D()
    assert not panel.logic.case.nodesNode().GetDisplayNode().GetVisibility()


def test_a_loaded_scene_gives_the_worker_its_organs_back(panel: PanelDriver, tmp_path: Path) -> None:
    panel.assessed()
    panel.erase_organ()
    panel.wait(lambda: "reassess" in panel.worker.methods(), "the assessment")
    settle(panel)
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer_host.clear_scene()
    slicer.util.loadScene(path)
    slicer.app.processEvents()
    assert panel.logic.case.editedOrgans() == ["aorta"]
    panel.erase_organ("trachea", (slice(10, 14), slice(0, 40), slice(0, 48)))
    panel.wait(lambda: panel.worker.methods().count("reassess") == 2, "the assessment")
    settle(panel)
    restored = panel.worker.last_params("restore_case")
    assert len(restored["organs"]) == 3
    assert list(panel.worker.last_params("reassess")["organs"]) == ["trachea"]
    assert not list(panel.logic.client.folder.iterdir())


def test_the_step_of_the_network_is_named_as_the_worker_names_it(panel: PanelDriver) -> None:
    panel.choose_ct()
    panel.worker.behave(assess={"seconds": 5.0, "step": "organs by network (window 3 of 12)"})
    driver.click(panel.ui.assessButton)
    panel.wait(lambda: panel.ui.stepLabel.text == "Organs by network (window 3 of 12)", "the step")
    driver.click(panel.ui.cancelButton)
    panel.idle()
