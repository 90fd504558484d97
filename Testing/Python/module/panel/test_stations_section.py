"""Section "Stations": rows, views, warnings and the reader's calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import qt  # noqa: E402
import vtk  # noqa: E402
from LNStationSlicer.case.StationRows import COLUMNS  # noqa: E402
from LNStationSlicer.views import Navigation  # noqa: E402
from module.mrml_cases import make_assessment, make_unconfirmed_assessment  # noqa: E402
from module.panel_driver import PanelDriver, opened_panel  # noqa: E402
from slicer_host import driver, screenshots  # noqa: E402


def test_a_click_on_a_row_centers_the_views_and_says_why(panel: PanelDriver) -> None:
    panel.assessed()
    panel.click_row("7")
    assert panel.logic.selectedStation == "7"
    point = Navigation.stationPoint(panel.logic.case, "7")
    for name in ("Red", "Green", "Yellow"):
        matrix = slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode().GetSliceToRAS()
        normal = np.array([matrix.GetElement(row, 2) for row in range(3)])
        origin = np.array([matrix.GetElement(row, 3) for row in range(3)])
        assert abs(normal @ (np.array(point) - origin)) < 0.1
    assert panel.ui.reasonLabel.text.startswith("7: subcarinal")


def test_the_selected_station_is_drawn_stronger_than_the_others(panel: PanelDriver) -> None:
    panel.assessed()
    panel.logic.selectStation("4R")
    strong = screenshots.slice_view("Red", (300, 300)).astype(int)
    panel.logic.selectStation(None)
    plain = screenshots.slice_view("Red", (300, 300)).astype(int)
    assert np.abs(strong - plain).sum() > 1000


def test_shortcuts_go_round_the_relevant_stations(panel: PanelDriver) -> None:
    panel.assessed()
    seen = []
    for _ in range(3):
        driver.press(panel.loaded.window, qt.Qt.Key_Down, qt.Qt.ControlModifier)
        seen.append(panel.logic.selectedStation)
    assert seen == ["4R", "7", "4R"]
    driver.press(panel.loaded.window, qt.Qt.Key_Up, qt.Qt.ControlModifier)
    assert panel.logic.selectedStation == "7"
    assert panel.table.selected == "7"
    driver.click(panel.ui.previousButton)
    assert panel.logic.selectedStation == "4R"


def test_keys_call_the_selected_station_and_arrows_go_to_the_next_relevant_one(panel: PanelDriver) -> None:
    panel.assessed()
    table, review = panel.ui.stationTable, panel.logic.review
    assert table.focus, "the keys work as soon as there is something to call"
    driver.press(table, qt.Qt.Key_P)
    assert review.calls() == {}, "no station is selected"
    driver.press(table, qt.Qt.Key_Down)
    driver.press(table, qt.Qt.Key_P)
    driver.press(table, qt.Qt.Key_Down)
    driver.press(table, qt.Qt.Key_N)
    assert review.calls() == {"4R": "positive", "7": "negative"}
    assert (panel.called("4R"), panel.called("7")) == ("positive", "negative")
    driver.press(table, qt.Qt.Key_Up)
    driver.press(table, qt.Qt.Key_U)
    assert review.calls() == {"7": "negative"}
    panel.wait(lambda: panel.ui.readerCategoryLabel.text == "N0", "the reader's N category")


def test_keys_work_from_anywhere_in_the_window_but_not_in_a_field_that_takes_text(panel: PanelDriver) -> None:
    panel.assessed()
    panel.click_row("4R")
    panel.open_section("reportSection")
    driver.type_text(panel.ui.readerEdit, "PNU")
    assert (panel.ui.readerEdit.text, panel.logic.review.calls()) == ("PNU", {})
    panel.loaded.window.setFocus()
    driver.press(panel.loaded.window, qt.Qt.Key_N)
    assert panel.logic.review.calls() == {"4R": "negative"}


def test_what_could_not_be_parsed_cannot_be_called_by_key(panel: PanelDriver) -> None:
    panel.assessed()
    panel.click_row("2R")
    driver.press(panel.ui.stationTable, qt.Qt.Key_P)
    assert panel.logic.review.calls() == {}


def test_calls_made_at_once_are_taken_back_at_once(panel: PanelDriver) -> None:
    panel.assessed()
    review = panel.logic.review
    assert not panel.ui.undoCallButton.enabled
    panel.think()
    panel.call("4L", "positive")
    driver.click(panel.ui.acceptButton)
    assert review.calls() == {"4R": "positive", "4L": "positive"}, "the reader's own call is left alone"
    driver.click(panel.ui.restNegativeButton)
    assert review.calls() == {"4R": "positive", "4L": "positive", "7": "negative"}
    assert not panel.ui.restNegativeButton.enabled
    panel.wait(review.nCategory, "the reader's N category")
    assert panel.worker.methods().count("stage") == 1
    for left in ({"4R": "positive", "4L": "positive"}, {"4L": "positive"}, {}):
        driver.press(panel.ui.stationTable, qt.Qt.Key_Z, qt.Qt.ControlModifier)
        assert review.calls() == left
    slicer.app.processEvents()
    assert not panel.ui.undoCallButton.enabled


def test_a_models_unconfirmed_calls_are_not_taken_over(tmp_path: Path) -> None:
    with opened_panel(tmp_path, assessment=make_unconfirmed_assessment()) as panel:
        panel.assessed()
        assert not panel.ui.acceptButton.enabled
        driver.press(panel.loaded.window, qt.Qt.Key_M, qt.Qt.ShiftModifier)
        assert panel.logic.review.calls() == {}
        driver.press(panel.loaded.window, qt.Qt.Key_N, qt.Qt.ShiftModifier)
        assert panel.logic.review.calls() == dict.fromkeys(("4R", "4L", "7"), "negative")


def test_calls_of_a_former_case_are_not_taken_back_in_another(panel: PanelDriver) -> None:
    panel.assessed("first")
    panel.call("4R", "positive")
    panel.assessed("second")
    panel.logic.reader.undo()
    assert [case.review().calls() for case in panel.logic.cases()] == [{"4R": "positive"}, {}]


def test_before_the_first_assessment_there_is_no_empty_table(panel: PanelDriver) -> None:
    assert not panel.ui.stationTable.isVisible()
    panel.choose_ct()
    assert not panel.ui.stationTable.isVisible()
    assert panel.ui.noAssessmentLabel.isVisible()
    assert panel.ui.blindCheck.isVisible(), "a blind read begins before the assessment"
    assert not panel.ui.verdict.isVisible()
    panel.assess()
    assert panel.ui.stationTable.isVisible()
    assert not panel.ui.noAssessmentLabel.isVisible()
    assert (panel.ui.caseSection.collapsed, panel.ui.assessSection.collapsed) == (True, True)
    driver.click(panel.ui.newCaseButton)
    slicer.app.processEvents()
    assert (panel.ui.caseSection.collapsed, panel.ui.assessSection.collapsed) == (False, False)


SECTIONS = (
    "worklistSection", "caseSection", "assessSection", "displaySection", "correctSection", "reportSection"
)  # fmt: skip


@pytest.mark.parametrize("suv", [None, 7.4])
def test_nothing_scrolls_sideways_in_a_dock_of_480_pixels(tmp_path: Path, suv: float | None) -> None:
    assessment = make_assessment()
    for finding in assessment["stations"]:
        finding |= {"suv_max": suv, "prediction_set": "either", "reason": "a reason of many words " * 12}
    for node in assessment["nodes"]:
        node["score"] = 0.5
    with opened_panel(tmp_path, assessment=assessment) as panel:
        panel.loaded.show(480, 700)
        panel.assessed()
        panel.click_row("4R")
        assert panel.ui.nodeScoreFrame.isVisible()
        for section in SECTIONS:
            panel.open_section(section)
            slicer.app.processEvents()
            assert panel.loaded.window.horizontalScrollBar().maximum == 0, section
        assert panel.loaded.window.verticalScrollBar().maximum > 0, "its scroll bar takes room too"
        assert panel.ui.stationTable.horizontalScrollBar().maximum == 0


def test_a_long_reason_covers_no_row_of_the_table(tmp_path: Path) -> None:
    assessment = make_assessment()
    for finding in assessment["stations"]:
        finding["reason"] = "a reason of many words " * 12
    with opened_panel(tmp_path, assessment=assessment) as panel:
        panel.loaded.show(480, 700)
        panel.assessed()
        panel.click_row("4R")
        slicer.app.processEvents()
        table, label = panel.ui.stationTable, panel.ui.reasonLabel
        assert label.height >= label.heightForWidth(label.width), "whole"
        assert label.y >= table.y + table.height


def double_click_on(panel: PanelDriver, station: str) -> Any:
    """Double-click into a station in the axial view; the interactor of that view."""
    widget, inverse = slicer.app.layoutManager().sliceWidget("Red"), vtk.vtkMatrix4x4()
    panel.logic.selectStation(station)
    point = Navigation.stationPoint(panel.logic.case, station)
    panel.logic.selectStation(None)
    vtk.vtkMatrix4x4.Invert(widget.mrmlSliceNode().GetXYToRAS(), inverse)
    x, y = inverse.MultiplyPoint((*point, 1.0))[:2]
    interactor = widget.sliceView().interactor()
    interactor.SetEventInformation(round(x), round(y), 0, 0)
    interactor.InvokeEvent("LeftButtonDoubleClickEvent")
    return interactor


def test_a_double_click_in_a_slice_selects_the_station_under_the_cursor(panel: PanelDriver) -> None:
    panel.assessed()
    interactor = double_click_on(panel, "4R")
    assert panel.logic.selectedStation == "4R"
    assert panel.table.selected == "4R"
    interactor.SetEventInformation(1, 1, 0, 0)
    interactor.InvokeEvent("LeftButtonDoubleClickEvent")
    assert panel.logic.selectedStation == "4R", "nothing lies in the corner"


@pytest.mark.parametrize("tool", ["our effect", "an effect of the Segment Editor module", "a markup"])
def test_a_double_click_that_belongs_to_a_tool_reaches_it(panel: PanelDriver, tool: str) -> None:
    panel.assessed()
    use_tool(panel, tool, True)
    interactor = slicer.app.layoutManager().sliceWidget("Red").sliceView().interactor()
    reached: list[str] = []
    # Between the module and the style of the views, which takes every double click that is left.
    tag = interactor.AddObserver("LeftButtonDoubleClickEvent", lambda *_: reached.append(tool), 5.0)
    double_click_on(panel, "4R")
    assert (reached, panel.logic.selectedStation) == ([tool], None)
    use_tool(panel, tool, False)
    double_click_on(panel, "4R")
    interactor.RemoveObserver(tag)
    assert (reached, panel.logic.selectedStation) == ([tool], "4R")


def use_tool(panel: PanelDriver, tool: str, on: bool) -> None:
    """Take up a tool of Slicer's that needs double clicks, or put it down."""
    if tool == "our effect":
        panel.open_section("correctSection")
        panel.ui.segmentEditor.setActiveEffectByName("Draw" if on else "")
    elif tool == "a markup":
        node = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
        node.SetCurrentInteractionMode(node.Place if on else node.ViewTransform)
    else:
        node = slicer.mrmlScene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
        if node is None:
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
            node.SetSingletonTag("SegmentEditor")
        node.SetActiveEffectName("Level tracing" if on else "")


