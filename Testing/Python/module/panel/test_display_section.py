"""Section "Display" of the panel, by what is seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import qt  # noqa: E402
from module.mrml_cases import make_unconfirmed_assessment, make_volume  # noqa: E402
from module.panel_driver import ALL_4R, PanelDriver, opened_panel  # noqa: E402
from slicer_host import driver, screenshots  # noqa: E402


def test_filters_and_display_options_do_what_they_say(panel: PanelDriver) -> None:
    panel.assessed()
    panel.ui.filterCombo.currentIndex = panel.ui.filterCombo.findData("relevant")
    assert panel.table.names == ["4R", "7"]
    panel.open_section("displaySection")
    panel.ui.representationCombo.currentIndex = panel.ui.representationCombo.findData("fill")
    panel.ui.colorByCombo.currentIndex = panel.ui.colorByCombo.findData("probability")
    panel.ui.show3DCheck.checked = True
    panel.ui.showNodesCheck.checked = False
    options = panel.logic.overlays.options()
    assert (options.stationStyle, options.stationColor, options.show3D) == ("fill", "probability", True)
    assert not options.nodesVisible
    display = panel.logic.case.stationsNode().GetDisplayNode()
    assert display.GetVisibility2DFill()
    assert not panel.logic.case.nodesNode().GetDisplayNode().GetVisibility()
    panel.ui.representationCombo.currentIndex = panel.ui.representationCombo.findData("none")
    assert not display.GetVisibility()


def test_unconfirmed_candidates_are_shown_once_the_box_is_ticked_and_not_by_any_other_click(tmp_path: Path) -> None:
    with opened_panel(tmp_path, assessment=make_unconfirmed_assessment()) as panel:
        panel.assessed()
        panel.open_section("displaySection")
        display = panel.logic.case.nodesNode().GetDisplayNode()
        assert not display.GetVisibility()
        assert not panel.ui.showNodesCheck.checked
        assert "nconfirmed" in panel.ui.showNodesCheck.toolTip
        assert (panel.cell("4R", "model"), panel.cell("4L", "model")) == ("pos?", "neg?")
        panel.click_row("4R")
        assert "unconfirmed candidates" in panel.ui.reasonLabel.text
        panel.ui.representationCombo.currentIndex = panel.ui.representationCombo.findData("fill")
        assert not display.GetVisibility()
        assert panel.logic.overlays.options().nodesVisible is None
        driver.click(panel.ui.showNodesCheck)
        assert display.GetVisibility()
        driver.click(panel.ui.assessButton)
        panel.idle()
        assert display.GetVisibility(), "the reader asked for them"


def test_a_click_on_a_row_shows_the_stations_attention_where_there_is_a_map(panel: PanelDriver) -> None:
    panel.assessed()
    panel.open_section("displaySection")
    assert not panel.ui.mapRadio.enabled
    assert "There is no map" in panel.ui.mapRadio.toolTip
    panel.ui.colorByCombo.currentIndex = panel.ui.colorByCombo.findData("probability")
    panel.worker.behave(assess={"attention": True})
    driver.click(panel.ui.assessButton)
    panel.idle()
    assert panel.ui.mapRadio.enabled
    panel.click_row("4R")
    with_map = screenshots.slice_view("Red", (200, 200)).astype(int)
    driver.click(panel.ui.plainRadio)
    without = screenshots.slice_view("Red", (200, 200)).astype(int)
    assert np.abs(with_map - without).sum() > 1000
    driver.click(panel.ui.mapRadio)
    assert np.array_equal(screenshots.slice_view("Red", (200, 200)).astype(int), with_map)


def test_opacity_threshold_and_colors_of_the_attention_map_are_those_of_the_panel(panel: PanelDriver) -> None:
    panel.choose_ct()
    panel.worker.behave(assess={"attention": True})
    panel.assess()
    panel.open_section("displaySection")
    panel.ui.foregroundOpacitySlider.value = 0.25
    panel.ui.mapThresholdSlider.value = 0.75
    panel.ui.mapColorCombo.currentIndex = panel.ui.mapColorCombo.findData("cividis")
    options = panel.logic.overlays.options()
    assert (options.foregroundOpacity, options.mapThreshold) == (0.25, 0.75)
    assert options.mapColorMap == "cividis"
    display = panel.logic.case.mapNode().GetDisplayNode()
    assert display.GetLowerThreshold() == pytest.approx(0.75)
    assert display.GetColorNode().GetName().startswith("Attention")
    red = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    assert red.GetForegroundOpacity() == pytest.approx(0.25)
    assert red.GetForegroundVolumeID() == panel.logic.case.mapNode().GetID()


def test_maps_of_a_method_for_stations_are_shown_when_asked_for_and_go_with_the_method(panel: PanelDriver) -> None:
    panel.choose_ct()
    panel.open_section("displaySection")
    panel.worker.behave(assess={"station_maps": ["probability", "weight"]})
    panel.assess()
    red = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    assert red.GetForegroundVolumeID() is None, "nobody asked for them"
    driver.click(panel.ui.mapRadio)
    case = panel.logic.case
    assert case.mapRoles() == ("stationProbability", "stationWeight")
    assert red.GetForegroundVolumeID() == case.mapNode("stationProbability").GetID()
    assert "How sure" in panel.ui.mapRadio.toolTip
    panel.ui.mapCombo.currentIndex = panel.ui.mapCombo.findData("stationWeight")
    weights = case.mapNode("stationWeight")
    assert red.GetForegroundVolumeID() == weights.GetID()
    assert weights.GetName().startswith("Station weights")
    assert weights.GetDisplayNode().GetLowerThreshold() == pytest.approx(0.3 * 0.5)
    panel.worker.behave(assess={})
    panel.assess()
    assert case.mapRoles() == ()
    assert red.GetForegroundVolumeID() is None
    assert not panel.ui.mapRadio.enabled


def test_one_switch_changes_between_ct_alone_pet_and_attention(panel: PanelDriver) -> None:
    panel.choose_ct()
    panel.open_section("displaySection")
    assert not panel.ui.petRadio.enabled
    panel.ui.petSelector.setCurrentNode(make_volume(name="PET"))
    slicer.app.processEvents()
    red = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    driver.click(panel.ui.petRadio)
    assert red.GetForegroundVolumeID() == panel.logic.case.petNode().GetID()
    assert panel.ui.foregroundOpacitySlider.enabled
    driver.click(panel.ui.plainRadio)
    assert red.GetForegroundVolumeID() is None
    assert not panel.ui.foregroundOpacitySlider.enabled


def test_what_is_shown_in_three_dimensions_is_made_without_holding_the_panel_up(panel: PanelDriver) -> None:
    panel.assessed()
    panel.open_section("displaySection")
    segmentation = panel.logic.case.stationsNode().GetSegmentation()
    driver_ticks = []
    timer = qt.QTimer()
    timer.interval = 0
    timer.timeout.connect(lambda: driver_ticks.append(count_surfaces(segmentation)))
    timer.start()
    panel.ui.show3DCheck.checked = True
    assert count_surfaces(segmentation) == 0, "the click itself makes none"
    panel.wait(lambda: not panel.logic.drawing.isMakingSurfaces, "the surfaces")
    timer.stop()
    assert len(set(driver_ticks)) > 3, "the event loop ran between surfaces"
    assert count_surfaces(segmentation) == segmentation.GetNumberOfSegments()
    # An edit while they are shown: the edited one is made anew.
    panel.erase(box=ALL_4R)
    panel.wait(lambda: panel.logic.review.edits(), "the edit")
    panel.idle()
    panel.wait(lambda: not panel.logic.drawing.isMakingSurfaces, "the new surface")
    surface = segmentation.GetSegment("4R").GetRepresentation("Closed surface")
    assert surface is None or surface.GetNumberOfPoints() == 0


def count_surfaces(segmentation: object) -> int:
    ids = segmentation.GetSegmentIDs()
    return sum(segmentation.GetSegment(name).GetRepresentation("Closed surface") is not None for name in ids)


def test_a_layout_that_is_left_by_slicers_own_menu_is_left_for_good(panel: PanelDriver) -> None:
    ct = panel.choose_ct()
    panel.ui.petSelector.setCurrentNode(make_volume(name="PET"))
    panel.assess()
    assert ct is panel.logic.case.ctNode()
    panel.open_section("displaySection")
    manager, display = slicer.app.layoutManager(), panel.logic.case.stationsNode().GetDisplayNode()
    usual, red = manager.layout, slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView
    driver.click(panel.ui.petLayoutButton)
    slicer.app.processEvents()
    assert display.GetNumberOfViewNodeIDs() > 0, "not over the projection"
    manager.setLayout(red)
    slicer.app.processEvents()
    assert manager.layout == red
    assert display.GetNumberOfViewNodeIDs() == 0, "views that come later show the outlines too"
    assert not [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if node.GetHideFromEditors()]
    assert not panel.ui.petLayoutButton.checked
    manager.setLayout(usual)
