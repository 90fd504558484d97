"""The panel as a person uses it, with a worker that only pretends to compute."""

from __future__ import annotations

import json
import os
import signal
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
from module.mrml_cases import Editor, make_assessment, make_volume, station_array  # noqa: E402
from module.panel_hand import ALL_4R, IN_4R, Hand, panel  # noqa: E402
from module.patients import add_segmentation  # noqa: E402
from slicer_host import driver, screenshots  # noqa: E402

from LNStationLib import anatomy  # noqa: E402


def last_params(hand: Hand, method: str) -> dict:
    return [request for request in hand.worker.requests() if request["method"] == method][-1]["params"]


# Case


def test_nothing_can_be_assessed_before_a_ct_is_chosen(hand: Hand) -> None:
    assert not hand.ui.assessButton.enabled
    assert not hand.ui.writeReportButton.enabled
    hand.choose_ct()
    assert hand.ui.assessButton.enabled
    assert hand.logic.case.ctNode() == hand.ui.ctSelector.currentNode()


def test_segmentations_of_the_scene_are_proposed_by_what_they_hold(hand: Hand) -> None:
    ct = hand.add_ct()
    organs = add_segmentation({}, ct, "TotalSegmentator")
    for name in ("aorta", "trachea", "lung_upper_lobe_left"):
        organs.GetSegmentation().AddEmptySegment(name, name)
    tumor = add_segmentation({}, ct, "Tumor")
    tumor.GetSegmentation().AddEmptySegment("tumor", "primary tumor")
    hand.ui.ctSelector.setCurrentNode(ct)
    slicer.app.processEvents()
    assert hand.ui.organsSelector.currentNode() == organs
    assert hand.ui.tumorSelector.currentNode() == tumor
    assert hand.ui.nodesSelector.currentNode() is None
    assert "2 organs" in hand.ui.organsMatchLabel.text or "3 organs" in hand.ui.organsMatchLabel.text


def test_segments_are_sent_as_organs_nodes_and_tumor_by_their_codes_whatever_their_names(hand: Hand) -> None:
    ct = hand.add_ct()
    codes = {"aorta": "15825003^Aorta", "nodes": "59441001^Lymph node", "tumor": "86049000^Neoplasm, Primary"}
    box = np.zeros(slicer.util.arrayFromVolume(ct).shape, dtype=np.uint8)
    box[4:8, 4:8, 4:8] = 1
    for number, code in enumerate(codes.values()):
        node = add_segmentation({}, ct, f"Segmentation {number}")
        node.GetSegmentation().AddEmptySegment("Segment_1", "Segment_1")
        category = "123037004^Anatomical Structure" if number < 2 else "49755003^Morphologically Altered Structure"
        entry = f"Segmentation category and type - DICOM master list~SCT^{category}~SCT^{code}~^^~~^^~^^"
        segment = node.GetSegmentation().GetSegment("Segment_1")
        segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), entry)
        slicer.util.updateSegmentBinaryLabelmapFromArray(box, node, "Segment_1", ct)
    hand.ui.ctSelector.setCurrentNode(ct)
    slicer.app.processEvents()
    hand.assess()
    sent = last_params(hand, "load_case")
    assert list(sent["organs"]) == ["aorta"]
    assert sent["organs"]["aorta"]["shape"] == [4, 4, 4]
    assert sent["nodes"] is not None
    assert sent["tumor"] is not None


def test_facts_and_settings_go_to_the_worker_as_chosen(hand: Hand) -> None:
    hand.choose_ct()
    hand.ui.cancerCombo.currentIndex = hand.ui.cancerCombo.findData("lung")
    hand.ui.tumorSideCombo.currentIndex = hand.ui.tumorSideCombo.findData("L")
    hand.ui.rulesCombo.currentIndex = hand.ui.rulesCombo.findData("tnm9")
    hand.ui.advancedGroup.collapsed = False
    hand.ui.shortAxisSpin.value = 8.5
    hand.assess()
    facts, settings = last_params(hand, "load_case")["facts"], last_params(hand, "assess")["settings"]
    assert (facts["cancer"], facts["tumor_side"]) == ("lung", "L")
    assert (settings["rules"], settings["short_axis_threshold_mm"]) == ("tnm9", 8.5)


def test_every_setting_that_is_sent_is_one_the_library_knows(hand: Hand) -> None:
    from LNStationLib.settings import Settings

    hand.assessed()
    assert Settings(**last_params(hand, "assess")["settings"])


def test_a_case_that_is_known_is_not_sent_again_until_its_inputs_change(hand: Hand) -> None:
    hand.assessed()
    driver.click(hand.ui.assessButton)
    hand.idle()
    assert hand.worker.methods().count("load_case") == 1
    assert hand.worker.methods().count("assess") == 2
    hand.ui.cancerCombo.currentIndex = hand.ui.cancerCombo.findData("esophagus")
    driver.click(hand.ui.assessButton)
    hand.idle()
    assert hand.worker.methods().count("load_case") == 2


# Assess


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


# Stations and views


