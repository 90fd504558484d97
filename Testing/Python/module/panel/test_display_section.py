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
from module.panel_hand import ALL_4R, Hand, panel  # noqa: E402
from slicer_host import driver, screenshots  # noqa: E402


def test_filters_and_display_options_do_what_they_say(hand: Hand) -> None:
    hand.assessed()
    hand.ui.filterCombo.currentIndex = hand.ui.filterCombo.findData("relevant")
    assert hand.table.names == ["4R", "7"]
    hand.open_section("displaySection")
    hand.ui.representationCombo.currentIndex = hand.ui.representationCombo.findData("fill")
    hand.ui.colorByCombo.currentIndex = hand.ui.colorByCombo.findData("probability")
    hand.ui.show3DCheck.checked = True
    hand.ui.showNodesCheck.checked = False
    options = hand.logic.overlays.options()
    assert (options.stationStyle, options.stationColor, options.show3D) == ("fill", "probability", True)
    assert not options.nodesVisible
    display = hand.logic.case.stationsNode().GetDisplayNode()
    assert display.GetVisibility2DFill()
    assert not hand.logic.case.nodesNode().GetDisplayNode().GetVisibility()
    hand.ui.representationCombo.currentIndex = hand.ui.representationCombo.findData("none")
    assert not display.GetVisibility()


def test_unconfirmed_candidates_are_shown_once_the_box_is_ticked_and_not_by_any_other_click(tmp_path: Path) -> None:
    with panel(tmp_path, assessment=make_unconfirmed_assessment()) as hand:
        hand.assessed()
        hand.open_section("displaySection")
        display = hand.logic.case.nodesNode().GetDisplayNode()
        assert not display.GetVisibility()
        assert not hand.ui.showNodesCheck.checked
        assert "nconfirmed" in hand.ui.showNodesCheck.toolTip
        assert (hand.cell("4R", "model"), hand.cell("4L", "model")) == ("pos?", "neg?")
        hand.click_row("4R")
        assert "unconfirmed candidates" in hand.ui.reasonLabel.text
        hand.ui.representationCombo.currentIndex = hand.ui.representationCombo.findData("fill")
        assert not display.GetVisibility()
        assert hand.logic.overlays.options().nodesVisible is None
        driver.click(hand.ui.showNodesCheck)
        assert display.GetVisibility()
        driver.click(hand.ui.assessButton)
        hand.idle()
        assert display.GetVisibility(), "the reader asked for them"


def test_a_click_on_a_row_shows_the_stations_attention_where_there_is_a_map(hand: Hand) -> None:
    hand.assessed()
    hand.open_section("displaySection")
    assert not hand.ui.mapRadio.enabled
    assert "no attention map" in hand.ui.mapRadio.toolTip
    hand.ui.colorByCombo.currentIndex = hand.ui.colorByCombo.findData("probability")
    hand.worker.behave(assess={"attention": True})
    driver.click(hand.ui.assessButton)
    hand.idle()
    assert hand.ui.mapRadio.enabled
    hand.click_row("4R")
    with_map = screenshots.slice_view("Red", (200, 200)).astype(int)
    driver.click(hand.ui.plainRadio)
    without = screenshots.slice_view("Red", (200, 200)).astype(int)
    assert np.abs(with_map - without).sum() > 1000
    driver.click(hand.ui.mapRadio)
    assert np.array_equal(screenshots.slice_view("Red", (200, 200)).astype(int), with_map)


def test_opacity_threshold_and_colors_of_the_attention_map_are_those_of_the_panel(hand: Hand) -> None:
    hand.choose_ct()
    hand.worker.behave(assess={"attention": True})
    hand.assess()
    hand.open_section("displaySection")
    hand.ui.foregroundOpacitySlider.value = 0.25
    hand.ui.mapThresholdSlider.value = 0.75
    hand.ui.mapColorCombo.currentIndex = hand.ui.mapColorCombo.findData("cividis")
    options = hand.logic.overlays.options()
    assert (options.foregroundOpacity, options.mapThreshold) == (0.25, 0.75)
    assert options.mapColorMap == "cividis"
    display = hand.logic.case.mapNode().GetDisplayNode()
    assert display.GetLowerThreshold() == pytest.approx(0.75)
    assert display.GetColorNode().GetName().startswith("Attention")
    red = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    assert red.GetForegroundOpacity() == pytest.approx(0.25)
    assert red.GetForegroundVolumeID() == hand.logic.case.mapNode().GetID()


def test_one_switch_changes_between_ct_alone_pet_and_attention(hand: Hand) -> None:
    hand.choose_ct()
    hand.open_section("displaySection")
    assert not hand.ui.petRadio.enabled
    hand.ui.petSelector.setCurrentNode(make_volume(name="PET"))
    slicer.app.processEvents()
    red = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    driver.click(hand.ui.petRadio)
    assert red.GetForegroundVolumeID() == hand.logic.case.petNode().GetID()
    assert hand.ui.foregroundOpacitySlider.enabled
    driver.click(hand.ui.plainRadio)
    assert red.GetForegroundVolumeID() is None
    assert not hand.ui.foregroundOpacitySlider.enabled


def test_what_is_shown_in_three_dimensions_is_made_without_holding_the_panel_up(hand: Hand) -> None:
    hand.assessed()
    hand.open_section("displaySection")
    segmentation = hand.logic.case.stationsNode().GetSegmentation()
    driver_ticks = []
    timer = qt.QTimer()
    timer.interval = 0
    timer.timeout.connect(lambda: driver_ticks.append(count_surfaces(segmentation)))
    timer.start()
    hand.ui.show3DCheck.checked = True
    assert count_surfaces(segmentation) == 0, "the click itself makes none"
    hand.wait(lambda: not hand.logic.drawing.isMakingSurfaces, "the surfaces")
    timer.stop()
    assert len(set(driver_ticks)) > 3, "the event loop ran between surfaces"
    assert count_surfaces(segmentation) == segmentation.GetNumberOfSegments()
    # An edit while they are shown: the edited one is made anew.
    hand.erase(box=ALL_4R)
    hand.wait(lambda: hand.logic.review.edits(), "the edit")
    hand.idle()
    hand.wait(lambda: not hand.logic.drawing.isMakingSurfaces, "the new surface")
    surface = segmentation.GetSegment("4R").GetRepresentation("Closed surface")
    assert surface is None or surface.GetNumberOfPoints() == 0


def count_surfaces(segmentation: object) -> int:
    ids = segmentation.GetSegmentIDs()
    return sum(segmentation.GetSegment(name).GetRepresentation("Closed surface") is not None for name in ids)
