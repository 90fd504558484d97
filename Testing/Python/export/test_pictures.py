"""Pictures show the patient as a radiologist expects, however the CT was stored."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from assessed_cases import assessed_case
from export.cases import NODES, STATIONS, Frame, Options, ball_labels, image_of, make_result
from export.drawings import outline_of_color, raster, size, texts
from scipy.spatial.transform import Rotation

from LNStationLib import anatomy
from LNStationLib.export.pictures import plane_drawing
from LNStationLib.export.pictures.gallery import build_gallery, choose_stations, coronal_rows
from LNStationLib.export.pictures.patient_view import Box, PatientView, patient_view, region_around
from LNStationLib.export.pictures.planes import axial_plane, coronal_plane
from LNStationLib.support.palette import POSITIVE

BRIGHT_BALL_MM = (-50.0, -30.0)
"""LPS x, y of the bright rod: on the patient's right, in front."""


def _permutations() -> list[tuple[float, ...]]:
    """All 48 ways to store axes: permuted and flipped, left-handed ones too."""
    found = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            matrix = np.zeros((3, 3))
            for column, (row, sign) in enumerate(zip(order, signs, strict=True)):
                matrix[row, column] = sign
            found.append(tuple(matrix.ravel()))
    return found


def _tilted(*degrees: float) -> tuple[float, ...]:
    return tuple(Rotation.from_euler("xyz", degrees, degrees=True).as_matrix().ravel())


def _whole(view: PatientView) -> Box:
    depth, height, width = view.grid.shape
    return Box((0, depth), (0, height), (0, width))


def _bright_center_mm(svg: str) -> tuple[float, float]:
    """Center of the bright pixels as ``(x, y)`` in the picture's millimeters."""
    pixels = raster(svg)
    rows, columns = np.nonzero(pixels > 200)
    width, height = size(svg)
    return (columns.mean() + 0.5) / pixels.shape[1] * width, (rows.mean() + 0.5) / pixels.shape[0] * height


def _axial_svg(frame: Frame, z_mm: float = 10.0) -> tuple[str, PatientView]:
    view = patient_view(make_result(Options(frame=frame, bright_right=True)))
    z = round(view.grid.index((0, 0, z_mm))[0])
    return plane_drawing.draw_ct(axial_plane(view, _whole(view), z), "test", None, {}), view


def _expected_mm(view: PatientView) -> tuple[float, float]:
    """Where LPS (-50, -30) must be drawn."""
    _, y, x = view.grid.index((*BRIGHT_BALL_MM, 10.0))
    return (x + 0.5) * view.grid.spacing_mm[2], (y + 0.5) * view.grid.spacing_mm[1]


@pytest.mark.parametrize("direction", _permutations())
def test_patients_right_is_drawn_under_the_r_mark_for_every_stored_axis_order(direction: tuple[float, ...]) -> None:
    drawn, view = _axial_svg(Frame(direction, (4.0, 5.0, 6.0)))
    x, y = _bright_center_mm(drawn)
    marks = texts(drawn)
    width, height = size(drawn)
    assert marks["R"][0] < width / 2 < marks["L"][0]
    assert x < width / 2
    assert y < height / 2
    assert (x, y) == pytest.approx(_expected_mm(view), abs=1.5)


@pytest.mark.parametrize("degrees", [(20, 0, 0), (0, 12, 0), (0, 0, 35), (15, -10, 25), (170, 5, 80)])
def test_patients_right_is_drawn_under_the_r_mark_for_oblique_scans(degrees: tuple[float, float, float]) -> None:
    drawn, view = _axial_svg(Frame(_tilted(*degrees), (2.5, 2.5, 3.0)))
    x, y = _bright_center_mm(drawn)
    assert x < size(drawn)[0] / 2
    assert (x, y) == pytest.approx(_expected_mm(view), abs=2.0)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 5.0), (2.0, 2.0, 2.0), (1.5, 2.5, 4.0)])