def test_a_click_on_a_row_centers_the_views_and_says_why(hand: Hand) -> None:
    hand.assessed()
    hand.click_row("7")
    assert hand.logic.selectedStation == "7"
    point = Navigation.stationPoint(hand.logic.case, "7")
    for name in ("Red", "Green", "Yellow"):
        matrix = slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode().GetSliceToRAS()
        normal = np.array([matrix.GetElement(row, 2) for row in range(3)])
        origin = np.array([matrix.GetElement(row, 3) for row in range(3)])
        assert abs(normal @ (np.array(point) - origin)) < 0.1
    assert hand.ui.reasonLabel.text.startswith("7: subcarinal")


def test_the_selected_station_is_drawn_stronger_than_the_others(hand: Hand) -> None:
    hand.assessed()
    hand.logic.selectStation("4R")
    strong = screenshots.slice_view("Red", (300, 300)).astype(int)
    hand.logic.selectStation(None)
    plain = screenshots.slice_view("Red", (300, 300)).astype(int)
    assert np.abs(strong - plain).sum() > 1000


def test_shortcuts_go_round_the_relevant_stations(hand: Hand) -> None:
    hand.assessed()
    seen = []
    for _ in range(3):
        driver.press(hand.loaded.window, qt.Qt.Key_Down, qt.Qt.ControlModifier)
        seen.append(hand.logic.selectedStation)
    assert seen == ["4R", "7", "4R"]
    driver.press(hand.loaded.window, qt.Qt.Key_Up, qt.Qt.ControlModifier)
    assert hand.logic.selectedStation == "7"
    assert hand.table.selected == "7"
    driver.click(hand.ui.previousButton)
    assert hand.logic.selectedStation == "4R"


def double_click_on(hand: Hand, station: str) -> Any:
    """Double-click into a station in the axial view; the interactor of that view."""
    widget, inverse = slicer.app.layoutManager().sliceWidget("Red"), vtk.vtkMatrix4x4()
    hand.logic.selectStation(station)
    point = Navigation.stationPoint(hand.logic.case, station)
    hand.logic.selectStation(None)
    vtk.vtkMatrix4x4.Invert(widget.mrmlSliceNode().GetXYToRAS(), inverse)
    x, y = inverse.MultiplyPoint((*point, 1.0))[:2]
    interactor = widget.sliceView().interactor()
    interactor.SetEventInformation(round(x), round(y), 0, 0)
    interactor.InvokeEvent("LeftButtonDoubleClickEvent")
    return interactor


def test_a_double_click_in_a_slice_selects_the_station_under_the_cursor(hand: Hand) -> None:
    hand.assessed()
    interactor = double_click_on(hand, "4R")
    assert hand.logic.selectedStation == "4R"
    assert hand.table.selected == "4R"
    interactor.SetEventInformation(1, 1, 0, 0)
    interactor.InvokeEvent("LeftButtonDoubleClickEvent")
    assert hand.logic.selectedStation == "4R", "nothing lies in the corner"


@pytest.mark.parametrize("tool", ["our effect", "an effect of the Segment Editor module", "a markup"])
def test_a_double_click_that_belongs_to_a_tool_reaches_it(hand: Hand, tool: str) -> None:
    hand.assessed()
    use_tool(hand, tool, True)
    interactor = slicer.app.layoutManager().sliceWidget("Red").sliceView().interactor()
    reached: list[str] = []
    # Between the module and the style of the views, which takes every double click that is left.
    tag = interactor.AddObserver("LeftButtonDoubleClickEvent", lambda *_: reached.append(tool), 5.0)
    double_click_on(hand, "4R")
    assert (reached, hand.logic.selectedStation) == ([tool], None)
    use_tool(hand, tool, False)
    double_click_on(hand, "4R")
    interactor.RemoveObserver(tag)
    assert (reached, hand.logic.selectedStation) == ([tool], "4R")


def use_tool(hand: Hand, tool: str, on: bool) -> None:
    """Take up a tool of Slicer's that needs double clicks, or put it down."""
    if tool == "our effect":
        hand.open_section("correctSection")
        hand.ui.segmentEditor.setActiveEffectByName("Draw" if on else "")
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
    with panel(tmp_path, assessment=assessment) as hand:
        assert not hand.ui.warningsGroup.isVisible()
        hand.assessed()
        assert hand.ui.warningsGroup.isVisible()
        assert hand.ui.warningsLabel.isVisible(), "unfolded: nothing has to be opened to read them"
        assert hand.ui.warningsGroup.title == "Warnings (3)"
        for warning in (*assessment["warnings"], *assessment["staging"]["warnings"]):
            assert warning in hand.ui.warningsLabel.text
        assert slicer_host.take_messages() == [], "not in a window that has to be closed"
        assert hand.ui.statusLabel.text == "Assessed, with 3 warnings: see Stations."
        case = hand.logic.case
        hand.ui.warningsGroup.collapsed = True
        hand.call("4R", "positive")
        assert hand.ui.warningsGroup.collapsed, "they were read"
        hand.logic.selectCase(None)
        slicer.app.processEvents()
        assert not hand.ui.warningsGroup.isVisible()
        hand.logic.selectCase(case)
        slicer.app.processEvents()
        assert not hand.ui.warningsGroup.collapsed, "others, or those of another case, may not have been"


