"""What a click on a row makes the views do, and in which order."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import qt  # noqa: E402
import vtk  # noqa: E402
from LNStationSlicer.exchange.SegmentMasks import labelImage  # noqa: E402
from LNStationSlicer.views.PetViews import CT, FUSION, PET  # noqa: E402
from LNStationSlicer.views.Surfaces import missingSurfaces  # noqa: E402
from module.mrml_cases import make_volume  # noqa: E402
from module.panel_driver import PanelDriver  # noqa: E402
from slicer_host import driver  # noqa: E402

SLICES_RENDER_MS = 17
"""After a view of Slicer has asked for it."""


def three_d() -> Any:
    return slicer.app.layoutManager().threeDWidget(0).threeDView()


def assessed(panel: PanelDriver) -> None:
    """With names in the views."""
    panel.assessed()
    panel.wait(lambda: not panel.logic.drawing.isMakingSurfaces, "the names")


def placed(panel: PanelDriver, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often names are placed from here on, by view."""
    names, counts = panel.logic.drawing.names, Counter[str]()
    plain = names.placesIn

    def counted(node: Any) -> Any:
        counts[node.GetLayoutName()] += 1
        return plain(node)

    monkeypatch.setattr(names, "placesIn", counted)
    return counts


def test_a_click_places_the_names_once_in_each_view(panel: PanelDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    assessed(panel)
    panel.click_row("7")
    counts = placed(panel, monkeypatch)
    panel.click_row("4R")
    assert counts == {"Red": 1, "Green": 1, "Yellow": 1}
    panel.click_row("4R")
    assert sum(counts.values()) == 3, "nothing moved"


def test_views_of_another_layout_are_named_once_they_are_shown(
    panel: PanelDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assessed(panel)
    panel.logic.case.setPetNode(make_volume(name="PET"))
    panel.widget.refresh()
    panel.open_section("displaySection")
    driver.click(panel.ui.petLayoutButton)
    assert panel.logic.petViews.isShown
    panel.click_row("7")
    counts = placed(panel, monkeypatch)
    panel.click_row("4R")
    assert counts == {CT: 1, PET: 1, FUSION: 1}
    driver.click(panel.ui.petLayoutButton)
    panel.wait(lambda: counts["Red"], "the names in the layout before")
    assert {"4R", "4L"} <= set(panel.logic.drawing.names._places["Red"][1])


def test_the_selected_name_is_bold_in_views_that_stay_where_they_are(panel: PanelDriver) -> None:
    assessed(panel)
    panel.click_row("4R")
    assert panel.logic.selectAt(centroid_of(panel, "4L"))
    bold = {
        name: actor.GetTextProperty().GetBold() for name, actor in panel.logic.drawing.names._actors["Red"].items()
    }
    assert (bold["4L"], bold["4R"]) == (1, 0)


def centroid_of(panel: PanelDriver, station: str) -> tuple[float, ...]:
    return tuple(panel.logic.case.stationsNode().GetSegmentCenterRAS(station))


@pytest.mark.parametrize("busy_s", [0.0, 0.15])
def test_the_3d_view_renders_after_the_slice_views(panel: PanelDriver, busy_s: float) -> None:
    assessed(panel)
    panel.wait(lambda: not three_d().isRenderPaused(), "the 3D view")
    held: list[bool] = []
    panel.logic.selectStation("7")
    qt.QTimer.singleShot(SLICES_RENDER_MS, lambda: held.append(three_d().isRenderPaused()))
    time.sleep(busy_s)
    panel.wait(lambda: held and not three_d().isRenderPaused(), "the 3D view")
    assert held == [True]


def test_clicks_in_quick_succession_hold_the_3d_view_once(panel: PanelDriver) -> None:
    assessed(panel)
    for name in ("7", "4R", "4L"):
        panel.logic.selectStation(name)
    panel.logic.nodes.select(1)
    assert three_d().pauses == 1
    panel.wait(lambda: not three_d().isRenderPaused(), "the 3D view")


def test_a_node_and_the_end_of_a_case_leave_no_3d_view_held(panel: PanelDriver) -> None:
    assessed(panel)
    panel.wait(lambda: not three_d().isRenderPaused(), "the 3D view")
    panel.logic.nodes.select(1)
    assert three_d().isRenderPaused()
    panel.logic.selectCase(None)
    assert not three_d().isRenderPaused()


def ball_and_speck() -> np.ndarray:
    """A ball of 25 voxels' radius with a tongue one voxel thick, and a single voxel."""
    z, y, x = np.indices((60, 60, 90))
    array = ((z - 30) ** 2 + (y - 30) ** 2 + (x - 30) ** 2 <= 25**2).astype(np.uint8)
    array[30, 26:34, 30:80] = 1
    array[5, 5, 85] = 1
    return array


def surfaces() -> tuple[vtk.vtkPolyData, vtk.vtkPolyData]:
    """Ours and Slicer's, of one segment with voxels of 0.7 x 0.7 x 1.5 mm."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "ball")
    segment = slicer.vtkSegment()
    image = labelImage(ball_and_speck(), np.diag([0.7, 0.7, 1.5, 1.0]))
    segment.AddRepresentation("Binary labelmap", image)
    node.GetSegmentation().AddSegment(segment, "ball")
    for piece in missingSurfaces(node):
        driver.wait_for(lambda piece=piece: piece() is None, what="the surface")
    ours, slicers = vtk.vtkPolyData(), vtk.vtkPolyData()
    node.GetClosedSurfaceRepresentation("ball", ours)
    node.RemoveClosedSurfaceRepresentation()
    node.CreateClosedSurfaceRepresentation()
    node.GetClosedSurfaceRepresentation("ball", slicers)
    return ours, slicers


def parts(surface: vtk.vtkPolyData) -> int:
    connectivity = vtk.vtkPolyDataConnectivityFilter()
    connectivity.SetInputData(surface)
    connectivity.SetExtractionModeToAllRegions()
    connectivity.Update()
    return connectivity.GetNumberOfExtractedRegions()


def test_a_large_surface_has_fewer_triangles_and_lies_where_it_lay() -> None:
    slicer_host.clear_scene()
    ours, slicers = surfaces()
    assert slicers.GetNumberOfPolys() > 10_000
    assert ours.GetNumberOfPolys() < 0.45 * slicers.GetNumberOfPolys()
    distance = vtk.vtkHausdorffDistancePointSetFilter()
    distance.SetInputData(0, slicers)
    distance.SetInputData(1, ours)
    distance.SetTargetDistanceMethodToPointToCell()
    distance.Update()
    assert max(distance.GetRelativeDistance()) < 0.75, "about a pixel, at the tongue's edge too"
    assert parts(ours) == parts(slicers) == 2, "the speck is there"
    assert ours.GetPointData().GetNormals() is not None
    slicer_host.clear_scene()
