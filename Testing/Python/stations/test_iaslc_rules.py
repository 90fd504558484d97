"""The IASLC rules on a schematic chest whose levels are known."""

from __future__ import annotations

import edt
import numpy as np
import pytest
from stations import schematic_chest as chest

from LNStationLib import anatomy
from LNStationLib.state.organ_set import Organ, OrganSet, OrganSource
from LNStationLib.state.station_map import StationMap
from LNStationLib.stations.iaslc_rules import IaslcRules
from LNStationLib.stations.iaslc_rules.frame import make_frame
from LNStationLib.stations.iaslc_rules.levels import Levels
from LNStationLib.stations.iaslc_rules.station_1 import STRAP_MUSCLES_MM
from LNStationLib.stations.iaslc_rules.walls import Walls
from LNStationLib.stations.registry import METHODS
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason
from LNStationLib.support.words import words

TOLERANCE_MM = 2.3
"""Half a working voxel for the grid and one for the smoothing of the borders."""


def extent_mm(result: StationMap, station: str, axis: int) -> tuple[float, float]:
    index = np.flatnonzero(result.mask(station).any(axis=tuple({0, 1, 2} - {axis})))
    coordinates = result.grid.coordinates_mm(axis)
    half = result.grid.spacing_mm[axis] / 2
    return float(coordinates[index[0]] - half), float(coordinates[index[-1]] + half)


def lowest_mm(organs: OrganSet, name: str) -> float:
    grid = organs.grid
    return float(grid.coordinates_mm(0)[organs[name].mask.any(axis=(1, 2))][0] - grid.spacing_mm[0] / 2)


def test_every_station_of_the_table_is_found() -> None:
    _, _, result = chest.parsed_chest()
    assert result.left_out == {}
    assert {row.name for row in anatomy.stations() if result.mask(row.name).any()} == {
        row.name for row in anatomy.stations()
    }


@pytest.mark.parametrize(
    ("station", "lower", "upper"),
    [
        ("4L", chest.LEFT_ARTERY_TOP, chest.ARCH_TOP),
        ("5", chest.LEFT_ARTERY_TOP, chest.ARCH_UNDERSIDE),
        ("6", chest.ARCH_UNDERSIDE, chest.ARCH_TOP),
        ("3P", chest.CARINA, chest.LUNG_APEX),
    ],
)
def test_station_spans_the_levels_of_its_definition(station: str, lower: float, upper: float) -> None:
    _, _, result = chest.parsed_chest()
    low, high = extent_mm(result, station, 0)
    assert low == pytest.approx(lower, abs=TOLERANCE_MM)
    assert high == pytest.approx(upper, abs=TOLERANCE_MM)


def test_2l_reaches_from_the_arch_above_the_manubrium_at_the_sides() -> None:
    _, _, result = chest.parsed_chest()
    low, high = extent_mm(result, "2L", 0)
    assert low == pytest.approx(chest.ARCH_TOP, abs=TOLERANCE_MM)
    assert chest.MANUBRIUM_TOP < high <= chest.LUNG_APEX + TOLERANCE_MM


def test_7_hangs_below_the_carina_down_to_the_end_of_the_bronchus_intermedius() -> None:
    _, _, result = chest.parsed_chest()
    low, high = extent_mm(result, "7", 0)
    assert low == pytest.approx(chest.INTERMEDIUS_END, abs=TOLERANCE_MM)
    # Directly below the carina the bronchi and their walls fill the fork.
    assert chest.CARINA - 12 < high <= chest.CARINA + TOLERANCE_MM