# Calls


def test_the_readers_category_follows_the_readers_calls_and_not_the_model(hand: Hand) -> None:
    hand.assessed()
    hand.call("4R", "negative")
    hand.wait(lambda: hand.ui.readerCategoryLabel.text == "N0", "the reader's N category")
    hand.call("7", "positive")
    hand.wait(lambda: hand.ui.readerCategoryLabel.text == "N2, decided by 7", "the reader's new N category")
    assert hand.ui.modelCategoryLabel.text == "N2, decided by 4R"
    for name in ("4R", "7"):
        hand.call(name, None)
    hand.wait(lambda: hand.ui.readerCategoryLabel.text == "no calls yet", "no N category")


def test_calls_in_quick_succession_are_staged_once(hand: Hand) -> None:
    hand.assessed()
    for name in ("4R", "4L", "7"):
        hand.call(name, "positive")
    hand.wait(lambda: hand.logic.review.nCategory(), "the reader's N category")
    hand.idle()
    assert hand.worker.methods().count("stage") == 1
    assert last_params(hand, "stage")["calls"] == dict.fromkeys(("4R", "4L", "7"), "positive")


def test_a_note_typed_into_its_cell_is_kept_in_the_review(hand: Hand) -> None:
    hand.assessed()
    row, column = hand.table.names.index("7"), COLUMNS.index("note")
    hand.ui.stationTable.item(row, column).setText("calcified")
    slicer.app.processEvents()
    assert hand.logic.review.note("7") == "calcified"


def test_a_click_on_a_header_sorts_the_panels_table(hand: Hand) -> None:
    hand.assessed()
    hand.widget.stations.table.sortBy("volume", True)
    volumes = [row.volumeMl for name in hand.table.names for row in hand.logic.rows() if row.name == name]
    known = [volume for volume in volumes if volume]
    assert known == sorted(known, reverse=True)
    assert volumes[: len(known)] == known
    hand.call(hand.table.names[0], "positive")
    assert hand.logic.review.calls() == {hand.table.names[0]: "positive"}, "the call is that of the row it is in"


def test_a_new_assessment_leaves_calls_and_notes_alone(hand: Hand) -> None:
    hand.assessed()
    hand.call("4R", "negative")
    hand.logic.setNote("4R", "calcified")
    driver.click(hand.ui.assessButton)
    hand.idle()
    assert hand.combo("4R").currentIndex == 2
    assert hand.cell("4R", "note") == "calcified"


# Correct


def test_an_edit_is_assessed_again_by_itself_and_only_what_was_edited_is_sent(hand: Hand) -> None:
    hand.assessed()
    hand.call("4L", "negative")
    hand.erase()
    hand.wait(lambda: hand.logic.review.stale() == ["4R"], "the stale mark")
    hand.wait(lambda: not hand.logic.review.stale(), "the new assessment")
    hand.idle()
    sent = last_params(hand, "reassess")["stations"]
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
    assert sorted(last_params(hand, "reassess")["stations"]) == ["4L", "4R"]


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
    assert 0 in last_params(hand, "reassess")["stations"]["4R"]["shape"]
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


# Report


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
    params = last_params(hand, "report")
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


# Marks


def test_a_model_trained_on_synthetic_patients_is_marked(tmp_path: Path) -> None:
    assessment = make_assessment()
    assessment["case"]["synthetic"] = False
    step = {
        "step": "metastasis", "implementation": "network", "version": "1", "seconds": 1.0, "settings": {},
        "model_package": "demo", "trained_on": "synthetic", "references": [], "warnings": [],
    }  # fmt: skip
    assessment["provenance"] = [step]
    with panel(tmp_path, assessment=assessment) as hand:
        hand.choose_ct()
        assert not hand.ui.syntheticBanner.isVisible()
        hand.assess()
        assert hand.ui.syntheticBanner.isVisible()
        assert "trained on synthetic" in hand.ui.syntheticBanner.text


def test_research_use_is_said_in_the_panel_and_in_the_help(hand: Hand) -> None:
    assert "Research use only" in hand.ui.researchLabel.text
    assert "Research use only" in hand.loaded.parent.helpText


def test_a_pet_of_unknown_unit_is_taken_as_suv_only_where_the_user_says_so(hand: Hand) -> None:
    hand.choose_ct()
    hand.ui.petSelector.setCurrentNode(make_volume(name="PET"))
    slicer.app.processEvents()
    assert hand.ui.petUnitCombo.isVisible()
    hand.assess()
    assert last_params(hand, "load_case")["pet_unit"] is None
    hand.ui.petUnitCombo.currentIndex = hand.ui.petUnitCombo.findData("SUVbw")
    driver.click(hand.ui.assessButton)
    hand.idle()
    assert last_params(hand, "load_case")["pet_unit"] == "SUVbw"