def test_outlines_keep_their_size_and_place_with_anisotropic_spacing(spacing: tuple[float, float, float]) -> None:
    result = make_result(Options(frame=Frame(spacing=spacing)))
    center, radius = (-20.0, 4.0, 14.0), 20.0
    label = anatomy.station("7").label_value
    balls = ball_labels(result.case.ct, {label: (*center, radius)}, np.uint8)
    view = patient_view(assessed_case(result.assessment, result.case, balls, result.nodes, result.organs))
    z, y, x = view.grid.index(center)
    color = "#{:02x}{:02x}{:02x}".format(*anatomy.station("7").color)
    steps = view.grid.spacing_mm
    column, from_front = (x + 0.5) * steps[2], (y + 0.5) * steps[1]
    from_top = (view.grid.shape[0] - z - 0.5) * steps[0]
    for plane, row in (
        (axial_plane(view, _whole(view), round(z)), from_front),
        (coronal_plane(view, _whole(view), round(y)), from_top),
    ):
        points = outline_of_color(plane_drawing.draw_ct(plane, "test", None, {}), color)
        assert np.ptp(points, axis=0) == pytest.approx([2 * radius] * 2, abs=max(spacing))
        assert (points.min(axis=0) + points.max(axis=0)) / 2 == pytest.approx([column, row], abs=max(spacing) / 2)


def test_coronal_planes_show_the_head_on_top_and_the_right_on_the_left() -> None:
    view = patient_view(make_result())
    drawn = plane_drawing.draw_ct(
        coronal_plane(view, _whole(view), round(view.grid.index((0, -4, 0))[1])), "test", None, {}
    )
    labels = texts(drawn)
    assert labels["2R"][1] < labels["4R"][1] < labels["7"][1]
    assert labels["4R"][0] < labels["7"][0] < labels["4L"][0]


def test_the_scale_bar_is_five_centimeters_of_the_patient() -> None:
    drawn, view = _axial_svg(Frame(spacing=(2.0, 3.0, 4.0)))
    assert size(drawn) == pytest.approx((view.grid.shape[2] * 2.0, view.grid.shape[1] * 3.0))
    assert "h50m" in drawn
    assert "5 cm" in texts(drawn)


def test_the_slice_position_is_that_of_the_shown_slice() -> None:
    drawn, view = _axial_svg(Frame(), z_mm=-30.0)
    slices = view.grid.coordinates_mm(0)
    nearest = slices[np.argmin(np.abs(slices + 30.0))]
    assert f"z = \N{MINUS SIGN}{abs(nearest):.1f} mm" in texts(drawn)


def test_the_window_turns_minus_160_hu_black_and_240_hu_white() -> None:
    seen = patient_view(make_result())
    view = replace(seen, hu=seen.hu.copy())
    for hu, gray in ((-160, 0), (40, 128), (240, 255), (3000, 255), (-1024, 0)):
        view.hu[:] = hu
        drawn = plane_drawing.draw_ct(axial_plane(view, _whole(view), 5), "test", None, {})
        assert np.abs(raster(drawn).astype(int) - gray).max() <= 1


def test_every_node_on_the_slice_is_outlined_and_positive_ones_carry_a_plus() -> None:
    result = make_result()
    view = patient_view(result)
    z = round(view.grid.index((0, 0, NODES[1][3]))[0])
    labels = texts(plane_drawing.draw_ct(axial_plane(view, _whole(view), z), "test", "4R", {1: POSITIVE}))
    assert "#1 +" in labels
    assert "#2 +" not in labels
    assert "4R" in labels


def test_pet_is_drawn_where_the_node_is_hot_and_only_with_pet() -> None:
    with_pet = patient_view(make_result(Options(pet=True)))
    _, x, y, z, _ = NODES[1]
    index = with_pet.grid.index((x, y, z))
    plane = axial_plane(with_pet, _whole(with_pet), round(index[0]))
    drawn = plane_drawing.draw_fused(plane, "test", {})
    assert drawn is not None
    colors = raster(drawn).astype(int)
    redness = colors[..., 0] - colors[..., 2]
    row, column = np.unravel_index(np.argmax(redness), redness.shape)
    rows, columns = redness.shape
    place = (column / columns * size(drawn)[0], row / rows * size(drawn)[1])
    expected = ((index[2] + 0.5) * with_pet.grid.spacing_mm[2], (index[1] + 0.5) * with_pet.grid.spacing_mm[1])
    assert place == pytest.approx(expected, abs=12)
    assert {"0", "5", "10", "SUV"} <= set(texts(drawn))
    without = patient_view(make_result())
    assert plane_drawing.draw_fused(axial_plane(without, _whole(without), 5), "test", {}) is None


def test_pet_that_covers_less_than_the_ct_leaves_the_rest_gray() -> None:
    result = make_result(Options(pet=True))
    pet = result.case.pet[:, :, :12]
    case = type(result.case)("x", result.case.ct, pet=pet)
    view = patient_view(assessed_case(result.assessment, case, result.stations, result.nodes, result.organs))
    top = axial_plane(view, _whole(view), view.grid.shape[0] - 1)
    assert top.suv is not None
    assert np.isnan(top.suv).all()
    drawn = plane_drawing.draw_fused(top, "test", {})
    assert drawn is not None
    colors = raster(drawn)
    assert np.array_equal(colors[..., 0], colors[..., 2])