def test_every_warning_of_the_case_is_readable_in_the_panel(tmp_path: Path) -> None:
    assessment = make_assessment()
    assessment["warnings"] = ["The CT has slices of 8 mm: borders along the body are coarse.", "There is no PET."]
    assessment["staging"]["warnings"] = ["Not assessed: 2R; a metastasis there could give a higher N category."]
    with opened_panel(tmp_path, assessment=assessment) as panel:
        assert not panel.ui.warningsGroup.isVisible()
        panel.assessed()
        assert panel.ui.warningsGroup.isVisible()
        assert panel.ui.warningsLabel.isVisible(), "unfolded: nothing has to be opened to read them"
        assert panel.ui.warningsGroup.title == "Warnings (3)"
        for warning in (*assessment["warnings"], *assessment["staging"]["warnings"]):
            assert warning in panel.ui.warningsLabel.text
        assert slicer_host.take_messages() == [], "not in a window that has to be closed"
        assert panel.ui.statusLabel.text == "Assessed, with 3 warnings: see Stations."
        case = panel.logic.case
        panel.ui.warningsGroup.collapsed = True
        panel.call("4R", "positive")
        assert panel.ui.warningsGroup.collapsed, "they were read"
        panel.logic.selectCase(None)
        slicer.app.processEvents()
        assert not panel.ui.warningsGroup.isVisible()
        panel.logic.selectCase(case)
        slicer.app.processEvents()
        assert not panel.ui.warningsGroup.collapsed, "others, or those of another case, may not have been"