def test_4r_ends_below_at_the_azygos_and_above_at_the_left_brachiocephalic_vein() -> None:
    _, organs, result = chest.parsed_chest()
    columns = organs["trachea"].mask.any(axis=(0, 1))
    vein = organs["brachiocephalic_vein_left"].mask & columns[None, None, :]
    crossing = float(result.grid.coordinates_mm(0)[vein.any(axis=(1, 2))][0] - 0.75)
    low, high = extent_mm(result, "4R", 0)
    # The arch comes up behind the trachea: beside it its axis lies at 130 to 132 mm, 4 mm above its lower border.
    assert low == pytest.approx(126.5, abs=TOLERANCE_MM)
    assert low > lowest_mm(organs, "azygos_arch") + TOLERANCE_MM
    assert high == pytest.approx(crossing, abs=TOLERANCE_MM)
    assert extent_mm(result, "2R", 0)[0] == pytest.approx(crossing, abs=TOLERANCE_MM)


@pytest.mark.parametrize("pair", [("2R", "2L"), ("4R", "4L")])
def test_right_and_left_paratracheal_meet_at_the_left_border_of_the_trachea(pair: tuple[str, str]) -> None:
    _, _, result = chest.parsed_chest()
    wall = 9.0 + 1.5
    assert extent_mm(result, pair[0], 2)[1] <= wall + TOLERANCE_MM
    assert extent_mm(result, pair[1], 2)[0] >= wall - TOLERANCE_MM


def test_station_1_divides_at_the_midline_of_the_trachea() -> None:
    _, _, result = chest.parsed_chest()
    assert extent_mm(result, "1R", 2)[1] == pytest.approx(0, abs=TOLERANCE_MM)
    assert extent_mm(result, "1L", 2)[0] == pytest.approx(0, abs=TOLERANCE_MM)


def test_station_1_lies_deep_to_the_muscles_in_front_of_the_vessels() -> None:
    _, organs, result = chest.parsed_chest()
    names = ("trachea", "brachiocephalic_vein_left", "brachiocephalic_vein_right", "brachiocephalic_trunk")
    vessels = np.logical_or.reduce([organs[name].mask for name in names])
    station = result.mask("1R") | result.mask("1L")
    y, blur = result.grid.coordinates_mm(1), 6
    for z in np.flatnonzero(station.any(axis=(1, 2))):
        front = y[vessels[z - blur : z + blur].any(axis=(0, 2))][0] - STRAP_MUSCLES_MM
        assert y[station[z].any(axis=1)][0] >= front - TOLERANCE_MM, z


FRONT_OF_LEFT_CAROTID_AT_SHAFT = -12.0
"""LPS y; the drawn artery recedes from -16 at the arch to -10 at the cricoid."""


def test_station_1_begins_above_and_behind_the_clavicles() -> None:
    hu, organs = chest.schematic_chest()
    shaft = chest.box((18.0, 60.0), (-28.0, -14.0), (209.0, 225.0))
    hu[shaft] = 400
    # The marrow is no bone to a threshold.
    marrow = chest.box((18.0, 60.0), (-26.0, -17.0), (212.0, 223.0))
    hu[marrow] = -50
    organs.add(Organ("clavicle_left", shaft & ~marrow, OrganSource.IMAGE, Reason("schematic")))
    station = IaslcRules().parse(hu, organs).mask("1L")
    z, y, x = np.nonzero(station)
    behind_bone = x >= np.flatnonzero(shaft.any(axis=(0, 1)))[0]
    in_front_of_vessels = chest.GRID.coordinates_mm(1)[y] < FRONT_OF_LEFT_CAROTID_AT_SHAFT - TOLERANCE_MM
    lowest = result_z(z[behind_bone & in_front_of_vessels])
    assert not (station & shaft).any()
    assert lowest.size
    assert lowest.min() >= 217.0 - TOLERANCE_MM


def result_z(index: np.ndarray) -> np.ndarray:
    return chest.GRID.coordinates_mm(0)[index]


def test_station_8_starts_higher_on_the_left_than_on_the_right() -> None:
    _, _, result = chest.parsed_chest()
    floor = {}
    for name, columns in (("right", slice(50, 58)), ("left", slice(68, 76))):
        mask = result.mask("8")[:, :, columns].any(axis=(1, 2))
        floor[name] = result.grid.coordinates_mm(0)[mask][-1]
    assert floor["left"] > floor["right"]


