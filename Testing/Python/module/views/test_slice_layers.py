"""The reader's images stay as the reader has them: backgrounds, foregrounds and windows of the slice views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from LNStationSlicer.case.CaseScene import CaseScene  # noqa: E402
from LNStationSlicer.case.Parameters import CaseParameters  # noqa: E402
from LNStationSlicer.views.CtWindow import WINDOWS_HU  # noqa: E402
from LNStationSlicer.views.OverlayOptions import OverlayOptions  # noqa: E402
from LNStationSlicer.views.Overlays import Overlays  # noqa: E402
from module.mrml_cases import SHAPE, geometry_of, lps_matrix, make_case, make_volume, set_map  # noqa: E402
from module.panel_driver import PanelDriver  # noqa: E402
from slicer_host import driver  # noqa: E402

PLAIN, PET, MAP = (OverlayOptions(foreground=name) for name in ("none", "pet", "map"))
VIEWS = ("Red", "Green", "Yellow")


@pytest.fixture(autouse=True)
def _empty_scene() -> Iterator[None]:
    slicer_host.clear_scene()
    yield
    slicer_host.clear_scene()


def composite(view: str = "Red") -> Any:
    return slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceCompositeNode{view}")


def foregrounds() -> list[tuple[Any, float]]:
    return [(composite(v).GetForegroundVolumeID(), composite(v).GetForegroundOpacity()) for v in VIEWS]


def backgrounds() -> list[str | None]:
    return [composite(view).GetBackgroundVolumeID() for view in VIEWS]


def readers_foreground(name: str = "MRI", opacity: float = 0.7) -> str:
    """A volume of the reader's over all views; its id."""
    node = make_volume(name=name)
    for view in VIEWS:
        composite(view).SetForegroundVolumeID(node.GetID())
        composite(view).SetForegroundOpacity(opacity)
    return node.GetID()


def case_with_pet(suv: bool = True) -> CaseScene:
    case = make_case(pet=make_volume(array=np.ones(SHAPE, dtype=np.float32), name="PET"))
    CaseParameters(case.node).petUnit = "SUVbw" if suv else "auto"
    return case


def window(node: Any) -> tuple[float, float, bool]:
    display = node.GetDisplayNode()
    return display.GetWindow(), display.GetLevel(), bool(display.GetAutoWindowLevel())


def set_window(node: Any, width: float, level: float) -> None:
    node.GetDisplayNode().SetAutoWindowLevel(False)
    node.GetDisplayNode().SetWindowLevel(width, level)


# Foregrounds


def test_redrawing_leaves_the_readers_foreground_alone() -> None:
    case, own = make_case(), readers_foreground()
    for options in (PLAIN, MAP, replace(PLAIN, stationStyle="fill"), replace(PLAIN, nodesVisible=False)):
        Overlays(case).apply(options)
        assert foregrounds() == [(own, pytest.approx(0.7))] * 3


def test_what_lay_over_the_ct_before_comes_back_with_its_opacity() -> None:
    case, own = case_with_pet(), readers_foreground()
    Overlays(case).apply(replace(PET, foregroundOpacity=0.4))
    assert foregrounds() == [(case.petNode().GetID(), pytest.approx(0.4))] * 3
    Overlays(case).apply(PLAIN)
    assert foregrounds() == [(own, pytest.approx(0.7))] * 3


def test_a_pet_that_the_reader_has_laid_over_the_ct_stays_there() -> None:
    case = case_with_pet()
    for view in VIEWS:
        composite(view).SetForegroundVolumeID(case.petNode().GetID())
        composite(view).SetForegroundOpacity(0.9)
    before = window(case.petNode())
    Overlays(case).apply(PLAIN)
    assert foregrounds() == [(case.petNode().GetID(), pytest.approx(0.9))] * 3
    assert window(case.petNode()) == before


def test_a_view_in_which_the_reader_shows_something_else_meanwhile_is_left_alone() -> None:
    case = case_with_pet()
    Overlays(case).apply(PET)
    other = make_volume(name="subtraction").GetID()
    composite("Green").SetForegroundVolumeID(other)
    composite("Yellow").SetForegroundOpacity(0.1)
    Overlays(case).apply(replace(PET, stationStyle="fill"))
    assert [row[0] for row in foregrounds()] == [case.petNode().GetID(), other, case.petNode().GetID()]
    assert composite("Yellow").GetForegroundOpacity() == pytest.approx(0.1)
    Overlays(case).apply(replace(PET, foregroundOpacity=0.3))
    assert composite("Yellow").GetForegroundOpacity() == pytest.approx(0.3), "asked for in the panel"
    Overlays(case).apply(PLAIN)
    assert composite("Green").GetForegroundVolumeID() == other


def test_from_pet_to_attention_and_back_to_nothing_the_readers_layer_is_not_forgotten() -> None:
    case, own = case_with_pet(), readers_foreground()
    set_map(case, np.ones(SHAPE, dtype=np.float32), geometry_of(lps_matrix()))
    for options in (PET, MAP, PET, PLAIN):
        Overlays(case).apply(options)
    assert [row[0] for row in foregrounds()] == [own] * 3


