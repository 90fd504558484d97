"""The layout for CT, PET, fusion and projection, and the names of stations in the views."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from LNStationSlicer.case.Parameters import CaseParameters  # noqa: E402
from LNStationSlicer.exchange.SegmentMasks import matrixToArray  # noqa: E402
from LNStationSlicer.exchange.VolumeExchange import pointToRas  # noqa: E402
from LNStationSlicer.views import Navigation  # noqa: E402
from LNStationSlicer.views.CaseDrawing import CaseDrawing  # noqa: E402
from LNStationSlicer.views.LayoutTakeUp import takeUpLayout  # noqa: E402
from LNStationSlicer.views.OverlayOptions import OverlayOptions  # noqa: E402
from LNStationSlicer.views.PetViews import CT, FUSION, LAYOUT_ID, MIP, PET, PetViews, layoutXml  # noqa: E402
from LNStationSlicer.views.PriorViews import PriorViews  # noqa: E402
from LNStationSlicer.views.StationNames import StationNames  # noqa: E402
from module.mrml_cases import GRIDS, SHAPE, lps_matrix, make_case, make_volume  # noqa: E402
from slicer_host import driver, views  # noqa: E402


@pytest.fixture(autouse=True)
def _empty_scene() -> Iterator[None]:
    slicer_host.clear_scene()
    yield
    slicer_host.clear_scene()


def spot() -> np.ndarray:
    """A PET of SUV 1 with one voxel of 20 at the front of the chest, and one slice of 3."""
    array = np.ones(SHAPE, np.float32)
    array[12, 2, 24] = 20.0
    return array


def pet_case() -> Any:
    case = make_case(pet=make_volume(array=spot(), name="PET"))
    CaseParameters(case.node).petUnit = "SUVbw"
    return case


def composite(name: str) -> Any:
    return slicer.app.layoutManager().sliceWidget(name).mrmlSliceCompositeNode()


def test_a_scene_saved_in_the_layout_shows_it_again_and_leaves_it_for_slicers_usual_one() -> None:
    case, manager = pet_case(), slicer.app.layoutManager()
    usual = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    PetViews().show(case, OverlayOptions())
    composite(PET).SetBackgroundVolumeID(None)  # not saved
    again = PetViews()
    assert (again.isLeftOver, again.isShown) == (True, False)
    takeUpLayout(case, again, PriorViews())
    assert again.isShown
    assert slicer.mrmlScene.GetNodeByID(composite(PET).GetBackgroundVolumeID()).GetImageData() is not None
    again.hide()
    assert manager.layout == usual
    PetViews().show(case, OverlayOptions())
    without = PetViews()
    takeUpLayout(None, without, PriorViews())
    assert (manager.layout, without.isShown) == (usual, False)


def test_one_layout_of_the_module_after_the_other_leads_back_to_the_readers_own() -> None:
    case, manager = pet_case(), slicer.app.layoutManager()
    case.setPrior(make_case(), np.eye(4))
    usual, pets, priors = manager.layout, PetViews(), PriorViews()
    pets.show(case, OverlayOptions())
    priors.show(case)
    assert (pets.isShown, priors.isShown) == (False, True)
    pets.show(case, OverlayOptions())
    assert (pets.isShown, priors.isShown) == (True, False)
    pets.hide()
    assert manager.layout == usual


def test_ct_pet_and_both_stand_side_by_side_and_the_layout_before_comes_back() -> None:
    case, manager = pet_case(), slicer.app.layoutManager()
    before = manager.layout
    pets = PetViews()
    pets.show(case, OverlayOptions(foregroundOpacity=0.3, petUpperSuv=7.0))
    assert manager.layout == LAYOUT_ID
    assert pets.isShown
    gray = slicer.mrmlScene.GetNodeByID(composite(PET).GetBackgroundVolumeID())
    assert gray.GetImageData() is case.petNode().GetImageData(), "no voxel is copied"
    assert composite(CT).GetBackgroundVolumeID() == case.ctNode().GetID()
    assert not composite(CT).GetForegroundVolumeID()
    fusion = composite(FUSION)
    assert (fusion.GetBackgroundVolumeID(), fusion.GetForegroundVolumeID()) == (
        case.ctNode().GetID(), case.petNode().GetID(),
    )  # fmt: skip
    assert fusion.GetForegroundOpacity() == pytest.approx(0.3)
    assert gray.GetDisplayNode().GetWindowLevelMax() == pytest.approx(7.0)
    assert not gray.GetSaveWithScene()
    shown = case.stationsNode().GetDisplayNode()
    assert manager.sliceWidget(MIP).mrmlSliceNode().GetID() not in shown.GetViewNodeIDs()
    pets.hide()
    assert manager.layout == before
    assert gray.GetScene() is None
    assert not shown.GetViewNodeIDs()


@pytest.mark.parametrize("grid", ["anisotropic", "flipped along all", "axes permuted"])
def test_the_projection_shows_the_hottest_voxel_wherever_it_lies_from_front_to_back(grid: str) -> None:
    case = make_case(GRIDS[grid], pet=make_volume(GRIDS[grid], spot(), name="PET"))
    CaseParameters(case.node).petUnit = "SUVbw"
    pets = PetViews()
    pets.show(case, OverlayOptions())
    widget = slicer.app.layoutManager().sliceWidget(MIP)
    ras, bounds = pointToRas((GRIDS[grid] @ [24, 2, 12, 1])[:3]), [0.0] * 6
    case.petNode().GetRASBounds(bounds)
    for offset in (-8.0, 0.0, 8.0):
        widget.mrmlSliceNode().SetSliceOffset((bounds[2] + bounds[3]) / 2 + offset)
        pixels = views.picture(widget.sliceView(), (200, 200))
        toRas = matrixToArray(widget.mrmlSliceNode().GetXYToRAS())
        x, y = np.rint((np.linalg.inv(toRas) @ [*ras, 1])[:2]).astype(int)
        assert pixels[196 - y : 203 - y, x - 3 : x + 4].min() < 30, "black is the hottest"
    pets.hide()


def test_a_case_without_pet_keeps_its_layout() -> None:
    case, before = make_case(), slicer.app.layoutManager().layout
    pets = PetViews()
    pets.show(case, OverlayOptions())
    assert slicer.app.layoutManager().layout == before
    assert not pets.isShown


def test_the_layout_is_one_that_slicer_can_read() -> None:
    assert layoutXml().count('class="vtkMRMLSliceNode"') == 4


@pytest.mark.parametrize("grid", GRIDS)
def test_each_name_stands_inside_what_the_slice_shows_of_its_station(grid: str) -> None:
    case = make_case(GRIDS[grid])
    names = StationNames(case)
    for piece in names.missingPoints():
        piece()
    assert list(names.missingPoints()) == [], "nothing is looked at twice"
    red = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
    assert Navigation.centerOn(case, "4L", modelHidden=True)
    places = names.placesIn(red)
    assert "4L" in places
    for name, (x, y) in places.items():
        ras = red.GetXYToRAS().MultiplyPoint((x, y, 0.0, 1.0))[:3]
        assert Navigation.stationAt(case, ras) == name
    names.hide()


def test_names_come_with_the_stations_and_go_with_them() -> None:
    case = make_case()
    drawing = CaseDrawing(case)
    Navigation.centerOn(case, "7", modelHidden=True)
    drawing.show(OverlayOptions(), False, "7")
    driver.wait_for(lambda: not drawing.isMakingSurfaces, 10.0, "the names")
    renderer = slicer.app.layoutManager().sliceWidget("Red").sliceView().renderer()

    def written() -> list[str]:
        actors = renderer.GetActors2D()
        found = [actors.GetItemAsObject(i) for i in range(actors.GetNumberOfItems())]
        texts = [one for one in found if one.IsA("vtkTextActor") and one.GetVisibility()]
        return sorted(one.GetInput() for one in texts)

    assert "7" in written()
    assert "4R" not in written(), "another slice"
    Navigation.centerOn(case, "4R", modelHidden=True)
    assert {"4R", "4L"} <= set(written())
    drawing.show(OverlayOptions(namesVisible=False), False, None)
    assert "4R" not in written()
    drawing.end()


def test_a_station_that_leaves_the_scan_is_not_named() -> None:
    case = make_case(lps_matrix())
    red = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
    red.SetSliceOffset(5000.0)
    names = StationNames(case)
    for piece in names.missingPoints():
        piece()
    assert names.placesIn(red) == {}
    names.hide()