def test_5_lies_lateral_and_4l_medial_to_the_ligamentum_arteriosum() -> None:
    _, _, result = chest.parsed_chest()
    window = slice(*np.searchsorted(result.grid.coordinates_mm(0), (chest.LEFT_ARTERY_TOP, chest.ARCH_UNDERSIDE)))
    x = result.grid.coordinates_mm(2)
    mean = {name: (result.mask(name)[window] * x).sum() / result.mask(name)[window].sum() for name in ("4L", "5")}
    assert mean["4L"] < mean["5"]
    note = next(note for note in result.notes("5") if note.border == "medial")
    assert note.surrogate
    assert "ligamentum arteriosum" in words(note.rests_on)


def test_without_a_ligament_the_window_divides_between_left_artery_and_isthmus() -> None:
    """Origin of the left artery about (14, -17); front and medial side of the descending aorta about (25, 23)."""
    _, _, result = chest.parsed_chest()
    z, y, x = (result.grid.coordinates_mm(axis) for axis in range(3))
    window = (z > chest.LEFT_ARTERY_TOP) & (z < chest.ARCH_UNDERSIDE - TOLERANCE_MM)
    plane = 14 + (25 - 14) * (y + 17) / (23 + 17)
    for name, sign in (("5", 1), ("4L", -1)):
        beyond = result.mask(name)[window].any(axis=0)
        row, column = np.nonzero(beyond)
        assert row.size, name
        assert (sign * (x[column] - plane[row])).min() >= -1.5 * TOLERANCE_MM, name


def test_ligament_runs_from_the_origin_of_the_left_artery_to_the_front_and_medial_side_of_the_isthmus() -> None:
    hu, organs = chest.schematic_chest()
    frame = make_frame(hu, organs)
    walls = Walls(frame, Levels(frame))
    # Centroid of a quarter disc: 4 / (3 pi) of its radius of 12 from the axis at (30, 28).
    isthmus_x, isthmus_y = 30 - 5.1, 28 - 5.1
    assert walls.isthmus.position_mm.item() == pytest.approx(isthmus_y, abs=1.0)
    line = walls.ligamentum_arteriosum
    assert line.surrogate
    at_isthmus = int(np.abs(frame.y_mm[0, :, 0] - isthmus_y).argmin())
    assert line.position_mm[0, at_isthmus, 0] == pytest.approx(isthmus_x, abs=1.0)


def test_axis_of_the_arch_is_that_of_the_whole_arch_in_every_slice() -> None:
    """The arch runs from (-8, -25) over (18, -20) and (30, 4) to (30, 26)."""
    hu, organs = chest.schematic_chest()
    frame = make_frame(hu, organs)
    axis = Walls(frame, Levels(frame)).arch_center.position_mm
    assert axis.shape == (1, frame.grid.shape[1], 1)
    at = {y: float(axis[0, np.abs(frame.y_mm[0, :, 0] - y).argmin(), 0]) for y in (-30, 4, 26)}
    assert at[26] == pytest.approx(30, abs=1.0)
    assert at[-30] < 8 < at[4] < 31


def test_4l_does_not_reach_round_the_front_of_the_ascending_aorta() -> None:
    """With a ligament far to the left and no carotid its plane and the prevascular surface leave that open."""
    hu, organs = chest.schematic_chest(without=("common_carotid_artery_left",))
    ligament = chest.box((40, 46), (-5, 5), (128, 136))
    organs.add(Organ("ligamentum_arteriosum", ligament, OrganSource.SUPPLIED, Reason("schematic")))
    result = IaslcRules().parse(hu, organs)
    z, y = (result.grid.coordinates_mm(axis) for axis in (0, 1))
    under_arch = result.mask("4L")[z < chest.ARCH_UNDERSIDE - TOLERANCE_MM].any(axis=(0, 2))
    assert under_arch.any()
    assert y[under_arch].min() >= -25 - TOLERANCE_MM


