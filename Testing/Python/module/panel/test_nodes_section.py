"""The nodes of a station: looked at, dismissed, added, drawn, split and merged."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import qt  # noqa: E402
from LNStationSlicer.case.NodeRows import COLUMNS  # noqa: E402
from LNStationSlicer.exchange.VolumeExchange import pointToRas  # noqa: E402
from module.mrml_cases import Editor, make_assessment, node_array  # noqa: E402
from module.panel_driver import PanelDriver, opened_panel  # noqa: E402
from slicer_host import driver  # noqa: E402

IN_NODE_7 = (slice(14, 17), slice(14, 18), slice(15, 17))
BESIDE = (slice(13, 15), slice(16, 18), slice(9, 11))


def offsets() -> list[float]:
    views = slicer.app.layoutManager()
    return [views.sliceWidget(name).mrmlSliceNode().GetSliceOffset() for name in ("Red", "Green", "Yellow")]


def selected(panel: PanelDriver) -> list[int]:
    return [row.number for row in panel.nodes.selectedRows()]


@pytest.fixture
def at_4r(panel: PanelDriver) -> PanelDriver:
    """A case whose station 4R is selected: nodes 7 and 1 lie in it."""
    panel.assessed()
    panel.click_row("4R")
    slicer.app.processEvents()
    return panel


def test_the_nodes_of_the_selected_station_stand_under_the_table(at_4r: PanelDriver) -> None:
    panel = at_4r
    assert panel.nodes.numbers == [7, 1], "the largest first"
    assert panel.ui.stationNodesLabel.text == "Nodes of 4R: 2"
    cells = [panel.node_cell(7, column) for column in ("node", "short_axis", "hu", "call", "source")]
    assert cells == ["#7", "12.0", "40", "pos", "Supplied masks"]
    panel.click_row("7")
    slicer.app.processEvents()
    assert panel.nodes.numbers == [300]
    assert panel.node_cell(300, "call") == "neg"


def test_a_click_on_a_node_takes_all_views_to_it(at_4r: PanelDriver) -> None:
    panel = at_4r
    panel.click_node(1)
    finding = next(one for one in panel.logic.case.assessment()["nodes"] if one["node_id"] == 1)
    r, a, s = pointToRas(finding["centroid_mm"])
    assert offsets() == pytest.approx([s, a, -r], abs=0.1), "the sagittal view counts from right to left"
    assert panel.logic.nodes.selected == 1


def test_keys_go_to_the_nodes_and_back_and_delete_dismisses(at_4r: PanelDriver) -> None:
    panel = at_4r
    driver.press(panel.ui.stationTable, qt.Qt.Key_Right)
    assert panel.ui.nodeTable.focus
    assert selected(panel) == [7]
    driver.press(panel.ui.nodeTable, qt.Qt.Key_Down)
    assert selected(panel) == [1]
    driver.press(panel.ui.nodeTable, qt.Qt.Key_Delete)
    panel.idle()
    assert panel.node_cell(1, "call") == "no node"
    driver.press(panel.ui.nodeTable, qt.Qt.Key_Left)
    assert panel.ui.stationTable.focus


def test_a_dismissed_node_is_gray_and_logged_and_can_be_restored(at_4r: PanelDriver) -> None:
    panel = at_4r
    panel.click_node(7)
    driver.click(panel.ui.dismissNodeButton)
    panel.idle()
    assert panel.worker.last_params("reassess")["nodes"] == [
        {"action": "dismiss", "nodes": [7], "mask": None, "point_mm": None}
    ]
    assert panel.nodes.numbers == [1, 7], "dismissed ones come last"
    assert panel.ui.stationNodesLabel.text == "Nodes of 4R: 1"
    assert panel.ui.nodeTable.item(1, 0).font().strikeOut()
    (edit,) = panel.logic.review.edits()
    assert (edit["action"], edit["nodes"], edit["nodes_after"], edit["station"]) == ("dismiss", [7], [], "4R")
    assert panel.logic.review.editedStations() == [], "its outline is as it was"
    case = panel.logic.case
    assert list(case.nodesNode().GetSegmentation().GetSegmentIDs()) == ["node_1", "node_300"]
    assert list(case.dismissedNode().GetSegmentation().GetSegmentIDs()) == ["node_7"]
    assert selected(panel) == [7]
    assert panel.ui.dismissNodeButton.text == "Restore"
    assert not panel.ui.splitNodeButton.enabled
    driver.click(panel.ui.dismissNodeButton)
    panel.idle()
    assert panel.nodes.numbers == [7, 1]
    assert case.dismissedNode() is None
    assert [edit["action"] for edit in panel.logic.review.edits()] == ["dismiss", "restore"]


def test_one_click_into_a_view_adds_a_node(at_4r: PanelDriver) -> None:
    panel = at_4r
    driver.click(panel.ui.addNodeButton)
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    assert panel.ui.addNodeButton.checked
    markup = slicer.mrmlScene.GetNodeByID(
        slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton").GetActivePlaceNodeID()
    )
    ras = pointToRas((-12.0, 0.0, -1.0))
    markup.AddControlPointWorld(*ras)
    panel.wait(lambda: "reassess" in panel.worker.methods(), "the new node")
    panel.idle()
    (edit,) = panel.worker.last_params("reassess")["nodes"]
    assert edit["action"] == "grow"
    assert edit["point_mm"] == pytest.approx([-12.0, 0.0, -1.0])
    assert interaction.GetCurrentInteractionMode() != interaction.Place
    assert slicer.mrmlScene.GetNodesByClass("vtkMRMLMarkupsFiducialNode").GetNumberOfItems() == 0
    assert 301 in panel.nodes.numbers, "a number that none had"
    assert panel.node_cell(301, "source") == "you"
    assert selected(panel) == [301]
    assert panel.logic.case.nodesNode().GetSegmentation().GetSegment("node_301") is not None


def test_adding_can_be_given_up(at_4r: PanelDriver) -> None:
    panel = at_4r
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    for give_up in ("the button", "Escape", "another case"):
        driver.click(panel.ui.addNodeButton)
        if give_up == "the button":
            driver.click(panel.ui.addNodeButton)
        elif give_up == "Escape":
            interaction.SetCurrentInteractionMode(interaction.ViewTransform)
        else:
            panel.logic.selectCase(None)
        slicer.app.processEvents()
        assert not panel.ui.addNodeButton.checked, give_up
        assert interaction.GetCurrentInteractionMode() != interaction.Place, give_up
        assert slicer.mrmlScene.GetNodesByClass("vtkMRMLMarkupsFiducialNode").GetNumberOfItems() == 0, give_up
    assert "reassess" not in panel.worker.methods()


def test_a_node_is_redrawn_with_the_segment_editor(at_4r: PanelDriver) -> None:
    panel = at_4r
    panel.click_node(7)
    driver.click(panel.ui.editNodeButton)
    case, editor = panel.logic.case, panel.ui.segmentEditor
    assert not panel.ui.correctSection.collapsed
    assert (editor.segmentationNode(), editor.currentSegmentID()) == (case.nodesNode(), "node_7")
    Editor(case.nodesNode(), case.ctNode()).erase("node_7", IN_NODE_7)
    panel.wait(lambda: "reassess" in panel.worker.methods(), "the assessment")
    panel.idle()
    (edit,) = panel.worker.last_params("reassess")["nodes"]
    assert (edit["action"], edit["nodes"]) == ("draw", [7])
    left = node_array() == 7
    left[IN_NODE_7] = False
    assert list(edit["mask"]["shape"]) == [3, 4, 2]
    array = slicer.util.arrayFromSegmentBinaryLabelmap(case.nodesNode(), "node_7", case.ctNode())
    assert np.array_equal(array > 0, left)
    assert panel.logic.review.nodes.stale() == []
    assert panel.worker.methods().count("reassess") == 1, "the answer itself is no edit"


def test_a_new_node_is_drawn_and_gets_its_number(at_4r: PanelDriver) -> None:
    panel = at_4r
    driver.click(panel.ui.drawNodeButton)
    case = panel.logic.case
    assert panel.ui.segmentEditor.currentSegmentID() == "new_node"
    assert panel.logic.case.nodesNode().GetDisplayNode().GetVisibility()
    Editor(case.nodesNode(), case.ctNode()).paint("new_node", BESIDE)
    panel.wait(lambda: "reassess" in panel.worker.methods(), "the assessment")
    panel.idle()
    (edit,) = panel.worker.last_params("reassess")["nodes"]
    assert (edit["action"], edit["nodes"]) == ("draw", [])
    assert list(case.nodesNode().GetSegmentation().GetSegmentIDs()) == ["node_1", "node_7", "node_300", "node_301"]
    assert panel.nodes.numbers[-1] == 301 or 301 in panel.nodes.numbers


def test_a_node_drawn_while_another_answer_arrives_is_not_lost(at_4r: PanelDriver) -> None:
    panel = at_4r
    case = panel.logic.case
    panel.worker.behave(reassess={"seconds": 1.0})
    panel.click_node(1)
    driver.click(panel.ui.dismissNodeButton)
    panel.wait(lambda: "reassess" in panel.worker.methods(), "the first edit")
    panel.worker.behave()
    Editor(case.nodesNode(), case.ctNode()).erase("node_7", IN_NODE_7)
    panel.wait(lambda: panel.worker.methods().count("reassess") == 2, "the second edit")
    panel.idle()
    left = node_array() == 7
    left[IN_NODE_7] = False
    array = slicer.util.arrayFromSegmentBinaryLabelmap(case.nodesNode(), "node_7", case.ctNode())
    assert np.array_equal(array > 0, left)
    assert [(one["action"], one["nodes"]) for one in panel.logic.review.edits()] == [("dismiss", [1]), ("draw", [7])]


def test_split_takes_one_node_and_merge_several(at_4r: PanelDriver) -> None:
    panel = at_4r
    buttons = (panel.ui.splitNodeButton, panel.ui.mergeNodesButton, panel.ui.editNodeButton)
    assert [button.enabled for button in buttons] == [False, False, False]
    panel.click_node(7)
    assert [button.enabled for button in buttons] == [True, False, True]
    panel.click_node(1, qt.Qt.ControlModifier)
    assert [button.enabled for button in buttons] == [False, True, False]
    driver.click(panel.ui.mergeNodesButton)
    panel.idle()
    (edit,) = panel.worker.last_params("reassess")["nodes"]
    assert (edit["action"], edit["nodes"]) == ("merge", [7, 1])


def test_what_cannot_be_done_is_said_and_nothing_is_logged(at_4r: PanelDriver) -> None:
    panel = at_4r
    panel.worker.behave(reassess={"error": [1, "there is no soft tissue at this point: click inside the node."]})
    panel.logic.nodes.addAt((0.0, 0.0, 0.0))
    panel.idle()
    assert "no soft tissue" in panel.ui.statusLabel.text
    assert panel.logic.review.edits() == []
    slicer_host.take_messages()


def test_a_blind_first_read_shows_no_nodes(panel: PanelDriver) -> None:
    panel.choose_ct()
    driver.click(panel.ui.blindCheck)
    panel.assess()
    panel.click_row("4R")
    slicer.app.processEvents()
    assert not panel.ui.nodesFrame.isVisible()
    assert panel.logic.nodes.rows() == []
    panel.open_section("correctSection")
    panel.ui.editTargetCombo.currentIndex = panel.ui.editTargetCombo.findData("nodes")
    slicer.app.processEvents()
    assert panel.ui.segmentEditor.segmentationNode() != panel.logic.case.nodesNode()


def test_dismissed_nodes_come_back_with_a_saved_scene_and_are_told_to_a_new_worker(tmp_path: Path) -> None:
    with opened_panel(tmp_path) as panel:
        panel.assessed()
        panel.click_row("4R")
        panel.click_node(7)
        driver.click(panel.ui.dismissNodeButton)
        panel.idle()
        edits = panel.logic.review.edits()
        path = str(tmp_path / "scene.mrb")
        assert slicer.util.saveScene(path)
        slicer_host.clear_scene()
        slicer.util.loadScene(path)
        slicer.app.processEvents()
        panel.click_row("4R")
        slicer.app.processEvents()
        assert panel.nodes.numbers == [1, 7]
        assert panel.logic.review.edits() == edits
        assert "reassess" not in panel.worker.methods()[panel.worker.methods().index("reassess") + 1 :]
        panel.erase()
        panel.wait(lambda: "restore_case" in panel.worker.methods(), "the restored case")
        panel.idle()
        dismissed: dict[str, Any] = panel.worker.last_params("restore_case")["dismissed"]
        assert dismissed["dtype"] == "uint16"
        assert list(dismissed["shape"]) == [3, 4, 4], "the box of node 7"


def test_a_new_assessment_of_the_whole_case_keeps_what_the_reader_decided(at_4r: PanelDriver) -> None:
    panel = at_4r
    panel.click_node(7)
    driver.click(panel.ui.dismissNodeButton)
    panel.idle()
    panel.assess()
    case = panel.logic.case
    assert list(case.dismissedNode().GetSegmentation().GetSegmentIDs()) == ["node_7"]
    assert list(case.nodesNode().GetSegmentation().GetSegmentIDs()) == ["node_1", "node_300"]
    panel.click_row("4R")
    slicer.app.processEvents()
    assert panel.node_cell(7, "call") == "no node"
    assert len(panel.logic.review.edits()) == 1, "nothing was done twice"
    assert panel.logic.review.nodes.stale() == []


def test_a_worker_that_has_just_started_hears_of_dismissed_nodes_before_it_assesses(at_4r: PanelDriver) -> None:
    panel = at_4r
    panel.click_node(7)
    driver.click(panel.ui.dismissNodeButton)
    panel.idle()
    panel.logic.client.stop()
    panel.assess()
    restored = panel.worker.last_params("restore_case")
    assert restored["dismissed"] is not None
    methods = panel.worker.methods()
    assert methods.index("restore_case") < len(methods) - 1 - methods[::-1].index("assess")


def test_an_assessment_that_cannot_be_taken_up_does_not_keep_from_assessing(at_4r: PanelDriver) -> None:
    panel = at_4r
    panel.click_node(7)
    driver.click(panel.ui.dismissNodeButton)
    panel.idle()
    panel.logic.client.stop()
    panel.worker.behave(restore_case={"error": [1, "the saved node map is not on the grid of the CT."]})
    n_assessed = panel.worker.methods().count("assess")
    panel.assess()
    assert panel.worker.methods().count("assess") == n_assessed + 1
    assert panel.ui.statusLabel.text == "Assessed."


def test_what_is_drawn_and_not_sent_goes_before_a_new_assessment(at_4r: PanelDriver) -> None:
    panel = at_4r
    panel.ui.autoReassessCheck.checked = False
    case = panel.logic.case
    Editor(case.nodesNode(), case.ctNode()).erase("node_7", IN_NODE_7)
    panel.assess()
    methods = panel.worker.methods()
    assert methods.index("reassess") < len(methods) - 1 - methods[::-1].index("assess")


def opacities(panel: PanelDriver) -> dict[str, float]:
    node = panel.logic.case.nodesNode()
    display = node.GetDisplayNode()
    return {name: display.GetSegmentOpacity2DFill(name) for name in node.GetSegmentation().GetSegmentIDs()}


def test_the_selected_node_stands_out_until_another_station_is_looked_at(at_4r: PanelDriver) -> None:
    panel = at_4r
    equal = opacities(panel)
    assert len(set(equal.values())) == 1
    panel.click_node(1)
    strong = opacities(panel)
    assert strong["node_1"] > equal["node_1"] > strong["node_7"] == strong["node_300"]
    color = tuple(panel.logic.case.nodesNode().GetDisplayNode().GetSegmentOverrideColor("node_7"))
    panel.click_row("7")
    slicer.app.processEvents()
    assert opacities(panel) == equal
    assert tuple(panel.logic.case.nodesNode().GetDisplayNode().GetSegmentOverrideColor("node_7")) == color


def test_a_selected_node_shows_although_nodes_are_hidden(at_4r: PanelDriver) -> None:
    panel = at_4r
    panel.ui.showNodesCheck.checked = False
    display = panel.logic.case.nodesNode().GetDisplayNode()
    assert not display.GetVisibility()
    panel.click_node(1)
    seen = [one for one in ("node_1", "node_7", "node_300") if display.GetSegmentVisibility(one)]
    assert display.GetVisibility()
    assert seen == ["node_1"]


def scored() -> dict[str, Any]:
    """Candidates with scores, as a package with an operating curve finds them."""
    assessment = make_assessment()
    for node, score in zip(assessment["nodes"], (0.4, 0.9, 0.6), strict=True):
        node["score"] = score
    row = {"step": "nodes", "implementation": "network", "model_package": "finder", "model_version": "2"}
    more = {"version": "0", "seconds": 1.0, "settings": {}, "model_sha256": "", "trained_on": "synthetic"}
    assessment["provenance"] = [{**row, **more, "references": [], "warnings": []}]
    return assessment


CURVE = [
    {"threshold": 0.9, "false_positives": 1.0, "recall": 0.5},
    {"threshold": 0.5, "false_positives": 3.0, "recall": 0.7},
]


def test_a_slider_shows_and_hides_candidates_by_score_without_a_search(tmp_path: Path) -> None:
    assessment = scored()
    assessment["provenance"][0]["operating_points"] = CURVE
    with opened_panel(tmp_path, assessment=assessment) as panel:
        panel.assessed()
        panel.click_row("4R")
        slicer.app.processEvents()
        ui, display = panel.ui, panel.logic.case.nodesNode().GetDisplayNode()
        assert ui.nodeScoreFrame.isVisible()
        assert (ui.nodeScoreSlider.minimum, ui.nodeScoreSlider.value) == (0.4, 0.4)
        before = panel.worker.methods()
        ui.nodeScoreSlider.value = 0.7
        slicer.app.processEvents()
        assert panel.nodes.numbers == [7]
        assert ui.stationNodesLabel.text == "Nodes of 4R: 1 (1 more with a lower score)"
        expected = "1 of 3 candidates of the case; measured: 2.0 false ones a patient, 60% of visible nodes found"
        assert ui.nodeScoreText.text == expected
        shown = [one for one in ("node_1", "node_7", "node_300") if display.GetSegmentVisibility(one)]
        assert shown == ["node_7"]
        ui.nodeScoreSlider.value = 0.4
        assert panel.nodes.numbers == [7, 1]
        assert panel.worker.methods() == before


def test_candidates_of_unknown_operating_points_are_counted(tmp_path: Path) -> None:
    with opened_panel(tmp_path, assessment=scored()) as panel:
        panel.assessed()
        panel.click_row("4R")
        slicer.app.processEvents()
        assert panel.ui.nodeScoreText.text == "3 of 3 candidates of the case"


def test_nodes_without_scores_have_no_slider(at_4r: PanelDriver) -> None:
    assert not at_4r.ui.nodeScoreFrame.isVisible()


def test_interactive_segmentation_is_offered_where_it_is_installed(
    at_4r: PanelDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = at_4r
    assert not panel.ui.interactiveNodeButton.isVisible()
    told: dict[str, Any] = {}

    class TheirEditor:
        def setSegmentationNode(self, node: Any) -> None:
            told["segmentation"] = node

        def setSourceVolumeNode(self, node: Any) -> None:
            told["volume"] = node

        def setCurrentSegmentID(self, segment_id: str) -> None:
            told["segment"] = segment_id

    interactive = SimpleNamespace(ui=SimpleNamespace(editor_widget=TheirEditor()))
    module = SimpleNamespace(widgetRepresentation=lambda: SimpleNamespace(self=lambda: interactive))
    monkeypatch.setattr(slicer.modules, "slicernninteractive", module, raising=False)
    opened: list[str] = []
    monkeypatch.setattr(slicer.util, "selectModule", opened.append)
    panel.widget.refresh()
    assert panel.ui.interactiveNodeButton.isVisible()
    driver.click(panel.ui.interactiveNodeButton)
    case = panel.logic.case
    assert opened == ["SlicerNNInteractive"]
    assert told == {"segmentation": case.nodesNode(), "volume": case.ctNode(), "segment": "new_node"}
    Editor(case.nodesNode(), case.ctNode()).paint("new_node", BESIDE)
    panel.wait(lambda: "reassess" in panel.worker.methods(), "the assessment")
    panel.idle()
    assert panel.node_cell(301, "source") == "you"
    interactive.ui = SimpleNamespace()
    driver.click(panel.ui.interactiveNodeButton)
    assert "Choose the segmentation" in panel.ui.statusLabel.text


def test_significant_nodes_are_marked_beside_the_visible_ones(tmp_path: Path) -> None:
    assessment = make_assessment()
    facts = {"visible": True, "significance": None, "streams": [], "tumor_zone": None, "tumor_distance_mm": None}
    for node, significant in zip(assessment["nodes"], (False, True, None), strict=True):
        node["candidate"] = {**facts, "significant": significant, "first_stage_score": None, "tags": {}}
    with opened_panel(tmp_path, assessment=assessment) as panel:
        panel.assessed()
        panel.click_row("4R")
        slicer.app.processEvents()
        assert [panel.node_cell(number, "node") for number in (7, 1)] == ["#7\N{BLACK STAR}", "#1"]
        tips = [panel.ui.nodeTable.item(row, 0).toolTip() for row in (0, 1)]
        assert tips == ["Found as a significant node.", "Visible, not found as significant."]


def test_a_network_that_judges_nodes_has_a_column_of_its_own(tmp_path: Path) -> None:
    assessment = make_assessment()
    for node in assessment["nodes"]:
        node["probability"] = 0.26 if node["node_id"] == 7 else None
    with opened_panel(tmp_path, assessment=assessment) as panel:
        panel.assessed()
        panel.click_row("4R")
        slicer.app.processEvents()
        assert [panel.node_cell(number, "probability") for number in (7, 1)] == ["0.26", "\N{EN DASH}"]
        assert not panel.ui.nodeTable.isColumnHidden(COLUMNS.index("probability"))
        panel.click_row("7")
        slicer.app.processEvents()
        assert panel.ui.nodeTable.isColumnHidden(COLUMNS.index("probability")), "nobody judged the nodes of 7"