def test_the_region_holds_all_stations_and_three_centimeters_around() -> None:
    view = patient_view(make_result())
    box = region_around(view, 30.0)
    where = np.argwhere(view.stations > 0)
    for axis, (start, stop) in enumerate((box.z, box.y, box.x)):
        margin = round(30.0 / view.grid.spacing_mm[axis])
        assert start == max(where[:, axis].min() - margin, 0)
        assert stop == min(where[:, axis].max() + 1 + margin, view.grid.shape[axis])


def test_positive_stations_come_first_and_stations_with_nodes_follow() -> None:
    chosen, note = choose_stations(make_result().assessment)
    assert [finding.station for finding in chosen] == ["4R", "7", "10L"]
    assert "positive or hold nodes" in note


def test_without_nodes_every_station_that_was_found_is_shown() -> None:
    chosen, note = choose_stations(make_result(Options(findings=False)).assessment)
    assert {finding.station for finding in chosen} == set(STATIONS)
    assert "every station" in note


def test_a_positive_node_outside_all_stations_gets_its_own_picture() -> None:
    result = make_result()
    stray = result.assessment.nodes[0].model_copy(update={"station": None, "station_fraction": None})
    assessment = result.assessment.model_copy(update={"nodes": [stray, *result.assessment.nodes[1:]]})
    gallery = build_gallery(assessment, patient_view(result))
    titles = [picture.title for picture in gallery.stations]
    assert "Node #1, outside all stations" in titles
    assert "#1 +" in texts(gallery.stations[titles.index("Node #1, outside all stations")].ct_svg)


def test_the_station_picture_shows_its_largest_node() -> None:
    gallery = build_gallery(make_result().assessment, patient_view(make_result()))
    for picture, node in zip(gallery.stations, (1, 2, 3), strict=True):
        assert any(words.startswith(f"#{node}") for words in texts(picture.ct_svg))


def test_coronal_planes_go_through_the_carina_and_where_hidden_stations_show() -> None:
    result = make_result()
    view = patient_view(result)
    first, second = coronal_rows(view)
    assert view.grid.coordinates_mm(1)[first] == pytest.approx(10.0, abs=view.grid.spacing_mm[1])
    gallery = build_gallery(result.assessment, view)
    assert gallery.coronals[0].title == "Through the carina"
    seen = [set(np.unique(coronal_plane(view, _whole(view), row).stations)) for row in (first, second)]
    assert len(seen[1] - seen[0]) >= 2
    assert "in front of the carina" in gallery.coronals[1].title


def test_a_case_without_any_station_still_has_an_overview() -> None:
    result = make_result(Options(findings=False))
    empty = ball_labels(result.case.ct, {}, np.uint8)
    nothing = assessed_case(result.assessment, result.case, empty, ball_labels(result.case.ct, {}, np.uint16), empty)
    gallery = build_gallery(result.assessment.model_copy(update={"stations": []}), patient_view(nothing))
    assert len(gallery.coronals) == 1
    assert gallery.stations == ()


def test_coronal_gray_values_nodes_and_pet_run_from_head_to_feet_together() -> None:
    result = make_result(Options(pet=True))
    seen = patient_view(result)
    view = replace(seen, hu=seen.hu.copy(), nodes=seen.nodes.copy())
    upper = view.grid.coordinates_mm(0) > 10.0
    view.hu[upper], view.hu[~upper] = 1000, -1000
    view.nodes[upper], view.nodes[~upper] = 7, 0
    reference = result.case.pet
    suv = np.zeros(reference.GetSize()[::-1], np.float32)
    suv[suv.shape[0] // 2 :] = 9
    hot_head = image_of(suv, reference)
    with_pet = PatientView(view.grid, view.hu, view.stations, view.nodes, view.organs, hot_head)
    plane = coronal_plane(with_pet, _whole(view), 40)
    assert plane.suv is not None
    for values in (plane.hu, plane.nodes, np.nan_to_num(plane.suv)):
        half = values.shape[0] // 2
        assert values[: half - 3].min() > values[half + 3 :].max()
    gray = raster(plane_drawing.draw_ct(plane, "test", None, {}))
    assert gray[:50].mean() > 250
    assert gray[-50:].mean() < 5