def test_what_is_nearer_to_the_sternum_than_to_the_aorta_is_3a_and_not_6() -> None:
    hu, organs = chest.schematic_chest(without=("sternum",))
    back = -52.0
    deep = chest.box((-20, 20), (-72, back), (100, 178))
    hu[deep] = 400
    organs.add(Organ("sternum", deep, OrganSource.SUPPLIED, Reason("schematic")))
    result = IaslcRules().parse(hu, organs)
    aorta = organs["aortic_arch"].mask | organs["ascending_aorta"].mask
    to_aorta = edt.edt(~aorta, anisotropy=result.grid.spacing_mm)
    y = result.grid.coordinates_mm(1)[None, :, None]
    to_sternum = np.broadcast_to(y - back, aorta.shape)
    in_front = result.mask("6") & (y < -40)
    assert in_front.any()
    # What comes nearer to the one goes away from the other.
    assert (to_sternum - to_aorta)[in_front].min() >= -2 * TOLERANCE_MM


def test_3a_lies_in_front_of_the_vessels_and_3p_behind_the_trachea() -> None:
    _, _, result = chest.parsed_chest()
    y = result.grid.coordinates_mm(1)
    trachea_back = 10 + 9
    assert extent_mm(result, "3P", 1)[0] >= trachea_back - TOLERANCE_MM
    assert (result.mask("3A").any(axis=(0, 2)) * y).min() < -40
    below_arch = result.grid.coordinates_mm(0) < chest.ARCH_UNDERSIDE
    assert y[result.mask("3A")[below_arch].any(axis=(0, 2))].max() <= -25


def test_stations_hold_no_air_bone_vessel_or_heart() -> None:
    hu, organs, result = chest.parsed_chest()
    stations = result.labels > 0
    forbidden = np.logical_or.reduce([organ.mask for organ in organs.values()])
    assert not (stations & forbidden).any()
    assert hu[stations].min() > -200


def test_a_missing_organ_costs_only_the_stations_that_need_it() -> None:
    _, _, whole = chest.parsed_chest()
    _, _, result = chest.parsed_chest(without=("esophagus",))
    assert set(result.left_out) == {"8", "9"}
    assert "esophagus" in words(result.left_out["8"])
    np.testing.assert_array_equal(result.mask("4R"), whole.mask("4R"))


def test_a_surrogate_is_declared_on_every_border_that_rests_on_it() -> None:
    _, _, result = chest.parsed_chest(surrogates=("azygos_arch",))
    touched = {note.station for note in result.borders if note.surrogate and "azygos" in words(note.rests_on)}
    assert touched == {"4R", "10R", "11R"}


def test_without_azygos_the_right_main_bronchus_places_the_border_and_says_so() -> None:
    _, _, result = chest.parsed_chest(without=("azygos_arch",))
    assert result.left_out == {}
    lower = next(note for note in result.notes("4R") if note.border == "lower")
    assert lower.surrogate
    assert "right main bronchus" in words(lower.rests_on)
    assert extent_mm(result, "4R", 0)[0] == pytest.approx(chest.CARINA - 2, abs=6)


def test_without_a_trachea_nothing_is_parsed_and_the_reason_is_given() -> None:
    _, _, result = chest.parsed_chest(without=("trachea",))
    assert not result.labels.any()
    assert len(result.left_out) == len(anatomy.stations())
    assert result.failure is not None
    assert words(result.failure) == "trachea not found"


def test_stations_are_in_one_piece_or_few() -> None:
    import cc3d

    _, _, result = chest.parsed_chest()
    for row in anatomy.stations():
        sizes = np.bincount(cc3d.connected_components(result.mask(row.name)).ravel())[1:]
        assert sizes.max() / sizes.sum() > 0.5, row.name