def test_leaving_a_case_gives_the_views_back(tmp_path: Path) -> None:
    case, own = case_with_pet(), readers_foreground()
    Overlays(case).apply(PET)
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer_host.clear_scene()
    slicer.util.loadScene(path)
    loaded = CaseScene.allIn(slicer.mrmlScene)[0]
    assert composite().GetForegroundVolumeID() == loaded.petNode().GetID()
    Overlays(loaded).hide()
    assert [row[0] for row in foregrounds()] == [own] * 3


def test_a_layer_that_left_the_scene_uncovers_what_lay_below() -> None:
    case, own = make_case(), readers_foreground()
    set_map(case, np.ones(SHAPE, dtype=np.float32), geometry_of(lps_matrix()))
    Overlays(case).apply(MAP)
    set_map(case, None)
    Overlays(case).apply(MAP)
    assert [row[0] for row in foregrounds()] == [own] * 3


# The PET's look


def test_the_readers_window_of_the_pet_survives_every_redraw() -> None:
    case = case_with_pet()
    Overlays(case).apply(PET)
    assert case.petNode().GetDisplayNode().GetWindowLevelMax() == pytest.approx(10.0)
    set_window(case.petNode(), 5.0, 2.5)
    for options in (replace(PET, stationStyle="both"), replace(PET, foregroundOpacity=0.2), PET):
        Overlays(case).apply(options)
        assert window(case.petNode()) == (5.0, 2.5, False)
    Overlays(case).apply(replace(PET, petUpperSuv=7.0))
    assert case.petNode().GetDisplayNode().GetWindowLevelMax() == pytest.approx(7.0), "asked for"


def test_the_pet_looks_as_before_without_the_panel_and_as_the_reader_set_it_with_it() -> None:
    case = case_with_pet()
    set_window(case.petNode(), 77.0, 33.0)
    colors = case.petNode().GetDisplayNode().GetColorNodeID()
    Overlays(case).apply(PET)
    set_window(case.petNode(), 5.0, 2.5)
    Overlays(case).apply(PLAIN)
    assert window(case.petNode()) == (77.0, 33.0, False)
    assert case.petNode().GetDisplayNode().GetColorNodeID() == colors
    Overlays(case).apply(PET)
    assert window(case.petNode()) == (5.0, 2.5, False)


def test_another_pet_of_the_case_leaves_the_first_with_its_own_look() -> None:
    case = case_with_pet()
    first, second = case.petNode(), make_volume(array=np.ones(SHAPE, dtype=np.float32), name="PET 2")
    set_window(first, 77.0, 33.0)
    Overlays(case).apply(PET)
    case.setPetNode(second)
    Overlays(case).apply(PET)
    assert window(first) == (77.0, 33.0, False)
    assert second.GetDisplayNode().GetWindowLevelMax() == pytest.approx(10.0)
    assert [row[0] for row in foregrounds()] == [second.GetID()] * 3


# Background and window of the CT


def test_choosing_a_case_again_changes_no_window_and_no_background(panel: PanelDriver) -> None:
    ct = panel.choose_ct("first")
    first = panel.logic.case
    assert window(ct) == (*WINDOWS_HU["mediastinum"], False)
    assert backgrounds() == [ct.GetID()] * 3
    set_window(ct, 1500.0, -600.0)
    own = panel.add_ct("the reader's").GetID()
    composite("Green").SetBackgroundVolumeID(own)
    panel.logic.selectCase(None)
    panel.logic.selectCase(first)
    assert window(ct) == (1500.0, -600.0, False)
    assert backgrounds() == [ct.GetID(), own, ct.GetID()]


def test_a_window_that_was_chosen_before_the_case_stays(panel: PanelDriver) -> None:
    ct = panel.add_ct()
    set_window(ct, 1500.0, -600.0)
    panel.ui.ctSelector.setCurrentNode(ct)
    assert window(ct) == (1500.0, -600.0, False)


def test_another_case_takes_the_views_of_the_case_before_and_no_others(panel: PanelDriver) -> None:
    first = panel.choose_ct("first")
    panel.assess()
    one = panel.logic.case
    second = panel.choose_ct("second")
    assert backgrounds() == [second.GetID()] * 3
    own = panel.add_ct("the reader's").GetID()
    composite("Yellow").SetBackgroundVolumeID(own)
    panel.logic.selectCase(one)
    assert backgrounds() == [first.GetID(), first.GetID(), own]


def test_loading_a_scene_leaves_its_views_as_they_were_saved(panel: PanelDriver, tmp_path: Path) -> None:
    ct = panel.choose_ct()
    set_window(ct, 1500.0, -600.0)
    own = panel.add_ct("the reader's").GetID()
    composite("Green").SetBackgroundVolumeID(own)
    saved, path = backgrounds(), str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer_host.clear_scene()
    slicer.util.loadScene(path)
    slicer.app.processEvents()
    assert backgrounds() == saved
    assert window(panel.logic.case.ctNode()) == (1500.0, -600.0, False)


def test_a_button_shows_the_ct_in_all_views_in_a_mediastinal_window(panel: PanelDriver) -> None:
    ct = panel.choose_ct()
    panel.open_section("displaySection")
    set_window(ct, 1500.0, -600.0)
    composite("Green").SetBackgroundVolumeID(panel.add_ct("the reader's").GetID())
    driver.click(panel.ui.showCtButton)
    assert backgrounds() == [ct.GetID()] * 3
    assert window(ct) == (*WINDOWS_HU["mediastinum"], False)