def test_the_readers_category_follows_the_readers_calls_and_not_the_model(panel: PanelDriver) -> None:
    panel.assessed()
    panel.call("4R", "negative")
    panel.wait(lambda: panel.ui.readerCategoryLabel.text == "N0", "the reader's N category")
    panel.call("7", "positive")
    panel.wait(lambda: panel.ui.readerDecidedLabel.text == "decided by 7", "the reader's new N category")
    assert (panel.ui.modelCategoryLabel.text, panel.ui.modelDecidedLabel.text) == ("N2", "decided by 4R")
    for name in ("4R", "7"):
        panel.call(name, None)
    panel.wait(lambda: panel.ui.readerDecidedLabel.text == "no calls yet", "no N category")


def test_calls_in_quick_succession_are_staged_once(panel: PanelDriver) -> None:
    panel.assessed()
    panel.think()
    for name in ("4R", "4L", "7"):
        panel.call(name, "positive")
    panel.wait(lambda: panel.logic.review.nCategory(), "the reader's N category")
    panel.idle()
    assert panel.worker.methods().count("stage") == 1
    assert panel.worker.last_params("stage")["calls"] == dict.fromkeys(("4R", "4L", "7"), "positive")


def test_a_note_typed_into_its_cell_is_kept_in_the_review(panel: PanelDriver) -> None:
    panel.assessed()
    row, column = panel.table.names.index("7"), COLUMNS.index("note")
    panel.ui.stationTable.item(row, column).setText("calcified")
    slicer.app.processEvents()
    assert panel.logic.review.note("7") == "calcified"


def test_a_click_on_a_header_sorts_the_panels_table(panel: PanelDriver) -> None:
    panel.assessed()
    panel.widget.stations.table.sortBy("volume", True)
    volumes = [row.volumeMl for name in panel.table.names for row in panel.logic.rows() if row.name == name]
    known = [volume for volume in volumes if volume]
    assert known == sorted(known, reverse=True)
    assert volumes[: len(known)] == known
    panel.call(panel.table.names[0], "positive")
    assert panel.logic.review.calls() == {panel.table.names[0]: "positive"}, "the call is that of the row it is in"


def test_a_new_assessment_leaves_calls_and_notes_alone(panel: PanelDriver) -> None:
    panel.assessed()
    panel.call("4R", "negative")
    panel.logic.reader.note("4R", "calcified")
    driver.click(panel.ui.assessButton)
    panel.idle()
    assert panel.called("4R") == "negative"
    assert panel.cell("4R", "note") == "calcified"