def test_side_of_a_point_follows_the_midline() -> None:
    _, _, result = chest.parsed_chest()
    assert result.side_of((20.0, 30.0, 60.0)) == "L"
    assert result.side_of((-20.0, 30.0, 60.0)) == "R"


def test_unknown_parser_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="iaslc_rules"):
        METHODS.named("magic")


def test_station_1_keeps_ten_millimeters_from_the_skin() -> None:
    hu, organs = chest.schematic_chest()
    # A thin neck: skin 14 mm in front of the trachea and 30 mm beside it.
    neck = chest.box((-30.0, 30.0), (-13.0, 70.0), (chest.LUNG_APEX, 250.0))
    body = neck | chest.box((-88.0, 88.0), (-76.0, 76.0), (-5.0, chest.LUNG_APEX))
    hu[~body] = -1000
    organs.add(Organ("body", body, OrganSource.IMAGE, Reason("schematic")))
    result = IaslcRules().parse(hu, organs)
    station = (result.mask("1R") | result.mask("1L")) & neck
    assert station.any()
    depth = edt.edt(body, anisotropy=result.grid.spacing_mm)
    assert depth[station].min() > 10.0 - 1.5


def test_station_1_does_not_follow_a_vessel_on_one_side_across_the_neck() -> None:
    hu, organs = chest.schematic_chest(without=("brachiocephalic_vein_right", "brachiocephalic_vein_left"))
    vein = chest.column(6.0, -40.0, -40.0, 205.0, 245.0)
    organs.add(Organ("internal_jugular_vein_right", vein, OrganSource.SUPPLIED, Reason("schematic")))
    result = IaslcRules().parse(hu, organs)
    y = result.grid.coordinates_mm(1)
    assert y[result.mask("1L").any(axis=(0, 2))].min() > -30.0


def test_3a_keeps_out_of_the_chest_wall_in_front_of_the_lungs() -> None:
    """The wall beside the sternum bulges inward: the line between the lungs' front edges passes through it."""
    hu, organs = chest.schematic_chest()
    wall = chest.box((26.0, 60.0), (-62.0, -50.0), (100.0, 160.0))
    lung = organs["lung_left"]
    hu[wall & lung.mask] = 60
    organs.add(Organ("lung_left", lung.mask & ~wall, OrganSource.IMAGE, Reason("schematic")))
    before_lung = wall & chest.box((32.0, 60.0), (-62.0, -50.0), (100.0, 160.0))
    assert not (IaslcRules().parse(hu, organs).mask("3A") & before_lung).any()


def test_the_line_of_the_ligament_goes_straight_on_in_front_of_the_artery_and_behind_the_isthmus() -> None:
    hu, organs = chest.schematic_chest()
    frame = make_frame(hu, organs)
    walls = Walls(frame, Levels(frame))
    line, y = walls.ligamentum_arteriosum.position_mm[0, :, 0], frame.y_mm[0, :, 0]
    artery = walls._left_artery_origin()
    assert artery is not None
    np.testing.assert_allclose(line[y < artery[1]], artery[0], atol=0.1)
    behind = line[y > walls.isthmus.position_mm.item()]
    np.testing.assert_allclose(behind, behind[0], atol=0.1)


def test_7_holds_nothing_in_front_of_the_left_atrium() -> None:
    """Its roof reaches up between the bronchi; in front of it run the pulmonary artery and its fat."""
    hu, organs = chest.schematic_chest()
    roof = chest.box((-14.0, 14.0), (10.0, 18.0), (84.0, 96.0))
    plain = IaslcRules().parse(hu, organs).mask("7")
    before = chest.box((-12.0, 12.0), (-10.0, 9.0), (85.0, 95.0))
    assert (plain & before).any()
    organs.add(Organ("atrium_left", roof, OrganSource.NETWORK, Reason("schematic")))
    found = IaslcRules().parse(hu, organs).mask("7")
    assert not (found & before).any()
    assert (found & chest.box((-12.0, 12.0), (20.0, 40.0), (85.0, 95.0))).any()
