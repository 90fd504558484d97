"""What is seen: pixels of slice views rendered by Slicer's own displayable managers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import vtk  # noqa: E402
from LNStationSlicer.case.CaseSegmentations import NEUTRAL_NODE_COLOR  # noqa: E402
from LNStationSlicer.case.Parameters import CaseParameters  # noqa: E402
from LNStationSlicer.support.Steps import AGAIN  # noqa: E402
from LNStationSlicer.views import Navigation, Overlays  # noqa: E402
from LNStationSlicer.views.ColorMaps import COLOR_MAPS, colorTable  # noqa: E402
from LNStationSlicer.views.OverlayOptions import (  # noqa: E402
    NOT_ASSESSED_COLOR,
    OverlayOptions,
    callColor,
    probabilityColor,
)
from LNStationSlicer.views.Surfaces import missingSurfaces  # noqa: E402
from module.mrml_cases import (  # noqa: E402
    SHAPE,
    geometry_of,
    lps_matrix,
    make_case,
    make_unconfirmed_assessment,
    make_volume,
    node_array,
    set_map,
)
from slicer_host import screenshots  # noqa: E402
from vtk.util.numpy_support import vtk_to_numpy  # noqa: E402

from LNStationLib import anatomy  # noqa: E402

SIZE = (300, 300)


@pytest.fixture(autouse=True)
def _empty_scene() -> Iterator[None]:
    slicer_host.clear_scene()
    yield
    slicer_host.clear_scene()


def run(pieces: Iterable[Callable[[], object]]) -> None:
    """As ``Steps`` does, without the event loop."""
    for piece in pieces:
        while piece() is AGAIN:
            pass


def shown(case: Any, options: OverlayOptions, station: str = "4L") -> np.ndarray:
    """The axial view at a station, RGB in [0, 1]."""
    overlays = Overlays.Overlays(case)
    overlays.showCt()
    overlays.apply(options)
    Navigation.centerOn(case, station, modelHidden=True)
    red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    red.SetFieldOfView(70.0, 70.0, red.GetFieldOfView()[2])
    return screenshots.slice_view("Red", SIZE) / 255.0


def count(pixels: np.ndarray, color: tuple[float, float, float], tolerance: float = 0.12) -> int:
    return int((np.abs(pixels - np.asarray(color)).max(axis=2) < tolerance).sum())


def hue_count(pixels: np.ndarray, color: tuple[float, float, float]) -> int:
    """Pixels whose color differs from gray in the direction of a color: a half-transparent overlay on gray."""
    wanted = np.asarray(color) - np.mean(color)
    saturation = pixels - pixels.mean(axis=2, keepdims=True)
    norm = np.linalg.norm(saturation, axis=2)
    cosine = saturation @ wanted / np.maximum(norm * np.linalg.norm(wanted), 1e-9)
    return int(((cosine > 0.985) & (norm > 0.04)).sum())


def color_of(station: str) -> tuple[float, float, float]:
    r, g, b = (channel / 255 for channel in anatomy.station(station).color)
    return r, g, b


def flat_case(pet: Any = None, suv: bool = True) -> Any:
    case = make_case(pet=pet)
    CaseParameters(case.node).petUnit = "SUVbw" if suv else "auto"
    slicer.util.updateVolumeFromArray(case.ctNode(), np.full(SHAPE, 40, dtype=np.int16))
    return case


def test_stations_are_outlined_in_their_own_colors() -> None:
    pixels = shown(flat_case(), OverlayOptions(stationOpacity=1.0, nodesVisible=False))
    for station in ("4R", "4L"):
        assert 100 < count(pixels, color_of(station)) < 4000
    assert count(pixels, color_of("5")) == 0


def test_filled_stations_cover_their_area() -> None:
    case = flat_case()
    outline = shown(case, OverlayOptions(stationStyle="outline", nodesVisible=False))
    filled = shown(case, OverlayOptions(stationStyle="fill", nodesVisible=False))
    # 4L has 12 x 12 voxels of 1.5 x 1.25 mm; 70 mm are 300 pixels.
    area = 12 * 1.5 * 12 * 1.25 * (300 / 70) ** 2
    assert hue_count(filled, color_of("4L")) == pytest.approx(area, rel=0.1)
    assert hue_count(outline, color_of("4L")) < 0.35 * area


def test_hidden_stations_leave_no_color() -> None:
    pixels = shown(flat_case(), OverlayOptions(stationsVisible=False, nodesVisible=False))
    assert (np.ptp(pixels, axis=2) > 0.05).sum() == 0


def test_colors_by_probability_are_sequential_and_gray_where_not_assessed() -> None:
    case = flat_case()
    options = OverlayOptions(stationStyle="fill", stationColor="probability", stationOpacity=1.0, nodesVisible=False)
    pixels = shown(case, options)
    assert hue_count(pixels, probabilityColor(0.91)) > 1000
    assert hue_count(pixels, color_of("4L")) < 50
    display = case.stationsNode().GetDisplayNode()
    assert display.GetSegmentOverrideColor("7") == pytest.approx(NOT_ASSESSED_COLOR)
    assert probabilityColor(None) == NOT_ASSESSED_COLOR != probabilityColor(0.0)
    segment = case.stationsNode().GetSegmentation().GetSegment("4R")
    assert segment.GetColor() == pytest.approx(color_of("4R"))
    assert hue_count(shown(case, replace(options, stationColor="anatomy")), color_of("4L")) > 1000


def luminance(colors: np.ndarray) -> np.ndarray:
    """Relative luminance of sRGB colors (WCAG 2)."""
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("name", COLOR_MAPS)
def test_color_maps_grow_lighter_all_the_way_or_darker(name: str) -> None:
    steps = np.diff(luminance(colorTable(name)))
    sign = -1 if name == "gray inverted" else 1
    assert (sign * steps > -1e-9).all()


def test_unknown_color_maps_are_refused() -> None:
    with pytest.raises(ValueError, match="inferno"):
        colorTable("jet")


def test_nodes_are_colored_by_call_and_not_drawn_while_the_model_is_hidden() -> None:
    case = flat_case()
    options = OverlayOptions(stationsVisible=False, nodesVisible=True)
    assert hue_count(shown(case, options, "4R"), callColor("positive")) > 100
    hidden = shown(case, replace(options, modelHidden=True), "4R")
    assert (np.ptp(hidden, axis=2) > 0.05).sum() == 0, "their number and size are the answer of the clinical criteria"
    Overlays.Overlays(case).apply(replace(options, modelHidden=True, show3D=True))
    assert not case.nodesNode().GetDisplayNode().GetVisibility()


def test_candidates_unfit_for_staging_are_neutral_and_hidden_until_asked_for() -> None:
    case = flat_case()
    case.setAssessment(make_unconfirmed_assessment())
    case.setNodes(node_array(), geometry_of(lps_matrix()))
    options = OverlayOptions(stationsVisible=False)
    assert (np.ptp(shown(case, options, "4R"), axis=2) > 0.05).sum() == 0
    asked = shown(case, replace(options, nodesVisible=True), "4R")
    assert hue_count(asked, NEUTRAL_NODE_COLOR) > 100
    assert hue_count(asked, callColor("positive")) == 0
    segmentation = case.nodesNode().GetSegmentation()
    names = [segmentation.GetSegment(name).GetName() for name in segmentation.GetSegmentIDs()]
    assert names == ["Node 1 (4R)?", "Node 7 (4R)?", "Node 300 (7)?"]


def test_nodes_of_a_scene_that_does_not_say_whether_they_are_fit_are_shown() -> None:
    case, assessment = flat_case(), make_unconfirmed_assessment()
    for finding in (*assessment["nodes"], *assessment["stations"]):
        del finding["fit_for_staging"]
    case.setAssessment(assessment)
    assert Overlays.Overlays(case).nodesShown(OverlayOptions())


def test_a_highlighted_station_is_filled_and_the_others_are_dimmed() -> None:
    case = flat_case()
    plain = shown(case, OverlayOptions(nodesVisible=False))
    Overlays.Overlays(case).highlight("4L")
    lit = screenshots.slice_view("Red", SIZE) / 255.0
    assert hue_count(lit, color_of("4L")) > 3 * hue_count(plain, color_of("4L"))
    assert count(lit, color_of("4R")) < 0.2 * count(plain, color_of("4R"))
    Overlays.Overlays(case).highlight(None)
    assert np.abs(screenshots.slice_view("Red", SIZE) / 255.0 - plain).max() < 0.02


def with_evidence(case: Any) -> Any:
    array = np.zeros(SHAPE, dtype=np.float32)
    array[12:18, 8:20, 20:26] = 0.2
    array[12:18, 8:20, 26:32] = 2.0
    set_map(case, array, geometry_of(lps_matrix()))
    return case


def test_attention_is_drawn_above_its_threshold_in_its_colors() -> None:
    case = with_evidence(flat_case())
    options = OverlayOptions(
        stationsVisible=False, nodesVisible=False, foreground="map", foregroundOpacity=1.0,
        mapThreshold=0.5, mapColorMap="viridis",
    )  # fmt: skip
    half = 6 * 1.5 * 12 * 1.25 * (300 / 70) ** 2
    pixels = shown(case, options)
    colored = (np.ptp(pixels, axis=2) > 0.1).sum()
    assert colored == pytest.approx(half, rel=0.25)
    assert count(pixels, tuple(colorTable("viridis")[-1])) > 0.6 * half
    lower = shown(case, replace(options, mapThreshold=0.05))
    assert (np.ptp(lower, axis=2) > 0.1).sum() > 1.6 * colored
    inferno = shown(case, replace(options, mapColorMap="inferno"))
    assert count(inferno, tuple(colorTable("inferno")[-1])) > 0.6 * half


def test_attention_is_never_shown_while_the_model_is_hidden() -> None:
    case = with_evidence(flat_case())
    options = OverlayOptions(stationsVisible=False, nodesVisible=False, foreground="map", modelHidden=True)
    assert (np.ptp(shown(case, options), axis=2) > 0.05).sum() == 0


def test_probability_is_never_shown_while_the_model_is_hidden() -> None:
    case = flat_case()
    options = OverlayOptions(stationColor="probability", stationStyle="fill", nodesVisible=False, modelHidden=True)
    assert hue_count(shown(case, options), color_of("4L")) > 1000


def test_pet_is_fused_over_the_ct_with_the_opacity_asked_for() -> None:
    array = np.zeros(SHAPE, dtype=np.float32)
    array[12:18, 8:20, 20:32] = 12.0
    pet = make_volume(array=array, name="PET")
    case = flat_case(pet)
    options = OverlayOptions(
        stationsVisible=False, nodesVisible=False, foreground="pet", foregroundOpacity=1.0, petColorMap="viridis"
    )
    hot = tuple(colorTable("viridis")[-1])
    assert count(shown(case, options), hot) > 2000
    assert count(shown(case, replace(options, foregroundOpacity=0.4)), hot) == 0
    assert (np.ptp(shown(case, replace(options, foreground="none")), axis=2) > 0.05).sum() == 0


def test_without_a_pet_or_attention_the_ct_is_shown_alone() -> None:
    case = flat_case()
    for foreground in ("pet", "map"):
        options = OverlayOptions(stationsVisible=False, nodesVisible=False, foreground=foreground)
        assert (np.ptp(shown(case, options), axis=2) > 0.05).sum() == 0


def test_surfaces_are_made_when_asked_for_and_hidden_again() -> None:
    case = flat_case()
    overlays = Overlays.Overlays(case)
    overlays.apply(OverlayOptions())
    assert not case.stationsNode().GetSegmentation().ContainsRepresentation("Closed surface")
    overlays.apply(OverlayOptions(show3D=True))
    pieces = list(overlays.missingSurfaces())
    surfaces = len(anatomy.stations()) + 3 + 1
    assert len(pieces) == 3 * surfaces, "the trachea too; one at a time, or the GUI stands still"
    run(pieces)
    assert list(overlays.missingSurfaces()) == []
    slicer.util.resetThreeDViews()
    with_surfaces = screenshots.three_d_view(SIZE) / 255.0
    overlays.apply(OverlayOptions())
    without = screenshots.three_d_view(SIZE) / 255.0
    assert (np.abs(with_surfaces - without).max(axis=2) > 0.1).sum() > 1000


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("SmoothingFactor", "0.5"),
        ("SmoothingFactor", "0.2"),
        ("SmoothingFactor", "0.0"),
        ("ComputeSurfaceNormals", "0"),
        ("ConversionMethod", "1"),
    ],
)
def test_a_surface_is_the_one_slicer_itself_would_make(option: str, value: str) -> None:
    node, ours, slicers = flat_case().stationsNode(), vtk.vtkPolyData(), vtk.vtkPolyData()
    rule = slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule
    node.GetSegmentation().SetConversionParameter(getattr(rule, f"Get{option}ParameterName")(), value)
    run(missingSurfaces(node))
    node.GetClosedSurfaceRepresentation("4R", ours)
    node.RemoveClosedSurfaceRepresentation()
    node.CreateClosedSurfaceRepresentation()
    node.GetClosedSurfaceRepresentation("4R", slicers)
    assert ours.GetNumberOfPoints() > 100
    points = (vtk_to_numpy(one.GetPoints().GetData()) for one in (ours, slicers))
    # Coordinates of single precision are counted in voxels of the segment's own box, by Slicer in those of all.
    assert np.allclose(*points, rtol=0, atol=1e-4)
    normals = [one.GetPointData().GetNormals() for one in (ours, slicers)]
    assert (option in ("ComputeSurfaceNormals", "ConversionMethod")) == (normals == [None, None])
    assert normals[0] is None or np.allclose(*map(vtk_to_numpy, normals), atol=1e-4)


def test_a_surface_shows_what_was_drawn_while_its_second_piece_waited() -> None:
    node = flat_case().stationsNode()
    segmentation = node.GetSegmentation()
    shape, _refine, show = list(missingSurfaces(node, ["4R"]))
    shape()
    voxels = segmentation.GetSegment("4R").GetRepresentation("Binary labelmap").GetPointData().GetScalars()
    voxels.Fill(0)
    voxels.Modified()
    show()
    assert segmentation.GetSegment("4R").GetRepresentation("Closed surface").GetNumberOfPoints() == 0
    shape, _refine, show = list(missingSurfaces(node, ["7"]))
    shape()
    segmentation.RemoveSegment("7")
    show()


def test_what_lies_over_the_ct_is_hidden_by_no_fill() -> None:
    array = np.zeros(SHAPE, dtype=np.float32)
    array[12:18, 8:20, 8:32] = 12.0
    case = flat_case(make_volume(array=array, name="PET"))
    options = OverlayOptions(foreground="pet", foregroundOpacity=1.0, petColorMap="viridis", stationStyle="both")
    bare = shown(case, replace(options, stationsVisible=False, nodesVisible=False))
    hot = tuple(colorTable("viridis")[-1])
    covered = shown(case, replace(options, highlighted="4R"))
    assert count(covered, hot) > 0.8 * count(bare, hot)
    assert hue_count(covered, color_of("4R")) > 100, "the outline stays"
    assert hue_count(shown(case, replace(options, foreground="none")), color_of("4R")) > 1000


def test_a_pet_that_is_no_suv_gets_no_window_in_suv() -> None:
    array = np.linspace(0, 40000, np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    pet = make_volume(array=array, name="PET")
    case = flat_case(pet, suv=False)
    Overlays.Overlays(case).apply(OverlayOptions(foreground="pet"))
    assert pet.GetDisplayNode().GetWindowLevelMax() > 10000
    CaseParameters(case.node).petUnit = "SUVbw"
    Overlays.Overlays(case).apply(OverlayOptions(foreground="pet"))
    assert pet.GetDisplayNode().GetWindowLevelMax() == pytest.approx(10.0)


def test_hiding_a_case_clears_the_views_and_gives_the_pet_its_look_back() -> None:
    pet = make_volume(name="PET")
    display = pet.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(77.0, 33.0)
    colors = display.GetColorNodeID()
    case = flat_case(pet)
    shown(case, OverlayOptions(foreground="pet", foregroundOpacity=1.0))
    Overlays.Overlays(case).hide()
    pixels = screenshots.slice_view("Red", SIZE) / 255.0
    assert (np.ptp(pixels, axis=2) > 0.05).sum() == 0
    assert display.GetColorNodeID() == colors
    assert (display.GetWindow(), display.GetLevel(), display.GetAutoWindowLevel()) == (77.0, 33.0, 0)


def test_two_cases_are_drawn_by_their_own_options() -> None:
    first, second = flat_case(), make_case(name="second")
    Overlays.Overlays(first).apply(OverlayOptions(stationStyle="fill"))
    Overlays.Overlays(second).apply(OverlayOptions(stationColor="probability"))
    assert Overlays.Overlays(first).options() == OverlayOptions(stationStyle="fill")
    assert first.stationsNode().GetDisplayNode() is not second.stationsNode().GetDisplayNode()


def test_options_of_a_newer_version_are_read_as_far_as_they_are_known() -> None:
    state = {**OverlayOptions(show3D=True).asDict(), "hologram": True}
    assert OverlayOptions.fromDict(state) == OverlayOptions(show3D=True)


def test_in_3d_nodes_are_opaque_stations_faint_and_the_airway_is_there() -> None:
    case = flat_case()
    overlays = Overlays.Overlays(case)
    overlays.apply(OverlayOptions(show3D=True, nodesVisible=True, stationOpacity=1.0))
    run(overlays.missingSurfaces())
    slicer.app.layoutManager().resetThreeDViews()
    organs, stations, nodes = (
        node.GetDisplayNode() for node in (case.organsNode(), case.stationsNode(), case.nodesNode())
    )
    assert organs.GetVisibility3D()
    assert not organs.GetVisibility2D()
    assert [one for one in ("trachea", "aorta") if organs.GetSegmentVisibility3D(one)] == ["trachea"]
    segmentation = case.organsNode().GetSegmentation()
    assert segmentation.GetSegment("trachea").GetRepresentation("Closed surface") is not None
    assert segmentation.GetSegment("aorta").GetRepresentation("Closed surface").GetNumberOfPoints() == 0
    overlays.apply(OverlayOptions(show3D=False))
    assert segmentation.GetSegment("aorta").GetRepresentation("Closed surface") is None, "Slicer may make a true one"
    overlays.apply(OverlayOptions(show3D=True, nodesVisible=True, stationOpacity=1.0))
    list(overlays.missingSurfaces())
    bare = screenshots.three_d_view(SIZE).astype(int)
    organs.SetVisibility(False)
    assert (np.abs(screenshots.three_d_view(SIZE).astype(int) - bare).max(axis=2) > 8).sum() > 20, "it is seen"
    organs.SetVisibility(True)
    opacity = [nodes.GetSegmentOpacity3D("node_7"), organs.GetSegmentOpacity3D("trachea")]
    assert opacity[0] == 1.0 > opacity[1] > stations.GetSegmentOpacity3D("4R")


def test_smooth_outlines_are_cut_from_surfaces_and_nodes_keep_their_voxels() -> None:
    case = flat_case()
    overlays = Overlays.Overlays(case)
    overlays.apply(OverlayOptions(smoothOutlines=True, nodesVisible=True))
    run(overlays.missingSurfaces())
    assert case.stationsNode().GetDisplayNode().GetDisplayRepresentationName2D() == "Closed surface"
    assert case.nodesNode().GetDisplayNode().GetDisplayRepresentationName2D() == "Binary labelmap"
    overlays.apply(OverlayOptions(smoothOutlines=False))
    assert case.stationsNode().GetDisplayNode().GetDisplayRepresentationName2D() == "Binary labelmap"
